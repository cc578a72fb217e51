"""A work queue of keys: each at most once in the queue and once in work, retried with back-off and jitter."""

import asyncio
import heapq
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key")

_BASE = 0.2
_CAP = 60.0
_BURST = 40.0
_PER_SECOND = 1.0
_REQUESTS = 4.0
"""A pass of so many requests costs as much as one of none; one of more costs more."""
_MOST = 5.0
"""What a pass costs at the most, and so the longest wait in seconds: among all that noise may be somebody's Abort."""
_SWEEP = 1024
_NOTHING = 1e-6
"""What rounding may leave of a wait: a moment so near is now, and a queue that waits for it spins."""


@dataclass(order=True)
class _Due(Generic[Key]):
    at: float
    number: int
    key: Key = field(compare=False)


@dataclass(order=True)
class _Turn(Generic[Key]):
    """A place in the queue; of one place what is urgent comes first, and else what came first."""

    place: int
    usual: bool
    number: int
    key: Key = field(compare=False)


class _Paces(Generic[Key]):
    """How much each key has had lately, so that one that changes all the time does not keep the others waiting.

    A token bucket for each: a whole rollout passes at once, and what goes on and on is slowed down, the more the
    more its passes ask of the API server, which is what everybody waits for in the end.
    """

    def __init__(self) -> None:
        self._left: dict[Key, tuple[float, float]] = {}
        """What a key has left, and when that was so; one that has all need not be in here."""
        self._spent = 0

    def wait(self, key: Key, now: float) -> float:
        """Return the seconds until the key may be worked on."""
        lacking = 1.0 - self._now(key, now)
        return lacking / _PER_SECOND if lacking > _NOTHING else 0.0

    def spend(self, key: Key, now: float) -> None:
        """Take note that it is worked on."""
        self._take(key, now, 1.0)
        self._spent += 1
        if self._spent % _SWEEP == 0:
            self._forget(now)

    def charge(self, key: Key, now: float, requests: int) -> None:
        """Take note of what the work came to."""
        more = min(requests / _REQUESTS, _MOST) - 1.0
        if more > 0:
            self._take(key, now, more)

    def _take(self, key: Key, now: float, cost: float) -> None:
        self._left[key] = (self._now(key, now) - cost, now)

    def _forget(self, now: float) -> None:
        """Drop those that have all again."""
        for key in [key for key in self._left if self._now(key, now) >= _BURST]:
            del self._left[key]

    def _now(self, key: Key, now: float) -> float:
        left, at = self._left.get(key, (_BURST, now))
        return min(left + (now - at) * _PER_SECOND, _BURST)


class WorkQueue(Generic[Key]):
    """Keys that wait for work, in the order in which they came, or for their time.

    A key that is added while it is in work is worked on again afterwards, so that no change goes unseen. What is
    urgent passes those that wait: every second turn is for it, so that neither keeps the other from work.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        waited: Callable[[float], object] | None = None,
    ) -> None:
        """`waited` is told how many seconds each key waited for a hand."""
        self._clock = clock
        self._waited = waited
        self._ready: asyncio.PriorityQueue[_Turn[Key]] = asyncio.PriorityQueue()
        self._front = self._last_usual = self._last_urgent = 0
        """The place of who went last, and the last places that were given."""
        self._waiting: dict[Key, float] = {}
        """What waits for a hand, and since when."""
        self._working: dict[Key, float] = {}
        """What is in work, and since when."""
        self._again: set[Key] = set()
        self._urgent: set[Key] = set()
        """What is not slowed down until a pass over it has succeeded."""
        self._hurried: set[Key] = set()
        """What of that is in work."""
        self._failures: dict[Key, int] = {}
        self._due: list[_Due[Key]] = []
        self._wanted: dict[Key, float] = {}
        self._number = 0
        self._paces: _Paces[Key] = _Paces()
        self._tick = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._working)

    @property
    def working(self) -> int:
        """How many keys are in work."""
        return len(self._working)

    @property
    def longest_work(self) -> float:
        """For how many seconds the key that is longest in work has been so."""
        since = list(self._working.values())
        return self._clock() - min(since) if since else 0.0

    def add(self, key: Key, *, urgent: bool = False) -> None:
        """Work on the key as soon as a worker is free; a key beyond its pace waits for its turn.

        What is urgent, a person's Abort, does not: however much its key has wanted before.
        """
        newly = urgent and key not in self._urgent
        if urgent:
            self._urgent.add(key)
        wait = self._paces.wait(key, self._clock())
        if wait > 0 and key not in self._urgent:
            self.add_after(key, wait)
            return
        self._wanted.pop(key, None)
        if key in self._working:
            self._again.add(key)
        elif newly or key not in self._waiting:
            self._line_up(key)

    def _line_up(self, key: Key) -> None:
        """Give a key a place; one that has become urgent has two then, of which the later is passed over."""
        self._waiting.setdefault(key, self._clock())
        usual = key not in self._urgent
        place = max(self._front, self._last_usual if usual else self._last_urgent) + 1
        if usual:
            self._last_usual = place
        else:
            self._last_urgent = place
        self._number += 1
        self._ready.put_nowait(_Turn(place, usual, self._number, key))

    def add_after(self, key: Key, delay: float) -> None:
        """Work on the key after a time, or earlier where that was asked for already."""
        at = self._clock() + delay
        if self._wanted.get(key, at + 1.0) <= at:
            return
        self._wanted[key] = at
        self._number += 1
        heapq.heappush(self._due, _Due(at, self._number, key))
        self._tick.set()

    async def get(self) -> Key:
        """Return the next key; it must be given back with `done`."""
        turn = await self._ready.get()
        while turn.key not in self._waiting:
            turn = await self._ready.get()
        key, now = turn.key, self._clock()
        self._front = turn.place
        since = self._waiting.pop(key)
        if self._waited is not None:
            self._waited(now - since)
        self._working[key] = now
        if key in self._urgent:
            self._urgent.discard(key)
            self._hurried.add(key)
        self._paces.spend(key, now)
        return key

    def done(self, key: Key, requests: int = 0) -> None:
        """End the work on a key, which took so many requests."""
        self._working.pop(key, None)
        self._hurried.discard(key)
        self._paces.charge(key, self._clock(), requests)
        if key in self._again:
            self._again.discard(key)
            self.add(key)

    def succeeded(self, key: Key) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)

    def failed(self, key: Key, at_least: float = 0.0) -> float:
        """Work on the key again after a time that grows with its failures; return that time in seconds.

        `at_least` is what a server that is busy asked for; the longest wait is the longest even then.
        """
        if key in self._hurried:
            self._urgent.add(key)
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(_BASE * 2.0 ** min(failures, 16), _CAP) * random.uniform(0.5, 1.0)
        delay = max(delay, min(at_least, _CAP) * random.uniform(1.0, 1.2))
        self.add_after(key, delay)
        return delay

    async def run_clock(self) -> None:
        """Move keys whose time has come into the queue, for as long as the operator runs."""
        while True:
            wait = self._move_due()
            self._tick.clear()
            try:
                # Not wait_for, which loses the end of this task if it comes together with a tick.
                async with asyncio.timeout(wait):
                    await self._tick.wait()
            except TimeoutError:
                continue

    def _move_due(self) -> float | None:
        """Queue what is due and return how long until the next is."""
        while self._due:
            first = self._due[0]
            if self._wanted.get(first.key) != first.at:
                heapq.heappop(self._due)  # asked for earlier, or done already
                continue
            left = first.at - self._clock()
            if left > 0:
                return left
            heapq.heappop(self._due)
            del self._wanted[first.key]
            self.add(first.key)
        return None
