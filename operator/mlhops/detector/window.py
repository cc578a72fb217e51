"""Counts by time, in memory that does not grow: sliding and cumulative windows.

Ages are those of a clock that nobody sets. A window knows nothing of what is counted but how to add
it to nothing.
"""

import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, Self, TypeVar

from mlhops.api.base import seconds
from mlhops.api.detector import Window


class Countable(Protocol):
    """Counts that add up."""

    def add(self, other: Self) -> None:
        """Count what the other has counted too."""


C = TypeVar("C", bound=Countable)

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_BY_MINUTES = 6 * _HOUR
"""Windows up to this length are made of minutes, longer ones of hours."""
_BY_HOURS = 14 * _DAY
"""Windows up to this length are made of hours, longer ones of days."""


@dataclass(slots=True)
class _Bucket(Generic[C]):
    number: int
    """Its beginning, in widths of the tier."""
    counts: C


@dataclass(frozen=True, slots=True)
class WindowCounts(Generic[C]):
    """What was counted in a window."""

    counts: C
    start: float
    """When the counting began, on the clock that nobody sets."""


class _Tier(Generic[C]):
    """The newest buckets of one width; empty ones take no place."""

    def __init__(self, width: float, nothing: Callable[[], C]) -> None:
        self.width = width
        self.kept = 1
        self._nothing = nothing
        self._buckets: deque[_Bucket[C]] = deque()

    def add(self, counts: C, now: float) -> None:
        number = math.floor(now / self.width)
        if not self._buckets or self._buckets[-1].number != number:
            self._buckets.append(_Bucket(number, self._nothing()))
        self._buckets[-1].counts.add(counts)
        self.forget(now)

    def forget(self, now: float) -> None:
        """Let go of what no window reaches any more."""
        oldest = math.floor(now / self.width) - self.kept
        while self._buckets and self._buckets[0].number < oldest:
            self._buckets.popleft()

    def since(self, moment: float) -> Iterator[C]:
        """Return the counts of buckets of which some part is later than a moment."""
        for bucket in self._buckets:
            if (bucket.number + 1) * self.width > moment:
                yield bucket.counts


class Windows(Generic[C]):
    """The windows of one configuration."""

    def __init__(self, windows: Sequence[Window], nothing: Callable[[], C], now: float) -> None:
        self._nothing = nothing
        self._began = now
        self._tiers: dict[float, _Tier[C]] = {}
        self._growing: dict[str, WindowCounts[C]] = {}
        self._windows: Sequence[Window] = ()
        self.configure(windows, now)

    def configure(self, windows: Sequence[Window], now: float) -> None:
        """Take other windows; what was counted before stays in those that remain."""
        growing = [each.name for each in windows if each.mode == "Cumulative"]
        sliding = [seconds(each.length) for each in windows if each.mode == "Sliding"]
        self._windows = tuple(windows)
        self._growing = {
            name: self._growing.get(name) or WindowCounts(self._nothing(), now) for name in growing
        }
        self._tiers = {
            width: self._tiers.get(width) or _Tier(width, self._nothing)
            for width in {_width(length) for length in sliding}
        }
        for width, tier in self._tiers.items():
            longest = max(length for length in sliding if _width(length) == width)
            tier.kept = math.ceil(longest / width)

    def add(self, counts: C, now: float) -> None:
        """Add counts of this moment to every window."""
        for tier in self._tiers.values():
            tier.add(counts, now)
        for window in self._windows:
            if window.mode == "Cumulative":
                self._grown(window, now).counts.add(counts)

    def spans(self, now: float) -> Mapping[str, WindowCounts[C]]:
        """Return each window's counts by its name."""
        return {
            window.name: self._grown(window, now)
            if window.mode == "Cumulative"
            else self._slid(window, now)
            for window in self._windows
        }

    def parts(self, now: float) -> Mapping[str, Sequence[C]]:
        """Return the counts that make up each window, not added yet, by its name."""
        return {
            window.name: [self._grown(window, now).counts]
            if window.mode == "Cumulative"
            else list(self._since(window, now))
            for window in self._windows
        }

    @property
    def kept(self) -> int:
        """How many counts are kept at most."""
        return len(self._growing) + sum(tier.kept + 1 for tier in self._tiers.values())

    def _grown(self, window: Window, now: float) -> WindowCounts[C]:
        """Return a cumulative window's counts, which begin anew when it is full."""
        span = self._growing[window.name]
        if now - span.start >= seconds(window.length):
            span = self._growing[window.name] = WindowCounts(self._nothing(), now)
        return span

    def _slid(self, window: Window, now: float) -> WindowCounts[C]:
        length = seconds(window.length)
        tier = self._tiers[_width(length)]
        # The oldest bucket is taken whole: the window is longer by a part of it, never shorter.
        begin = math.floor((now - length) / tier.width) * tier.width
        total = self._nothing()
        for counts in self._since(window, now):
            total.add(counts)
        return WindowCounts(total, max(begin, self._began))

    def _since(self, window: Window, now: float) -> Iterator[C]:
        length = seconds(window.length)
        return self._tiers[_width(length)].since(now - length)


def _width(length: float) -> float:
    if length <= _BY_MINUTES:
        return _MINUTE
    return _HOUR if length <= _BY_HOURS else _DAY


class Clock:
    """The wall clock for labels, and whether somebody has set it."""

    def __init__(self, wall: float, steady: float, tolerance: float = 2.0) -> None:
        self._offset = wall - steady
        self._tolerance = tolerance

    def look(self, wall: float, steady: float) -> bool:
        """Take the wall clock as it is now; return whether it has jumped since the last look."""
        before, self._offset = self._offset, wall - steady
        return abs(self._offset - before) > self._tolerance

    def label(self, steady: float) -> float:
        """Return the wall clock's time of a moment, as the wall clock goes now."""
        return steady + self._offset
