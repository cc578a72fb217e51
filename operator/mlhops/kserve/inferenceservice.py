"""The InferenceService of one revision, in Standard mode.

Its metadata is written once and never touched again: KServe copies an InferenceService's labels and
annotations to the pods, so any later change of them would restart the model.
"""

from mlhops.api.base import Json, Manifest, ObjectMeta
from mlhops.api.predictor import Predictor
from mlhops.kserve.detector import Detector, beside
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


def render(
    model: ObjectMeta,
    predictor: Predictor,
    revision: str,
    name: str,
    detector: Detector | None,
    *,
    probed: bool = False,
) -> Manifest:
    """Return the InferenceService to apply for a revision of a model.

    Args:
        model: whose it is.
        predictor: what serves.
        revision: which one it is.
        name: the InferenceService's.
        detector: what stands beside the model server, None where nothing does.
        probed: whether the kubelet asks the model itself; earlier revisions go on without.
    """
    spec = _predictor(model.name, predictor, revision)
    if probed:
        spec["model"] = _model(model.name, predictor) | probes_of(
            model.name, predictor.protocol_version
        )
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
        "spec": {"predictor": spec | (beside(name, detector, probed=probed) if detector else {})},
    }


def _annotations(predictor: Predictor) -> Manifest:
    annotations: Manifest = {DEPLOYMENT_MODE: "Standard"}
    if predictor.max_replicas is None:
        annotations[AUTOSCALER_CLASS] = "none"
    return annotations


def _predictor(model: str, predictor: Predictor, revision: str) -> Manifest:
    spec: Manifest = {
        "minReplicas": predictor.min_replicas,
        # KServe's logger sends the label `endpoint` along, which tells revisions apart.
        "labels": {**predictor.labels, "endpoint": revision},
        "model": _model(model, predictor),
    }
    optional: Manifest = {
        "maxReplicas": predictor.max_replicas,
        "scaleMetric": predictor.scale_metric,
        "scaleTarget": predictor.scale_target,
        "serviceAccountName": predictor.service_account_name,
        "annotations": dict(predictor.annotations) or None,
        "nodeSelector": dict(predictor.node_selector) or None,
        "tolerations": [toleration.to_json() for toleration in predictor.tolerations] or None,
    }
    return spec | {key: value for key, value in optional.items() if value is not None}


def _model(model: str, predictor: Predictor) -> Manifest:
    """Return the model server; every revision answers to the model's name, so that callers see one model."""
    # An empty value is left out, as KServe does when it writes the object back.
    env: list[Json] = [
        {"name": variable.name, **({"value": variable.value} if variable.value else {})}
        for variable in predictor.env
    ]
    args: list[Json] = list(predictor.args)
    if "mlserver" in (predictor.runtime or ""):
        env.append({"name": "MLSERVER_MODEL_NAME", "value": model})
    else:
        args.append(f"--model_name={model}")
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
        "runtime": predictor.runtime,
        "resources": predictor.resources.to_json() if predictor.resources else None,
    }
    return result | {key: value for key, value in optional.items() if value is not None}
