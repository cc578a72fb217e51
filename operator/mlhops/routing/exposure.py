"""What callers are let in to, and what they are told of who answered.

A model server answers more than callers need: KServe's has a repository API with which anybody unloads the model,
its metrics, and the list of all models. So a route names each path with its method, and everything else gets the
Gateway's 404.
"""

from collections.abc import Iterable, Mapping
from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.api.model import Exposure
from mlhops.routing.route import Answerer, Features

MODEL_HEADER = "mlhops-model"
VERSION_HEADER = "mlhops-version"
REVISION_HEADER = "mlhops-revision"

_PATHS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "v1": (
        ("GET", "/v1/models/{}"),
        ("POST", "/v1/models/{}:predict"),
        ("POST", "/v1/models/{}:explain"),
    ),
    "v2": (
        ("GET", "/v2/models/{}"),
        ("GET", "/v2/models/{}/ready"),
        ("POST", "/v2/models/{}/infer"),
    ),
}
"""Methods and paths of one model, by protocol."""


def matches(
    model: str, exposure: Exposure, answerers: Iterable[Answerer], features: Features
) -> list[Json]:
    """Return what a route lets in: the model's own paths in each protocol that is served, and what the spec adds.

    While revisions of two protocols have weight both are let in, to both: a rule of its own for each would give
    one of them all requests of its protocol, whatever its weight.
    """
    each_asked = [each.protocols or _PATHS.keys() for each in answerers] or [_PATHS.keys()]
    found: list[Json] = []
    for protocol in sorted({protocol for asked in each_asked for protocol in asked}):
        for method, path in _PATHS[protocol]:
            found.append(_match("Exact", path.format(model), method, features))
    for added in exposure.paths:
        match = _match(added.type, added.value, added.method, features)
        if match not in found:
            found.append(match)
    return found


def _match(type_: str, value: str, method: str | None, features: Features) -> Manifest:
    match: Manifest = {"path": {"type": type_, "value": value}}
    if method is not None and features > Features.CORE:
        match["method"] = method
    return match


def naming(model: str, answerers: list[Answerer]) -> Manifest:
    """Return the part of a rule or a backend that tells callers who answered, one of these.

    A value is set over what the server sends. What is not known, or not the same for all of them, is taken away, so
    that no server speaks for the operator.
    """
    values = {
        MODEL_HEADER: {model},
        VERSION_HEADER: {each.version for each in answerers},
        REVISION_HEADER: {each.revision for each in answerers},
    }
    known = {name: next(iter(of)) for name, of in values.items() if len(of) == 1 and all(of)}
    modifier: Manifest = {
        "set": [cast(Json, {"name": name, "value": value}) for name, value in known.items()]
    }
    unknown: list[Json] = [name for name in values if name not in known]
    if unknown:
        modifier["remove"] = unknown
    filter_: Json = {"type": "ResponseHeaderModifier", "responseHeaderModifier": modifier}
    return {"filters": [filter_]}
