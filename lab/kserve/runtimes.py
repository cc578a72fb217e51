"""Serving runtimes: which one serves a model, and the one that the lab brings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.client import Object
from lab.kserve.names import MODEL_PATH

SKLEARN_SERVER: Object = {
    "metadata": {"name": "kserve-sklearnserver"},
    "spec": {
        "annotations": {
            "prometheus.kserve.io/port": "8080",
            "prometheus.kserve.io/path": "/metrics",
        },
        "supportedModelFormats": [
            {"name": "sklearn", "version": "1", "autoSelect": True, "priority": 1}
        ],
        "protocolVersions": ["v1", "v2"],
        "containers": [
            {
                "name": "kserve-container",
                "image": "example.invalid/kserve-sklearnserver:v0",
                "args": [
                    "--model_name={{.Name}}",
                    "--model_dir=/mnt/models",
                    "--http_port=8080",
                ],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "privileged": False,
                    "runAsNonRoot": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "resources": {
                    "requests": {"cpu": "1", "memory": "2Gi"},
                    "limits": {"cpu": "1", "memory": "2Gi"},
                },
            }
        ],
    },
}

MLSERVER: Object = {
    "apiVersion": "serving.kserve.io/v1alpha1",
    "kind": "ClusterServingRuntime",
    "metadata": {
        "name": "kserve-mlserver",
        "annotations": {"serving.kserve.io/server-type": "mlserver"},
    },
    "spec": {
        "annotations": {
            "prometheus.kserve.io/port": "8080",
            "prometheus.kserve.io/path": "/metrics",
        },
        "supportedModelFormats": [
            {"name": "sklearn", "version": version, "autoSelect": True, "priority": 2}
            for version in ("0", "1")
        ],
        "protocolVersions": ["v2"],
        "containers": [
            {
                "name": "kserve-container",
                "image": "example.invalid/mlserver:v0",
                "env": [
                    {"name": "MLSERVER_MODEL_IMPLEMENTATION", "value": "{{.Labels.modelClass}}"},
                    {"name": "MLSERVER_HTTP_PORT", "value": "8080"},
                    {"name": "MLSERVER_GRPC_PORT", "value": "9000"},
                ],
                "securityContext": SKLEARN_SERVER["spec"]["containers"][0]["securityContext"],
                "resources": SKLEARN_SERVER["spec"]["containers"][0]["resources"],
            }
        ],
    },
}
"""The runtime that KServe ships for MLServer. It would select itself for v2, so who wants it applies it."""


@dataclass(frozen=True)
class Runtime:
    """The runtime that serves a model."""

    name: str
    spec: Object
    cluster: bool


class NoRuntime(Exception):
    """No runtime serves the model; reason and message are KServe's."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def choose(model: Object, own: Iterable[Object], cluster: Iterable[Object]) -> Runtime:
    """The runtime that the model names, else the best that selects itself for it."""
    candidates = [
        *(Runtime(one["metadata"]["name"], one["spec"], cluster=False) for one in own),
        *(Runtime(one["metadata"]["name"], one["spec"], cluster=True) for one in cluster),
    ]
    protocol = model.get("protocolVersion", "v1")
    if model.get("runtime"):
        named = [one for one in candidates if one.name == model["runtime"]]
        if not named:
            raise NoRuntime("RuntimeNotRecognized", "Waiting for runtime to become available")
        if named[0].spec.get("disabled"):
            raise NoRuntime("RuntimeDisabled", "Specified runtime is disabled")
        if not list(_formats(named[0], model)):
            message = "Specified runtime does not support specified framework/version"
            raise NoRuntime("NoSupportingRuntime", message)
        return named[0]
    ranked = [
        (one.cluster, -entry.get("priority", 0), one.name, one)
        for one in candidates
        if not one.spec.get("disabled") and protocol in one.spec.get("protocolVersions", ["v1"])
        for entry in _formats(one, model)
        if entry.get("autoSelect")
    ]
    if not ranked:
        raise NoRuntime(
            "NoSupportingRuntime", "No runtime found to support specified framework/version"
        )
    return min(ranked, key=lambda rank: rank[:3])[-1]


def with_defaults(service: Object, runtime: Runtime) -> Object:
    """The InferenceService as KServe keeps it in memory for its MLServer runtime: it is told what to load."""
    if runtime.name != MLSERVER["metadata"]["name"]:
        return service
    metadata, spec = service["metadata"], service["spec"]
    labels = metadata.get("labels", {}) | {"modelClass": "mlserver_sklearn.SKLearnModel"}
    model = spec["predictor"]["model"]
    own = model.get("env", [])
    told = {"MLSERVER_MODEL_NAME": metadata["name"], "MLSERVER_MODEL_URI": MODEL_PATH}
    known = {entry["name"] for entry in own}
    added = [{"name": name, "value": told[name]} for name in told if name not in known]
    predictor = spec["predictor"] | {"model": model | {"env": [*own, *added]}}
    return {
        **service,
        "metadata": metadata | {"labels": labels},
        "spec": spec | {"predictor": predictor},
    }


def _formats(runtime: Runtime, model: Object) -> Iterator[Object]:
    wanted = model["modelFormat"]
    for entry in runtime.spec.get("supportedModelFormats", []):
        versions = {wanted.get("version"), None}
        if entry["name"] == wanted["name"] and (
            entry.get("version") in versions or not wanted.get("version")
        ):
            yield entry
