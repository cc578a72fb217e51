"""P-values of statistics under the null hypothesis that nothing has shifted.

Small p-values are exact in relative terms too, since budgets of false alarms make them count.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mlhops.statistics.arrays import Floats

_NODES = 64
_REACH = 11.0
_CHEBYSHEV = 24
_ALONG = (np.arange(_NODES) + 0.5) * (_REACH / _NODES)


def kolmogorov(x: float) -> float:
    """Return the asymptotic p-value of the two-sided Kolmogorov-Smirnov statistic times sqrt(n).

    Two samples of different size exceed it no more often than this, at any size (F. Wei and R. M.
    Dudley, Statistics and Probability Letters 2012;82:636-644: checked there up to 200 rows), and
    with ties less often still (G. E. Noether, Annals of Mathematical Statistics 1963;34:640).
    """
    if x <= 0:
        return 1.0
    if x < 1:  # the other series converges faster here
        terms = [math.exp(-(((2 * k - 1) * math.pi / x) ** 2) / 8) for k in range(1, 6)]
        return max(0.0, 1 - math.sqrt(2 * math.pi) / x * sum(terms))
    return 2 * math.fsum(math.exp(-2 * (k * x) ** 2) * (1 if k % 2 else -1) for k in range(1, 6))


def chi_squared(x: float, freedom: int) -> float:
    """Return the p-value of a chi-squared statistic, by the closed forms for whole degrees of freedom."""
    if freedom < 1 or x <= 0:
        return 1.0
    half = x / 2
    powers = np.arange(freedom // 2) + (freedom % 2) / 2
    logs = powers * math.log(half) - half - _log_gammas(freedom)
    tail = math.erfc(math.sqrt(half)) if freedom % 2 else 0.0
    return min(1.0, tail + float(np.exp(logs).sum()))


@cache
def _log_gammas(freedom: int) -> Floats:
    return np.array([math.lgamma(i + 1 + (freedom % 2) / 2) for i in range(freedom // 2)])


def weighted(x: float, weights: Floats) -> float:
    """Return the p-value of a weighted sum of squared standard normals.

    The integral is of the moment generating function along the parabola of steepest descent from its
    saddle point, around its branch cut: that converges exponentially, and small p-values stay exact.

    Args:
        x: the statistic.
        weights: not negative; all zero means that there is nothing to vary.
    """
    top = float(weights.max(initial=0.0))
    if x <= 0 or top <= 0:
        return 1.0 if x <= 0 else 0.0
    scaled = weights[weights > top * 1e-12] / top
    at = x / top
    above = at > float(scaled.sum())
    saddle = _saddle(at, scaled, above)
    tilted = scaled / (1 - 2 * scaled * saddle)
    second, third = 2 * float((tilted**2).sum()), 8 * float((tilted**3).sum())
    spread, bend = 1 / math.sqrt(second), third / (6 * second**1.5)  # of steepest descent
    s = saddle + spread * (1j * _ALONG + bend * _ALONG**2)
    steps = spread * (1j + 2 * bend * _ALONG) * (_REACH / _NODES)
    logs = -0.5 * np.log(1 - 2 * np.multiply.outer(s, scaled)).sum(axis=1) - s * at
    found = float((np.exp(logs) / s * steps).imag.sum()) / math.pi
    # Left of the pole at 0 the integral is the other tail, with the opposite sign.
    return min(1.0, max(0.0, found if above else 1 + found))


def _saddle(x: float, weights: Floats, above: bool) -> float:
    """Return about where the integrand is least on the real axis, at some distance of its pole."""
    apart = 0.5 / math.sqrt(2 * float((weights**2).sum()))
    low, high = (apart, 0.5) if above else (-len(weights) / (2 * x) - apart, -apart)
    for _ in range(30):
        middle = (low + high) / 2
        if float((weights / (1 - 2 * weights * middle)).sum()) < x:
            low = middle
        else:
            high = middle
    return low


def cramer_von_mises(x: float) -> float:
    """Return the asymptotic p-value of the Cramér-von Mises statistic of continuous values.

    N. V. Smirnov's integrals between the zeros of the sine (C. R. Acad. Sci. Paris 1936;202:449),
    whose ends Gauss-Chebyshev quadrature takes.
    """
    if x < 0.01:
        return 1.0
    squares, factors = _smirnov()
    return min(1.0, max(0.0, float((factors * np.exp(-x / 2 * squares)).sum())))


@cache
def _smirnov() -> tuple[Floats, Floats]:
    """Return the squares of the quadrature's nodes, and what each counts."""
    nodes = np.cos((np.arange(_CHEBYSHEV) + 0.5) * (math.pi / _CHEBYSHEV))
    k = np.arange(1, 13)[:, None]
    theta = (2 * k - 0.5) * math.pi + math.pi / 2 * nodes
    ends = (theta - (2 * k - 1) * math.pi) * (2 * k * math.pi - theta)
    factors = np.sqrt(ends / (-np.sin(theta) * theta)) * (2 / _CHEBYSHEV)
    return theta**2, np.where(k % 2 == 1, factors, -factors)


def hypergeometric(events: int, trials: int, marked: int, everything: int) -> tuple[float, float]:
    """Return the probabilities of at most and of at least so many marked ones among those drawn.

    Args:
        events: marked ones that were drawn.
        trials: how many were drawn.
        marked: marked ones in all.
        everything: all there are.
    """
    if marked == 0:
        return 1.0, 1.0
    low, high = max(0, trials + marked - everything), min(trials, marked)
    k = np.arange(low, high + 1)
    logs = (
        _log_choose(marked, k)
        + _log_choose(everything - marked, trials - k)
        - _log_choose(everything, np.array([trials]))
    )
    probabilities = np.exp(logs)
    at_most, at_least = (
        float(probabilities[k <= events].sum()),
        float(probabilities[k >= events].sum()),
    )
    return min(1.0, at_most), min(1.0, at_least)


def _log_choose(n: int, k: NDArray[np.int64]) -> Floats:
    return log_factorial(np.array([n])) - log_factorial(k) - log_factorial(n - k)


def log_factorial(n: NDArray[np.int64]) -> Floats:
    """Return the logarithms of factorials: a table up to 255, then Stirling's series."""
    big = np.maximum(n, 1).astype(np.float64)
    series = 1 / (12 * big) - 1 / (360 * big**3) + 1 / (1260 * big**5)
    stirling = big * np.log(big) - big + 0.5 * np.log(2 * math.pi * big) + series
    table = _table()
    return np.where(n < len(table), table[np.clip(n, 0, len(table) - 1)], stirling)


@cache
def _table() -> Floats:
    return np.cumsum(np.log(np.maximum(np.arange(256), 1)))
