"""What ends the operator's watches, and what only interrupts them."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from typing import cast

import kopf
import pytest
from kopf._cogs.clients.errors import APIClientError

from mlhops.api.base import Manifest
from mlhops.controller.cache.entry import name_of
from mlhops.controller.kube import watches as module
from mlhops.controller.kube.watch import NoMemories, registry
from mlhops.controller.kube.watches import Watches
from mlhops.controller.resources import JOBS, Kind
from testkit.noise import noisy_job


class Deaf:
    def hear(self, kind: Kind, manifest: Manifest) -> None: ...
    def hear_gone(self, kind: Kind, manifest: Manifest) -> None: ...
    def kinds_changed(self, group: str) -> None: ...


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], int]]:
    """How often kopf was begun until a status of the API server ended the operator, or it was stopped."""

    loop = asyncio.new_event_loop()

    def run(status: int) -> int:
        begun = 0
        watches = Watches(Deaf(), loop, [])

        async def operator(**_: object) -> None:
            nonlocal begun
            begun += 1
            if begun == 3:
                watches.stop()
                return
            raise APIClientError(None, status=status, headers={})

        monkeypatch.setattr(kopf, "operator", operator)
        monkeypatch.setattr(module, "_SETTLE", 0.0)
        if status == 410:
            watches.run()
        else:
            with pytest.raises(APIClientError):
                watches.run()
        return begun

    yield run
    loop.close()


def test_a_list_that_takes_too_long_makes_the_watches_begin_anew(
    runs: Callable[[int], int],
) -> None:
    assert runs(410) == 3


def test_whatever_else_ends_the_watches_ends_the_operator(runs: Callable[[int], int]) -> None:
    assert runs(403) == 1


def test_kopf_remembers_no_object_however_many_it_has_seen() -> None:
    async def see() -> NoMemories:
        memories = NoMemories()
        for number in range(3):
            await memories.recall(kopf.RawBody(metadata={"uid": f"uid-{number}"}))
        return memories

    assert list(asyncio.run(see()).iter_all_memories()) == []


def test_the_watches_use_a_kopf_that_remembers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    loop = asyncio.new_event_loop()
    watches = Watches(Deaf(), loop, [])

    async def operator(**given: object) -> None:
        used.append(given["memories"])
        watches.stop()

    monkeypatch.setattr(kopf, "operator", operator)
    watches.run()
    loop.close()
    assert [type(each) for each in used] == [NoMemories]


def test_what_kopf_sees_is_cut_down_before_it_waits_for_the_operator() -> None:
    told: list[tuple[Kind, Manifest]] = []

    class Hearing(Deaf):
        def hear(self, kind: Kind, manifest: Manifest) -> None:
            told.append((kind, manifest))

    handlers = registry(Hearing(), clusterwide=True)._watching.get_all_handlers()
    [handler] = [each for each in handlers if each.id == "watch-jobs"]
    seen = cast(Callable[..., Coroutine[None, None, None]], handler.fn)
    asyncio.run(seen(event={"type": "ADDED", "object": noisy_job("noise")}))

    [(kind, manifest)] = told
    assert kind == JOBS
    assert name_of(manifest).name == "noise"
    assert len(json.dumps(manifest)) < 1000
