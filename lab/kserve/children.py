"""The Deployment and the Service of an InferenceService."""

import re

from lab.client import Object
from lab.kserve import names
from lab.kserve.runtimes import Runtime, with_defaults

# What KServe's own fields of a predictor are; the rest of it is a pod spec.
EXTENSION_FIELDS = {
    "annotations",
    "autoScaling",
    "batcher",
    "canaryTrafficPercent",
    "containerConcurrency",
    "containers",
    "deploymentStrategy",
    "labels",
    "logger",
    "maxReplicas",
    "minReplicas",
    "model",
    "name",
    "scaleMetric",
    "scaleMetricType",
    "scaleTarget",
    "storageUris",
    "timeout",
    "workerSpec",
}
MODEL_FIELDS = {
    "modelFormat",
    "name",
    "protocolVersion",
    "runtime",
    "runtimeVersion",
    "storage",
    "storageUri",
}
NOT_FOR_PODS = {
    "autoscaling.knative.dev/max-scale",
    "autoscaling.knative.dev/min-scale",
    names.SOURCE_ANNOTATION,
    "kubectl.kubernetes.io/last-applied-configuration",
    "modelFormat",
}
MERGE_KEYS = {"env": "name", "ports": "containerPort", "volumeMounts": "mountPath"}
LABEL = re.compile(r"\{\{\.Labels\.(\w+)\}\}")
TAG = re.compile(r":[\w][\w.-]*$")


def deployment(service: Object, runtime: Runtime) -> Object:
    """The Deployment, with only the fields that KServe decides."""
    service = with_defaults(service, runtime)
    metadata = _metadata(service, runtime)
    predictor = service["spec"]["predictor"]
    containers = [_model_container(service, runtime), *runtime.spec["containers"][1:]]
    containers += predictor.get("containers", [])
    pod_spec = {name: value for name, value in predictor.items() if name not in EXTENSION_FIELDS}
    environment = {"name": "INFERENCE_SERVICE_NAME", "value": service["metadata"]["name"]}
    pod_spec["containers"] = [_with_variable(one, environment) for one in containers]
    spec: Object = {
        "replicas": predictor.get("minReplicas", 1),
        "selector": {"matchLabels": {"app": names.app(service["metadata"]["name"])}},
        "template": {"metadata": dict(metadata), "spec": pod_spec},
    }
    if "deploymentStrategy" in predictor:
        spec["strategy"] = predictor["deploymentStrategy"]
    return {"metadata": metadata | {"ownerReferences": [_owner(service)]}, "spec": spec}


def service_of(service: Object, runtime: Runtime) -> Object:
    """The Service: port 80 to the agent where there is one, else to the model."""
    service = with_defaults(service, runtime)
    port = _model_port(_model_container(service, runtime))
    target = names.AGENT_PORT if _intercepted(service) else port
    spec: Object = {
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": target}],
        "selector": {"app": names.app(service["metadata"]["name"])},
        "type": "ClusterIP",
    }
    metadata = _metadata(service, runtime) | {"ownerReferences": [_owner(service)]}
    return {"metadata": metadata, "spec": spec}


def _intercepted(service: Object) -> bool:
    return "logger" in service["spec"]["predictor"]


def _metadata(service: Object, runtime: Runtime) -> Object:
    """Metadata leaks from the InferenceService into its children and their pods."""
    own, predictor = service["metadata"], service["spec"]["predictor"]
    name = own["name"]
    annotations = runtime.spec.get("annotations", {}) | {
        key: value for key, value in own.get("annotations", {}).items() if key not in NOT_FOR_PODS
    }
    annotations |= predictor.get("annotations", {}) | _internal_annotations(predictor)
    labels = runtime.spec.get("labels", {}) | own.get("labels", {}) | predictor.get("labels", {})
    labels |= {names.SERVICE_LABEL: name, "component": "predictor", "app": names.app(name)}
    return {
        "name": names.predictor(name),
        "namespace": own["namespace"],
        "annotations": annotations,
        "labels": labels,
    }


def _internal_annotations(predictor: Object) -> dict[str, str]:
    result: dict[str, str] = {}
    source = predictor["model"].get("storageUri")
    if source:
        result[names.SOURCE_ANNOTATION] = source
    logger = predictor.get("logger")
    if logger is not None:
        result[names.LOGGER_ANNOTATION] = "true"
        result[names.SINK_ANNOTATION] = logger.get("url", "http://default-broker")
        result[names.LOGGER_MODE_ANNOTATION] = logger["mode"]
        if logger.get("metadataHeaders"):
            joined = ",".join(logger["metadataHeaders"])
            result[names.METADATA_HEADERS_ANNOTATION] = joined
        if logger.get("metadataAnnotations"):
            joined = ",".join(logger["metadataAnnotations"])
            result[names.METADATA_ANNOTATIONS_ANNOTATION] = joined
    return result


def _model_container(service: Object, runtime: Runtime) -> Object:
    """The runtime's container with what the model says on top; arguments are joined."""
    model = service["spec"]["predictor"]["model"]
    base = dict(runtime.spec["containers"][0])
    own = {name: value for name, value in model.items() if name not in MODEL_FIELDS and value}
    result: Object = base | own
    result["name"] = names.MODEL_CONTAINER
    result["args"] = [*base.get("args", []), *own.get("args", [])]
    if "securityContext" in base and "securityContext" in own:
        result["securityContext"] = base["securityContext"] | own["securityContext"]
    for field, key in MERGE_KEYS.items():
        merged = {entry[key]: entry for entry in (*base.get(field, []), *own.get(field, []))}
        if merged:
            result[field] = list(merged.values())
    if model.get("runtimeVersion"):
        result["image"] = TAG.sub("", result["image"]) + f":{model['runtimeVersion']}"
    probe: Object = {"tcpSocket": {"port": _model_port(result)}}
    result.setdefault("readinessProbe", probe)
    return _filled(result, service["metadata"])


def _filled(container: Object, metadata: Object) -> Object:
    """Placeholders in a runtime's arguments and variables mean the InferenceService's metadata."""

    def fill(word: str) -> str:
        labels = metadata.get("labels", {})
        named = word.replace("{{.Name}}", metadata["name"])
        return LABEL.sub(lambda found: labels.get(found.group(1), ""), named)

    filled = {**container, "args": [fill(word) for word in container["args"]]}
    if "env" in container:
        filled["env"] = [
            entry | ({"value": fill(entry["value"])} if "value" in entry else {})
            for entry in container["env"]
        ]
    return filled


def _model_port(container: Object) -> int:
    ports = container.get("ports", [])
    return int(ports[0]["containerPort"]) if ports else names.MODEL_PORT


def _with_variable(container: Object, variable: Object) -> Object:
    others = [one for one in container.get("env", []) if one["name"] != variable["name"]]
    return {**container, "env": [*others, variable]}


def _owner(service: Object) -> Object:
    return {
        "apiVersion": names.INFERENCE_SERVICES.api_version,
        "kind": names.INFERENCE_SERVICES.kind,
        "name": service["metadata"]["name"],
        "uid": service["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
