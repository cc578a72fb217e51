"""Every version of every object, as the API server tells it to anybody who watches.

Versions of all kinds stand in one order, that of their resourceVersions, since all are kept in one etcd.
"""

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import httpx

from tests.cluster_api import Api

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
}
_LONGEST = 3600


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

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._changed = threading.Condition()
        self._versions: dict[str, list[Version]] = {}
        self._current: dict[tuple[str, str], dict[str, Object]] = {}
        self._last: dict[str, float] = {}
        self._stopped = False

    def __enter__(self) -> Self:
        for kind in PATHS:
            api = Api(self._kubeconfig)
            since = self._list(api.http, kind)
            arguments = (api.http, kind, since)
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
        for kind, path in PATHS.items():
            root, _, plural = path.rpartition("/")
            listed = http.get(f"{root}/namespaces/{namespace}/{plural}").raise_for_status().json()
            there = {of["metadata"]["name"]: _moment(of) for of in listed["items"]}
            told = {name: _moment(of) for name, of in self.current(kind, namespace).items()}
            if there != told:
                return False
        return True

    def forget(self, namespace: str) -> None:
        """Drop what was recorded of a namespace that is done with."""
        with self._changed:
            self._versions.pop(namespace, None)
            self._last.pop(namespace, None)
            for kind in PATHS:
                self._current.pop((kind, namespace), None)

    def _list(self, http: httpx.Client, kind: str) -> int:
        """Take over what is there, and what went without a word; return where to watch on from."""
        answer = http.get(PATHS[kind]).raise_for_status().json()
        at = int(answer["metadata"]["resourceVersion"])
        there = {(of["metadata"]["namespace"], of["metadata"]["name"]) for of in answer["items"]}
        for item in answer["items"]:
            self._add(kind, item, _moment(item), deleted=False)
        with self._changed:
            known = [
                (namespace, of)
                for (of_kind, namespace), objects in self._current.items()
                for of in objects.values()
                if of_kind == kind
            ]
        for namespace, of in known:
            if (namespace, _name(of)) not in there:
                self._add(kind, of, at, deleted=True)
        return at

    def _watch(self, http: httpx.Client, kind: str, since: int) -> None:
        while not self._stopped:
            query: dict[str, str] = {"watch": "true", "resourceVersion": str(since)}
            try:
                if since == 0:
                    since = self._list(http, kind)
                    continue
                with http.stream("GET", PATHS[kind], params=query, timeout=_LONGEST) as answer:
                    answer.raise_for_status()
                    for line in answer.iter_lines():
                        since = self._hear(kind, json.loads(line))
            except (httpx.HTTPError, ValueError):
                time.sleep(0.2)

    def _hear(self, kind: str, event: dict[str, Object]) -> int:
        """Take over one event; return where to go on from, 0 for a new list."""
        if str(event["type"]) == "ERROR":
            return 0
        at = _moment(event["object"])
        self._add(kind, event["object"], at, deleted=str(event["type"]) == "DELETED")
        return at

    def _add(self, kind: str, item: Object, at: int, *, deleted: bool) -> None:
        metadata = item["metadata"]
        assert isinstance(metadata, dict)
        namespace, name = str(metadata["namespace"]), str(metadata["name"])
        with self._changed:
            objects = self._current.setdefault((kind, namespace), {})
            known = objects.get(name)
            if known is not None and not deleted and _moment(known) >= at:
                return
            if deleted:
                objects.pop(name, None)
            else:
                objects[name] = item
            version = Version(at, kind, namespace, name, item, deleted)
            self._versions.setdefault(namespace, []).append(version)
            self._last[namespace] = time.monotonic()
            self._changed.notify_all()


def _moment(item: Object) -> int:
    metadata = item["metadata"]
    assert isinstance(metadata, dict)
    return int(metadata["resourceVersion"])


def _name(item: Object) -> str:
    metadata = item["metadata"]
    assert isinstance(metadata, dict)
    return str(metadata["name"])
