"""Serving runtimes: which one serves a model, and the one that the lab brings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.client import Object

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


def _formats(runtime: Runtime, model: Object) -> Iterator[Object]:
    wanted = model["modelFormat"]
    for entry in runtime.spec.get("supportedModelFormats", []):
        versions = {wanted.get("version"), None}
        if entry["name"] == wanted["name"] and (
            entry.get("version") in versions or not wanted.get("version")
        ):
            yield entry
