"""An operator whose registry names two routers; run by itself, since what follows from the registry is read once.

It hears of a model of each router, with a route that gives requests to somebody of whom nothing is proven, and
makes a pass for each. It prints what it did as JSON.
"""

import asyncio
import json
from collections.abc import Collection
from typing import cast

from tests.unit.routing.mesh import MESHES, SPLITS, register

register()

from mlhops.api.base import Json, Manifest  # noqa: E402
from mlhops.controller.cache.entry import Name  # noqa: E402
from mlhops.controller.cache.hearing import Hearing  # noqa: E402
from mlhops.controller.cache.store import WATCHED, Store  # noqa: E402
from mlhops.controller.kube.client import Client  # noqa: E402
from mlhops.controller.operator import Operator  # noqa: E402
from mlhops.controller.resources import GATEWAYS, MODELS, ROUTES, Key, Kind  # noqa: E402
from mlhops.json_access import at, text  # noqa: E402
from mlhops.kserve.detector import Detectors  # noqa: E402
from mlhops.kserve.names import owner_reference  # noqa: E402
from mlhops.rollout.evaluation.evaluator_pod import EvaluatorImage  # noqa: E402
from testkit.builders import clinical_model  # noqa: E402
from tools.permissions import operator_rules  # noqa: E402

WARD = "icu"
BY_MESH, BY_GATEWAY = "sepsis", "stroke"
GATEWAY: Manifest = {"name": "clinical", "hostnames": ["stroke.models.example"]}


class Cluster:
    """Answers the operator's calls with what it has heard, and notes the routes that it applies."""

    def __init__(self, store: Store) -> None:
        """Nothing is written yet."""
        self.store = store
        self.applied: list[tuple[str, Manifest]] = []

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Read an object."""
        return self.store.get(kind, Name(namespace, name))

    async def list(self, kind: Kind, namespace: str, *_: str, **__: object) -> list[Manifest]:
        """Read all of a kind, whatever is asked of them: there is one of each at most."""
        return self.store.all_of(kind, namespace)

    async def apply(self, kind: Kind, manifest: Manifest, subresource: str = "") -> Manifest:
        """Take a write."""
        if kind in (SPLITS, ROUTES) and not subresource:
            self.applied.append((kind.plural, manifest))
        return manifest

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Take a write that matters to nobody here."""
        del kind
        return manifest


def known(name: str, version: int) -> Manifest:
    """The metadata of an object of the ward."""
    return {
        "name": name,
        "namespace": WARD,
        "uid": f"uid-{name}",
        "resourceVersion": str(version),
        "ownerReferences": [cast(Json, owner_reference(name, f"uid-{name}"))],
    }


def objects() -> Collection[tuple[Kind, Manifest]]:
    """A model of each router, with what its route hangs on and a route that gives requests to a stranger."""
    models = (
        clinical_model({"spec.exposure.mode": "Knative"}, BY_MESH),
        clinical_model({"spec.exposure.gateway": GATEWAY}, BY_GATEWAY),
    )
    spec: Manifest = {
        "parentRefs": [{"name": "clinical", "namespace": WARD}],
        "hostnames": ["stroke.models.example"],
        "rules": [{"backendRefs": [{"name": "stranger-predictor", "weight": 100}]}],
    }
    return (
        (MESHES, {"metadata": known("mesh", 1)}),
        (GATEWAYS, {"metadata": known("clinical", 2)}),
        *((MODELS, one | {"metadata": known(name, 3)}) for one, name in named(models)),
        (SPLITS, {"metadata": known(BY_MESH, 4), "spec": {"shares": {"stranger": 100}}}),
        (ROUTES, {"metadata": known(BY_GATEWAY, 5), "spec": spec}),
    )


def named(models: Collection[Manifest]) -> Collection[tuple[Manifest, str]]:
    """Each model with its name."""
    return [(one, text(one, "metadata", "name")) for one in models]


async def woken_by(hearing: Hearing, kind: Kind, manifest: Manifest) -> list[str]:
    """The models that are looked at after something is heard."""
    names = []
    hearing.hear(kind, manifest)
    while len(hearing.queue):
        key = await hearing.queue.get()
        hearing.queue.succeeded(key)
        hearing.queue.done(key)
        names.append(key.name)
    return sorted(names)


async def run() -> Json:
    """Hear of all of it, make a pass for each model, and hear of a change of the mesh."""
    hearing = Hearing()
    cluster = Cluster(hearing.store)
    client = cast(Client, cluster)
    detectors = Detectors("detector", "other")
    operator = Operator(client, hearing, EvaluatorImage("evaluator"), detectors)
    for kind, manifest in objects():
        await woken_by(hearing, kind, manifest)
    for kind in WATCHED:
        hearing.store.set_complete(kind)
    for name in (BY_MESH, BY_GATEWAY):
        hearing.add(Key("ClinicalModel", WARD, name))
    work = asyncio.create_task(operator.work())
    while len(operator.queue) or operator.queue.working:
        await asyncio.sleep(0)
    work.cancel()
    changed: Manifest = {"metadata": known("mesh", 6), "status": {"closed": "for repairs"}}
    rights = [rule.to_json() for rule in operator_rules() if rule.group == SPLITS.group]
    return {
        "applied": {kind: at(manifest, "spec") for kind, manifest in cluster.applied},
        "woken": cast(Json, await woken_by(hearing, MESHES, changed)),
        "rights": cast(Json, rights),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run())))
