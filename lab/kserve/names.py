"""Names that KServe gives to things."""

from lab.client import Object, Resource

INFERENCE_SERVICES = Resource(
    "serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService"
)
CLUSTER_RUNTIMES = Resource(
    "serving.kserve.io",
    "v1alpha1",
    "clusterservingruntimes",
    "ClusterServingRuntime",
    namespaced=False,
)
RUNTIMES = Resource("serving.kserve.io", "v1alpha1", "servingruntimes", "ServingRuntime")

MANAGER = "kserve"
FINALIZER = "inferenceservice.finalizers"
GROUP = "serving.kserve.io"
INTERNAL = "internal.serving.kserve.io"
SERVICE_LABEL = f"{GROUP}/inferenceservice"
MODE_ANNOTATION = f"{GROUP}/deploymentMode"
STOP_ANNOTATION = f"{GROUP}/stop"
SOURCE_ANNOTATION = f"{INTERNAL}/storage-initializer-sourceuri"
LOGGER_ANNOTATION = f"{INTERNAL}/logger"
SINK_ANNOTATION = f"{INTERNAL}/logger-sink-url"
LOGGER_MODE_ANNOTATION = f"{INTERNAL}/logger-mode"
METADATA_HEADERS_ANNOTATION = f"{INTERNAL}/logger-metadata-headers"
METADATA_ANNOTATIONS_ANNOTATION = f"{INTERNAL}/logger-metadata-annotations"

STANDARD = "Standard"
MODEL_CONTAINER = "kserve-container"
STORAGE_INITIALIZER = "storage-initializer"
MODEL_PATH = "/mnt/models"
MODEL_PORT = 8080
AGENT_PORT = 9081
DOMAIN = "example.com"


def predictor(name: str) -> str:
    """The name of the predictor's Deployment and Service."""
    return f"{name}-predictor"


def app(name: str) -> str:
    """The value of the label `app`, by which a predictor's pods are selected."""
    return f"isvc.{predictor(name)}"


def stopped(service: Object) -> bool:
    annotations = service["metadata"].get("annotations", {})
    return str(annotations.get(STOP_ANNOTATION, "")).lower() == "true"
