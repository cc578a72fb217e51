"""Two other ways to simultaneous intervals of rates, that the one in use is held against."""

from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from mlhops.statistics.arrays import Counts, Floats
from mlhops.statistics.inference.proportions import wilson
from mlhops.statistics.inference.rates import Trials

RESAMPLES = 2000
CONFIDENCE = 0.95

Method = Callable[[Trials, int], tuple[Floats, Floats]]
"""From counts and a seed to the bounds of each group's rate minus that of its rest."""


def sidak(counts: Trials, seed: int) -> tuple[Floats, Floats]:
    """Newcombe's intervals of a level for as many independent comparisons as there are groups."""
    del seed  # it needs none
    (x, n), (y, m) = counts.of_groups(), counts.of_rest()
    # A group and its rest make the same comparison, whichever of them is looked at.
    different = {min(row.tobytes(), (~row).tobytes()) for row in counts.members}
    level = CONFIDENCE ** (1 / len(different))
    z = NormalDist().inv_cdf(0.5 + level / 2)
    (p_low, p_high), (q_low, q_high) = wilson(x, n, z), wilson(y, m, z)
    p, q = x / n, y / m
    return p - q - np.hypot(p - p_low, q_high - q), p - q + np.hypot(p_high - p, q - q_low)


def bootstrap(counts: Trials, seed: int) -> tuple[Floats, Floats]:
    """Studentised max-|t| intervals from a multinomial bootstrap of the confusion cells."""
    random = np.random.default_rng(seed)
    cells = np.concatenate([counts.events, counts.trials - counts.events])
    drawn = random.multinomial(cells.sum(), cells / cells.sum(), size=RESAMPLES)
    atoms = len(counts.events)
    events, trials = drawn[:, :atoms], drawn[:, :atoms] + drawn[:, atoms:]
    estimate, error = _gap(counts, counts.events[None, :], counts.trials[None, :])
    gap, errors = _gap(counts, events, trials)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(gap - estimate) / errors
    # A resample without the group, or without variation in it, counts as far away.
    largest = np.where(np.isfinite(t), t, np.inf).max(axis=1)
    critical = float(np.quantile(largest, CONFIDENCE, method="higher"))
    with np.errstate(invalid="ignore"):
        return estimate[0] - critical * error[0], estimate[0] + critical * error[0]


def _gap(counts: Trials, events: Counts, trials: Counts) -> tuple[Floats, Floats]:
    weights = counts.members.T.astype(np.float64)
    x, n = events @ weights, trials @ weights
    y, m = events.sum(axis=1, keepdims=True) - x, trials.sum(axis=1, keepdims=True) - n
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = x / n, y / m
        return p - q, np.sqrt(p * (1 - p) / n + q * (1 - q) / m)
