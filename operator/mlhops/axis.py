"""Where numbers lie on an axis, in per cent of its length, and where its ticks are."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MOST_TICKS = 5
_INSET = 3.0
_PAD = 0.06
_LEAST_ROOM = 0.001
"""Of numbers that are told to three places."""
_STEPS = (1.0, 2.0, 5.0, 10.0)
_RATIOS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
_WIDEST_RATIO = 50.0
_LOGARITHMIC_FROM = 4.0


@dataclass(frozen=True)
class Axis:
    """A linear or logarithmic axis."""

    low: float
    high: float
    ratio: bool = False

    def place(self, number: float) -> float:
        """Return where a number lies; one beyond the axis lies at its end."""
        low, high, x = self.low, self.high, min(max(number, self.low), self.high)
        if self.ratio:
            low, high, x = math.log(low), math.log(high), math.log(x)
        return _INSET + (100 - 2 * _INSET) * (x - low) / (high - low)

    def holds(self, number: float) -> bool:
        """Whether a number lies on the axis."""
        return self.low <= number <= self.high

    @property
    def ticks(self) -> list[float]:
        """A few round numbers."""
        if self.ratio and self.high / self.low >= _LOGARITHMIC_FROM:
            return _around([tick for tick in _RATIOS if self.holds(tick)])
        # A tick at the very end of the axis may be rounded past it.
        return [tick for tick in round_numbers(self.low, self.high) if self.holds(tick)]

    def text(self, tick: float) -> str:
        """Return a tick's label."""
        if self.ratio and self.high / self.low >= _LOGARITHMIC_FROM:
            return f"{tick:g}"
        ticks = self.ticks
        step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(tick) or 1.0
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        return f"{tick + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def around(numbers: Iterable[float], *, ratio: bool = False) -> Axis:
    """Return an axis that holds all numbers that can be drawn, with some room at both ends."""
    drawn = [x for x in numbers if math.isfinite(x) and (x > 0 or not ratio)]
    if ratio:
        drawn = [math.log(min(max(x, 1 / _WIDEST_RATIO), _WIDEST_RATIO)) for x in drawn]
    low, high = min(drawn, default=0.0), max(drawn, default=1.0)
    room = max((high - low) * _PAD, _LEAST_ROOM)
    low, high = low - room, high + room
    return Axis(math.exp(low), math.exp(high), ratio=True) if ratio else Axis(low, high)


def round_numbers(low: float, high: float, most: int = _MOST_TICKS) -> list[float]:
    """Return at most so many multiples of a round step."""
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * each for each in _STEPS if size * each >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(step * n, 12) + 0.0 for n in range(first, last + 1)][: most + 1]


def _around(ticks: Sequence[float]) -> list[float]:
    """Return few of the ticks, 1 among them if it is there."""
    stride = -(-len(ticks) // _MOST_TICKS) or 1
    first = ticks.index(1.0) % stride if 1.0 in ticks else 0
    return list(ticks[first::stride])
