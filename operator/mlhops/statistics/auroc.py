"""Area under the ROC curve: DeLong's interval on the logit scale, Newcombe's at the edges.

DeLong's variance comes from midranks in O(n log n) (X. Sun and W. Xu, IEEE Signal Processing
Letters 2014;21:1389). It is zero where the classes are separated, and too small where hardly a pair
is out of order. There the score-like interval of R. G. Newcombe (Statistics in Medicine
2006;25:559-573, method 5) takes its place.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from mlhops.statistics.rates import Bools, Floats

ENOUGH = 10
"""DeLong's needs this many rows of the smaller class, times the area on either side."""


@dataclass(frozen=True)
class Area:
    """The area and its interval."""

    estimate: float
    lower: float
    upper: float
    positives: int
    negatives: int


def auroc(label: Bools, score: Floats, confidence: float) -> Area:
    """Return the area under the ROC curve.

    Raises:
        ValueError: a score is not finite, or one of the classes has no row.
    """
    if not np.isfinite(score).all():
        raise ValueError("a score is not a finite number")
    positive, negative = score[label], score[~label]
    m, n = len(positive), len(negative)
    if m == 0 or n == 0:
        raise ValueError("the area under the ROC curve needs both classes")
    area, variance = _delong(positive, negative)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    if variance > 0 and min(area, 1 - area) * min(m, n) >= ENOUGH:
        lower, upper = _logit_interval(area, variance, z)
    else:
        lower, upper = _score_interval(area, m, n, z)
    return Area(area, lower, upper, m, n)


def midranks(values: Floats) -> Floats:
    """Return ranks from 1, ties sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared = last - (counts - 1) / 2
    return np.asarray(shared[inverse], dtype=np.float64)


def _delong(positive: Floats, negative: Floats) -> tuple[float, float]:
    m, n = len(positive), len(negative)
    ranks = midranks(np.concatenate([positive, negative]))
    # Share of negatives below each positive, and of positives above each negative.
    below = (ranks[:m] - midranks(positive)) / n
    above = 1 - (ranks[m:] - midranks(negative)) / m
    area = float(below.mean())
    if m < 2 or n < 2:
        return area, 0.0
    return area, float(below.var(ddof=1) / m + above.var(ddof=1) / n)


def _logit_interval(area: float, variance: float, z: float) -> tuple[float, float]:
    centre = math.log(area / (1 - area))
    half = z * math.sqrt(variance) / (area * (1 - area))
    return 1 / (1 + math.exp(half - centre)), 1 / (1 + math.exp(-half - centre))


def _score_interval(area: float, m: int, n: int, z: float) -> tuple[float, float]:
    def excess(candidate: float) -> float:
        """Return how far the estimate lies from a candidate, beyond z standard errors."""
        shared = (m + n) / 2 - 1
        spread = shared * ((1 - candidate) / (2 - candidate) + candidate / (1 + candidate))
        variance = candidate * (1 - candidate) * (1 + spread) / (m * n)
        return abs(area - candidate) - z * math.sqrt(variance)

    return _edge(excess, area, 0.0), _edge(excess, area, 1.0)


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
