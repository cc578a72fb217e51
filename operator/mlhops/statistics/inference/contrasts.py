"""Intervals of differences and ratios of estimates that hold for all of them at once.

An *arm* is an estimate on some of the rows: the rate of a group, of its rest, of another model. A
*contrast* compares two arms. Two ingredients make intervals that hold together:

- the critical value: the quantile of the largest |t| over all contrasts, from a Gaussian multiplier
  bootstrap of the arms' influence functions (V. Chernozhukov, D. Chetverikov and K. Kato, Annals of
  Statistics 2013;41:2786-2819). It takes only the arms' covariance, so that it costs the same for
  any number of rows, and knows how the contrasts are correlated: by a common rest, by overlap, or
  because two groups are each other's rest;
- the limits of each arm by itself at that critical value, joined by the method of variance estimates
  recovery, which keeps their lopsidedness (G. Y. Zou and A. Donner, Statistics in Medicine
  2008;27:1693-1702; for ratios A. Donner and G. Y. Zou, Statistical Methods in Medical Research
  2012;21:347-359). With Wilson's limits and independent arms the difference is method 10 of
  R. G. Newcombe (Statistics in Medicine 1998;17:873-890), which has a width where no event was seen.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from mlhops.statistics.arrays import Floats, Indices

Comparison = Literal["Difference", "Ratio"]
Limits = Callable[[float], tuple[Floats, Floats]]
_Distances = tuple[Floats, Floats, Floats, Floats]
"""From left to its lower and its upper limit, from right to its lower and its upper limit."""

DRAWS = 10_000
"""Of the largest |t|: the 95 % quantile then has a standard error below 1 %."""
_SAME = 1 - 1e-6
"""Contrasts that are so correlated are one comparison, for which no draw is needed."""
_CELLS_AT_ONCE = 4_000_000
_JITTER = 1e-7
"""More than rounding takes from correlations that are singular."""


@dataclass(frozen=True)
class Arms:
    """Estimates, how they vary together, and the limits of each alone."""

    estimate: Floats
    """One for each arm."""
    covariance: Floats
    """Arms by arms. It gives correlations and the weights of arms; the limits give the widths."""
    limits: Limits
    """From a critical value (1.96 for 95 %) to the lower and the upper limit of each arm."""


@dataclass(frozen=True)
class Intervals:
    """Simultaneous intervals of contrasts, in their order."""

    estimate: Floats
    lower: Floats
    upper: Floats
    critical: float
    """How many standard errors to either side: 1.96 for one contrast at 95 %."""


def intervals(
    arms: Arms,
    left: Indices,
    right: Indices,
    comparison: Comparison,
    confidence: float,
    seed: list[int],
) -> Intervals:
    """Return intervals of left minus right, or of left over right, for each pair of arms.

    Every arm that is named must be defined. For ratios no estimate may be negative, and the
    covariance must be that of the logarithms; the upper limit is infinite where right may be zero.
    """
    if len(left) == 0:
        return Intervals(np.zeros(0), np.zeros(0), np.zeros(0), float("nan"))
    z = critical(arms.covariance, left, right, confidence, seed)
    p, q = arms.estimate[left], arms.estimate[right]
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = p - q if comparison == "Difference" else p / q
    return Intervals(estimate, *limits_of(arms, left, right, comparison, z), z)


def limits_of(
    arms: Arms, left: Indices, right: Indices, comparison: Comparison, z: float
) -> tuple[Floats, Floats]:
    """Return the limits of contrasts at a critical value; arms may have draws before their axis."""
    low, high = arms.limits(z)
    p, q = arms.estimate[..., left], arms.estimate[..., right]
    correlation = correlated(arms.covariance)[left, right]
    distances = (
        p - low[..., left],
        high[..., left] - p,
        q - low[..., right],
        high[..., right] - q,
    )
    if comparison == "Difference":
        return _difference(p, q, distances, correlation)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _ratio(p, q, distances, correlation)


def critical(
    covariance: Floats, left: Indices, right: Indices, confidence: float, seed: list[int]
) -> float:
    """Return the quantile of the largest |t| of all contrasts of arms with such a covariance.

    Contrasts without variance (of an arm with itself) do not count.
    """
    variance = np.diagonal(covariance)
    spread = variance[left] + variance[right] - 2 * covariance[left, right]
    varies = spread > 1e-12 * (variance[left] + variance[right])
    left, right, spread = left[varies], right[varies], spread[varies]
    if len(left) == 0:
        return _alone(confidence)
    by_arm = covariance[left] - covariance[right]
    joint = correlated(by_arm[:, left] - by_arm[:, right])
    if np.abs(joint[0]).min() > _SAME:
        return _alone(confidence)
    if len(left) <= len(covariance):
        loads = _factor(joint)
    else:
        scale = np.sqrt(np.diagonal(covariance))
        factor = _factor(correlated(covariance)) * scale[:, None]
        loads = (factor[left] - factor[right]) / np.sqrt(spread)[:, None]
    largest = np.concatenate(list(_largest(loads, seed)))
    # The next higher order statistic: an interpolated quantile would be a little too small.
    return float(np.quantile(largest, confidence, method="higher"))


def _alone(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def _factor(correlation: Floats) -> Floats:
    """Return the root of a correlation, which may be singular: a group and its rest depend on the
    same rows."""
    return np.asarray(np.linalg.cholesky(correlation + _JITTER * np.eye(len(correlation))))


def correlated(covariance: Floats) -> Floats:
    """Return the correlations; an arm without variance is correlated with none."""
    variance = np.diagonal(covariance)
    scale = np.sqrt(np.where(variance > 0, variance, 1.0))
    correlation = np.clip(covariance / np.outer(scale, scale), -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation, dtype=np.float64)


def _largest(loads: Floats, seed: list[int]) -> Iterator[Floats]:
    """Yield the largest |t| of each draw; loads are contrasts by independent normals."""
    random = np.random.default_rng(seed)
    contrasts, normals = loads.shape
    step = max(1, _CELLS_AT_ONCE // contrasts)
    for start in range(0, DRAWS, step):
        drawn = random.standard_normal((normals, min(step, DRAWS - start)))
        t = loads @ drawn
        yield np.maximum(t.max(axis=0), -t.min(axis=0))


def _difference(p: Floats, q: Floats, distances: _Distances, r: Floats) -> tuple[Floats, Floats]:
    p_below, p_above, q_below, q_above = distances
    below = p_below**2 + q_above**2 - 2 * r * p_below * q_above
    above = p_above**2 + q_below**2 - 2 * r * p_above * q_below
    return p - q - np.sqrt(np.maximum(below, 0.0)), p - q + np.sqrt(np.maximum(above, 0.0))


def _ratio(p: Floats, q: Floats, distances: _Distances, r: Floats) -> tuple[Floats, Floats]:
    p_below, p_above, q_below, q_above = distances
    lower = _smaller_root(q**2 - q_above**2, p * q - r * p_below * q_above, p**2 - p_below**2)
    # The upper limit is the reciprocal of the lower one of right over left.
    inverse = _smaller_root(p**2 - p_above**2, p * q - r * p_above * q_below, q**2 - q_below**2)
    return lower, 1 / inverse


def _smaller_root(a: Floats, b: Floats, c: Floats) -> Floats:
    """Return the smaller root of a x² - 2 b x + c, in a form that holds for any sign of a.

    Zero, the widest of all, where c or b is not positive.
    """
    root = np.sqrt(np.maximum(b * b - a * c, 0.0))
    return np.asarray(np.where((c > 0) & (b > 0), c / (b + root), 0.0), dtype=np.float64)
