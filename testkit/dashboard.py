"""A dashboard to ask without a network: its pages as answers, over an API server that is a dictionary."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx

from mlhops.api.base import Manifest
from mlhops.cli.dashboard.access import LinkAccess
from mlhops.cli.dashboard.app import PARTS, app
from mlhops.cli.dashboard.cluster import ApiRefusal, Changes
from mlhops.cli.exits import Trouble
from mlhops.cli.kubectl import WatchEvent
from mlhops.cli.refusals import ApiRequest
from mlhops.json_access import text
from testkit.standings import NEW, STANDINGS, a_decision, an_evaluation

PORT = 8080
EVALUATION = f"sepsis-{NEW}-1"
MODEL = "/models/ward/sepsis"
ADDRESSES = [
    "/models",
    MODEL,
    *(f"{MODEL}/{part}" for part in (*PARTS, "card")),
    f"/evaluations/ward/{EVALUATION}",
]
"""Every page of that model."""
_LISTED = re.compile(r"/(?:apis/[^/]+|api)/[^/]+(?:/namespaces/(?P<ns>[^/]+))?/(?P<kind>[a-z]+)")


@dataclass
class MemoryCluster:
    """An API server that has these objects, and selects as a real one does."""

    models: Sequence[Manifest] = ()
    evaluations: Sequence[Manifest] = ()
    decisions: Sequence[Manifest] = ()
    events: Sequence[Manifest] = ()
    asked: list[str] = field(default_factory=list)
    """The paths that were asked for."""

    def get(self, path: str, asked: ApiRequest) -> Manifest:
        """Return a list, or an Evaluation by its name."""
        self.asked.append(path)
        address = urlsplit(path)
        if asked.name:
            named = [each for each in self.evaluations if path.endswith(f"/{_name(each)}")]
            if not named:
                raise ApiRefusal(404, Trouble("not found"))
            return named[0]
        found = _LISTED.fullmatch(address.path)
        assert found is not None, path
        kept = [each for each in self._of(found["kind"]) if found["ns"] in (None, _namespace(each))]
        for selector in parse_qs(address.query).get("fieldSelector", []):
            kept = [each for each in kept if _selected(each, selector)]
        return {"metadata": {"resourceVersion": "7"}, "items": [*kept]}

    def watch(self, path: str, asked: ApiRequest) -> Changes:
        """Return a watch in which nothing happens."""
        self.asked.append(path)
        return _Quiet()

    def _of(self, kind: str) -> Sequence[Manifest]:
        return {
            "clinicalmodels": self.models,
            "evaluations": self.evaluations,
            "decisions": self.decisions,
            "events": self.events,
            "controllerrevisions": (),
        }[kind]


class _Quiet:
    def __iter__(self) -> Iterator[WatchEvent]:
        return iter(())

    def close(self) -> None:
        """End it."""


def _name(manifest: Manifest) -> str:
    return text(manifest, "metadata", "name")


def _namespace(manifest: Manifest) -> str:
    return text(manifest, "metadata", "namespace")


def _selected(manifest: Manifest, selector: str) -> bool:
    pairs = (each.split("=") for each in selector.split(","))
    return all(text(manifest, *path.split(".")) == wanted for path, wanted in pairs)


@dataclass
class Visitor:
    """A browser at a dashboard."""

    cluster: MemoryCluster
    namespace: str = ""
    links: list[str] = field(default_factory=list)
    """The links that were announced."""
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Open the dashboard."""
        self._app = app(LinkAccess(self.cluster, PORT, self.links.append), self.namespace)

    def ask(self, path: str, method: str = "GET", **headers: str | bytes) -> httpx.Response:
        """Ask for a page."""
        sent = [(name.encode(), _bytes(said)) for name, said in headers.items()]

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            base = f"http://127.0.0.1:{PORT}"
            async with httpx.AsyncClient(
                transport=transport, base_url=base, cookies=self.cookies
            ) as client:
                return await client.request(method, path, headers=sent)

        return asyncio.run(asked())

    def log_in(self) -> httpx.Response:
        """Open the newest link."""
        answer = self.ask(self.links[-1])
        self.cookies |= dict(answer.cookies)
        return answer


def _bytes(said: str | bytes) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


def visitor(cluster: MemoryCluster, namespace: str = "") -> Visitor:
    """Return somebody who has opened the link."""
    found = Visitor(cluster, namespace)
    found.log_in()
    return found


def an_event() -> Manifest:
    """An Event of the model."""
    return {
        "metadata": {
            "namespace": "ward",
            "name": "e1",
            "creationTimestamp": "2026-05-01T11:00:00Z",
        },
        "involvedObject": {"kind": "ClinicalModel", "name": "sepsis"},
        "type": "Warning",
        "reason": "GatesFailed",
        "message": "missed-deaths is beyond its limit",
    }


def full(standing: str) -> MemoryCluster:
    """A cluster with a model in a standing, and all that can belong to one."""
    return MemoryCluster([STANDINGS[standing]()], [an_evaluation()], [a_decision()], [an_event()])
