"""Quantiles of answer times, with intervals that assume nothing about how times are distributed."""

import math

import numpy as np

from mlhops.statistics.arrays import Floats
from mlhops.statistics.inference.estimate import Estimate, undefined


def quantile(seconds: Floats, q: float, confidence: float) -> Estimate:
    """Return a quantile; its interval lies between two of the times that were seen.

    How many of n times lie below the true quantile is binomial, so that the order statistics at the
    binomial's own quantiles enclose it (H. A. David and H. N. Nagaraja, Order Statistics, 3rd
    edition 2003, section 7.1). The upper bound is infinite where there are too few times for one:
    the 99th percentile needs 368 at 95 %.

    Args:
        seconds: the time of each answer.
        q: which quantile, between 0 and 1.
        confidence: of the interval.

    Raises:
        ValueError: a time is not a finite number of seconds, 0 or more.
    """
    n = len(seconds)
    if n == 0:
        return undefined("no answer was timed")
    if not (np.isfinite(seconds) & (seconds >= 0)).all():
        raise ValueError("a time is not a finite number of seconds")
    ordered = np.sort(seconds)
    most = _cumulative(n, q)
    tail = (1 - confidence) / 2
    # Highest l with P(fewer than l below) <= tail, lowest u with P(u or more below) <= tail.
    low = int(np.searchsorted(most, tail, side="right"))
    high = int(np.searchsorted(most, 1 - tail, side="left")) + 1
    return Estimate(
        float(ordered[max(math.ceil(n * q), 1) - 1]),
        float(ordered[low - 1]) if low > 0 else 0.0,
        float(ordered[high - 1]) if high <= n else math.inf,
        n,
    )


def _cumulative(n: int, q: float) -> Floats:
    """Return the probability of at most k successes out of n, for each k."""
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    k = np.arange(n + 1)
    log = factorials[n] - factorials - factorials[::-1] + k * math.log(q)
    log += (n - k) * math.log1p(-q)
    return np.asarray(np.minimum(np.cumsum(np.exp(log)), 1.0), dtype=np.float64)
