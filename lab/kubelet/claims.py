"""Binds persistentVolumeClaims as a provisioner would: each to a folder of this machine."""

import asyncio
from pathlib import Path

from lab.client import PERSISTENT_VOLUME_CLAIMS, Client, Object
from lab.informer import Informers, Key, Loop, key_of


class Claims:
    """Makes a folder for each claim, and says that it is bound."""

    def __init__(self, client: Client, informers: Informers, folder: Path) -> None:
        self._client = client
        self._claims = informers[PERSISTENT_VOLUME_CLAIMS]
        self._folder = folder
        self._loop = Loop("bind claim", self._bind)

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        self._loop.start(tasks)
        self._claims.on_change(self._seen)

    def _seen(self, _: Object | None, after: Object | None) -> None:
        if after is not None:
            self._loop.add(key_of(after))

    async def _bind(self, key: Key) -> None:
        claim = self._claims.get(key)
        if claim is None or claim["status"].get("phase") == "Bound":
            return
        (self._folder / key.namespace / key.name).mkdir(parents=True, exist_ok=True)
        spec = claim["spec"]
        status: Object = {"phase": "Bound", "accessModes": spec.get("accessModes", [])}
        status["capacity"] = spec.get("resources", {}).get("requests", {})
        patch: Object = {"status": status}
        await self._client.patch(
            PERSISTENT_VOLUME_CLAIMS, key.namespace, key.name, patch, sub="status"
        )
