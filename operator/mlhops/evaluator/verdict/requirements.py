"""How many cases of which kind a measure needs before a group can be judged by it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlhops.api.gate import Gate
from mlhops.evaluator.verdict.cell_counts import CALLED, NEGATIVES, NOT_CALLED, POSITIVES, ROWS

_POSITIVES = frozenset({"FalseNegativeRate", "TruePositiveRate", "Sensitivity"})
_NEGATIVES = frozenset({"FalsePositiveRate", "Specificity"})
_CALLED = frozenset({"PositivePredictiveValue", "PPV"})
_NOT_CALLED = frozenset({"NegativePredictiveValue", "NPV"})


@dataclass(frozen=True)
class Requirement:
    """So many cases of one kind."""

    cases: str
    minimum: int


def requirements(gate: Gate) -> Sequence[Requirement]:
    """Return what a group needs: cases for a miss rate, calls for the worth of a call."""
    if gate.metric in _POSITIVES:
        return [Requirement(POSITIVES, gate.min_positives)]
    if gate.metric in _NEGATIVES:
        return [Requirement(NEGATIVES, gate.min_negatives)]
    if gate.metric in _CALLED:
        return [Requirement(CALLED, gate.min_positives)]
    if gate.metric in _NOT_CALLED:
        return [Requirement(NOT_CALLED, gate.min_negatives)]
    if gate.metric == "SelectionRate":
        return [Requirement(ROWS, gate.min_positives + gate.min_negatives)]
    return [
        Requirement(POSITIVES, gate.min_positives),
        Requirement(NEGATIVES, gate.min_negatives),
    ]


def cases_of(metric: str) -> str:
    """Return the kind of cases that a measure is about; rows where it is about all of them."""
    if metric in _POSITIVES:
        return POSITIVES
    if metric in _NEGATIVES:
        return NEGATIVES
    if metric in _CALLED:
        return CALLED
    return NOT_CALLED if metric in _NOT_CALLED else ROWS
