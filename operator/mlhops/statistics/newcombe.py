"""Newcombe's hybrid score interval of a difference of proportions: it holds in small cells.

It joins two Wilson intervals, so that it has a width even where a rate is 0 or 1 (R. G. Newcombe,
Statistics in Medicine 1998;17:873-890, method 10). Over several groups the level is adjusted by
Šidák's rule, which is on the safe side for groups that are correlated through their common rest.
"""

from statistics import NormalDist

import numpy as np

from mlhops.statistics.rates import Counts, Floats, rate


def sidak(confidence: float, comparisons: int) -> float:
    """Return the confidence of each of several intervals that hold together at another."""
    return float(confidence ** (1.0 / max(comparisons, 1)))


def wilson(events: Counts, trials: Counts, confidence: float) -> tuple[Floats, Floats]:
    """Return Wilson's score interval of each proportion."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    n = np.asarray(trials, dtype=np.float64)
    p = rate(events, trials)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return np.clip(centre - half, 0.0, p), np.clip(centre + half, p, 1.0)


def difference(
    events: Counts, trials: Counts, rest_events: Counts, rest_trials: Counts, confidence: float
) -> tuple[Floats, Floats]:
    """Return the interval of each group's rate minus its rest's; both need a trial."""
    p, q = rate(events, trials), rate(rest_events, rest_trials)
    p_low, p_high = wilson(events, trials, confidence)
    q_low, q_high = wilson(rest_events, rest_trials, confidence)
    lower = p - q - np.hypot(p - p_low, q_high - q)
    upper = p - q + np.hypot(p_high - p, q - q_low)
    return lower, upper
