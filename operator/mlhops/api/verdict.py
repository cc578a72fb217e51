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


def of_ceiling(lower: float, upper: float, limit: float, assurance: Assurance) -> EvaluationPhase:
    """Return the verdict on a measure that must not be higher than the limit."""
    return of_gap(lower, upper, limit, assurance)


def of_ratio(lower: float, upper: float, limit: float, assurance: Assurance) -> EvaluationPhase:
    """Return the verdict on a ratio (at most 1) that must not be smaller than the limit."""
    return of_floor(lower, upper, limit, assurance)


def of_noninferiority(
    lower: float, upper: float, margin: float, assurance: Assurance
) -> EvaluationPhase:
    """Return the verdict on a candidate that must not be worse by more than a margin.

    Args:
        lower: lower bound of how much *better* the candidate is than what serves now.
        upper: upper bound of the same.
        margin: how much worse is still acceptable, not negative.
        assurance: whether it must be proven, or must not be refuted.
    """
    return of_floor(lower, upper, -margin, assurance)


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
