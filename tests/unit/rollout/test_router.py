"""A second router, with kinds of its own: the plan, the facts and the writes go by what it says."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from kubernetes.aio.client import Configuration

from mlhops.api.base import Manifest
from mlhops.api.model import ClinicalModel
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.store import Store
from mlhops.controller.kube.client import Client
from mlhops.controller.kube.events import Recorder
from mlhops.controller.kube.reader import CachedReader
from mlhops.controller.outbound.sinks import Sinks
from mlhops.controller.reconcile.apply import Applier
from mlhops.controller.reconcile.facts import Gathered
from mlhops.controller.reconcile.gather import gather
from mlhops.controller.resources import MODELS, Key
from mlhops.json_access import at, text
from mlhops.kserve.detector import Detectors
from mlhops.kserve.kind import Kind
from mlhops.kserve.state import Answerer, GatewayListener, Route
from mlhops.rollout.intents import Plan, SetWeights
from mlhops.rollout.observed import Observed
from mlhops.routing.router import Blocker, Facts, ParentReference
from testkit.builders import clinical_model
from tests.unit.rollout.world import START, World

SPLITS = Kind("mesh.example", "v1", "splits")
MESHES = Kind("mesh.example", "v1", "meshes")


@dataclass(frozen=True)
class MeshRouter:
    """Splits requests by an object that lists shares, beside a mesh that each namespace has."""

    closed: bool = False
    route = SPLITS
    parent_kind = MESHES
    rights = ("create", "patch")

    def parent(self, model: ClinicalModel) -> ParentReference | None:
        return ParentReference(MESHES, model.metadata.namespace, "mesh")

    def listener(self, parent: Manifest) -> GatewayListener:
        return GatewayListener("https" if parent else "http", 8443)

    def doubt(self, parent: Manifest) -> str:
        return text(parent, "status", "closed")

    def hostnames(self, route: Manifest) -> Sequence[str]:
        return [text(route, "spec", "host")]

    def plays_another_part(self, before: Manifest | None, after: Manifest | None) -> bool:
        return before != after

    def missing(self, facts: Facts) -> Blocker | None:
        return None if facts.gateway_exists else ("GatewayMissing", "the ward has no mesh")

    def refused(self, facts: Facts) -> Blocker | None:
        del facts
        return ("ForeignObject", "the mesh is closed") if self.closed else None

    def desired(
        self,
        model: ClinicalModel,
        weights: Mapping[str, int],
        answerers: Mapping[str, Answerer],
        features: int = 0,
    ) -> Manifest:
        del answerers, features
        return {"metadata": {"name": model.metadata.name}, "spec": {"shares": {**weights}}}

    def observe(
        self, model: ClinicalModel, live: Manifest, answerers: Mapping[str, Answerer]
    ) -> Route:
        del model, answerers
        shares = cast("dict[str, int]", at(live, "spec", "shares"))
        return Route(weights=shares, accepted=text(live, "status", "open") == "yes")

    def url(self, facts: Facts, hostnames: Sequence[str]) -> str | None:
        del hostnames
        return f"mesh:{facts.model.metadata.name}"


class Mesh(World):
    """A cluster whose requests a mesh splits."""

    router = MeshRouter()

    def observe(self) -> Observed:
        """Gather the facts, with the other router."""
        return replace(super().observe(), router=self.router)


def test_a_rollout_climbs_by_another_router_and_has_its_url() -> None:
    world = Mesh(steps=[{"setWeight": 10}])
    world.deploy()
    world.deploy("2.0.0")

    assert world.shares() == {world.service_of(world.target): 100}
    assert world.status.url == "mesh:sepsis"


def test_what_another_router_lacks_or_is_refused_blocks_the_rollout() -> None:
    world = Mesh()
    world.gateway_exists = False
    world.run()
    assert (world.status.phase, world.status.message) == ("Degraded", "the ward has no mesh")

    world.gateway_exists, world.router = True, MeshRouter(closed=True)
    world.run()
    assert world.status.message == "the mesh is closed"
    assert world.shares() == {}


def gathered(store: Store) -> Gathered:
    """What is gathered of a model where only these objects are."""

    async def run() -> Gathered | None:
        client = Client(Configuration())
        try:
            reader = CachedReader(store, client)
            return await gather(reader, MeshRouter(), Detectors("a", "b"), KEY)
        finally:
            await client.close()

    found = asyncio.run(run())
    assert found is not None
    return found


KEY = Key("ClinicalModel", "default", "sepsis")


class Everything(Store):
    """Has a model, its split and its mesh, and covers all kinds."""

    def covers(self, kind: Kind, namespace: str) -> bool:
        """Nothing has to be asked of an API server."""
        del kind, namespace
        return True

    def is_complete(self, kind: Kind) -> bool:
        """Nothing has to be asked of an API server."""
        del kind
        return True

    def get(self, kind: Kind, name: Name) -> Manifest | None:
        """The objects that there are."""
        metadata: Manifest = {"namespace": name.namespace, "name": name.name, "uid": "u"}
        if kind == SPLITS:
            return {
                "metadata": {**metadata, "resourceVersion": "7"},
                "spec": {"shares": {"sepsis-a": 90, "sepsis-b": 10}},
                "status": {"open": "yes"},
            }
        if kind == MESHES and name.name == "mesh":
            return {"metadata": metadata, "status": {"closed": "for repairs"}}
        return clinical_model({"metadata.uid": "uid-1"}) if kind == MODELS else None


class Applied:
    """Takes what is applied."""

    def __init__(self) -> None:
        self.made: list[tuple[Kind, Manifest]] = []

    async def apply(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Note it."""
        self.made.append((kind, manifest))
        return manifest


def test_facts_and_writes_are_of_the_kinds_that_the_router_names() -> None:
    found = gathered(Everything())

    assert found.seen.route is not None
    assert found.seen.route.actual == {"sepsis-a": 90, "sepsis-b": 10}
    assert found.seen.unprogrammed == "for repairs"
    assert found.seen.listener == GatewayListener("https", 8443)

    writes = Applied()
    client = cast(Client, writes)
    applier = Applier(client, MeshRouter(), Recorder(client, lambda: START), cast(Sinks, None))
    asyncio.run(applier.apply(found, Plan((SetWeights({"sepsis-a": 100}),), None, (), (), None)))

    [(kind, manifest)] = writes.made
    assert kind == SPLITS
    assert at(manifest, "spec") == {"shares": {"sepsis-a": 100}}
