"""Average precision, the area under the precision-recall curve without interpolation."""

from collections.abc import Callable

import numpy as np

from mlhops.statistics.arrays import Indices
from mlhops.statistics.inference import influence
from mlhops.statistics.inference.auroc import Ranked
from mlhops.statistics.inference.influence import Piece
from mlhops.statistics.inference.proportions import effective_limits

Limits = Callable[[float], tuple[float, float]]


def piece(ranked: Ranked, rows: Indices) -> Piece:
    """Return the average precision on some of the rows; undefined without a positive.

    It is the mean, over the positives, of the precision at the score of each. Its influence follows
    by differentiation; its limits are Wilson's with the effective number of cases (K. Boyd, K. H.
    Eng and C. D. Page, ECML PKDD 2013, compare such intervals), moved by the bias of the estimate.
    """
    label, level = ranked.label[rows], ranked.level[rows]
    positive = np.bincount(level[label], minlength=ranked.levels)
    m = int(positive.sum())
    if m == 0:
        return influence.undefined()
    everybody = np.bincount(level, minlength=ranked.levels)
    hits = np.cumsum(positive[::-1])[::-1].astype(np.float64)
    called = np.maximum(np.cumsum(everybody[::-1])[::-1], 1).astype(np.float64)
    precision = hits / called
    average = float(positive @ precision / m)
    # Each positive is counted in the precision at its own score, which makes it too high.
    others = np.where(called > 1, (hits - 1) / np.maximum(called - 1, 1), precision)
    excess = float(positive @ (precision - others) / m)
    # A positive also lifts the precision at every score below its own; a negative lowers it.
    lifts = np.cumsum(positive * (called - hits) / called**2)
    lowers = np.cumsum(positive * hits / called**2)
    effect = np.where(label, precision[level] - average + lifts[level], -lowers[level]) / m
    variance = float(effect @ effect) * m / max(m - 1, 1)
    variance = effective_limits(average, variance, m)[1]
    return Piece(average, variance, _limits(average, variance, m, excess), rows, effect, m, 1 / m)


def _limits(average: float, variance: float, m: int, excess: float) -> Limits:
    """Return limits that hold for few positives, too: about what is left without the excess."""
    around = effective_limits(max(average - excess, 0.0), variance, m)[0]

    def limits(critical: float) -> tuple[float, float]:
        # Student's quantile (R. A. Fisher's expansion): the variance is estimated from m positives.
        student = critical + (critical**3 + critical) / (4 * max(m - 1, 1))
        lower, upper = around(student)
        return min(lower, average), max(upper, average)

    return limits
