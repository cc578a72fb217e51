"""Staleness: which plans may rest on cached state, and which need live reads.

What the watches have told may be behind by moments, or by more if one of them is stuck. A plan that only
notes something can be made on that: its status is written on the very version that it was made on or not at
all, and what it names is looked at again before anything follows from it.
"""

from mlhops.api.status import ClinicalModelStatus
from mlhops.rollout.intents import ConfigureDetector, EnsureEvaluation, EnsureService, Plan

_HARMLESS = EnsureService | ConfigureDetector | EnsureEvaluation


def may_rest_on_cached_state(old: ClinicalModelStatus, plan: Plan) -> bool:
    """Whether a plan may be carried out although it was made on what the watches have told.

    It may bring up a model server, tell a detector what to count, ask for an Evaluation and say where a rollout
    stands. It may not touch a weight, delete anything, answer a person, take over evidence, give up a candidate or
    end a rollout.
    """
    intents = (*plan.before, *plan.after)
    if not all(isinstance(intent, _HARMLESS) for intent in intents):
        return False
    return plan.status is None or _settled(plan.status) == _settled(old)


def _settled(status: ClinicalModelStatus) -> tuple[object, ...]:
    """What nobody can take back, or what other writes rest on."""
    candidate = status.candidate
    stakes = candidate and (
        candidate.desired_weight,
        candidate.step_index,
        candidate.promoting,
        candidate.proof,
        candidate.failure,
        candidate.deciders,
    )
    new = candidate is None or stakes == (0, 0, False, None, None, [])
    return (status.stable, status.previous, status.history, status.hold, None if new else stakes)
