"""Equalized odds: the larger of a group's gaps in the true and in the false positive rate.

Both rates must be equal across groups (M. Hardt, E. Price and N. Srebro, NIPS 2016). The larger of
the two gaps is also fairlearn's `equalized_odds_difference`, the smaller of the two ratios its
`equalized_odds_ratio`. The two rates are about different people and so vary independently: all
intervals of both hold together with the confidence that is asked for, if those of each do with its
square root.
"""

import math
from dataclasses import replace

from mlhops.api.gate import FairnessMetric
from mlhops.statistics.arrays import Bools, Indices
from mlhops.statistics.inference.comparisons import compare
from mlhops.statistics.inference.contrasts import Comparison
from mlhops.statistics.inference.gap import Gap
from mlhops.statistics.inference.question import Against
from mlhops.statistics.inference.rates import count


def equalized_odds(
    label: Bools,
    called: Bools,
    atom: Indices,
    members: Bools,
    *,
    comparison: Comparison = "Difference",
    against: Against = "Rest",
    reference: Indices | None = None,
    family: Indices | None = None,
    confidence: float = 0.95,
    seed: list[int],
) -> list[Gap]:
    """Return the gap of every group; its rates are those of the rate that differs more.

    A group that lacks positives or negatives is undefined. Against the best, a higher true positive
    rate and a lower false positive rate are better.

    Args:
        label: the true outcome of each row.
        called: whether the model calls the row positive.
        atom: the atom of each row.
        members: one row per group, one column per atom.
        comparison: see `Question`, as for the others.
        against: with whom each group is compared.
        reference: the reference of each group.
        family: the family of each group.
        confidence: the probability that all intervals hold.
        seed: the seed of the draws.
    """
    hits, alarms = (
        compare(
            count(metric, label, called, atom, members),
            comparison=comparison,
            against=against,
            reference=reference,
            family=family,
            better="Lower" if metric is FairnessMetric.FALSE_POSITIVE_RATE else "Higher",
            confidence=math.sqrt(confidence),
            seed=[*seed, i],
        )
        for i, metric in enumerate(
            (FairnessMetric.TRUE_POSITIVE_RATE, FairnessMetric.FALSE_POSITIVE_RATE)
        )
    )
    return [
        _larger(
            replace(hit, part=FairnessMetric.TRUE_POSITIVE_RATE),
            replace(alarm, part=FairnessMetric.FALSE_POSITIVE_RATE),
            comparison,
        )
        for hit, alarm in zip(hits, alarms, strict=True)
    ]


def _larger(hit: Gap, alarm: Gap, comparison: Comparison) -> Gap:
    for gap in (hit, alarm):
        if not gap.defined:
            return gap
    worst = max if comparison == "Difference" else min
    wider = worst(hit, alarm, key=lambda gap: gap.gap)
    return replace(wider, lower=worst(hit.lower, alarm.lower), upper=worst(hit.upper, alarm.upper))
