"""One measure of the whole model with its interval."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True)
class Estimate:
    """A measure and its interval; NaN where it is undefined, with the reason."""

    estimate: float
    lower: float
    upper: float
    cases: int
    """How many cases the measure is about."""
    reason: str = ""
    """Why it is undefined."""
    limits: Callable[[float], tuple[float, float]] | None = None
    """From a critical value to lower and upper limit; None where it is undefined."""


def undefined(reason: str, cases: int = 0) -> Estimate:
    """Return that there is no such measure."""
    nan = float("nan")
    return Estimate(nan, nan, nan, cases, reason)


def critical_of(confidence: float) -> float:
    """Return how many standard errors a single interval reaches to either side."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)
