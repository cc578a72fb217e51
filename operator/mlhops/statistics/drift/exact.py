"""Two-sample tests of all values, in place of bins: what the binned forms are held against.

Ties and chances are treated as SciPy's `ks_2samp` and `cramervonmises_2samp` (asymptotic) and
`chi2_contingency` (without a continuity correction) treat them.
"""

import math
from dataclasses import dataclass

import numpy as np

from mlhops.statistics.arrays import Counts, Floats
from mlhops.statistics.drift import null_distributions


@dataclass(frozen=True)
class Tested:
    """A statistic and the chance of one as large where nothing has shifted."""

    statistic: float
    p: float


def kolmogorov_smirnov(first: Floats, second: Floats) -> Tested:
    """Return the largest distance of the two empirical distributions.

    Raises:
        ValueError: a sample is empty or has a value that is no finite number.
    """
    _refuse(first, second)
    values = np.concatenate([first, second])
    shares = [np.searchsorted(np.sort(s), values, side="right") / len(s) for s in (first, second)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    n, m = len(first), len(second)
    return Tested(distance, null_distributions.one_sample(distance, round(n * m / (n + m))))


def cramer_von_mises(first: Floats, second: Floats) -> Tested:
    """Return T. W. Anderson's two-sample statistic (Annals of Mathematical Statistics 1962;33:1148).

    Raises:
        ValueError: a sample is empty or has a value that is no finite number.
    """
    _refuse(first, second)
    n, m = len(first), len(second)
    ranks = _midranks(np.concatenate([first, second]))
    own = [np.sort(ranks[:n]) - np.arange(1, n + 1), np.sort(ranks[n:]) - np.arange(1, m + 1)]
    u = n * float((own[0] ** 2).sum()) + m * float((own[1] ** 2).sum())
    statistic = u / (n * m * (n + m)) - (4 * n * m - 1) / (6 * (n + m))
    mean = (1 + 1 / (n + m)) / 6
    variance: float = (n + m + 1) * (4 * n * m * (n + m) - 3 * (n * n + m * m) - 2 * n * m)
    variance /= 45 * (n + m) ** 2 * 4 * n * m
    limit = 1 / 6 + (statistic - mean) / math.sqrt(45 * variance)
    return Tested(statistic, null_distributions.cramer_von_mises(limit))


def chi_squared(first: Counts, second: Counts) -> Tested:
    """Return Pearson's statistic of two rows of counts; columns without any are left out.

    Raises:
        ValueError: a row has no counts.
    """
    if first.sum() == 0 or second.sum() == 0:
        raise ValueError("each row of the table needs a count")
    table = np.stack([first, second])[:, (first + second) > 0].astype(np.float64)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return Tested(statistic, null_distributions.chi_squared(statistic, table.shape[1] - 1))


def _midranks(values: Floats) -> Floats:
    """Return ranks from 1, ties sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shared = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(shared[inverse], dtype=np.float64)


def _refuse(first: Floats, second: Floats) -> None:
    if len(first) == 0 or len(second) == 0:
        raise ValueError("each sample needs a value")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("a value is not a finite number")
