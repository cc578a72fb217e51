"""An API server in memory: one namespace, one counter of resourceVersions, and every version kept.

Objects are never changed once they are stored: a write makes a new object that shares what is the same, so
that reading costs nothing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from campaign.history import Object, Version
from campaign.simulation.fields import (
    Fields,
    changed,
    fields_v1,
    merged,
    removed,
    without,
    written,
)
from mlhops.api.base import Json, Manifest
from mlhops.controller.kube.client import ApiError
from mlhops.controller.resources import (
    CLUSTER_RUNTIMES,
    CONFIG_MAPS,
    DECISIONS,
    EVALUATIONS,
    EVENTS,
    GATEWAYS,
    JOBS,
    MODELS,
    NAMESPACES,
    PODS,
    POLICIES,
    REVISIONS,
    ROUTES,
    RUNTIMES,
    SERVICES,
    STANDARDS,
    Kind,
)
from mlhops.json_access import at, items, text

NAMESPACE = "ward"
KINDS = {
    kind.plural: kind
    for kind in (
        MODELS,
        EVALUATIONS,
        DECISIONS,
        SERVICES,
        ROUTES,
        GATEWAYS,
        JOBS,
        PODS,
        REVISIONS,
        CONFIG_MAPS,
        POLICIES,
        RUNTIMES,
        CLUSTER_RUNTIMES,
        STANDARDS,
        NAMESPACES,
    )
}
_NAMES = {
    MODELS: "ClinicalModel",
    EVALUATIONS: "Evaluation",
    DECISIONS: "Decision",
    SERVICES: "InferenceService",
    ROUTES: "HTTPRoute",
    GATEWAYS: "Gateway",
    JOBS: "Job",
    PODS: "Pod",
    REVISIONS: "ControllerRevision",
    CONFIG_MAPS: "ConfigMap",
    POLICIES: "MonitoringPolicy",
    RUNTIMES: "ServingRuntime",
    CLUSTER_RUNTIMES: "ClusterServingRuntime",
    STANDARDS: "ClinicalStandard",
    NAMESPACES: "Namespace",
    EVENTS: "Event",
}
_WITH_STATUS = frozenset(
    {MODELS, EVALUATIONS, DECISIONS, SERVICES, ROUTES, GATEWAYS, JOBS, PODS, POLICIES}
)
_UNSEEN = frozenset({MODELS, POLICIES})
"""Kinds whose schema has a default for the status, by which one knows that no operator has seen it."""
_OWNED = frozenset({MODELS, EVALUATIONS, DECISIONS, SERVICES, ROUTES, CONFIG_MAPS, POLICIES})
"""Kinds that the operator writes by server-side apply, so that ownership of fields matters."""
_OUTSIDE_BRACKETS = re.compile(r",(?![^(]*\))")
_FOREGROUND = "foregroundDeletion"
View = Mapping[str, Manifest]


@dataclass(frozen=True)
class Manager:
    """Who writes, and how: an entry of `managedFields`."""

    name: str
    operation: str = "Update"
    subresource: str = ""


@dataclass(frozen=True)
class Authored:
    """A version, and who wrote it."""

    version: Version
    author: str


@dataclass(frozen=True)
class Backup:
    """All that there was at one moment."""

    at: int
    versions: int
    objects: Mapping[Kind, View]
    owners: Mapping[tuple[Kind, str], dict[Manager, tuple[Fields, str]]]
    absent: frozenset[Kind]


class Server:
    """Holds the present objects and all that ever were."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._objects: dict[Kind, dict[str, Manifest]] = {kind: {} for kind in _NAMES}
        self._owners: dict[tuple[Kind, str], dict[Manager, tuple[Fields, str]]] = {}
        self._uids = 0
        self.at = 0
        """The resourceVersion of the latest write."""
        self.history: list[Authored] = []
        self.absent: set[Kind] = set()
        """Kinds that are not installed."""

    # reading

    def view(self, kind: Kind) -> View:
        """The objects of a kind by name as they are now."""
        return self._objects[kind]

    def get(self, kind: Kind, name: str) -> Manifest:
        """An object as it is now.

        Raises:
            ApiError: it is not there.
        """
        self._installed(kind)
        live = self._objects[kind].get(name)
        if live is None:
            raise _not_found(kind, name)
        return live

    def list(self, kind: Kind, selector: str = "", fields: str = "") -> list[Manifest]:
        """The objects that match, in the order of their names."""
        self._installed(kind)
        objects = self._objects[kind]
        found = [objects[name] for name in sorted(objects)]
        if selector:
            found = [live for live in found if _labelled(live, selector)]
        if fields:
            found = [live for live in found if _has_fields(live, fields)]
        return found

    # writing

    def create(self, kind: Kind, manifest: Manifest, author: str) -> Manifest:
        """Create an object.

        Raises:
            ApiError: there is one of that name.
        """
        self._installed(kind)
        name = text(manifest, "metadata", "name")
        if name in self._objects[kind]:
            message = f'{_resource(kind)} "{name}" already exists'
            raise ApiError(409, "AlreadyExists", message)
        given = {k: v for k, v in manifest.items() if k != "status" or kind not in _WITH_STATUS}
        writer = Manager(author)
        fields = {writer: written(given)} if kind in _OWNED else {}
        return self._put(kind, name, None, self._born(kind, given), fields, author, writer)

    def apply(self, kind: Kind, manifest: Manifest, author: str, subresource: str = "") -> Manifest:
        """Server-side apply with force.

        Raises:
            ApiError: the object is not the version that the manifest names, or has no such subresource.
        """
        self._installed(kind)
        name = text(manifest, "metadata", "name")
        live = self._objects[kind].get(name)
        asked = text(manifest, "metadata", "resourceVersion")
        uid = text(manifest, "metadata", "uid")
        if live is None and subresource:
            raise _not_found(kind, name)
        if uid and uid != text(live, "metadata", "uid"):
            raise _conflict(kind, name)
        # Where there is nothing, the real one creates the object whatever version was asked for.
        if asked and live is not None and asked != text(live, "metadata", "resourceVersion"):
            raise _conflict(kind, name)
        config = _applicable(kind, manifest, subresource)
        manager, fields = Manager(author, "Apply", subresource), written(config)
        if live is None:
            born = self._born(kind, {**manifest, **config, "metadata": manifest["metadata"]})
            return self._put(kind, name, None, born, {manager: fields}, author, manager)
        owners = self._owners.get((kind, name), {})
        before = owners.get(manager, (frozenset(), ""))[0]
        new = cast(Manifest, merged(live, config))
        taken = frozenset(changed(live, new)) & fields
        owned = {m: f - taken for m, (f, _) in owners.items() if m != manager}
        left = [p for p in before - fields if not _has_owner(p, {**owned, manager: fields})]
        if left:
            new = cast(Manifest, merged(without(new, left), config))
        if new == live and before == fields:
            return live
        owned[manager] = fields
        return self._put(kind, name, live, new, owned, author, manager)

    def patch(
        self,
        kind: Kind,
        name: str,
        patch: Manifest,
        author: str,
        subresource: str = "",
    ) -> Manifest:
        """A JSON merge patch.

        Raises:
            ApiError: the object is not there.
        """
        live = self.get(kind, name)
        if subresource:
            patch = {k: v for k, v in patch.items() if k == subresource}
        elif kind in _WITH_STATUS:
            patch = {k: v for k, v in patch.items() if k != "status"}
        new = cast(Manifest, _patched(live, patch))
        if new == live:
            return live
        if at(new, "metadata", "deletionTimestamp") and not at(new, "metadata", "finalizers"):
            self._remove(kind, name, live, author)
            return new
        owned: dict[Manager, Fields] = {}
        manager = Manager(author, "Update", subresource)
        if kind in _OWNED:
            given, gone = frozenset(changed(live, new)), tuple(removed(live, new))
            for one, (fields, _) in self._owners.get((kind, name), {}).items():
                owned[one] = frozenset(
                    path
                    for path in fields
                    if path not in given and not any(path[: len(g)] == g for g in gone)
                )
            owned[manager] = owned.get(manager, frozenset()) | given
        return self._put(kind, name, live, new, owned, author, manager)

    def delete(
        self,
        kind: Kind,
        name: str,
        author: str,
        uid: str | None = None,
        propagation: str = "Background",
    ) -> None:
        """Delete an object; one with finalizers goes when the last of them is removed.

        Raises:
            ApiError: it is not there, or has another uid.
        """
        live = self.get(kind, name)
        if uid and uid != text(live, "metadata", "uid"):
            raise _conflict(kind, name)
        metadata = cast(Manifest, live["metadata"])
        finalizers = cast("list[Json]", metadata.get("finalizers") or [])
        leaving = "deletionTimestamp" in metadata
        if propagation == "Foreground" and not leaving:
            finalizers = [*finalizers, _FOREGROUND]
        if not finalizers:
            self._remove(kind, name, live, author)
        elif not leaving:
            marked: Manifest = {
                **metadata,
                "finalizers": finalizers,
                "deletionTimestamp": self._moment(),
                "deletionGracePeriodSeconds": 0,
            }
            owners = self._owners.get((kind, name), {})
            owned = {manager: fields for manager, (fields, _) in owners.items()}
            self._put(kind, name, live, {**live, "metadata": marked}, owned, author)

    def set_installed(self, kind: Kind, installed: bool, author: str) -> None:
        """Install a kind, or remove it and with it all of its objects."""
        if installed:
            self.absent.discard(kind)
            return
        for name, live in list(self._objects[kind].items()):
            self._remove(kind, name, live, author)
        self.absent.add(kind)

    # backup and restore

    def backup(self) -> Backup:
        """Keep all that there is."""
        return Backup(
            self.at,
            len(self.history),
            {kind: dict(objects) for kind, objects in self._objects.items()},
            dict(self._owners),
            frozenset(self.absent),
        )

    def restore(self, backup: Backup, bump: int = 0) -> None:
        """Go back to a backup: what was written since never was, and the numbers of its versions are given again.

        With `bump` they are not: versions go on so far above the latest. uids are never given again.
        """
        self._objects = {kind: dict(objects) for kind, objects in backup.objects.items()}
        self._owners = dict(backup.owners)
        self.absent = set(backup.absent)
        self.at = self.at + bump if bump else backup.at
        del self.history[backup.versions :]

    # the rest

    def _installed(self, kind: Kind) -> None:
        if kind in self.absent or kind not in self._objects:
            message = "the server could not find the requested resource"
            raise ApiError(404, "NotFound", message)

    def _moment(self) -> str:
        return self._clock().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _born(self, kind: Kind, manifest: Manifest) -> Manifest:
        self._uids += 1
        given = cast(Manifest, manifest["metadata"])
        metadata: Manifest = {
            **given,
            "namespace": "" if kind.cluster else NAMESPACE,
            "uid": f"uid-{self._uids}",
            "creationTimestamp": self._moment(),
        }
        metadata.pop("resourceVersion", None)
        group = f"{kind.group}/{kind.version}" if kind.group else kind.version
        born = {**manifest, "apiVersion": group, "kind": _NAMES[kind], "metadata": metadata}
        if kind in _WITH_STATUS:
            born.pop("status", None)
        if kind in _UNSEEN:
            born["status"] = {"observedGeneration": -1}
        return born

    def _put(
        self,
        kind: Kind,
        name: str,
        before: Manifest | None,
        new: Manifest,
        owned: dict[Manager, Fields],
        author: str,
        writer: Manager | None = None,
    ) -> Manifest:
        """Store a new version, and say in it who owns what."""
        self.at += 1
        moment = self._moment()
        known = self._owners.get((kind, name), {}) if before is not None else {}
        owners = {
            manager: (fields, moment if manager == writer else known[manager][1])
            for manager, fields in owned.items()
            if fields
        }
        self._owners[kind, name] = owners
        metadata = {**cast(Manifest, new["metadata"]), "resourceVersion": str(self.at)}
        metadata["generation"] = _generation(before, new)
        metadata["managedFields"] = [
            {
                "manager": manager.name,
                "operation": manager.operation,
                **({"subresource": manager.subresource} if manager.subresource else {}),
                "time": time,
                "fieldsV1": fields_v1(fields),
            }
            for manager, (fields, time) in owners.items()
        ]
        stored: Manifest = {**new, "metadata": metadata}
        self._objects[kind][name] = stored
        self._record(kind, name, stored, author, deleted=False)
        return stored

    def _remove(self, kind: Kind, name: str, live: Manifest, author: str) -> None:
        self.at += 1
        del self._objects[kind][name]
        self._owners.pop((kind, name), None)
        metadata = {**cast(Manifest, live["metadata"]), "resourceVersion": str(self.at)}
        self._record(kind, name, {**live, "metadata": metadata}, author, deleted=True)

    def _record(
        self, kind: Kind, name: str, stored: Manifest, author: str, *, deleted: bool
    ) -> None:
        if kind == EVENTS:
            return
        of = cast(Object, stored)
        version = Version(self.at, kind.plural, NAMESPACE, name, of, deleted)
        self.history.append(Authored(version, author))


def _generation(before: Manifest | None, new: Manifest) -> int:
    if before is None:
        return 1
    old = cast(int, at(before, "metadata", "generation"))
    marked = at(new, "metadata", "deletionTimestamp") and not at(
        before, "metadata", "deletionTimestamp"
    )
    same = all(
        new.get(part) == before.get(part)
        for part in {**before, **new}
        if part not in ("metadata", "status")
    )
    return old if same and not marked else old + 1


def _applicable(kind: Kind, manifest: Manifest, subresource: str) -> Manifest:
    """The part of a manifest that the endpoint takes."""
    if subresource:
        return {subresource: manifest.get(subresource)}
    dropped = ("apiVersion", "kind", *(("status",) if kind in _WITH_STATUS else ()))
    config = {k: v for k, v in manifest.items() if k not in dropped}
    metadata = cast(Manifest, config["metadata"])
    config["metadata"] = {k: v for k, v in metadata.items() if k not in ("resourceVersion", "uid")}
    return config


def _has_owner(path: tuple[str, ...], owned: Mapping[Manager, Fields]) -> bool:
    return any(
        path in fields or any(other[: len(path)] == path for other in fields)
        for fields in owned.values()
    )


def _patched(live: Json, patch: Json) -> Json:
    """A JSON merge patch (RFC 7386) that shares what it leaves alone."""
    if not isinstance(patch, dict):
        return patch
    result = dict(live) if isinstance(live, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _patched(result.get(name), value)
    return result


def _has_fields(live: Manifest, selector: str) -> bool:
    """Whether a field selector of `=` and `!=` lets an object through; a field that is missing is empty."""
    for one in selector.split(","):
        path, sign, value = one.partition("=")
        is_so = text(live, *path.removesuffix("!").split(".")) == value
        if not sign or is_so == path.endswith("!"):
            return False
    return True


def _labelled(live: Manifest, selector: str) -> bool:
    labels = at(live, "metadata", "labels")
    if not isinstance(labels, dict):
        return False
    for one in _OUTSIDE_BRACKETS.split(selector):
        name, among, values = one.partition(" in ")
        if among:
            if labels.get(name) not in values.strip("()").split(","):
                return False
            continue
        name, equals, value = one.removeprefix("!").partition("=")
        if one.startswith("!"):
            if name in labels:
                return False
            continue
        if name not in labels or (equals and labels[name] != value):
            return False
    return True


def _resource(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def _not_found(kind: Kind, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{_resource(kind)} "{name}" not found')


def _conflict(kind: Kind, name: str) -> ApiError:
    message = (
        f'Operation cannot be fulfilled on {_resource(kind)} "{name}": '
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    return ApiError(409, "Conflict", message)


def controller_of(live: Manifest) -> str:
    """The uid of an object's controller, empty where it has none."""
    for reference in items(live, "metadata", "ownerReferences"):
        if reference.get("controller") is True:
            return text(reference, "uid")
    return ""
