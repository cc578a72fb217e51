"""What is kept of an object: of what anybody may make, only the fields that are read.

Whoever may create Jobs, pods or ConfigMaps can give them the label of a model, and a megabyte of something else. A
label proves nothing, so such an object costs some hundred bytes. Of pods the API server's answers are cut down alike,
so that what is heard and what is read anew are read in the same way.
"""

from collections.abc import Callable, Mapping
from typing import cast

import orjson

from mlhops.api import GROUP
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import (
    CONFIG_MAPS,
    JOBS,
    NAMESPACES,
    PODS,
    REVISIONS,
    SERVICES,
    Kind,
)
from mlhops.json_access import at, items, text
from mlhops.kserve.content import HASHES, without_content
from mlhops.kserve.manifest_diff import written_by_us
from mlhops.kserve.names import (
    APP_LABEL,
    DETECTOR_KEY,
    FIELD_MANAGER,
    MANAGED_BY,
    MODEL_LABEL,
    PROFILE_DIGEST,
    PROFILE_EVALUATION,
    PROFILE_KEY,
    PROFILE_POD,
    REVISION_LABEL,
    SERVICE_LABEL,
)
from mlhops.kserve.owner import controllers, is_labelled
from mlhops.kserve.servers import STATUSES, without_commands
from mlhops.rollout.evaluation.evaluator_job import EVALUATION_LABEL
from mlhops.rollout.monitoring.retraining import ACTION_LABEL

MOST_BYTES = 2**16
"""The most that is kept of an object that anybody may make; those that the operator and KServe make take a tenth."""
LEFT_OUT = "leftOut"
"""The bytes that were too many, in the place of all but an object's name. No field of any kind."""
_LABELS = (
    APP_LABEL,
    MODEL_LABEL,
    REVISION_LABEL,
    SERVICE_LABEL,
    EVALUATION_LABEL,
    ACTION_LABEL,
    "pod-template-hash",
    *MANAGED_BY,
)
_ANNOTATIONS = (PROFILE_DIGEST, PROFILE_EVALUATION, PROFILE_POD)
_NAMES = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp")
_STATES = ("state", "lastState")


def lean(kind: Kind, manifest: Manifest) -> Manifest:
    """Return what is kept of an object; of what is lean already, the same."""
    make = _MADE.get(kind)
    if make is None:
        return _of_ours(kind, manifest)
    if LEFT_OUT in manifest:
        return manifest
    found: Manifest = {**make(manifest), "metadata": _metadata(manifest)}
    size = len(orjson.dumps(found))
    return found if size <= MOST_BYTES else _left_out(kind, manifest, size)


def _left_out(kind: Kind, manifest: Manifest, size: int) -> Manifest:
    """Return an object of which only is known that it is there: a pod of nobody's, which is told of as that."""
    metadata = _metadata(manifest)
    named = {key: metadata[key] for key in (*_NAMES, "labels") if key in metadata}
    phase: Json = {"phase": text(manifest, "status", "phase")[:64]}
    return {"metadata": named, LEFT_OUT: size, **({"status": phase} if kind == PODS else {})}


def _of_ours(kind: Kind, manifest: Manifest) -> Manifest:
    """Leave out which fields others own, often half of an object; and all of what belongs to no model."""
    if kind in (SERVICES, REVISIONS) and not _may_be_ours(manifest):
        return {"metadata": _metadata(manifest)}
    metadata = manifest.get("metadata")
    if kind == NAMESPACES:
        return {"metadata": _chosen(metadata, (*_NAMES, "labels"))}
    entries = items(metadata, "managedFields")
    if not entries or not isinstance(metadata, dict):
        return manifest
    return {**manifest, "metadata": {**metadata, "managedFields": _mine(entries)}}


def _may_be_ours(manifest: Manifest) -> bool:
    """Whether an object is a model's, or nobody's and made by the operator, as far as itself tells."""
    if not controllers(manifest):
        return written_by_us(manifest) or is_labelled(manifest)
    references = items(manifest, "metadata", "ownerReferences")
    return any(
        one.get("controller") is True and text(one, "apiVersion").startswith(f"{GROUP}/")
        for one in references
    )


def _mine(entries: list[Manifest]) -> list[Json]:
    ours = [entry for entry in entries if entry.get("manager") == FIELD_MANAGER]
    return [entry for entry in ours if not entry.get("subresource")]


def _metadata(manifest: Manifest) -> Manifest:
    live = manifest.get("metadata")
    references = [one for one in items(live, "ownerReferences") if one.get("controller") is True]
    mine = [
        _chosen(entry, ("manager", "operation")) for entry in _mine(items(live, "managedFields"))
    ]
    return _filled(
        {
            **_chosen(live, _NAMES),
            "labels": _chosen(at(live, "labels"), _LABELS),
            "annotations": _chosen(at(live, "annotations"), _ANNOTATIONS),
            "ownerReferences": cast(Json, references),
            "managedFields": cast(Json, mine),
        }
    )


def _job(job: Manifest) -> Manifest:
    return {
        "spec": _chosen(at(job, "spec"), ("activeDeadlineSeconds",)),
        "status": {
            **_chosen(at(job, "status"), ("active", "ready", "succeeded", "failed")),
            "conditions": _conditions(job),
        },
    }


def _pod(pod: Manifest) -> Manifest:
    spec, status = at(pod, "spec"), at(pod, "status")
    return {
        "spec": _filled(
            {
                place: [_asked(one) for one in items(spec, place)]
                for place in ("initContainers", "containers")
            }
        ),
        "status": _filled(
            {
                **_chosen(status, ("phase", "podIP", "reason", "message")),
                "conditions": _conditions(pod),
                **{place: [_container(one) for one in items(status, place)] for place in STATUSES},
            }
        ),
    }


def _asked(container: Manifest) -> Json:
    memory = text(container, "resources", "limits", "memory")[:64]
    limits: Manifest = {"resources": {"limits": {"memory": memory}}} if memory else {}
    return {**without_commands(container), **limits}


def _container(status: Manifest) -> Json:
    states: Manifest = {state: _state(at(status, state)) for state in _STATES}
    told = _chosen(status, ("name", "imageID", "ready", "restartCount"))
    return _filled({**told, **states})


def _state(state: Json) -> Json:
    waiting = _chosen(at(state, "waiting"), ("reason", "message"))
    ended = _chosen(at(state, "terminated"), ("exitCode", "signal", "reason", "message"))
    return _filled({"waiting": waiting, "terminated": ended})


def _conditions(manifest: Manifest) -> Json:
    told = ("type", "status", "reason", "message")
    return [_chosen(one, told) for one in items(manifest, "status", "conditions")]


def _config_map(live: Manifest) -> Manifest:
    hashes = _chosen(without_content(live)[HASHES], (DETECTOR_KEY, PROFILE_KEY))
    return {**_chosen(live, ("immutable",)), HASHES: hashes}


def _chosen(value: Json, keys: tuple[str, ...]) -> Manifest:
    return {key: value[key] for key in keys if key in value} if isinstance(value, dict) else {}


def _filled(value: Mapping[str, Json]) -> Manifest:
    """Return an object without what is empty."""
    return {key: each for key, each in value.items() if each not in ({}, [])}


_MADE: Mapping[Kind, Callable[[Manifest], Manifest]] = {
    JOBS: _job,
    PODS: _pod,
    CONFIG_MAPS: _config_map,
}
