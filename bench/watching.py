"""Sees changes as any client can see them first: at the end of a watch."""

import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from mlhops.api.base import Manifest
from mlhops.controller.resources import Kind
from mlhops.json_access import text
from testkit.api import Api

_LONGEST = 600


@dataclass(frozen=True)
class Change:
    """One event of a watch, and when it arrived."""

    at: float
    type: str
    item: Manifest

    @property
    def name(self) -> str:
        """The object's name."""
        return text(self.item, "metadata", "name")


class Watch:
    """Watches one kind in one namespace, until the API server or the process ends."""

    def __init__(self, kubeconfig: Path, kind: Kind, namespace: str) -> None:
        self._api = Api(kubeconfig)
        self._path = kind.path(namespace)
        self._changes: queue.Queue[Change] = queue.Queue()
        listed = self._api.http.get(self._path).raise_for_status().json()
        self._version = text(listed, "metadata", "resourceVersion")
        threading.Thread(target=self._run, daemon=True).start()

    def first(self, wanted: Callable[[Change], bool], seconds: float = 60.0) -> Change:
        """Return the first change of that kind from here on."""
        deadline = time.monotonic() + seconds
        while True:
            change = self._changes.get(timeout=max(deadline - time.monotonic(), 0.001))
            if wanted(change):
                return change

    def _run(self) -> None:
        query = {
            "watch": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(_LONGEST),
        }
        try:
            with self._api.http.stream("GET", self._path, params=query, timeout=_LONGEST) as answer:
                for line in answer.iter_lines():
                    now = time.perf_counter()
                    event = json.loads(line)
                    self._changes.put(Change(now, event["type"], event["object"]))
        except httpx.HTTPError:
            pass  # the control plane was stopped
