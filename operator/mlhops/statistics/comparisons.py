"""The gap of each group's rate, with intervals that hold for all groups of a gate at once.

A group is compared with everybody else (`Rest`, which does not chase a noisy best group), with a
named group (`Reference`), or with the group that has the best estimate (`Best`, see `best`).
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mlhops.statistics import best, contrasts, proportions
from mlhops.statistics.best import Better
from mlhops.statistics.contrasts import Arms, Comparison, Indices, Intervals
from mlhops.statistics.gap import (
    Gap,
    absolute,
    own_reference,
    proportion,
    smaller_over_larger,
    undefined,
    why,
)
from mlhops.statistics.rates import Bools, Counts, Trials

Against = Literal["Rest", "Best", "Reference"]


@dataclass(frozen=True)
class Pairs:
    """Which arm each group is compared with; the first arms are the groups."""

    members: Bools
    """Arms by atoms."""
    other: Indices
    """For each group the arm that it is compared with."""
    against: Against

    def versus(self, group: int) -> int | None:
        """Return the group that a group is compared with; None for everybody else."""
        return None if self.against == "Rest" else int(self.other[group])


def compare(
    counts: Trials,
    *,
    comparison: Comparison = "Difference",
    against: Against = "Rest",
    reference: Indices | None = None,
    family: Indices | None = None,
    better: Better = "Lower",
    confidence: float = 0.95,
    seed: list[int],
) -> list[Gap]:
    """Return the gap of every group, with simultaneous intervals, in the order of the groups.

    A gap without trials on either side is undefined (NaN, with a reason), and takes no part in the
    intervals of the others.

    Args:
        counts: events and trials.
        comparison: `Difference`: absolute, 0 is equal. `Ratio`: the smaller rate over the larger, 1
            is equal.
        against: with whom each group is compared.
        reference: for `Reference`: for each group the index of the one that it is compared with;
            a group that is its own reference has no gap, exactly.
        family: for `Best`: for each group a number; the best is sought among the groups of the same
            number (such as all values of one attribute). By default all are one family.
        better: for `Best`: whether a lower or a higher rate is better.
        confidence: the probability that all intervals hold.
        seed: the seed of the draws for the critical value.

    Raises:
        ValueError: `Reference` without the reference of each group.
    """
    if against == "Best":
        return best.gaps_to_best(counts, comparison, family, better, confidence, seed)
    pairs = paired(counts.members, against, reference)
    arms = proportions.arms(counts, pairs.members, comparison)
    trials = pairs.members.astype(np.int64) @ counts.trials
    return gaps_of(arms, trials, pairs, comparison, confidence, seed)


def paired(members: Bools, against: Against, reference: Indices | None) -> Pairs:
    """Return with which arm each group is compared.

    Raises:
        ValueError: `Reference` without the reference of each group.
    """
    groups = len(members)
    if against == "Rest":
        return Pairs(np.concatenate([members, ~members]), np.arange(groups) + groups, against)
    if reference is None or len(reference) != groups:
        raise ValueError("a comparison with a reference needs the reference of each group")
    return Pairs(members, reference, against)


def gaps_of(
    arms: Arms,
    trials: Counts,
    pairs: Pairs,
    comparison: Comparison,
    confidence: float,
    seed: list[int],
) -> list[Gap]:
    """Return the gap of each group from the arms of any measure; an arm may be undefined (NaN)."""
    groups = np.arange(len(pairs.other))
    known = ~np.isnan(arms.estimate)
    chosen = groups[known[groups] & known[pairs.other] & (pairs.other != groups)]
    found = contrasts.intervals(arms, chosen, pairs.other[chosen], comparison, confidence, seed)
    place = {int(group): i for i, group in enumerate(chosen)}
    result = []
    for i in groups.tolist():
        gap = _empty(arms, trials, i, int(pairs.other[i]), pairs.versus(i))
        if i in place:
            gap = _filled(gap, found, place[i], comparison)
        elif pairs.other[i] == i and known[i]:
            gap = own_reference(gap, comparison)
        result.append(gap)
    return result


def _empty(arms: Arms, trials: Counts, group: int, other: int, versus: int | None) -> Gap:
    rates = float(arms.estimate[group]), float(arms.estimate[other])
    return undefined(rates, (int(trials[group]), int(trials[other])), versus)


def _filled(gap: Gap, found: Intervals, i: int, comparison: Comparison) -> Gap:
    lower, upper = float(found.lower[i]), float(found.upper[i])
    if comparison == "Difference":
        size, bounds = abs(gap.signed), absolute(lower, upper)
    else:
        size, bounds = proportion(gap.rate, gap.rest), smaller_over_larger(lower, upper)
    return replace(
        gap,
        gap=size,
        lower=bounds[0],
        upper=bounds[1],
        critical=found.critical,
        reason=why(size),
    )
