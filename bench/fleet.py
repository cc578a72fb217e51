"""Many models at once: creates them, gives them new versions, and sees when all are healthy."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lab.client import Client, Object, Resource
from lab.informer import Informer, Key, key_of
from mlhops.api.base import Json, Manifest
from mlhops.json_access import at, text
from testkit.builders import clinical_model

MODELS = Resource("mlhops.io", "v1alpha1", "clinicalmodels", "ClinicalModel")
_AT_A_TIME = 16


@dataclass(frozen=True)
class Arrival:
    """How soon a fleet got where people want it."""

    asked: float
    """Seconds until the API server had taken all that people asked for."""
    seconds: float
    """Seconds from the first request until the last model was there, or until patience was over."""
    arrived: int
    """Models that were there by then."""


class Fleet:
    """Models of the same kind, followed through one watch."""

    def __init__(self, client: Client, keys: Sequence[Key], rollout: Mapping[str, Json]) -> None:
        self.keys = keys
        self._client = client
        self._rollout = rollout
        self._version = ""
        self._left: set[Key] = set()
        self._all_there = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def followed(
        cls, kubeconfig: Path, keys: Sequence[Key], **rollout: Json
    ) -> AsyncIterator[Self]:
        """A fleet that is not there yet; `rollout` is each model's `spec.rollout`."""
        async with Client(kubeconfig) as client:
            fleet, informer = cls(client, keys, rollout), Informer(client, MODELS)
            informer.on_change(fleet._seen)
            watch = asyncio.create_task(informer.run())
            try:
                await informer.synced.wait()
                yield fleet
            finally:
                watch.cancel()

    async def deploy(self, version: str, patience: float) -> Arrival:
        """Create all models, and wait until all are healthy."""
        return await self._go(version, self.create, patience)

    async def update(self, version: str, patience: float) -> Arrival:
        """Give all a new version, and wait until all are healthy with it."""
        return await self._go(version, self.change, patience)

    async def create(self, key: Key, version: str) -> None:
        """Create one model."""
        manifest = model(key, version, self._rollout)
        await self._client.create(MODELS, manifest, namespace=key.namespace)

    async def change(self, key: Key, version: str) -> None:
        """Give one model a new version."""
        body: Object = {"spec": change_of(key, version)}
        await self._client.patch(MODELS, key.namespace, key.name, body)

    async def _go(
        self, version: str, ask: Callable[[Key, str], Awaitable[None]], patience: float
    ) -> Arrival:
        began = time.monotonic()
        self._version, self._left = version, set(self.keys)
        self._all_there.clear()
        await each(self.keys, lambda key: ask(key, version))
        asked = time.monotonic() - began
        try:
            async with asyncio.timeout(patience - asked):
                await self._all_there.wait()
        except TimeoutError:
            pass
        return Arrival(asked, time.monotonic() - began, len(self.keys) - len(self._left))

    def _seen(self, _: Object | None, live: Object | None) -> None:
        if live is not None and self._left and healthy_version(live) == self._version:
            self._left.discard(key_of(live))
            if not self._left:
                self._all_there.set()


def model(key: Key, version: str, rollout: Mapping[str, Json]) -> Manifest:
    """A ClinicalModel with a host name of its own."""
    return clinical_model(
        {
            "metadata.namespace": key.namespace,
            "spec.version": version,
            "spec.predictor.storageUri": _storage(key, version),
            "spec.exposure.gateway.hostnames": [host_of(key)],
            "spec.rollout": {"evidence": {"minRequests": 0}, **rollout},
        },
        key.name,
    )


def change_of(key: Key, version: str) -> Manifest:
    """What a new version changes in a model's spec."""
    return {"version": version, "predictor": {"storageUri": _storage(key, version)}}


def host_of(key: Key) -> str:
    """The host name of a model of a fleet."""
    return f"{key.name}.{key.namespace}.models.example"


def healthy_version(live: Object) -> str:
    """The version that serves, where nothing else is left to do; empty otherwise."""
    status = live.get("status")
    rests = (
        text(status, "phase") == "Healthy"
        and at(status, "candidate") is None
        and at(status, "observedGeneration") == live["metadata"]["generation"]
    )
    return text(status, "stable", "version") if rests else ""


async def each(keys: Iterable[Key], ask: Callable[[Key], Awaitable[None]]) -> None:
    """Ask for all, some at a time."""
    left = iter(keys)

    async def work() -> None:
        for key in left:
            await ask(key)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(_AT_A_TIME):
            tasks.create_task(work())


def _storage(key: Key, version: str) -> str:
    return f"s3://models/{key.name}/{version}"
