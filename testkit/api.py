"""What tests say to the API server: plain JSON over one connection, and waiting for something to be so."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import httpx

from mlhops.api.base import Manifest
from mlhops.controller.resources import ROUTES, SERVICES, Kind
from mlhops.json_access import at, items, text
from testkit.connection import connect

T = TypeVar("T")
POLL = 0.05


class Api:
    """Speaks to the API server of a kubeconfig, as its user."""

    def __init__(self, kubeconfig: Path) -> None:
        self.http = connect(kubeconfig)

    def close(self) -> None:
        """Close the connection."""
        self.http.close()

    def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """The object, None where there is none."""
        answer = self.http.get(kind.path(namespace, name))
        return None if answer.status_code == 404 else self._json(answer)

    def list(self, kind: Kind, namespace: str) -> list[Manifest]:
        """All objects of a kind in a namespace."""
        return cast(list[Manifest], self._json(self.http.get(kind.path(namespace)))["items"])

    def create(self, kind: Kind, namespace: str, manifest: Manifest) -> Manifest:
        """Create an object."""
        return self._json(self.http.post(kind.path(namespace), json=manifest))

    def patch(
        self, kind: Kind, namespace: str, name: str, patch: Manifest, subresource: str = ""
    ) -> Manifest:
        """A JSON merge patch."""
        headers = {"Content-Type": "application/merge-patch+json"}
        path = kind.path(namespace, name, subresource)
        return self._json(self.http.patch(path, json=patch, headers=headers))

    def delete(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete an object, and in the background what it owns."""
        body = {"propagationPolicy": "Background"}
        answer = self.http.request("DELETE", kind.path(namespace, name), json=body)
        if answer.status_code != 404:
            self._json(answer)

    def _json(self, answer: httpx.Response) -> Manifest:
        if answer.is_error:
            raise RuntimeError(f"{answer.request.method} {answer.request.url}: {answer.text}")
        return cast(Manifest, answer.json())


def route_weights(api: Api, namespace: str, model: str) -> dict[str, int]:
    """The weights in a model's HTTPRoute by backend, none where there is no route."""
    route = api.get(ROUTES, namespace, model)
    rules = items(route, "spec", "rules")
    backends = items(rules[0], "backendRefs") if rules else []
    return {text(b, "name"): cast(int, b["weight"]) for b in backends}


def live_services(api: Api, namespace: str) -> list[str]:
    """InferenceServices that are not on their way out."""
    return [
        text(service, "metadata", "name")
        for service in api.list(SERVICES, namespace)
        if at(service, "metadata", "deletionTimestamp") is None
    ]


def until(what: str, look: Callable[[], T | None], seconds: float = 20.0) -> T:
    """Look again and again until there is something to see, and return it."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}; last seen: {found!r}")
        time.sleep(POLL)


def until_none(api: Api, kind: Kind, namespace: str, seconds: float) -> None:
    """Wait until a namespace has no object of a kind."""
    until(f"no {kind.plural}", lambda: not api.list(kind, namespace), seconds)
