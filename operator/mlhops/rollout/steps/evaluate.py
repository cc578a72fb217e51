"""evaluate: measure the gates again, on the held-out data."""

from mlhops.api.evaluation import FINISHED, EvaluationPhase
from mlhops.rollout.evaluation.evidence import asked_for, begins
from mlhops.rollout.evaluation.gates import judge
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions.revision import evaluation_name
from mlhops.rollout.steps.handler import (
    Done,
    Failed,
    StepContext,
    StepHandler,
    StepOutcome,
    Waiting,
    under_way,
)
from mlhops.rollout.traffic import taken

_MEASURES = "which measures the held-out data again"


class EvaluateStep(StepHandler):
    """Lasts until an Evaluation of its own has passed."""

    verb = "evaluate"

    def done(self, context: StepContext) -> StepOutcome:
        """Return what the step's Evaluation comes to; without one, ask for it."""
        draft, candidate = context.draft, context.candidate
        name = evaluation_of(context)
        evaluation = draft.seen.evaluations.get(name)
        if evaluation is None:
            return _begin(context, name)
        verdict = judge(draft, candidate, evaluation)
        if verdict.proof is not None:
            return Done(verdict.overrides, wake=verdict.proof.expires)
        message = f"at step {candidate.step_index + 1}: {verdict.message}"
        if verdict.phase is EvaluationPhase.FAILED:
            return Failed(Reason.GATES_FAILED, message)
        if verdict.phase not in FINISHED:
            return under_way(_MEASURES)
        inconclusive = verdict.phase is EvaluationPhase.INCONCLUSIVE
        reason = Reason.GATES_INCONCLUSIVE if inconclusive else Reason.EVALUATION_ERROR
        return Waiting(reason, message, final=verdict.final)


def evaluation_of(context: StepContext) -> str:
    """Return the name of the Evaluation that the step runs."""
    candidate = context.candidate
    about = (context.draft.name, candidate.revision, candidate.attempt)
    return evaluation_name(*about, context.step.id)


def _begin(context: StepContext, name: str) -> StepOutcome:
    evaluation = asked_for(context.draft, name)
    if evaluation is None:
        return under_way(f"{_MEASURES} once its InferenceService is as it was applied")
    event = begins(context.candidate, name) if _just_begun(context) else None
    return under_way(_MEASURES, event=event, evaluation=evaluation)


def _just_begun(context: StepContext) -> bool:
    """Whether the step begins with this plan, so that people are told only once."""
    old, candidate = context.draft.old.candidate, context.candidate
    present = taken.present(old) if old is not None else None
    if old is None or present is None:
        return True
    same = (old.revision, old.attempt) == (candidate.revision, candidate.attempt)
    return not same or present.id != context.step.id
