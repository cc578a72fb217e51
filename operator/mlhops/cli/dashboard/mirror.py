"""The models of a fleet, read once and then kept as a watch tells of them.

A thousand models are some megabytes at the API server: a page that is loaded at each change must not ask for them all
each time. A watch ends after five minutes at most; who reads after that has them listed anew, as rights then are.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlhops.cli.dashboard import reading
from mlhops.cli.dashboard.cluster import ApiReader, Changes, Expired
from mlhops.cli.kubectl import WatchEvent
from mlhops.json_access import at, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest


class Mirror:
    """The models of a namespace, or of all, for all who share one login."""

    def __init__(self, reader: ApiReader, namespace: str) -> None:
        self._reader = reader
        self._namespace = namespace
        self._lock = threading.Lock()
        self._models: dict[tuple[str, str], Manifest] = {}
        self._version = ""
        self._follows = False
        self._listeners: set[MirrorFeed] = set()

    def read(self) -> reading.Read:
        """Return the models as they are.

        Raises:
            ApiRefusal: they are not told.
        """
        with self._lock:
            self._begin()
            return reading.Read(list(self._models.values()), self._version)

    def changes(self, version: str) -> Changes:
        """Follow the models; what has changed since a version is told at once.

        Raises:
            ApiRefusal: they are not told.
        """
        with self._lock:
            self._begin()
            listener = MirrorFeed(self)
            if version != self._version:
                listener.hear(
                    WatchEvent("MODIFIED", {"metadata": {"resourceVersion": self._version}})
                )
            self._listeners.add(listener)
            return listener

    def leave(self, listener: MirrorFeed) -> None:
        """Tell somebody nothing any more."""
        with self._lock:
            self._listeners.discard(listener)

    def _begin(self) -> None:
        if self._follows:
            return
        found = reading.models(self._reader, self._namespace)
        try:
            watch = reading.changes(self._reader, self._namespace, "", found.version)
        except Expired:  # who reads next has them listed anew
            watch = None
        self._models = {_key(each): _lean(each) for each in found.objects}
        self._version = found.version
        if watch is not None:
            self._follows = True
            following = threading.Thread(target=self._follow, args=(watch,), daemon=True)
            following.start()

    def _follow(self, watch: Changes) -> None:
        try:
            for event in watch:
                self._apply(event)
        except Expired:
            pass
        finally:
            watch.close()
            with self._lock:
                self._follows = False
                for listener in self._listeners:
                    listener.hear(None)
                self._listeners.clear()

    def _apply(self, event: WatchEvent) -> None:
        with self._lock:
            if event.type == "DELETED":
                self._models.pop(_key(event.object), None)
            elif event.type in ("ADDED", "MODIFIED"):
                self._models[_key(event.object)] = _lean(event.object)
            self._version = text(event.object, "metadata", "resourceVersion")
            for listener in self._listeners:
                listener.hear(event)


class MirrorFeed:
    """Changes of a mirror, told after it has them."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._heard: queue.SimpleQueue[WatchEvent | None] = queue.SimpleQueue()

    def hear(self, event: WatchEvent | None) -> None:
        """Be told of a change; None ends it."""
        self._heard.put(event)

    def __iter__(self) -> Iterator[WatchEvent]:
        """Return the changes as they come."""
        while (event := self._heard.get()) is not None:
            yield event

    def close(self) -> None:
        """End it."""
        self._mirror.leave(self)
        self.hear(None)


def _key(model: Manifest) -> tuple[str, str]:
    return text(model, "metadata", "namespace"), text(model, "metadata", "name")


def _lean(model: Manifest) -> Manifest:
    """Return a model without the half of it that says who set which field."""
    metadata = at(model, "metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    return model
