"""Calibration error: how far observed rates lie from predicted risks, without the noise of counting.

The rows are cut into bins of similar risk. The error is the root of the mean, over the rows, of the
squared difference between the observed rate and the mean predicted risk of the row's bin. Chance
alone makes these differences positive, the more so the fewer the rows: a small group would look
badly calibrated. So the variance of each difference is taken from its square, which leaves no bias
(J. Bröcker, Climate Dynamics 2012;39:655-667; C. A. T. Ferro and T. E. Fricker, Quarterly Journal
of the Royal Meteorological Society 2012;138:1954-1960; A. Kumar, P. Liang and T. Ma, NeurIPS 2019).
What is left of less than zero is zero.

The interval inverts a test: it holds the errors for which the sum of squares that was seen is
neither too large nor too small. That sum is nearly a shifted and scaled chi-squared variable with the
same first three moments (E. S. Pearson, Biometrika 1959;46:364; J. P. Imhof, Biometrika
1961;48:419-426), whose quantiles are those of E. B. Wilson and M. M. Hilferty (PNAS
1931;17:684-688).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.statistics.inference import influence
from mlhops.statistics.inference.influence import Piece

BINS = 10
SMALLEST_BIN = 20
"""Rows; a rate of fewer says little about calibration."""


@dataclass(frozen=True)
class BinMoments:
    """A sum of squared differences, and what its distribution depends on."""

    squares: float
    """Mean over the rows of the squared difference of their bin, noise included."""
    bias: float
    """What noise adds to it on average, estimated without bias."""
    noise: Floats
    """The same for each bin, but never zero because a bin happens to hold one outcome only."""
    signal: Floats
    """Which part of the sum each bin makes; adds up to 1."""

    @property
    def error(self) -> float:
        """The error without the noise."""
        return math.sqrt(max(self.squares - self.bias, 0.0))

    def limits(self, critical: float) -> tuple[float, float]:
        """Return the smallest and the largest error that agree with what was seen."""
        lower = self._solve(self.squares, critical)
        # Less than chance makes is no sign of less than no error.
        upper = self._solve(max(self.squares, self._quantile(0.0, 0.0)), -critical)
        return min(lower, self.error), max(upper, self.error)

    def _quantile(self, error: float, z: float) -> float:
        """Return a quantile of the sum of squares under an error, from its first three cumulants."""
        noise, square = self.noise, error**2
        mean = float(noise.sum()) + square
        variance = float(noise @ (2 * noise + 4 * square * self.signal))
        third = float(noise**2 @ (8 * noise + 24 * square * self.signal))
        freedom = 8 * variance**3 / third**2
        relative = 2 / (9 * freedom)
        cube = max(1 - relative + z * math.sqrt(relative), 0.0) ** 3
        return max(mean + math.sqrt(variance * freedom / 2) * (cube - 1), 0.0)

    def _solve(self, seen: float, z: float) -> float:
        """Return the error, 0 to 1, of which so much is the quantile."""
        low, high = 0.0, 1.0
        if self._quantile(low, z) >= seen:
            return low
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (middle, high) if self._quantile(middle, z) < seen else (low, middle)
        return high


def bins(score: Floats, sides: Sequence[Indices], most: int = BINS) -> Floats:
    """Return the upper edges of all bins but the last, so that every side has enough rows in each.

    Bins of equally many rows of all sides together are merged from below until that is so.

    Raises:
        ValueError: a score is not between 0 and 1.
    """
    risks(score)
    both = np.concatenate([score[rows] for rows in sides])
    if len(both) == 0:
        return np.zeros(0)
    edges = np.unique(np.quantile(both, np.arange(1, most) / most, method="higher"))
    counts = [np.bincount(np.searchsorted(edges, score[rows]), minlength=most) for rows in sides]
    kept: list[float] = []
    collected = np.zeros(len(sides))
    left = np.array([count.sum() for count in counts], dtype=np.float64)
    for k, edge in enumerate(edges.tolist()):
        here = np.array([count[k] for count in counts])
        collected, left = collected + here, left - here
        if min(collected.min(), left.min()) >= SMALLEST_BIN:
            kept.append(edge)
            collected = np.zeros(len(sides))
    return np.array(kept)


def risks(score: Floats) -> Floats:
    """Return scores that are risks.

    Raises:
        ValueError: a score is not between 0 and 1.
    """
    if not ((score >= 0) & (score <= 1)).all():
        raise ValueError(
            "a score is not between 0 and 1, so it is no risk to hold against outcomes"
        )
    return score


def piece(label: Bools, score: Floats, rows: Indices, edges: Floats) -> Piece:
    """Return the calibration error of some of the rows; undefined where there are too few."""
    if len(rows) < SMALLEST_BIN:
        return influence.undefined(len(rows))
    found = moments(label[rows], score[rows], edges)
    # No influence: the root has no derivative at no error. The scale serves to weigh it only.
    low, high = found.limits(1.0)
    spread, nothing = (high - low) / 2, np.zeros(len(rows))
    return Piece(found.error, spread**2, found.limits, rows, nothing, len(rows), 0.0)


def moments(label: Bools, score: Floats, edges: Floats) -> BinMoments:
    """Return what the calibration error of rows and its limits follow from; a row in every bin."""
    place = np.searchsorted(edges, score)
    size = np.bincount(place, minlength=len(edges) + 1).astype(np.float64)
    off = label - score
    mean = np.bincount(place, off, len(size)) / size
    within = np.bincount(place, (off - mean[place]) ** 2, len(size)) / np.maximum(size - 1, 1)
    share = (np.bincount(place, label, len(size)) + 0.5) / (size + 1)
    weight = size / size.sum()
    noise = weight * np.maximum(within, share * (1 - share)) / size
    squares = weight * mean**2
    total = float(squares.sum())
    signal = squares / total if total > 0 else weight
    return BinMoments(total, float((weight * within / size).sum()), noise, signal)
