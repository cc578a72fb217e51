"""The InferenceService of one revision, in Standard mode.

Its metadata is written once and never touched again: KServe copies an InferenceService's labels and
annotations to the pods, so any later change of them would restart the model.
"""

from mlhops.api.base import Json, Manifest, ObjectMeta
from mlhops.api.pod import Volume
from mlhops.api.predictor import EnvVar, Predictor
from mlhops.json_access import items, text
from mlhops.kserve.detector import Detector, beside
from mlhops.kserve.form import EARLIER, Form
from mlhops.kserve.names import (
    AUTOSCALER_CLASS,
    CLUSTER_LOCAL,
    DEPLOYMENT_MODE,
    KSERVE,
    MANAGED_BY,
    MODEL_LABEL,
    REVISION_LABEL,
    owned_by,
)
from mlhops.kserve.probes import probes_of
from mlhops.kserve.runtime import ARGUMENT, VARIABLE, naming_by_name


def render(
    model: ObjectMeta,
    predictor: Predictor,
    revision: str,
    name: str,
    detector: Detector | None,
    form: Form = EARLIER,
) -> Manifest:
    """Return the InferenceService to apply for a revision of a model.

    Args:
        model: whose it is.
        predictor: what serves.
        revision: which one it is.
        name: the InferenceService's.
        detector: what stands beside the model server, None where nothing does.
        form: what the operator adds by itself; earlier revisions go on without.
    """
    spec = _predictor(model.name, predictor, revision, form)
    return {
        "apiVersion": KSERVE,
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": model.namespace,
            "labels": {
                **MANAGED_BY,
                **CLUSTER_LOCAL,
                MODEL_LABEL: model.name,
                REVISION_LABEL: revision,
            },
            "annotations": _annotations(predictor),
            **owned_by(model),
        },
        "spec": {"predictor": _joined(spec, name, detector, form) if detector else spec},
    }


def _joined(spec: Manifest, name: str, detector: Detector, form: Form) -> Manifest:
    """Return a predictor with what stands beside its model."""
    added = beside(name, detector, probed=form.probed)
    secrets: list[Json] = [*items(spec, "imagePullSecrets")]
    secrets += [one for one in items(added, "imagePullSecrets") if one not in secrets]
    volumes: list[Json] = [*items(spec, "volumes"), *items(added, "volumes")]
    joined = {**spec, **added, "volumes": volumes}
    return joined | ({"imagePullSecrets": secrets} if secrets else {})


def _pod_security(predictor: Predictor, form: Form) -> Manifest:
    """Return what the pods may do: the model server, and all that KServe puts beside it."""
    default: Manifest = {"seccompProfile": {"type": "RuntimeDefault"}} if form.confined else {}
    given = predictor.pod_security_context
    return default | (given.to_json() if given is not None else {})


def _annotations(predictor: Predictor) -> Manifest:
    annotations: Manifest = {DEPLOYMENT_MODE: "Standard"}
    if predictor.max_replicas is None:
        annotations[AUTOSCALER_CLASS] = "none"
    return annotations


def _predictor(model: str, predictor: Predictor, revision: str, form: Form) -> Manifest:
    spec: Manifest = {
        "minReplicas": predictor.min_replicas,
        # KServe's logger sends the label `endpoint` along, which tells revisions apart.
        "labels": {**predictor.labels, "endpoint": revision},
        "model": _model(model, predictor, form),
    }
    optional: Manifest = {
        "maxReplicas": predictor.max_replicas,
        "scaleMetric": predictor.scale_metric,
        "scaleTarget": predictor.scale_target,
        "serviceAccountName": predictor.service_account_name,
        "annotations": dict(predictor.annotations) or None,
        "nodeSelector": dict(predictor.node_selector) or None,
        "tolerations": [toleration.to_json() for toleration in predictor.tolerations] or None,
        "imagePullSecrets": [secret.to_json() for secret in predictor.image_pull_secrets] or None,
        "securityContext": _pod_security(predictor, form) or None,
        "volumes": [_volume(volume) for volume in predictor.volumes] or None,
        "runtimeClassName": predictor.runtime_class_name,
        "priorityClassName": predictor.priority_class_name,
        "affinity": predictor.affinity.to_json() if predictor.affinity else None,
    }
    return spec | {key: value for key, value in optional.items() if value is not None}


def _model(model: str, predictor: Predictor, form: Form) -> Manifest:
    """Return the model server; every revision answers to the model's name, so that callers see one model."""
    security = predictor.security_context
    env: list[Json] = [_variable(variable) for variable in predictor.env]
    args: list[Json] = list(predictor.args)
    naming = form.naming or naming_by_name(predictor.runtime)
    if naming == "Variable":
        env = [one for one in env if text(one, "name") != VARIABLE]
        env.append({"name": VARIABLE, "value": model})
    if naming == "Argument":
        args.append(f"{ARGUMENT}={model}")
    result: Manifest = {
        "modelFormat": predictor.model_format.to_json(),
        "storageUri": predictor.storage_uri,
        "protocolVersion": predictor.protocol_version,
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        # Kubernetes keeps a crashed container's last words only where it is told to look at the log.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    optional: Manifest = {
        "args": args or None,
        "env": env or None,
        "runtime": predictor.runtime or form.runtime,
        "resources": predictor.resources.to_json() if predictor.resources else None,
        "envFrom": [source.to_json() for source in predictor.env_from] or None,
        "securityContext": security.to_json() if security is not None else None,
        "volumeMounts": [_mount(volume) for volume in predictor.volumes] or None,
    }
    if form.probed:
        result |= probes_of(model, predictor.protocol_version)
    return result | {key: value for key, value in optional.items() if value is not None}


def _variable(variable: EnvVar) -> Manifest:
    # An empty value is left out, as KServe does when it writes the object back.
    value: Manifest = {"value": variable.value} if variable.value else {}
    source = variable.value_from
    return {
        "name": variable.name,
        **value,
        **({"valueFrom": source.to_json()} if source is not None else {}),
    }


def _volume(volume: Volume) -> Manifest:
    told = volume.to_json()
    return {key: value for key, value in told.items() if key not in ("mountPath", "subPath")}


def _mount(volume: Volume) -> Manifest:
    """Return where a volume is mounted: nothing that a model server writes may outlive it, or reach another."""
    mount: Manifest = {"name": volume.name, "mountPath": volume.mount_path, "readOnly": True}
    return mount | ({"subPath": volume.sub_path} if volume.sub_path is not None else {})
