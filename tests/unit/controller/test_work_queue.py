"""The work queue, on a clock of its own."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from mlhops.controller.cache.work_queue import WorkQueue, _Paces


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def play(story: Callable[[WorkQueue[str], Clock], Awaitable[None]]) -> None:
    async def run() -> None:
        clock = Clock()
        await asyncio.wait_for(story(WorkQueue(clock), clock), 5)

    asyncio.run(run())


def test_a_key_waits_once_however_often_it_is_added() -> None:
    async def story(queue: WorkQueue[str], clock: Clock) -> None:
        for key in ("a", "b", "a", "a"):
            queue.add(key)
        assert len(queue) == 2
        assert [await queue.get(), await queue.get()] == ["a", "b"]

    play(story)


def test_a_key_that_changes_while_it_is_in_work_comes_again_and_not_beside_itself() -> None:
    async def story(queue: WorkQueue[str], clock: Clock) -> None:
        queue.add("a")
        assert await queue.get() == "a"
        queue.add("a")
        assert len(queue) == 1
        queue.done("a")
        assert await queue.get() == "a"

    play(story)


def test_a_delayed_key_comes_in_its_time_and_the_earliest_time_wins() -> None:
    async def story(queue: WorkQueue[str], clock: Clock) -> None:
        queue.add_after("a", 10)
        queue.add_after("a", 3)
        queue.add_after("a", 7)
        clock.now = 2.9
        assert queue._move_due() is not None
        assert len(queue) == 0
        clock.now = 3.0
        queue._move_due()
        assert await queue.get() == "a"
        queue.done("a")
        clock.now = 20
        assert queue._move_due() is None
        assert len(queue) == 0

    play(story)


def test_failures_wait_longer_each_time_up_to_a_minute_and_success_forgets_them() -> None:
    async def story(queue: WorkQueue[str], clock: Clock) -> None:
        delays = [queue.failed("a") for _ in range(2000)]
        assert 0.1 <= delays[0] <= 0.2
        assert delays[5] > delays[0]
        assert max(delays) <= 60
        assert min(delays[20:]) >= 30
        queue.succeeded("a")
        assert queue.failed("a") <= 0.2

    play(story)


def test_the_clock_wakes_for_a_key_that_is_due_sooner_than_what_it_waits_for() -> None:
    async def run() -> None:
        queue: WorkQueue[str] = WorkQueue()
        ticking = asyncio.create_task(queue.run_clock())
        queue.add_after("late", 60)
        await asyncio.sleep(0.01)
        queue.add_after("soon", 0.02)
        assert await asyncio.wait_for(queue.get(), 2) == "soon"
        ticking.cancel()

    asyncio.run(run())


def test_a_key_that_changes_all_the_time_is_slowed_down_and_the_others_are_not() -> None:
    async def story(queue: WorkQueue[str], clock: Clock) -> None:
        ticking = asyncio.create_task(queue.run_clock())
        worked = 0
        for _ in range(600):  # ten changes a second for a minute
            queue.add("noisy")
            await asyncio.sleep(0)
            while len(queue):
                queue.done(await queue.get())
                worked += 1
            clock.now += 0.1
        assert 40 < worked < 180
        while True:  # until it has nothing left
            queue.add("noisy")
            if not len(queue):
                break
            queue.done(await queue.get())
        queue.add("quiet")
        assert await queue.get() == "quiet"
        clock.now += 60
        queue.add("noisy")
        assert await queue.get() == "noisy"
        ticking.cancel()

    play(story)


def passes(seconds: int, requests: int) -> int:
    """How often a key that changes ten times a second is worked on once it has nothing left."""
    worked = 0

    async def story(queue: WorkQueue[str], clock: Clock) -> None:
        nonlocal worked
        ticking = asyncio.create_task(queue.run_clock())
        for turn in range((600 + seconds) * 10):
            queue.add("noisy")
            await asyncio.sleep(0)
            while len(queue):
                queue.done(await queue.get(), requests)
                worked += turn >= 6000
            clock.now += 0.1
        ticking.cancel()

    play(story)
    return worked


def test_a_key_is_slowed_down_by_what_its_passes_ask_of_the_api_server() -> None:
    assert passes(160, requests=0) == pytest.approx(160, rel=0.1)
    assert passes(160, requests=4) == pytest.approx(160, rel=0.1)
    assert passes(160, requests=16) == pytest.approx(40, rel=0.1)


def test_a_key_waits_five_seconds_at_most_whatever_its_passes_ask() -> None:
    assert passes(160, requests=1000) == pytest.approx(160 / 5, rel=0.1)


def test_what_is_urgent_is_not_slowed_down_until_a_pass_over_it_has_succeeded() -> None:
    async def story(queue: WorkQueue[str], clock: Clock) -> None:
        while True:  # until it has nothing left
            queue.add("noisy")
            if not len(queue):
                break
            queue.done(await queue.get(), requests=1000)

        queue.add("noisy", urgent=True)
        assert await queue.get() == "noisy"
        queue.add("noisy", urgent=True)
        queue.failed("noisy")
        queue.done("noisy")
        assert await queue.get() == "noisy"
        queue.succeeded("noisy")
        queue.done("noisy")

        queue.add("noisy")
        assert len(queue) == 0

    play(story)


def test_what_is_urgent_passes_those_that_wait_and_keeps_them_from_nothing() -> None:
    async def story(queue: WorkQueue[str], clock: Clock) -> None:
        for number in range(1000):
            queue.add(str(number))
        for key in ("500", "stop", "500"):
            queue.add(key, urgent=True)
        assert [await queue.get() for _ in range(5)] == ["500", "0", "stop", "1", "2"]
        assert len(queue) == 1001
        queue.add("999", urgent=True)
        assert [await queue.get() for _ in range(2)] == ["999", "3"]
        rest = [await queue.get() for _ in range(994)]
        assert rest == [str(number) for number in range(4, 999) if number != 500], "each once"
        for key in ("500", "a"):
            queue.done(key)
            queue.add(key)
        assert [await queue.get(), await queue.get()] == ["500", "a"]

    play(story)


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks_within_reason() -> None:
    queue: WorkQueue[str] = WorkQueue()
    assert 7.0 <= queue.failed("a", at_least=7.0) <= 8.5
    assert queue.failed("b", at_least=1e9) <= 75.0


def test_a_key_that_is_slowed_down_is_never_forgotten() -> None:
    async def story(queue: WorkQueue[str], clock: Clock) -> None:
        ticking = asyncio.create_task(queue.run_clock())
        while True:
            queue.add("noisy")
            if not len(queue):
                break
            queue.done(await queue.get())
        queue.succeeded("noisy")
        queue.add_after("noisy", 0.01)  # as a pass asks that wants to look again at once
        for _ in range(6):
            clock.now += 0.2
            queue.add_after("another", 0.0)
            while await queue.get() != "another":
                return
            queue.done("another")
        ticking.cancel()
        raise AssertionError("it never came")

    play(story)


def test_who_waits_as_long_as_it_is_told_need_not_wait_again_for_what_rounding_leaves() -> None:
    chance = random.Random(1)
    for _ in range(2000):
        paces: _Paces[str] = _Paces()
        now = chance.uniform(0.1, 2.0)
        while (wait := paces.wait("noisy", now)) == 0.0:
            paces.spend("noisy", now)
            now += chance.uniform(0.0, 0.3)

        assert paces.wait("noisy", now + wait) == 0.0


def test_the_clock_ends_when_it_is_told_to_whatever_comes_at_the_same_moment() -> None:
    async def story(queue: WorkQueue[str], _: Clock) -> None:
        for turns in range(4):
            ticking = asyncio.create_task(queue.run_clock())
            await asyncio.sleep(0.01)
            queue.add_after(f"key-{turns}", 60.0)
            for _turn in range(turns):
                await asyncio.sleep(0)
            ticking.cancel()
            ended, _pending = await asyncio.wait({ticking}, timeout=0.5)
            assert ended, f"cancelled {turns} turns after a tick"

    play(story)
