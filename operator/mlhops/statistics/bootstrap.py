"""Simultaneous intervals of the gaps of all groups by resampling the counts (studentised max-|t|).

Resampling counts in place of rows makes the cost independent of the number of rows, and resampling
all atoms together keeps the correlation between groups, so that the intervals are no wider than
they must be.
"""

from collections.abc import Iterator

import numpy as np

from mlhops.statistics.rates import Counts, Floats, Trials

RESAMPLES = 2000
_CELLS_AT_ONCE = 4_000_000


def difference(
    counts: Trials, confidence: float, seed: list[int], resamples: int = RESAMPLES
) -> tuple[Floats, Floats]:
    """Return intervals of each group's rate minus the rate of its rest that hold together.

    Every group and every rest needs events and trials that are no events, in numbers that a normal
    approximation can carry; `gaps` decides that.
    """
    estimate, error = _gap(counts, counts.events[None, :], counts.trials[None, :])
    largest = np.concatenate(
        [_largest(counts, estimate, part) for part in _resample(counts, seed, resamples)]
    )
    # The next higher order statistic: an interpolated quantile would be a little too small.
    critical = float(np.quantile(largest, confidence, method="higher"))
    return estimate[0] - critical * error[0], estimate[0] + critical * error[0]


def _resample(counts: Trials, seed: list[int], resamples: int) -> Iterator[tuple[Counts, Counts]]:
    """Yield drawn events and trials of each atom, many resamples at a time."""
    random = np.random.default_rng(seed)
    cells = np.concatenate([counts.events, counts.trials - counts.events])
    total = int(cells.sum())
    atoms = len(counts.events)
    step = max(1, _CELLS_AT_ONCE // len(cells))
    for start in range(0, resamples, step):
        drawn = random.multinomial(total, cells / total, size=min(step, resamples - start))
        yield drawn[:, :atoms], drawn[:, :atoms] + drawn[:, atoms:]


def _largest(counts: Trials, estimate: Floats, part: tuple[Counts, Counts]) -> Floats:
    gap, error = _gap(counts, *part)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(gap - estimate) / error
    # A resample without the group, or without variation in it, counts as far away.
    return np.asarray(np.where(np.isfinite(t), t, np.inf).max(axis=1), dtype=np.float64)


def _gap(counts: Trials, events: Counts, trials: Counts) -> tuple[Floats, Floats]:
    """Return gap and standard error for each resample (rows) and group (columns)."""
    weights = counts.members.T.astype(np.float64)
    x, n = events @ weights, trials @ weights
    rest_x = events.sum(axis=1, keepdims=True) - x
    rest_n = trials.sum(axis=1, keepdims=True) - n
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = x / n, rest_x / rest_n
        error = np.sqrt(p * (1 - p) / n + q * (1 - q) / rest_n)
    return p - q, error
