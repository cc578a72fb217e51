"""Measures of some of the rows, with the influence that each row has: the common form of all arms.

The influence of a row is the derivative of a measure by the row's weight (the infinitesimal
jackknife, L. A. Jaeckel, Bell Laboratories 1972; B. Efron, SIAM 1982, chapter 6). The sum of the
squares is the variance of the measure, the sum of products the covariance of two measures, also of
overlapping groups, and of two models on the same rows.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mlhops.statistics.arrays import Counts, Floats, Indices
from mlhops.statistics.inference.contrasts import Arms, correlated

_MOST_CELLS = 50_000_000
"""Rows times measures for which all influences are looked at; above, every so many-th row."""
_AT_ONCE = 65_536
_NOTHING: Indices = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True)
class Piece:
    """A measure of some rows."""

    estimate: float
    """NaN where it is undefined."""
    variance: float
    limits: Callable[[float], tuple[float, float]]
    """From a critical value to the lower and the upper limit."""
    rows: Indices
    """The rows that have an influence."""
    influence: Floats
    """One for each of them. All zero means: taken to vary independently of all else."""
    cases: int
    """How many cases the measure is about."""
    unit: float
    """The most that one row can change it."""


def undefined(cases: int = 0) -> Piece:
    """Return a measure that there is none of."""
    return Piece(
        float("nan"), 0.0, lambda _: (float("nan"),) * 2, _NOTHING, np.zeros(0), cases, 0.0
    )


def limited(piece: Piece, limits: Callable[[float], tuple[float, float]]) -> Piece:
    """Return a measure with other limits."""
    return replace(piece, limits=limits)


def folded(piece: Piece, target: float) -> Piece:
    """Return how far a measure lies from its target, whichever way.

    Its limits are those of the measure, folded: from zero on where they hold the target.
    """

    def limits(critical: float) -> tuple[float, float]:
        lower, upper = (bound - target for bound in piece.limits(critical))
        low = 0.0 if lower <= 0.0 <= upper else min(abs(lower), abs(upper))
        # Undefined limits stay so.
        return (low, max(abs(lower), abs(upper))) if lower == lower else (lower, upper)

    away = piece.estimate - target
    return replace(
        piece,
        estimate=abs(away),
        limits=limits,
        influence=-piece.influence if away < 0 else piece.influence,
    )


def logarithmic(arms: Arms) -> Arms:
    """Return the same arms, with the covariance of their logarithms as ratios need it."""
    scale = np.where(arms.estimate > 0, arms.estimate, np.nan)
    with np.errstate(invalid="ignore"):
        covariance = arms.covariance / np.outer(scale, scale)
    # A measure of zero has no logarithm; what it varies by is as much as it may.
    large = np.nan_to_num(covariance, nan=0.0) + np.diag(np.where(np.isnan(scale), 1.0, 0.0))
    return Arms(arms.estimate, large, arms.limits)


def arms(pieces: Iterable[Piece], number: int, rows: int) -> tuple[Arms, list[Piece]]:
    """Return measures of the same rows as arms, and the measures without their influences.

    Args:
        pieces: the measures; each is let go before the next is asked for, since together the
            influences of a million rows on many groups would not fit.
        number: how many measures there are.
        rows: how many rows there are in all.
    """
    step = max(1, -(-rows * number // _MOST_CELLS))
    table = np.zeros((number, -(-rows // step)), dtype=np.float32)
    light = []
    for line, piece in zip(table, pieces, strict=True):
        size = np.abs(piece.influence).max(initial=0.0)
        if size > 0:
            seen = piece.rows % step == 0
            line[piece.rows[seen] // step] = piece.influence[seen] / size
        light.append(replace(piece, rows=_NOTHING, influence=np.zeros(0)))

    def limits(critical: float) -> tuple[Floats, Floats]:
        both = np.array([piece.limits(critical) for piece in light], dtype=np.float64)
        return both[:, 0], both[:, 1]

    estimates = np.array([piece.estimate for piece in light], dtype=np.float64)
    spread = np.sqrt([piece.variance for piece in light])
    return Arms(estimates, correlated(_products(table)) * np.outer(spread, spread), limits), light


def _products(table: NDArray[np.float32]) -> Floats:
    """Return the sums of products, in double precision: measures that depend on each other exactly,
    such as that of everybody on those of all groups, must not come out as impossible."""
    total = np.zeros((len(table), len(table)))
    for start in range(0, table.shape[1], _AT_ONCE):
        part = table[:, start : start + _AT_ONCE].astype(np.float64)
        total += part @ part.T
    return total


def cases(pieces: Sequence[Piece]) -> Counts:
    """Return how many cases each measure is about."""
    return np.array([piece.cases for piece in pieces], dtype=np.int64)
