"""Measures of predicted numbers: errors, variance that is explained, calibration, errors within a tolerance.

Each is a function of means, so that the influence of a row follows by the chain rule (the delta method; A. W. van der
Vaart, Asymptotic Statistics, 1998, chapter 3). Limits of what cannot be negative are symmetric on the logarithmic
scale, on which sizes of errors, whose distribution is skewed to the right, vary more nearly in a normal way. Since the
spread of a few rows is itself uncertain, limits reach as far as Student's t does where a normal variable reaches the
critical value.
"""

import math
from collections.abc import Callable
from functools import cached_property
from typing import Self

import numpy as np

from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.statistics.inference import influence
from mlhops.statistics.inference.influence import Piece
from mlhops.statistics.inference.proportions import effective_limits

Limits = Callable[[float], tuple[float, float]]
_OF_SQUARES = 4
"""The spread of squares is known as well as that of other values of a quarter of the rows: of groups of 40 to 140 with
normal errors 95 % intervals then hold the truth in 95 to 96 %, with Student's t of all rows in 93 to 94 %."""
FEWEST = 3
"""Rows; of fewer no spread about a line can be told."""
MOST = 1e38
"""The largest number that is measured, about as large as single precision holds: of far larger ones the spread of
squares is no number any more, and limits would be as wide as all numbers, which refutes nothing."""


def is_measurable(numbers: Floats) -> Bools:
    """Return which numbers are finite, and no larger than what can be measured."""
    return np.asarray(np.abs(numbers) <= MOST)


class NumericAnswers:
    """A model's numbers on labelled rows, of which any part can be measured."""

    def __init__(self, label: Floats, value: Floats, unit: float | None = None) -> None:
        """Take the answers.

        Args:
            label: the true number of each row, float[n].
            value: the model's number of each row, float[n].
            unit: what a row's error varies by, where that is known from more rows; see `unit`.

        Raises:
            ValueError: a number is not finite, or too large to measure.
        """
        if not (is_measurable(label).all() and is_measurable(value).all()):
            raise ValueError(f"a value is not a finite number, or larger than {MOST:g}")
        self.label, self.value = label, value
        self._unit = unit

    def of(self, rows: Indices) -> Self:
        """Return the answers on some rows, maybe several times."""
        return type(self)(self.label[rows], self.value[rows], self.unit)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.label)

    @property
    def order(self) -> Indices:
        """The rows, so sorted that neighbours are alike."""
        return np.lexsort((self.value, self.label))

    @cached_property
    def error(self) -> Floats:
        """The model's number minus the true one, float[n], in the outcome's unit."""
        return self.value - self.label

    @cached_property
    def unit(self) -> float:
        """By how much one row's error may differ from those that were seen: two standard deviations of the label."""
        if self._unit is not None:
            return self._unit
        return 2 * float(self.label.std()) if len(self.label) else 0.0


def bias(answers: NumericAnswers, rows: Indices) -> Piece:
    """Return the mean error of some rows, in the outcome's unit; above zero where the model says too much."""
    return _mean(answers.error[rows], rows, answers.unit)


def mean_absolute_error(answers: NumericAnswers, rows: Indices) -> Piece:
    """Return the mean absolute error of some rows, in the outcome's unit."""
    found = _mean(np.abs(answers.error[rows]), rows, answers.unit)
    return positive(found)


def root_mean_squared_error(answers: NumericAnswers, rows: Indices) -> Piece:
    """Return the root of the mean squared error of some rows, in the outcome's unit."""
    n = len(rows)
    if n == 0:
        return influence.undefined()
    squares = answers.error[rows] ** 2
    root = math.sqrt(float(squares.mean()))
    # The root has no derivative at zero.
    effect = (squares - root**2) / (2 * n * root) if root > 0 else np.zeros(n)
    return positive(symmetric(root, effect, rows, answers.unit / n), n // _OF_SQUARES)


def explained_variance(answers: NumericAnswers, rows: Indices) -> Piece:
    """Return R², 1 - mean squared error / variance of the outcome, of some rows.

    Below zero the model is worse than the mean of these rows. Undefined where their outcome is the same for all.
    """
    n = len(rows)
    label = answers.label[rows]
    if n < FEWEST or float(np.ptp(label)) == 0:
        return influence.undefined(n)
    squares, spread = answers.error[rows] ** 2, (label - label.mean()) ** 2
    variance = float(spread.mean())
    if variance == 0:  # squares so small are no numbers any more
        return influence.undefined(n)
    left = float(squares.mean()) / variance
    effect = -(squares - left * spread) / (n * variance)
    found = symmetric(1 - left, effect, rows, (answers.unit / 2) ** 2 / (n * variance))
    if left <= 0 or math.isnan(found.estimate):
        return found
    relative = math.sqrt(found.variance) / left

    def limits(critical: float) -> tuple[float, float]:
        reach = student(critical, n // _OF_SQUARES) * relative
        return 1 - left * math.exp(reach), 1 - left * math.exp(-reach)

    return influence.limited(found, limits)


def calibration_slope(answers: NumericAnswers, rows: Indices) -> Piece:
    """Return the slope of the least-squares line of the outcome on the model's numbers, of some rows.

    Its variance is that of H. White (Econometrica 1980;48:817-838) with n / (n - 2), which holds where errors
    differ in spread. Undefined where the model says the same of all.
    """
    n = len(rows)
    value, label = answers.value[rows], answers.label[rows]
    if n < FEWEST or float(np.ptp(value)) == 0:
        return influence.undefined(n)
    across = value - value.mean()
    spread = float(across @ across)
    if spread == 0:  # squares so small are no numbers any more
        return influence.undefined(n)
    slope = float(across @ (label - label.mean())) / spread
    residual = label - label.mean() - slope * across
    effect = across * residual / spread
    return symmetric(slope, effect, rows, answers.unit / math.sqrt(n * spread), lost=2)


def within(answers: NumericAnswers, rows: Indices, tolerance: float) -> Piece:
    """Return the share of some rows whose error is no larger than a tolerance, in the outcome's unit."""
    n = len(rows)
    if n == 0:
        return influence.undefined()
    hits = (np.abs(answers.error[rows]) <= tolerance).astype(np.float64)
    share = float(hits.mean())
    effect = (hits - share) / n
    limits, variance = effective_limits(share, float(effect @ effect), n)
    return Piece(share, variance, limits, rows, effect, n, 1 / n)


def student(critical: float, freedom: int) -> float:
    """Return the quantile of Student's t that has the probability of a normal quantile.

    By the expansion of Abramowitz and Stegun 26.7.5; within 0.002 up to a critical value of 3.5 from 39 degrees on.
    """
    z, n = critical, max(freedom, 1)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def _mean(values: Floats, rows: Indices, unit: float) -> Piece:
    n = len(rows)
    if n == 0:
        return influence.undefined()
    mean = float(values.mean())
    return symmetric(mean, (values - mean) / n, rows, unit / n)


def symmetric(
    estimate: float, effect: Floats, rows: Indices, smallest: float, *, lost: int = 1
) -> Piece:
    """Return a measure whose limits are symmetric.

    Args:
        estimate: the measure.
        effect: the influence of each row.
        rows: which rows.
        smallest: the most that one row can change it: where nothing varied that was seen, more is not known.
        lost: how many degrees of freedom the measure takes.
    """
    n = len(rows)
    with np.errstate(over="ignore"):
        variance = float(effect @ effect) * n / max(n - lost, 1)
    if not math.isfinite(variance):
        return influence.undefined(n)  # its limits would hold all numbers, which refutes nothing
    # Rounding alone is no variance.
    if variance <= (1e-9 * smallest) ** 2:
        variance = smallest**2
    spread = math.sqrt(variance)

    def limits(critical: float) -> tuple[float, float]:
        reach = student(critical, n - lost) * spread
        return estimate - reach, estimate + reach

    return Piece(estimate, variance, limits, rows, effect, n, smallest)


def positive(found: Piece, freedom: int | None = None) -> Piece:
    """Return a measure that is never negative with limits that are symmetric in its logarithm.

    Args:
        found: the measure.
        freedom: of its spread; by default one less than its rows.
    """
    estimate, spread = found.estimate, math.sqrt(found.variance)
    if math.isnan(estimate):
        return found

    def limits(critical: float) -> tuple[float, float]:
        wide = student(critical, found.cases - 1 if freedom is None else freedom)
        if estimate <= 0:
            return 0.0, wide * spread
        reach = wide * spread / estimate
        # So wide a ratio says as much as none: exp would overflow.
        return estimate * math.exp(-reach), estimate * math.exp(min(reach, _MOST_REACH))

    return influence.limited(found, limits)


_MOST_REACH = 50.0
