"""Names, labels and annotations: ours, and those of KServe and Gateway API that we rely on."""

from typing import cast

from mlhops.api.base import Json, Manifest, ObjectMeta

FIELD_MANAGER = "mlhops"
MODEL_LABEL = "mlhops.io/model"
REVISION_LABEL = "mlhops.io/revision"
MANAGED_BY = {"app.kubernetes.io/managed-by": "mlhops"}

KSERVE = "serving.kserve.io/v1beta1"
GATEWAY_API = "gateway.networking.k8s.io/v1"
SERVICE_LABEL = "serving.kserve.io/inferenceservice"
APP_LABEL = "app"
"""The one label by which KServe's Services choose their pods."""
CLUSTER_LOCAL = {"networking.kserve.io/visibility": "cluster-local"}
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
AUTOSCALER_CLASS = "serving.kserve.io/autoscalerClass"

PROFILE_KEY = "profile.json"
PROFILE_DIGEST = "mlhops.io/profile-digest"
PROFILE_EVALUATION = "mlhops.io/evaluation"
PROFILE_POD = "mlhops.io/evaluator-pod"
DETECTOR_KEY = "config.json"


def profile_map(service: str) -> str:
    """Return the ConfigMap with the profile of an InferenceService's revision."""
    return f"{service}-profile"


def detector_map(service: str) -> str:
    """Return the ConfigMap that tells the detector beside an InferenceService what to count."""
    return f"{service}-detector"


def owner_reference(model: str, uid: str, kind: str = "ClinicalModel") -> dict[str, str | bool]:
    """Return a controller reference, by which the garbage collector removes what a model leaves behind."""
    return {
        "apiVersion": "mlhops.io/v1alpha1",
        "kind": kind,
        "name": model,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def owned_by(meta: ObjectMeta) -> Manifest:
    """Return the part of an object's metadata that makes it a model's own; none where it outlives the model."""
    if meta.orphaned:
        return {}
    return {"ownerReferences": [cast(Json, owner_reference(meta.name, meta.uid))]}


def backend(service: str) -> str:
    """Return the Kubernetes Service that KServe makes for an InferenceService in Standard mode."""
    return f"{service}-predictor"


def app_of(service: str) -> str:
    """Return the value of the label by which the Kubernetes Service of an InferenceService chooses its pods."""
    return f"isvc.{backend(service)}"


def service_of_app(app: str) -> str:
    """Return the InferenceService whose Kubernetes Service chooses pods with this label, empty for other labels."""
    middle = app.removeprefix("isvc.").removesuffix("-predictor")
    return middle if app == app_of(middle) else ""
