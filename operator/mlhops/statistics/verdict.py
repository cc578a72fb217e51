"""From intervals to a verdict: proven within the limit, proven beyond it, or cannot tell.

Every comparison is written so that a number that is not a number can only end in `Inconclusive`.
"""

from collections.abc import Iterable
from typing import Literal

from mlhops.api.evaluation import EvaluationPhase

Assurance = Literal["Proven", "NotRefuted"]


def of_gap(lower: float, upper: float, limit: float, assurance: Assurance) -> EvaluationPhase:
    """Return the verdict on an absolute gap that must not be larger than the limit."""
    if lower > limit:
        return EvaluationPhase.FAILED
    if upper <= limit or (assurance == "NotRefuted" and lower <= limit):
        return EvaluationPhase.SUCCESSFUL
    return EvaluationPhase.INCONCLUSIVE


def of_floor(lower: float, upper: float, limit: float, assurance: Assurance) -> EvaluationPhase:
    """Return the verdict on a measure that must not be lower than the limit."""
    if upper < limit:
        return EvaluationPhase.FAILED
    if lower >= limit or (assurance == "NotRefuted" and upper >= limit):
        return EvaluationPhase.SUCCESSFUL
    return EvaluationPhase.INCONCLUSIVE


def overall(phases: Iterable[EvaluationPhase]) -> EvaluationPhase:
    """Return the gravest of several verdicts; with none, nothing can have passed."""
    found = set(phases)
    for phase in (
        EvaluationPhase.FAILED,
        EvaluationPhase.ERROR,
        EvaluationPhase.INCONCLUSIVE,
        EvaluationPhase.SUCCESSFUL,
    ):
        if phase in found:
            return phase
    return EvaluationPhase.INCONCLUSIVE
