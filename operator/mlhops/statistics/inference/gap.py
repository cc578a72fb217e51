"""The gap of a group: what it is compared with, by how much it differs, and how sure that is."""

import math
from dataclasses import dataclass, replace

from mlhops.statistics.inference.contrasts import Comparison

NO_TRIALS = "the group has no case that the measure is about"
NO_REST = "there is no case that the measure is about to compare the group with"
NEITHER = "neither the group nor those it is compared with had the event, so there is no ratio"
ITSELF = "the group is its own reference"


@dataclass(frozen=True)
class Gap:
    """What was measured for a group against what was measured for those it is compared with."""

    rate: float
    """The group's own; NaN where undefined."""
    rest: float
    """Of everybody else, or of the group that it is compared with; NaN where undefined."""
    trials: int
    """Cases that the measure is about, in the group."""
    rest_trials: int
    gap: float
    """Absolute difference; or the ratio, at most 1, if that was asked for. NaN where undefined."""
    lower: float
    """Lower bound of the gap's simultaneous interval."""
    upper: float
    """Upper bound of the gap's simultaneous interval."""
    critical: float = math.nan
    """How many standard errors the interval reaches to either side."""
    versus: int | None = None
    """Index of the group that it is compared with; None for everybody else."""
    signed_lower: float = math.nan
    """Lower bound of the group's minus, or over, the rest's; not for a gap to the best."""
    signed_upper: float = math.nan
    """Upper bound of the same."""
    part: str | None = None
    """Which rate differs more, where the measure has two."""
    reason: str = ""
    """Why the gap is undefined, or has no width."""

    @property
    def signed(self) -> float:
        """The group's rate minus that of those it is compared with."""
        return self.rate - self.rest

    @property
    def defined(self) -> bool:
        """Whether there is a gap at all."""
        return not math.isnan(self.gap)


def undefined(rates: tuple[float, float], trials: tuple[int, int], versus: int | None) -> Gap:
    """Return the gap of a group that cannot be compared; each pair is of the group and the rest."""
    nan = math.nan
    reason = NO_REST if trials[0] > 0 else NO_TRIALS
    return Gap(*rates, *trials, nan, nan, nan, versus=versus, reason=reason)


def own_reference(empty: Gap, comparison: Comparison) -> Gap:
    """Return that a group does not differ from itself."""
    same = 0.0 if comparison == "Difference" else 1.0
    return replace(empty, gap=same, lower=same, upper=same, reason=ITSELF)


def proportion(rate: float, rest: float) -> float:
    """Return the smaller over the larger; NaN where both are zero."""
    larger = max(rate, rest)
    return min(rate, rest) / larger if larger > 0 else math.nan


def why(size: float) -> str:
    """Return why there is no ratio of two rates, if there is none."""
    return NEITHER if math.isnan(size) else ""


def absolute(lower: float, upper: float, largest: float = 1.0) -> tuple[float, float]:
    """Return the interval of an absolute difference from that of the signed one, up to the largest possible."""
    if math.isnan(lower) or math.isnan(upper):
        return math.nan, math.nan
    high = min(max(abs(lower), abs(upper)), largest)
    low = 0.0 if lower <= 0.0 <= upper else min(abs(lower), abs(upper))
    return min(low, largest), high


def smaller_over_larger(lower: float, upper: float) -> tuple[float, float]:
    """Return the interval of the smaller over the larger from that of one over the other."""
    if math.isnan(lower) or math.isnan(upper):
        return math.nan, math.nan
    if lower <= 1.0 <= upper:
        return min(lower, 1 / upper), 1.0
    return (lower, upper) if upper < 1.0 else (1 / upper, 1 / lower)
