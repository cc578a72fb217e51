"""Which runtime serves a model, and how that runtime is told the model's name.

KServe chooses a runtime where none is named, and the operator has to know which, since a flag that one server needs
keeps another from starting. So the operator chooses by KServe's rule, and names what it chose.
Source of the rule: KServe v0.20, `GetSupportingRuntimes`; seen on 17 combinations.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlhops.api.base import Json, Manifest
from mlhops.api.predictor import Predictor
from mlhops.json_access import at, items, number, text
from mlhops.kserve.names import MODEL_LABEL

Naming: TypeAlias = Literal["Argument", "Variable", "Own"]
"""How a server learns what its model is called: by `--model_name`, by MLSERVER_MODEL_NAME, or from its artefact."""

ARGUMENT, VARIABLE = "--model_name", "MLSERVER_MODEL_NAME"
_SERVER_TYPE = "serving.kserve.io/server-type"
_MLSERVER = "mlserver"
_BY_THEMSELVES = ("tritonserver", "torchserve")
"""Servers that refuse a flag which they do not know, and call a model as its artefact does."""


@dataclass(frozen=True)
class Runtime:
    """A runtime for a new revision."""

    name: str | None
    """Its name where the spec names none; None where the spec does, or where no runtime supports the model."""
    naming: Naming | None
    """None where no runtime is known: then the name of the one that the spec names has to tell."""


def runtime_for(
    predictor: Predictor, own: Iterable[Manifest], cluster: Iterable[Manifest]
) -> Runtime:
    """Return the runtime of a new revision.

    Args:
        predictor: what is to be served.
        own: the ServingRuntimes of the model's namespace, which come first.
        cluster: the ClusterServingRuntimes.
    """
    offered = [list(own), list(cluster)]
    if predictor.runtime is not None:
        named = [one for part in offered for one in part if _name(one) == predictor.runtime]
        return Runtime(None, naming_of(named[0]) if named else None)
    for part in offered:
        found = best_of(predictor, part)
        if found is not None:
            return Runtime(_name(found), naming_of(found))
    return Runtime(None, None)


def naming_by_name(runtime: str | None) -> Naming:
    """Return how a runtime that cannot be read is told the model's name, as earlier operators guessed."""
    return "Variable" if _MLSERVER in (runtime or "") else "Argument"


def named_by(live: Manifest) -> Naming:
    """Return how the server of an InferenceService is told the model's name, by what it is told."""
    model = at(live, "spec", "predictor", "model")
    if any(text(one, "name") == VARIABLE for one in items(model, "env")):
        return "Variable"
    told = any(word.startswith(ARGUMENT) for word in _texts(model, "args"))
    return "Argument" if told else "Own"


def hint_of_name(live: Manifest) -> str:
    """Return what its artefact must be called where a server may call a model otherwise than it is told."""
    model = text(live, "metadata", "labels", MODEL_LABEL)
    if not model or not text(live, "spec", "predictor", "model", "storageUri"):
        return ""
    naming = named_by(live)
    if naming == "Own":
        return f"its runtime calls a model as the artefact does, whose folder or archive must be named {model}"
    if naming == "Variable":
        return f"a name in the artefact's model-settings.json must be {model}: it goes before the operator's"
    return ""


def naming_of(runtime: Manifest) -> Naming:
    """Return how a runtime is told the model's name, as far as it says itself."""
    server = items(runtime, "spec", "containers")[:1]
    words = [
        str(word)
        for container in server
        for field in ("command", "args")
        for word in _texts(container, field)
    ]
    if any(word.split("=")[0].split(" ")[0] == ARGUMENT for word in words):
        return "Argument"
    if _is_mlserver(runtime, server):
        return "Variable"
    programs = [_name(runtime), *words[:1], *(text(one, "image") for one in server)]
    if any(server in program for server in _BY_THEMSELVES for program in programs):
        return "Own"
    return "Argument"


def _is_mlserver(runtime: Manifest, server: list[Manifest]) -> bool:
    typed = [text(runtime, place, "annotations", _SERVER_TYPE) for place in ("metadata", "spec")]
    images = [text(one, "image") for one in server]
    variables = [text(one, "name") for container in server for one in items(container, "env")]
    named = any(_MLSERVER in each for each in (_name(runtime), *images, *typed))
    return named or VARIABLE in variables


def best_of(predictor: Predictor, runtimes: Iterable[Manifest]) -> Manifest | None:
    """Return the runtime that KServe chooses: of the greatest priority, of these the youngest, then by name."""
    ranked = [
        (one, priority)
        for one in sorted(runtimes, key=_name)
        if (priority := _priority(predictor, one)) is not None
    ]
    ranked.sort(key=lambda each: text(each[0], "metadata", "creationTimestamp"), reverse=True)
    ranked.sort(key=lambda each: each[1], reverse=True)
    return ranked[0][0] if ranked else None


def _priority(predictor: Predictor, runtime: Manifest) -> int | None:
    """Return with which priority a runtime selects itself for a model, None where it does not."""
    spec = at(runtime, "spec")
    if at(spec, "disabled") is True or at(spec, "multiModel") is True:
        return None
    if predictor.protocol_version not in (_texts(spec, "protocolVersions") or ["v1"]):
        return None
    priorities = [
        number(entry, "priority") or 0
        for entry in items(spec, "supportedModelFormats")
        if entry.get("autoSelect") is True and _supports(entry, predictor)
    ]
    return max(priorities, default=None)


def _supports(entry: Manifest, predictor: Predictor) -> bool:
    wanted = predictor.model_format
    if text(entry, "name") != wanted.name:
        return False
    return wanted.version is None or text(entry, "version") in ("", wanted.version)


def _texts(value: Json, field: str) -> list[str]:
    found = at(value, field)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _name(runtime: Manifest) -> str:
    return text(runtime, "metadata", "name")
