"""How much more data would decide what is inconclusive.

Intervals narrow with the square root of the cases, on each side of a comparison for itself. If the
truth is what was seen, so many more cases decide with a given probability. That is a plan, not a
promise: what was seen is uncertain too.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from mlhops.statistics.contrasts import Comparison
from mlhops.statistics.gap import Gap

POWER = 0.8
MOST = 1_000_000
"""More cases than this are no plan."""
_ALONE = 10
"""A group is asked to grow alone up to so many times its size; beyond, with the others."""


@dataclass(frozen=True)
class Needed:
    """More cases that would probably decide."""

    group: int
    """In the group."""
    rest: int
    """Among those that it is compared with; 0 where the group's own are enough."""


def half_width(
    rate: float, rest: float, trials: float, rest_trials: float, critical: float
) -> float:
    """Return how far the interval of a difference will reach on either side."""
    return critical * math.sqrt(_noise(rate) / trials + _noise(rest) / rest_trials)


def needed(
    gap: Gap, limit: float, comparison: Comparison = "Difference", power: float = POWER
) -> Needed | None:
    """Return how many more cases would decide a gap, or None where no sensible number would.

    Args:
        gap: what was measured, to the rest or to a reference, and its interval.
        limit: the largest difference, or the smallest ratio.
        comparison: which of the two.
        power: the probability of a decision if the truth is what was seen.
    """
    plan = _difference(gap, limit) if comparison == "Difference" else _ratio(gap, limit)
    if plan is None:
        return None

    def alone(factor: float) -> bool:
        return plan.decides(factor, 1.0, power)

    def together(factor: float) -> bool:
        return plan.decides(factor, factor, power)

    factor = _smallest(alone, _ALONE)
    if factor is not None:
        return Needed(_more(gap.trials, factor), 0)
    factor = _smallest(together, MOST / max(gap.trials, 1))
    if factor is None:
        return None
    return Needed(_more(gap.trials, factor), _more(gap.rest_trials, factor))


def needed_cases(
    estimate: float,
    lower: float,
    upper: float,
    limit: float,
    cases: int,
    confidence: float,
    power: float = POWER,
    critical: float | None = None,
) -> int | None:
    """Return how many more cases would decide a measure against a limit.

    Args:
        estimate: the measure, or by how much a candidate is better.
        lower: lower bound of its interval.
        upper: upper bound of its interval.
        limit: what it is held against.
        cases: the cases that it rests on now.
        confidence: of the interval, if it holds alone.
        power: the probability of a decision if the truth is what was seen.
        critical: of an interval that holds together with others.
    """
    if not all(map(math.isfinite, (estimate, lower, upper, limit))) or estimate == limit:
        return None
    reach = critical or NormalDist().inv_cdf(0.5 + confidence / 2)
    half = upper - estimate if estimate < limit else estimate - lower
    distance = half * (1 + NormalDist().inv_cdf(power) / reach)
    more = math.ceil(cases * ((distance / (estimate - limit)) ** 2 - 1))
    return max(more, 0) if more <= MOST else None


@dataclass(frozen=True)
class _Plan:
    """A gap and its limit on a scale on which the standard error follows from the cases."""

    size: float
    """Of the gap, 0 for none."""
    limit: float
    critical: float
    group: float
    """Variance that comes from the group, at its size now."""
    rest: float
    """Variance that comes from those it is compared with."""

    def decides(self, group: float, rest: float, power: float) -> bool:
        """Return whether so many times the cases on either side decide often enough."""
        error = math.sqrt(self.group / group + self.rest / rest)
        if error == 0:
            return self.size != self.limit
        normal, half = NormalDist(), self.critical * error
        if self.size > self.limit:
            return normal.cdf((self.size - self.limit - half) / error) >= power
        room = self.limit - half
        # The estimate may stray to either side of no gap.
        inside = normal.cdf((room - self.size) / error) - normal.cdf((-room - self.size) / error)
        return inside >= power


def _difference(gap: Gap, limit: float) -> _Plan | None:
    low, high = gap.signed - gap.signed_lower, gap.signed_upper - gap.signed
    if gap.signed < 0:
        low, high = high, low
    half = high if gap.gap <= limit else low
    return _planned(gap, abs(gap.signed), limit, half, (_noise(gap.rate), _noise(gap.rest)))


def _ratio(gap: Gap, limit: float) -> _Plan | None:
    if not (gap.gap > 0 and gap.lower > 0 and limit > 0):
        return None
    size, bound = -math.log(gap.gap), -math.log(limit)
    half = size + math.log(gap.upper) if size > bound else -math.log(gap.lower) - size
    return _planned(gap, size, bound, half, (_odds_against(gap.rate), _odds_against(gap.rest)))


def _planned(
    gap: Gap, size: float, limit: float, half: float, noise: tuple[float, float]
) -> _Plan | None:
    if not all(map(math.isfinite, (size, limit, half, gap.critical))) or half <= 0:
        return None
    group, rest = noise[0] / gap.trials, noise[1] / gap.rest_trials
    scale = (half / gap.critical) ** 2 / (group + rest)
    return _Plan(size, limit, gap.critical, group * scale, rest * scale)


def _noise(rate: float) -> float:
    """Return the variance of one case; never zero, since a rate of 0 or 1 is only nearly so."""
    return max(rate * (1 - rate), 1e-4)


def _odds_against(rate: float) -> float:
    """Return the variance of one case of a logarithm; never zero, as that of a difference is not."""
    return max((1 - rate) / rate, 1e-4)


def _more(cases: int, factor: float) -> int:
    return max(math.ceil(cases * (factor - 1)), 0)


def _smallest(decides: Callable[[float], bool], most: float) -> float | None:
    """Return the smallest factor from 1 that decides; more data never decide less."""
    if most < 1 or not decides(most):
        return None
    low, high = 0.0, math.log(most)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if decides(math.exp(middle)) else (middle, high)
    return math.exp(high)
