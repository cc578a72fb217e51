"""Every version of every object, as the API server tells it to anybody who watches.

Versions of all kinds stand in one order, that of their resourceVersions, since all are kept in one etcd.
Whatever makes a record less than whole is part of it: a gap is never mistaken for "nothing happened".
"""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import httpx

from campaign.raw_json import part, whole, word
from testkit.connection import connect

Object: TypeAlias = dict[str, object]

PATHS = {
    "clinicalmodels": "/apis/mlhops.io/v1alpha1/clinicalmodels",
    "evaluations": "/apis/mlhops.io/v1alpha1/evaluations",
    "decisions": "/apis/mlhops.io/v1alpha1/decisions",
    "inferenceservices": "/apis/serving.kserve.io/v1beta1/inferenceservices",
    "httproutes": "/apis/gateway.networking.k8s.io/v1/httproutes",
    "controllerrevisions": "/apis/apps/v1/controllerrevisions",
    "jobs": "/apis/batch/v1/jobs",
    "pods": "/api/v1/pods",
    "configmaps": "/api/v1/configmaps",
}
"""What people act on."""
WITNESSED = {
    **PATHS,
    "gateways": "/apis/gateway.networking.k8s.io/v1/gateways",
    "events": "/api/v1/events",
}
"""What a witness has to see as well."""
_KUBERNETES = ("configmaps", "kube-root-ca.crt")
"""Of each namespace, whatever happens in it."""
_LONGEST = 3600
_PAUSE = 0.2
_BEGIN_SECONDS = 30.0
_MOST_EVENTS = 500
_MOST_MOMENTS = 1000
_COUNTED = frozenset({"clinicalmodels", "evaluations", "inferenceservices", "httproutes"})
"""Kinds whose generation counts up by one with each change of the spec."""


@dataclass(frozen=True)
class Version:
    """One object as it was from one moment on; gone from then on where it is deleted."""

    at: int
    """The resourceVersion, which orders all versions."""
    kind: str
    namespace: str
    name: str
    object: Object
    deleted: bool = False


class Recorder:
    """Watches all namespaces from outside of the operator and of the fault proxy."""

    def __init__(self, kubeconfig: Path, paths: Mapping[str, str] = PATHS) -> None:
        self._kubeconfig = kubeconfig
        self._paths = paths
        self._changed = threading.Condition()
        self._versions: dict[str, list[Version]] = {}
        self._current: dict[tuple[str, str], dict[str, Object]] = {}
        self._last: dict[str, float] = {}
        self._gaps: list[tuple[str, str]] = []
        self._forgotten: set[str] = set()
        self._restores = 0
        self._back_at = 0
        self._stopped = False

    def __enter__(self) -> Self:
        for kind in self._paths:
            http = connect(self._kubeconfig)
            arguments = (http, kind, self._begin(http, kind))
            threading.Thread(target=self._watch, args=arguments, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped = True

    def history(self, namespace: str) -> list[Version]:
        """All versions in a namespace so far, in order."""
        with self._changed:
            return sorted(self._versions.get(namespace, []), key=lambda version: version.at)

    def gaps(self, namespace: str) -> list[str]:
        """Why the record of a namespace may not be whole; nothing where it is."""
        with self._changed:
            return [words for of, words in self._gaps if of in ("", namespace)]

    def current(self, kind: str, namespace: str) -> dict[str, Object]:
        """The objects of a kind as far as told."""
        with self._changed:
            return dict(self._current.get((kind, namespace), {}))

    def wait(self, namespace: str, since: float, seconds: float) -> None:
        """Wait until a namespace has changed since a moment, for some time at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._last.get(namespace, 0.0) > since, seconds)

    def last_change(self, namespace: str) -> float:
        """When a namespace changed last, on the monotonic clock."""
        with self._changed:
            return self._last.get(namespace, 0.0)

    def is_complete(self, namespace: str, http: httpx.Client) -> bool:
        """Whether all that the API server has now has been told."""
        for kind, path in self._paths.items():
            root, _, plural = path.rpartition("/")
            listed = http.get(f"{root}/namespaces/{namespace}/{plural}").raise_for_status().json()
            there = {of["metadata"]["name"]: _moment(of) for of in listed["items"]}
            if kind == _KUBERNETES[0]:
                there.pop(_KUBERNETES[1], None)
            told = {name: _moment(of) for name, of in self.current(kind, namespace).items()}
            if there != told:
                return False
        return True

    def forget(self, namespace: str) -> None:
        """Drop what was recorded of a namespace that is done with, and hear no more of it."""
        with self._changed:
            self._forgotten.add(namespace)
            self._versions.pop(namespace, None)
            self._last.pop(namespace, None)
            self._gaps = [gap for gap in self._gaps if gap[0] != namespace]
            for kind in self._paths:
                self._current.pop((kind, namespace), None)

    def namespaces(self) -> list[str]:
        """The namespaces of which there is a record."""
        with self._changed:
            return list(self._versions)

    def set_back(self, at: int) -> None:
        """What was after a moment never was; is called while the API server is away, and it is watched from there."""
        with self._changed:
            self._restores += 1
            self._back_at = at
            self._current.clear()
            for namespace, versions in self._versions.items():
                left = sorted((one for one in versions if one.at <= at), key=lambda one: one.at)
                self._versions[namespace] = left
                for one in left:
                    objects = self._current.setdefault((one.kind, namespace), {})
                    if one.deleted:
                        objects.pop(one.name, None)
                    else:
                        objects[one.name] = one.object
                self._last[namespace] = time.monotonic()
            self._changed.notify_all()

    def _begin(self, http: httpx.Client, kind: str) -> int:
        """List for the first time; the API server may still be getting a new kind ready."""
        deadline = time.monotonic() + _BEGIN_SECONDS
        while True:
            try:
                return self._list(http, kind)
            except httpx.HTTPStatusError as error:
                if error.response.status_code not in (429, 503) or time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)

    def _list(self, http: httpx.Client, kind: str) -> int:
        """Take over what is there; return where to watch on from."""
        answer = http.get(self._paths[kind]).raise_for_status().json()
        for item in answer["items"]:
            self._add(kind, item, _moment(item), deleted=False)
        return int(answer["metadata"]["resourceVersion"])

    def _watch(self, http: httpx.Client, kind: str, since: int) -> None:
        path, restores = self._paths[kind], 0
        while not self._stopped:
            if restores != self._restores:
                restores, since = self._restores, self._back_at
            # Of a kind of which there is no news, a bookmark tells each minute how far the watch is.
            query: dict[str, str] = {
                "watch": "true",
                "resourceVersion": str(since),
                "allowWatchBookmarks": "true",
            }
            try:
                with http.stream("GET", path, params=query, timeout=_LONGEST) as answer:
                    answer.raise_for_status()
                    for line in answer.iter_lines():
                        if restores != self._restores:
                            break  # it was told before, and never was
                        told = self._hear(kind, json.loads(line))
                        since = told or self._fill(http, kind, since)
            except httpx.HTTPStatusError as error:
                if error.response.status_code == 410:
                    since = self._fill(http, kind, since)
                time.sleep(_PAUSE)
            except httpx.HTTPError:
                time.sleep(_PAUSE)  # it goes on from where it was: nothing is lost
            except (ValueError, KeyError) as error:
                self._miss("", f"{kind}: what the watch said cannot be read: {error!r}")
                time.sleep(_PAUSE)

    def _fill(self, http: httpx.Client, kind: str, since: int) -> int:
        """Ask what was at each moment that no watch tells any more, as after the API server's restart."""
        now = http.get(self._paths[kind], params={"limit": "1"}).raise_for_status().json()
        until = int(now["metadata"]["resourceVersion"])
        if until - since > _MOST_MOMENTS:
            self._miss("", f"{kind}: what was between {since} and {until} was never told")
            return self._list(http, kind)
        for at in range(since + 1, until + 1):
            query = {"resourceVersion": str(at), "resourceVersionMatch": "Exact"}
            listed = http.get(self._paths[kind], params=query).raise_for_status().json()["items"]
            there = {(_namespace(item), _name(item)) for item in listed}
            for item in listed:
                if _moment(item) == at:
                    self._add(kind, item, at, deleted=False)
            for gone in self._all(kind):
                if (_namespace(gone), _name(gone)) not in there:
                    self._add(kind, gone, at, deleted=True)
        return until

    def _all(self, kind: str) -> list[Object]:
        with self._changed:
            return [
                of
                for (of_kind, _), objects in self._current.items()
                for of in objects.values()
                if of_kind == kind
            ]

    def _hear(self, kind: str, event: dict[str, Object]) -> int:
        """Take over one event; return where to go on from, 0 where the watch knows no further."""
        if str(event["type"]) == "ERROR":
            return 0
        at = _moment(event["object"])
        if str(event["type"]) != "BOOKMARK":
            self._add(kind, event["object"], at, deleted=str(event["type"]) == "DELETED")
        return at

    def _miss(self, namespace: str, words: str) -> None:
        with self._changed:
            self._gaps.append((namespace, words))

    def _add(self, kind: str, item: Object, at: int, *, deleted: bool) -> None:
        namespace, name = _namespace(item), _name(item)
        with self._changed:
            if namespace in self._forgotten or (kind, name) == _KUBERNETES:
                return
            objects = self._current.setdefault((kind, namespace), {})
            known = objects.get(name)
            if known is not None and not deleted and _moment(known) >= at:
                return
            if known is not None and _skips(kind, known, item):
                words = f"{kind}/{name}: a generation before {at} was never told"
                self._gaps.append((namespace, words))
            if deleted:
                objects.pop(name, None)
            else:
                objects[name] = item
            if kind == "events" and len(objects) > _MOST_EVENTS:
                return
            version = Version(at, kind, namespace, name, item, deleted)
            self._versions.setdefault(namespace, []).append(version)
            self._last[namespace] = time.monotonic()
            self._changed.notify_all()


def _skips(kind: str, before: Object, after: Object) -> bool:
    """Whether there must have been a version in between."""
    if kind not in _COUNTED or part(before, "metadata").get("uid") != part(after, "metadata").get(
        "uid"
    ):
        return False
    return whole(after, "metadata", "generation") > whole(before, "metadata", "generation") + 1


def _moment(item: Object) -> int:
    metadata = item["metadata"]
    assert isinstance(metadata, dict)
    return int(metadata["resourceVersion"])


def _name(item: Object) -> str:
    return word(item, "metadata", "name")


def _namespace(item: Object) -> str:
    return word(item, "metadata", "namespace")
