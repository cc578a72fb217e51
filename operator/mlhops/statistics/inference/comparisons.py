"""The gap of each group, with intervals that hold for all groups of a gate at once.

A group is compared with everybody else (`Rest`, which does not chase a noisy best group), with a
named group (`Reference`), or with the group that has the best estimate (`Best`, see `best`).
"""

from dataclasses import replace

import numpy as np

from mlhops.statistics.arrays import Counts
from mlhops.statistics.inference import contrasts, mcb, proportions
from mlhops.statistics.inference.contrasts import Arms, Intervals
from mlhops.statistics.inference.gap import (
    Gap,
    absolute,
    own_reference,
    proportion,
    smaller_over_larger,
    undefined,
    why,
)
from mlhops.statistics.inference.question import Question
from mlhops.statistics.inference.rates import Trials


def compare(counts: Trials, question: Question) -> list[Gap]:
    """Return the gap of every group's rate, with simultaneous intervals, in the order of the groups.

    A gap without trials on either side is undefined (NaN, with a reason), and takes no part in the
    intervals of the others.

    Raises:
        ValueError: `Reference` without the reference of each group.
    """
    members = question.arms(counts.members)
    arms = proportions.arms(counts, members, question.comparison)
    return answer(question, arms, members.astype(np.int64) @ counts.trials)


def answer(question: Question, arms: Arms, trials: Counts) -> list[Gap]:
    """Return the gap of each group from what was measured of any kind.

    Args:
        question: what is asked.
        arms: the estimates of what `Question.arms` names; undefined ones are NaN.
        trials: how many cases each of them rests on.

    Raises:
        ValueError: `Reference` without the reference of each group.
    """
    if question.against == "Best":
        return mcb.gaps_to_best(question, arms, trials)
    groups = np.arange(len(trials) // 2 if question.against == "Rest" else len(trials))
    other = question.others(len(groups))
    known = ~np.isnan(arms.estimate)
    chosen = groups[known[groups] & known[other] & (other != groups)]
    found = contrasts.intervals(
        arms, chosen, other[chosen], question.comparison, question.confidence, question.seed
    )
    place = {int(group): i for i, group in enumerate(chosen)}
    result = []
    for i, j in zip(groups.tolist(), other.tolist(), strict=True):
        rates = float(arms.estimate[i]), float(arms.estimate[j])
        versus = None if question.against == "Rest" else j
        gap = undefined(rates, (int(trials[i]), int(trials[j])), versus)
        if i in place:
            gap = _filled(gap, found, place[i], question)
        elif i == j and known[i]:
            gap = own_reference(gap, question.comparison)
        result.append(gap)
    return result


def _filled(gap: Gap, found: Intervals, i: int, question: Question) -> Gap:
    lower, upper = float(found.lower[i]), float(found.upper[i])
    if question.comparison == "Difference":
        size, bounds = abs(gap.signed), absolute(lower, upper, question.largest)
    else:
        size, bounds = proportion(gap.rate, gap.rest), smaller_over_larger(lower, upper)
    return replace(
        gap,
        gap=size,
        lower=bounds[0],
        upper=bounds[1],
        critical=found.critical,
        signed_lower=lower,
        signed_upper=upper,
        reason=why(size),
    )
