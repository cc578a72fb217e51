"""What KServe's pod webhook adds: the model's files and the logger's agent."""

import copy
import json

from lab.client import Object
from lab.kserve.names import (
    AGENT_PORT,
    GROUP,
    LOGGER_ANNOTATION,
    LOGGER_MODE_ANNOTATION,
    METADATA_ANNOTATIONS_ANNOTATION,
    METADATA_HEADERS_ANNOTATION,
    MODEL_CONTAINER,
    MODEL_PATH,
    MODEL_PORT,
    SERVICE_LABEL,
    SINK_ANNOTATION,
    SOURCE_ANNOTATION,
    STORAGE_INITIALIZER,
)

AGENT_IMAGE = "kserve/agent:latest"
INITIALIZER_IMAGE = "kserve/storage-initializer:latest"
HUGGING_FACE = {
    "HF_HUB_ENABLE_HF_TRANSFER": "1",
    "HF_XET_HIGH_PERFORMANCE": "1",
    "HF_XET_NUM_CONCURRENT_RANGE_GETS": "8",
}
SIDECAR_RESOURCES = {
    "limits": {"cpu": "1", "memory": "1Gi"},
    "requests": {"cpu": "100m", "memory": "100Mi"},
}
# The order in which Go writes a probe.
PROBE_FIELDS = (
    "exec",
    "httpGet",
    "tcpSocket",
    "grpc",
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
)


def mutated(pod: Object, namespace: str) -> Object:
    """The pod as KServe's webhook leaves it."""
    result = copy.deepcopy(pod)
    annotations = result["metadata"].setdefault("annotations", {})
    source = annotations.get(SOURCE_ANNOTATION)
    if source:
        _add_model(result["spec"], source)
    if annotations.get(LOGGER_ANNOTATION) == "true":
        _add_agent(result, namespace)
    annotations[f"{GROUP}/enable-metric-aggregation"] = "false"
    annotations[f"{GROUP}/enable-prometheus-scraping"] = "false"
    return result


def _model_container(spec: Object) -> Object | None:
    found = [one for one in spec["containers"] if one["name"] == MODEL_CONTAINER]
    return found[0] if found else None


def _add_model(spec: Object, source: str) -> None:
    container = _model_container(spec)
    if container is None:
        return
    mounts = container.setdefault("volumeMounts", [])
    volumes = spec.setdefault("volumes", [])
    if source.startswith("pvc://"):
        claim, _, path = source.removeprefix("pvc://").partition("/")
        volumes.append({"name": "kserve-pvc-source", "persistentVolumeClaim": {"claimName": claim}})
        mount = {"name": "kserve-pvc-source", "mountPath": MODEL_PATH, "readOnly": True}
        mounts.append(mount | ({"subPath": path} if path else {}))
        return
    location = {"name": "kserve-provision-location", "mountPath": MODEL_PATH}
    volumes.append({"name": location["name"], "emptyDir": {}})
    mounts.append({**location, "readOnly": True})
    spec.setdefault("initContainers", []).append(
        {
            "name": STORAGE_INITIALIZER,
            "image": INITIALIZER_IMAGE,
            "args": [source, MODEL_PATH],
            "env": [{"name": name, "value": value} for name, value in HUGGING_FACE.items()],
            "resources": SIDECAR_RESOURCES,
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [location],
        }
    )


def _add_agent(pod: Object, namespace: str) -> None:
    container = _model_container(pod["spec"])
    if container is None:
        return
    agent: Object = {
        "name": "agent",
        "image": AGENT_IMAGE,
        "args": _agent_arguments(pod, namespace, container),
        "ports": [{"name": "agent-port", "containerPort": AGENT_PORT, "protocol": "TCP"}],
        "resources": SIDECAR_RESOURCES,
        "readinessProbe": {
            "httpGet": {
                "path": "/",
                "port": AGENT_PORT,
                "httpHeaders": [{"name": "K-Network-Probe", "value": "queue"}],
            },
        },
    }
    probe = container.get("readinessProbe")
    if probe and "exec" not in probe:
        ordered = {field: probe[field] for field in PROBE_FIELDS if field in probe}
        text = json.dumps(ordered, separators=(",", ":"))
        agent["env"] = [{"name": "SERVING_READINESS_PROBE", "value": text}]
    if "securityContext" in container:
        agent["securityContext"] = container["securityContext"]
    pod["spec"]["containers"].append(agent)


def _agent_arguments(pod: Object, namespace: str, container: Object) -> list[str]:
    metadata = pod["metadata"]
    annotations, labels = metadata["annotations"], metadata.get("labels", {})
    ports = container.get("ports", [])
    arguments = ["--log-url", annotations[SINK_ANNOTATION]]
    arguments += ["--source-uri", metadata.get("name", "")]
    arguments += ["--log-mode", annotations[LOGGER_MODE_ANNOTATION]]
    arguments += ["--inference-service", labels.get(SERVICE_LABEL, "")]
    arguments += ["--namespace", namespace]
    arguments += ["--endpoint", labels.get("endpoint", "")]
    arguments += ["--component", labels.get("component", "")]
    if METADATA_HEADERS_ANNOTATION in annotations:
        arguments += ["--metadata-headers", annotations[METADATA_HEADERS_ANNOTATION]]
    if METADATA_ANNOTATIONS_ANNOTATION in annotations:
        wanted = annotations[METADATA_ANNOTATIONS_ANNOTATION].split(",")
        pairs = [f"{name}={annotations[name]}" for name in wanted if name in annotations]
        arguments += ["--metadata-annotations", ",".join(pairs)]
    arguments += ["--logger-tls-skip-verify", "false"]
    return [*arguments, "--component-port", str(ports[0]["containerPort"] if ports else MODEL_PORT)]
