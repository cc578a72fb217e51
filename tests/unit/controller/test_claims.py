"""Passes go on beside each other, and still no two models claim one host name."""

import asyncio
from datetime import UTC, datetime
from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.store import WATCHED, Store
from mlhops.controller.kube.client import Client
from mlhops.controller.outbound.sinks import Sinks
from mlhops.controller.reconcile.models import Models
from mlhops.controller.resources import GATEWAYS, MODELS, Key, Kind
from mlhops.json_access import items, text
from mlhops.kserve.detector import Detectors
from testkit.builders import clinical_model

WARDS = ("icu", "ward", "unit")


class SlowClient:
    """Answers after a while, so that other passes come in between."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.claimed: list[str] = []

    async def apply(self, kind: Kind, manifest: Manifest, subresource: str = "") -> Manifest:
        """Take a write, and note whose status claims a host name."""
        await asyncio.sleep(0.02)
        if kind == MODELS and subresource and items(manifest, "status", "hostnames"):
            self.claimed.append(text(manifest, "metadata", "namespace"))
        return manifest

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Take a write."""
        del kind
        await asyncio.sleep(0.02)
        return manifest

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Read."""
        await asyncio.sleep(0.01)
        return self._store.get(kind, Name(namespace, name)) if kind in WATCHED else None


def test_passes_beside_each_other_do_not_claim_one_host_name_twice() -> None:
    store = Store()
    listener: Json = {
        "name": "http",
        "protocol": "HTTP",
        "port": 80,
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    place: Manifest = {"name": "clinical", "namespace": "icu", "resourceVersion": "1"}
    store.hear(GATEWAYS, {"metadata": place, "spec": {"listeners": [listener]}})
    for number, ward in enumerate(WARDS, 2):
        gateway: Manifest = {"name": "clinical", "namespace": "icu", "hostnames": ["a.example"]}
        model = clinical_model({"spec.exposure.gateway": gateway})
        known: Manifest = {"namespace": ward, "uid": ward, "resourceVersion": str(number)}
        cast(Manifest, model["metadata"]).update(known)
        store.hear(MODELS, model)
    for kind in WATCHED:
        store.set_complete(kind)
    client = SlowClient(store)
    models = Models(
        cast(Client, client),
        store,
        Detectors("detector", "alibi"),
        lambda: datetime(2030, 1, 1, tzinfo=UTC),
        cast(Sinks, None),
        lambda _: None,
        lambda *_: None,
    )

    async def run() -> None:
        await asyncio.gather(
            *(models.reconcile(Key("ClinicalModel", ward, "sepsis")) for ward in WARDS)
        )

    asyncio.run(run())
    assert len(client.claimed) == 1
