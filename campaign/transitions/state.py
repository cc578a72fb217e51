"""What a model has around it, without what may differ between two that are served alike.

Left out: uids, versions, times and generations, the namespace's name, the number of the attempt, and what is kept
or told of the revision before.
"""

import json
import re
from difflib import unified_diff
from typing import TypeAlias, cast

from campaign.world import World
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import (
    CONFIG_MAPS,
    EVALUATIONS,
    JOBS,
    REVISIONS,
    ROUTES,
    SERVICES,
    Kind,
)
from mlhops.json_access import at, items, text
from mlhops.kserve.names import detector_map, profile_map
from mlhops.rollout.reasons import Reason

State: TypeAlias = dict[str, Json]

_CHILDREN = {
    "InferenceService": SERVICES,
    "HTTPRoute": ROUTES,
    "ControllerRevision": REVISIONS,
    "ConfigMap": CONFIG_MAPS,
}
_PASSING = frozenset(
    {
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "candidateSince",
        # The revision that a candidate was compared with: a fresh install has none.
        "stable",
        # A record keeps the card with which its revision was put forward, whatever is said of it later.
        "card",
        "generation",
        "observedGeneration",
        "managedFields",
        "lastTransitionTime",
        "status",
        # The Job controller's own.
        "selector",
        "controller-uid",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
        "job-name",
    }
)
_UID_VARIABLE = "MLHOPS_EVALUATION_UID"


def state_of(town: World) -> State:
    """The state of a model at rest, read from the API server."""
    model = town.model() or {}
    kept = text(model, "status", "previous", "inferenceService")
    proof = text(model, "status", "stable", "proof", "evaluation")
    found: State = {
        kind: {
            text(live, "metadata", "name"): cast(Json, live)
            for live in town.api.list(place, town.namespace)
            if not _is_of(kept, text(live, "metadata", "name"))
        }
        for kind, place in _CHILDREN.items()
    }
    found["Evaluation"] = _spec(town, EVALUATIONS, proof)
    found["Job"] = _spec(town, JOBS, proof)
    found["model"] = {
        "phase": text(model, "status", "phase"),
        "message": text(model, "status", "message"),
        "url": text(model, "status", "url"),
        "version": text(model, "status", "stable", "version"),
        "conditions": _conditions(model),
    }
    return cast(State, _plain(found, town.namespace, proof))


def _is_of(kept: str, name: str) -> bool:
    """Whether an object is of the revision before, or Kubernetes' own."""
    others = (kept, detector_map(kept), profile_map(kept)) if kept else ()
    return name in ("kube-root-ca.crt", *others)


def _spec(town: World, kind: Kind, name: str) -> Json:
    live = town.api.get(kind, town.namespace, name) if name else None
    return at(live, "spec")


def _conditions(model: Manifest) -> Json:
    found: dict[str, Json] = {}
    for one in items(model, "status", "conditions"):
        # Why monitoring cannot tell yet is another thing before the first look than after it.
        passing = text(one, "reason") in (Reason.INSUFFICIENT_DATA, Reason.MONITORING_ERROR)
        keys = ("status",) if passing else ("status", "reason", "message")
        found[text(one, "type")] = [text(one, key) for key in keys]
    return found


def _plain(value: Json, namespace: str, proof: str) -> Json:
    if isinstance(value, dict):
        if value.get("name") == _UID_VARIABLE:
            return {"name": _UID_VARIABLE}
        return {
            _word(key, namespace, proof): _plain(part, namespace, proof)
            for key, part in value.items()
            if key not in _PASSING and not _is_number_of_record(key, part)
        }
    if isinstance(value, list):
        return [_plain(part, namespace, proof) for part in value]
    return _word(value, namespace, proof) if isinstance(value, str) else value


def _is_number_of_record(key: str, value: Json) -> bool:
    """Whether that is a ControllerRevision's number, which is the model's generation at that time."""
    return key == "revision" and isinstance(value, int)


def _word(word: str, namespace: str, proof: str) -> str:
    if word.startswith('{"'):  # the spec of an Evaluation, as its pod gets it
        told = cast(Manifest, json.loads(word))
        word = json.dumps({key: part for key, part in told.items() if key not in _PASSING})
    word = word.replace(namespace, "<namespace>")
    return re.sub(rf"{re.escape(proof)}(?![0-9])", "<evaluation>", word) if proof else word


def difference(fresh: State, mine: State) -> list[str]:
    """What differs, line by line; empty where nothing does."""
    texts = [json.dumps(state, indent=1, sort_keys=True) for state in (fresh, mine)]
    one, other = (text.splitlines() for text in texts)
    return list(unified_diff(one, other, "fresh", "changed", n=1, lineterm=""))[2:]
