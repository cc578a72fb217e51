"""Limits of an area under the ROC curve: DeLong's on the logit scale, Newcombe's at the edges.

DeLong's variance is zero where the classes are separated, and too small where hardly a pair is out
of order. There the score-like interval of R. G. Newcombe (Statistics in Medicine 2006;25:559-573,
method 5) takes its place.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

ENOUGH = 10
"""DeLong's needs this many rows of the smaller class, times the area on either side."""


@dataclass(frozen=True)
class DelongMoments:
    """An area and its variance by DeLong."""

    area: float
    """NaN where one of the classes has no row."""
    variance: float
    positives: int
    negatives: int

    def limits(self, critical: float) -> tuple[float, float]:
        """Return the limits at so many standard errors; 0 and 1 where there is no area."""
        if math.isnan(self.area):
            return 0.0, 1.0
        smaller = min(self.positives, self.negatives)
        if self.variance > 0 and min(self.area, 1 - self.area) * smaller >= ENOUGH:
            return _logit_interval(self.area, self.variance, critical)
        return _score_interval(self.area, self.positives, self.negatives, critical)

    def smallest_variance(self) -> float:
        """Return a variance for an area that has none because all pairs are in order, or none."""
        pairs = self.positives * self.negatives
        return _score_variance(
            (self.area * pairs + 0.5) / (pairs + 1), self.positives, self.negatives
        )


def _logit_interval(area: float, variance: float, z: float) -> tuple[float, float]:
    centre = math.log(area / (1 - area))
    half = z * math.sqrt(variance) / (area * (1 - area))
    return 1 / (1 + math.exp(half - centre)), 1 / (1 + math.exp(-half - centre))


def _score_interval(area: float, m: int, n: int, z: float) -> tuple[float, float]:
    def excess(candidate: float) -> float:
        """Return how far the estimate lies from a candidate, beyond z standard errors."""
        return abs(area - candidate) - z * math.sqrt(_score_variance(candidate, m, n))

    return _edge(excess, area, 0.0), _edge(excess, area, 1.0)


def _score_variance(area: float, m: int, n: int) -> float:
    shared = (m + n) / 2 - 1
    spread = shared * ((1 - area) / (2 - area) + area / (1 + area))
    return area * (1 - area) * (1 + spread) / (m * n)


def _edge(excess: Callable[[float], float], inside: float, outside: float) -> float:
    if excess(outside) <= 0:
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        if excess(middle) > 0:
            outside = middle
        else:
            inside = middle
    return outside
