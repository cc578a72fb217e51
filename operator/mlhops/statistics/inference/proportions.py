"""Proportions of several groups as arms: Wilson's limits, and how the groups vary together."""

from collections.abc import Callable

import numpy as np

from mlhops.statistics.arrays import Bools, Counts, Floats
from mlhops.statistics.inference.contrasts import Arms, Comparison
from mlhops.statistics.inference.rates import Trials, rate


def wilson(
    events: Counts | Floats, trials: Counts | Floats, critical: float
) -> tuple[Floats, Floats]:
    """Return the limits of each proportion (E. B. Wilson, JASA 1927;22:209-212).

    Args:
        events: how often it happened.
        trials: out of how many; without any, nothing is known: 0 to 1.
        critical: how many standard errors to either side.
    """
    n = np.asarray(trials, dtype=np.float64)
    z = critical
    with np.errstate(invalid="ignore", divide="ignore"):
        p = events / n
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    lower, upper = np.clip(centre - half, 0.0, p), np.clip(centre + half, p, 1.0)
    known = n > 0
    return np.where(known, lower, 0.0), np.where(known, upper, 1.0)


def arms(counts: Trials, members: Bools, comparison: Comparison) -> Arms:
    """Return the proportion of each arm.

    Args:
        counts: events and trials in each atom.
        members: one row per arm, one column per atom.
        comparison: for a ratio the covariance is that of the logarithms.
    """
    weights = members.astype(np.int64)
    events, trials = weights @ counts.events, weights @ counts.trials
    return Arms(
        rate(events, trials),
        covariance(counts, members, comparison),
        lambda critical: wilson(events, trials, critical),
    )


def covariance(counts: Trials, members: Bools, comparison: Comparison) -> Floats:
    """Return how the proportions of arms vary together, from the influence of each cell.

    One trial at the common rate is added to each atom, so that an arm without an event, or with
    nothing else, still has a variance and correlations.
    """
    common = (counts.events.sum() + 0.5) / (counts.trials.sum() + 1)
    seen = counts.trials > 0
    trials = counts.trials + 1.0 * seen
    events = counts.events + common * seen
    belongs = members.astype(np.float64)
    size = np.maximum(belongs @ trials, 1.0)
    p = np.clip((belongs @ events) / size, 1e-12, 1.0)
    scale = size if comparison == "Difference" else size * p
    cells = np.concatenate([events, trials - events])
    influence = np.concatenate(
        [belongs * ((1 - p) / scale)[:, None], belongs * (-p / scale)[:, None]], axis=1
    )
    return np.asarray((influence * cells) @ influence.T, dtype=np.float64)


def effective_limits(
    mean: float, variance: float, cases: int
) -> tuple[Callable[[float], tuple[float, float]], float]:
    """Return the limits of a mean between 0 and 1, and its variance, which is never zero.

    The limits are Wilson's, with as many cases as would give a proportion this variance (as E. L.
    Korn and B. I. Graubard do for surveys, Survey Methodology 1998;24:193-201); where nothing varies
    these are the cases that there are.
    """
    binomial = mean * (1 - mean)
    size = binomial / variance if variance > 0 and binomial > 0 else float(cases)

    def limits(critical: float) -> tuple[float, float]:
        lower, upper = wilson(np.array([mean * size]), np.array([size]), critical)
        return float(lower[0]), float(upper[0])

    smoothed = (mean * cases + 0.5) / (cases + 1)
    return limits, variance or smoothed * (1 - smoothed) / max(cases, 1)
