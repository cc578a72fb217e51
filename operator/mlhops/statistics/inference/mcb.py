"""The gap of each group to the group with the best rate, which is itself uncertain.

All pairs of groups get intervals that hold together. The gap to the best is the largest of a
group's gaps to the others, so it lies between the largest of their lower limits and the largest of
their upper ones, whichever group is best in truth (the idea of J. C. Hsu, Annals of Statistics
1984;12:1136-1144, here with two-sided intervals). Resampling the best with the rest would not do:
where groups tie the gap is on the boundary of what it can be, and there the bootstrap is not
consistent (D. W. K. Andrews, Econometrica 2000;68:399-405).
"""

import math

import numpy as np

from mlhops.statistics.arrays import Bools, Counts, Floats, Indices
from mlhops.statistics.inference import contrasts
from mlhops.statistics.inference.contrasts import Arms, Comparison, Intervals
from mlhops.statistics.inference.gap import Gap, proportion, undefined, why
from mlhops.statistics.inference.question import Question


def gaps_to_best(question: Question, arms: Arms, trials: Counts) -> list[Gap]:
    """Return the gap of every group to the best of its family."""
    comparison, better = question.comparison, question.better
    known, families = ~np.isnan(arms.estimate), question.families(len(trials))
    rivals = known & known[:, None] & (families == families[:, None])
    left, right = np.nonzero(np.triu(rivals, 1))
    found = contrasts.intervals(arms, left, right, comparison, question.confidence, question.seed)
    lower, upper = _handicaps(found, left, right, rivals, question)
    rates = np.where(rivals, arms.estimate, np.inf if better == "Lower" else -np.inf)
    first = rates.argmin(axis=1) if better == "Lower" else rates.argmax(axis=1)
    result = []
    for i, j in enumerate(first.tolist()):
        if rivals[i].sum() < 2:
            alone = float(arms.estimate[i]), math.nan
            result.append(undefined(alone, (int(trials[i]), 0), None))
            continue
        pair = float(arms.estimate[i]), float(arms.estimate[j])
        size = abs(pair[0] - pair[1]) if comparison == "Difference" else proportion(*pair)
        bounds = float(lower[i]), float(upper[i])
        count = int(trials[i]), int(trials[j])
        result.append(Gap(*pair, *count, size, *bounds, found.critical, j, reason=why(size)))
    return result


def _handicaps(
    found: Intervals,
    left: Indices,
    right: Indices,
    rivals: Bools,
    question: Question,
) -> tuple[Floats, Floats]:
    """Return between which bounds each group lies behind the best of its rivals, itself included."""
    comparison, better = question.comparison, question.better
    largest = question.largest if comparison == "Difference" else 1.0
    same = 0.0 if comparison == "Difference" else 1.0
    low, high = np.full((2, *rivals.shape), np.nan)
    low[np.diag_indices(len(rivals))] = high[np.diag_indices(len(rivals))] = same
    low[left, right], high[left, right] = found.lower, found.upper
    with np.errstate(divide="ignore"):
        low[right, left], high[right, left] = _turned(found.lower, found.upper, comparison)
        if (comparison == "Difference") == (better == "Higher"):
            low, high = _turned(low, high, comparison)
    worst = np.maximum if comparison == "Difference" else np.minimum
    off = -np.inf if comparison == "Difference" else np.inf
    return (
        np.clip(worst.reduce(np.where(rivals, low, off), axis=1) + 0.0, 0.0, largest),
        np.clip(worst.reduce(np.where(rivals, high, off), axis=1) + 0.0, 0.0, largest),
    )


def _turned(lower: Floats, upper: Floats, comparison: Comparison) -> tuple[Floats, Floats]:
    """Return the intervals of right against left from those of left against right."""
    return (-upper, -lower) if comparison == "Difference" else (1 / upper, 1 / lower)
