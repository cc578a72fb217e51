"""What the kubelet asks of a model server, so that callers are sent to none that cannot answer.

KServe's own probe only opens a connection, which a server takes whose model was unloaded. All fields are written out,
also those with their default: a field that somebody fills in is somebody else's.
"""

from mlhops.api.base import Json, Manifest
from mlhops.json_access import at

PORT = 8080
_MODEL = ("spec", "predictor", "model")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def probes_of(model: str, protocol: str) -> Manifest:
    """Return the probes of a model's server, by what its protocol says of one model.

    A server may load its model for hours, and only then must it answer; a candidate's time is up long before. One that
    is loaded and does not answer gets no requests after some 15 s, and is restarted after some 75 s, which loads a
    model that was unloaded.
    """
    path = f"/v1/models/{model}" if protocol == "v1" else f"/v2/models/{model}/ready"
    return {
        "startupProbe": probe(path, PORT, period=2, timeout=5, failures=5400),
        "readinessProbe": probe(path, PORT, period=5, timeout=5, failures=3),
        "livenessProbe": probe(path, PORT, period=15, timeout=10, failures=5),
    }


def probe(path: str, port: int, *, period: int, timeout: int, failures: int) -> Json:
    """Return a probe that asks for a page."""
    return {
        "httpGet": {"path": path, "port": port, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "successThreshold": 1,
        "failureThreshold": failures,
    }


def is_probed(live: Manifest) -> bool:
    """Whether a server whose record is lost has probes.

    A server that runs keeps what it has. Who wrote it is not asked: what a backup tool brings back is its own, and all
    the fields of a probe are put right by what is rendered.
    """
    return may_be_ours(at(live, *_MODEL, "readinessProbe"))


def may_be_ours(value: Json) -> bool:
    """Whether a probe of a revision of which nobody knows what it was may be one of the operator's."""
    own = probe("", PORT, period=1, timeout=1, failures=1)
    if not isinstance(value, dict) or not isinstance(own, dict) or value.keys() - own.keys():
        return False
    asked = at(value, "httpGet")
    return (
        isinstance(asked, dict)
        and asked.keys() <= {"path", "port", "scheme"}
        and asked.get("port") == PORT
    )
