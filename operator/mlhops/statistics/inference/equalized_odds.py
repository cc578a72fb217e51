"""Equalized odds: the larger of a group's gaps in several rates, such as the true and the false positive rate.

Both rates must be equal across groups (M. Hardt, E. Price and N. Srebro, NIPS 2016). The larger of
the two gaps is also fairlearn's `equalized_odds_difference`, the smaller of the two ratios its
`equalized_odds_ratio`. The two rates are about different people and so vary independently: all
intervals of both hold together with the confidence that is asked for, if those of each do with its
square root.
"""

import math
from dataclasses import dataclass, replace

from mlhops.statistics.inference.comparisons import compare
from mlhops.statistics.inference.contrasts import Comparison
from mlhops.statistics.inference.gap import Gap
from mlhops.statistics.inference.question import Better, Question
from mlhops.statistics.inference.rates import Trials


@dataclass(frozen=True)
class RateGaps:
    """One of the two rates."""

    name: str
    counts: Trials
    better: Better
    """Which way is better, where groups are compared with the best."""


def each_alone(question: Question) -> tuple[Question, Question]:
    """Return what is asked of each of two rates, so that the answers to both hold together."""
    sure = math.sqrt(question.confidence)
    first, second = (replace(question, seed=[*question.seed, i], confidence=sure) for i in range(2))
    return first, second


def larger_gaps(parts: tuple[RateGaps, RateGaps], question: Question) -> list[Gap]:
    """Return the gap of every group; its rates are those of the rate that differs more.

    A group that lacks cases of either is undefined.

    Args:
        parts: the two rates, of the same groups.
        question: what is asked; each rate has its own `better`.
    """
    first, second = (
        [
            replace(gap, part=part.name)
            for gap in compare(part.counts, replace(asked, better=part.better))
        ]
        for part, asked in zip(parts, each_alone(question), strict=True)
    )
    return [_larger(*both, question.comparison) for both in zip(first, second, strict=True)]


def _larger(first: Gap, second: Gap, comparison: Comparison) -> Gap:
    for gap in (first, second):
        if not gap.defined:
            return gap
    worst = max if comparison == "Difference" else min
    wider = worst(first, second, key=lambda gap: gap.gap)
    return replace(
        wider, lower=worst(first.lower, second.lower), upper=worst(first.upper, second.upper)
    )
