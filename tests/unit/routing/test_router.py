"""A second router, with kinds of its own: the plan, the facts and the writes go by what it says."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Collection
from typing import cast

from kubernetes.aio.client import Configuration

from mlhops.api.base import Json, Manifest
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
from mlhops.json_access import at, items
from mlhops.kserve.detector import Detectors
from mlhops.kserve.kind import Kind
from mlhops.rollout.intents import Plan, SetTraffic
from mlhops.routing.gateway_api import GatewayRouter
from mlhops.routing.registry import router_of
from mlhops.routing.route import GatewayListener
from mlhops.routing.traffic import Traffic
from testkit.builders import clinical_model
from tests.unit.rollout.world import START, World
from tests.unit.routing.mesh import MESHES, SPLITS, MeshRouter


class Mesh(World):
    """A cluster whose requests a mesh splits."""

    router = MeshRouter()

    def __init__(self, steps: list[Json] | None = None) -> None:
        """Begin with a model that the mesh takes."""
        super().__init__(steps, **{"spec.exposure.mode": "Knative"})


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
            return await gather(
                reader, Detectors("a", "b"), KEY, routers=[GatewayRouter(), MeshRouter()]
            )
        finally:
            await client.close()

    found = asyncio.run(run())
    assert found is not None
    return found


KEY = Key("ClinicalModel", "default", "sepsis")
MESHED: Manifest = {"metadata.uid": "uid-1", "spec.exposure.mode": "Knative"}


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

    def with_hostnames(self, kind: Kind, hostnames: Collection[str]) -> list[Name]:
        """Nobody else has any."""
        del kind, hostnames
        return []

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
        return clinical_model(MESHED) if kind == MODELS else None


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
    assert found.seen.route.actual == Traffic({"sepsis-a": 90, "sepsis-b": 10})
    assert found.seen.unprogrammed == "for repairs"
    assert found.seen.listener == GatewayListener("https", 8443)

    writes = Applied()
    client = cast(Client, writes)
    applier = Applier(client, Recorder(client, lambda: START), cast(Sinks, None))
    given = SetTraffic(Traffic({"sepsis-a": 100}))
    asyncio.run(applier.apply(found, Plan((given,), None, (), (), None)))

    [(kind, manifest)] = writes.made
    assert kind == SPLITS
    assert at(manifest, "spec") == {"shares": {"sepsis-a": 100}}


def test_one_operator_goes_by_the_router_of_each_model_and_only_the_registry_names_them() -> None:
    command = [sys.executable, "-m", "tests.unit.routing.two_routers"]
    made = subprocess.run(command, capture_output=True, text=True, check=True)  # ours
    found = cast(Manifest, json.loads(made.stdout.splitlines()[-1]))

    assert at(found, "applied", "splits") == {"shares": {}}
    [rule] = items(found, "applied", "httproutes", "rules")
    assert rule["backendRefs"] == []
    assert found["woken"] == ["sepsis", "stroke"], "a change of the mesh matters to those that wait"
    assert found["rights"] == [
        {
            "apiGroups": ["mesh.example"],
            "resources": ["splits"],
            "verbs": ["create", "get", "list", "patch", "watch"],
        },
        {
            "apiGroups": ["mesh.example"],
            "resources": ["meshes"],
            "verbs": ["get", "list", "watch"],
        },
    ]


def test_a_model_that_no_router_takes_is_blocked_and_gets_no_traffic() -> None:
    world = World(None, **{"spec.exposure.mode": "Knative"})
    assert router_of(world.model) == GatewayRouter()

    world.run()

    assert world.status.phase == "Degraded"
    assert "spec.exposure.mode Knative is not supported" in world.status.message
    assert world.shares() == {}
