"""The area under the ROC curve, from the ranks of scores.

The influence of a row on an area is its placement among the rows of the other class, the pieces of
DeLong's variance (E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Biometrics 1988;44:837-845),
which need only the ranks of the scores (X. Sun and W. Xu, IEEE Signal Processing Letters
2014;21:1389-1393).
"""

from dataclasses import dataclass

import numpy as np

from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.statistics.inference import influence
from mlhops.statistics.inference.delong import DelongMoments
from mlhops.statistics.inference.influence import Piece


@dataclass(frozen=True)
class Ranked:
    """Scores as ranks, so that groups need no sorting of their own."""

    label: Bools
    level: Indices
    """The rank of each row's score among the different scores."""
    levels: int
    """How many different scores there are."""


def rank(label: Bools, score: Floats) -> Ranked:
    """Return the ranks of scores.

    Raises:
        ValueError: a score is not finite.
    """
    if not np.isfinite(score).all():
        raise ValueError("a score is not a finite number")
    different, level = np.unique(score, return_inverse=True)
    return Ranked(label, level, len(different))


def piece(ranked: Ranked, rows: Indices) -> Piece:
    """Return the area on some of the rows; undefined without both classes."""
    label, level = ranked.label[rows], ranked.level[rows]
    positive = np.bincount(level[label], minlength=ranked.levels)
    negative = np.bincount(level[~label], minlength=ranked.levels)
    m, n = int(positive.sum()), int(negative.sum())
    if m == 0 or n == 0:
        return influence.undefined(len(rows))
    # Share of the other class that each score is on the right side of.
    below = (np.cumsum(negative) - negative / 2) / n
    above = 1 - (np.cumsum(positive) - positive / 2) / m
    area = float(positive @ below / m)
    by_positive = float(positive @ (below - area) ** 2) / max(m - 1, 1)
    by_negative = float(negative @ (above - area) ** 2) / max(n - 1, 1)
    moments = DelongMoments(area, by_positive / m + by_negative / n, m, n)
    return Piece(
        area,
        moments.variance or moments.smallest_variance(),
        moments.limits,
        rows,
        np.where(label, (below[level] - area) / m, (above[level] - area) / n),
        len(rows),
        1 / min(m, n),
    )
