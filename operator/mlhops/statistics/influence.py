"""Measures of some of the rows, with the influence that each row has: the common form of all arms.

The influence of a row is the derivative of a measure by the row's weight (the infinitesimal
jackknife, L. A. Jaeckel, Bell Laboratories 1972; B. Efron, SIAM 1982, chapter 6). The sum of the
squares is the variance of the measure, the sum of products the covariance of two measures, also of
overlapping groups, and of two models on the same rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mlhops.statistics.contrasts import Arms, Indices, correlated
from mlhops.statistics.rates import Floats

_MOST_CELLS = 50_000_000
"""Rows times measures for which all influences are looked at; above, every so many-th row."""


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
    nothing = np.zeros(0, dtype=np.intp)
    return Piece(float("nan"), 0.0, lambda _: (float("nan"),) * 2, nothing, np.zeros(0), cases, 0.0)


def arms(pieces: Sequence[Piece], rows: int) -> Arms:
    """Return measures of the same rows as arms.

    Args:
        pieces: the measures.
        rows: how many rows there are in all.
    """
    spread = np.sqrt([piece.variance for piece in pieces])

    def limits(critical: float) -> tuple[Floats, Floats]:
        both = np.array([piece.limits(critical) for piece in pieces], dtype=np.float64)
        return both[:, 0], both[:, 1]

    return Arms(
        np.array([piece.estimate for piece in pieces], dtype=np.float64),
        _correlation(pieces, rows) * np.outer(spread, spread),
        limits,
    )


def _correlation(pieces: Sequence[Piece], rows: int) -> Floats:
    step = max(1, -(-rows * len(pieces) // _MOST_CELLS))
    table = np.zeros((len(pieces), -(-rows // step)), dtype=np.float32)
    for line, piece in zip(table, pieces, strict=True):
        seen = piece.rows % step == 0
        size = np.abs(piece.influence).max(initial=0.0)
        if size > 0:
            line[piece.rows[seen] // step] = piece.influence[seen] / size
    return correlated(np.asarray(table @ table.T, dtype=np.float64))
