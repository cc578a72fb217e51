"""Keeps a copy of what the API server holds, and runs level-based loops on what changed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple, TypeAlias

import aiohttp

from lab.client import ApiError, Client, Object, Resource

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
FIRST_BACKOFF_SECONDS = 0.05
LAST_BACKOFF_SECONDS = 5.0


class Key(NamedTuple):
    """Which object; the namespace is empty for cluster-scoped kinds."""

    namespace: str
    name: str


def key_of(item: Object) -> Key:
    return Key(item["metadata"].get("namespace", ""), item["metadata"]["name"])


Listener: TypeAlias = Callable[[Object | None, Object | None], None]


class Informer:
    """A local copy of all objects of one kind. Listeners get (before, after) on each change."""

    def __init__(self, client: Client, resource: Resource) -> None:
        self.resource = resource
        self.synced = asyncio.Event()
        self._client = client
        self._items: dict[Key, Object] = {}
        self._listeners: list[Listener] = []

    def __iter__(self) -> Iterator[Object]:
        return iter(list(self._items.values()))

    def get(self, key: Key) -> Object | None:
        return self._items.get(key)

    def on_change(self, listener: Listener) -> None:
        self._listeners.append(listener)
        for item in self:
            listener(None, item)

    async def run(self) -> None:
        """List, then watch, for ever; lists again after anything odd."""
        while True:
            try:
                version = await self._list()
                while True:
                    version = await self._watch(version)
            except (ApiError, aiohttp.ClientError, TimeoutError, ValueError) as error:
                if not (isinstance(error, ApiError) and error.code == 410):
                    log.debug("watch of %s: %s", self.resource.plural, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _list(self) -> str:
        answer = await self._client.list(self.resource)
        found = {key_of(item): item for item in answer["items"]}
        for key in self._items.keys() - found.keys():
            self._set(key, None)
        for key, item in found.items():
            self._set(key, item)
        self.synced.set()
        return str(answer["metadata"]["resourceVersion"])

    async def _watch(self, version: str) -> str:
        async for event in self._client.watch(self.resource, version):
            item = event["object"]
            if event["type"] == "ERROR":
                raise ApiError(item.get("code", 0), item.get("reason", ""), item.get("message", ""))
            version = item["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                self._set(key_of(item), None if event["type"] == "DELETED" else item)
        return version

    def _set(self, key: Key, after: Object | None) -> None:
        before = self._items.pop(key, None)
        if after is not None:
            self._items[key] = after
        if before is not None and after is not None and _version(before) == _version(after):
            return
        for listener in self._listeners:
            listener(before, after)


def _version(item: Object) -> str:
    return str(item["metadata"]["resourceVersion"])


class Informers:
    """One informer a kind, shared by all stand-ins, so that each kind is watched once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._informers: dict[Resource, Informer] = {}

    def __getitem__(self, resource: Resource) -> Informer:
        if resource not in self._informers:
            self._informers[resource] = Informer(self._client, resource)
        return self._informers[resource]

    def start(self, tasks: asyncio.TaskGroup) -> None:
        for informer in self._informers.values():
            tasks.create_task(informer.run(), name=f"watch {informer.resource.plural}")

    async def synced(self) -> None:
        await asyncio.gather(*(informer.synced.wait() for informer in self._informers.values()))


# Returns the seconds after which to look again, or None.
Reconcile: TypeAlias = Callable[[Key], Awaitable[float | None]]


class Loop:
    """Calls `reconcile(key)` for each key added: never twice at a time, again after an error."""

    def __init__(self, name: str, reconcile: Reconcile, *, workers: int = 8) -> None:
        self._name = name
        self._reconcile = reconcile
        self._workers = workers
        self._queue: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._running: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}

    def add(self, key: Key) -> None:
        if key in self._running:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._queue.put_nowait(key)

    def start(self, tasks: asyncio.TaskGroup) -> None:
        for number in range(self._workers):
            tasks.create_task(self._work(), name=f"{self._name} {number}")

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            self._waiting.discard(key)
            self._running.add(key)
            try:
                delay = await self._once(key)
            finally:
                self._running.discard(key)
            if key in self._again:
                self._again.discard(key)
                self.add(key)
            elif delay is not None:
                asyncio.get_running_loop().call_later(delay, self.add, key)

    async def _once(self, key: Key) -> float | None:
        try:
            delay = await self._reconcile(key)
        except Exception as error:
            conflict = isinstance(error, ApiError) and error.code in (404, 409)
            log.log(
                logging.DEBUG if conflict else logging.WARNING,
                "%s %s: %s",
                self._name,
                "/".join(key),
                error,
                exc_info=not isinstance(error, ApiError),
            )
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            return min(LAST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0**failures)
        self._failures.pop(key, None)
        return delay
