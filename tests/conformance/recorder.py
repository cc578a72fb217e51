"""Records how the objects of one kind change, as the captured samples were recorded."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.client import Client, Object, Resource


class Recorder:
    """Watches from the first moment on; `of(name)` gives all versions of one object, in order."""

    def __init__(self, kubeconfig: Path, resource: Resource) -> None:
        self._kubeconfig = kubeconfig
        self._resource = resource
        self._seen: list[Object] = []
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()

    def of(self, name: str) -> list[Object]:
        return [one for one in list(self._seen) if one["metadata"]["name"] == name]

    def wait(self, name: str, reached: Callable[[Object], bool], seconds: float = 30) -> Object:
        """The object once its last version satisfies `reached`."""
        deadline = time.monotonic() + seconds
        while True:
            versions = self.of(name)
            if versions and reached(versions[-1]):
                return versions[-1]
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} did not get there; last: {versions[-1:]}")
            time.sleep(0.02)

    def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        self._task = asyncio.ensure_future(self._watch())
        await self._task

    async def _watch(self) -> None:
        async with Client(self._kubeconfig) as client:
            version = (await client.list(self._resource))["metadata"]["resourceVersion"]
            self._started.set()
            async for event in client.watch(self._resource, version):
                if event["type"] != "BOOKMARK":
                    self._seen.append(event["object"])


def without(part: object, *names: str) -> object:
    """A copy without the fields of these names, at any depth."""
    if isinstance(part, dict):
        return {key: without(value, *names) for key, value in part.items() if key not in names}
    if isinstance(part, list):
        return [without(one, *names) for one in part]
    return part


def collapsed(versions: list[object]) -> list[object]:
    """Without repetitions of the one before."""
    return [one for index, one in enumerate(versions) if index == 0 or one != versions[index - 1]]


def assert_same_sequence(actual: list[object], expected: list[object]) -> None:
    """Compare two sequences of versions, and show what differs first."""
    for index, (one, other) in enumerate(zip(actual, expected, strict=False)):
        found = differences(one, other)
        assert not found, f"version {index} of {len(expected)}: " + "; ".join(found)
    assert len(actual) == len(expected), f"beyond the common part: {actual[len(expected) :]}"


def differences(one: object, other: object, path: str = "") -> list[str]:
    """Where two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted(one.keys() | other.keys())
        return [
            line
            for name in names
            for line in differences(one.get(name), other.get(name), f"{path}.{name}")
        ]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            line
            for index, (left, right) in enumerate(zip(one, other, strict=True))
            for line in differences(left, right, f"{path}[{index}]")
        ]
    return [] if one == other else [f"{path} is {one!r}, was {other!r}"]
