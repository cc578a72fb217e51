"""Which file is which verb's."""

from typing import assert_never

from mlhops.api.status import TakenStep
from mlhops.api.step import UNKNOWN, VERBS, Verb
from mlhops.rollout.reasons import Reason
from mlhops.rollout.steps.approve import ApproveStep
from mlhops.rollout.steps.evaluate import EvaluateStep
from mlhops.rollout.steps.handler import StepContext, StepHandler, StepOutcome, Waiting
from mlhops.rollout.steps.observe import ObserveStep
from mlhops.rollout.steps.pause import PauseStep
from mlhops.rollout.steps.set_weight import SetWeightStep


def handler_for(verb: Verb) -> StepHandler:
    """Return what is done at a verb."""
    match verb:
        case "setWeight":
            return SetWeightStep()
        case "pause":
            return PauseStep()
        case "evaluate":
            return EvaluateStep()
        case "observe":
            return ObserveStep()
        case "approve":
            return ApproveStep()
        case _:
            assert_never(verb)


def handler_of(step: TakenStep) -> StepHandler:
    """Return what is done at a step; one that is not known here waits, for what nobody can tell."""
    word = step.step.partition(" ")[0]
    return next((handler_for(verb) for verb in VERBS if verb == word), _Unknown())


class _Unknown(StepHandler):
    """A step that another version of the operator knows: none that this one knows stands in for it."""

    def done(self, context: StepContext) -> StepOutcome:
        """Wait for a person: nobody here can tell what the step asks, or that it is over."""
        what = "" if context.step.step == UNKNOWN else f" ({context.step.step})"
        message = (
            f"this version of the operator does not know the step{what}: a Decision Promote goes on "
            "without it, Abort ends the rollout"
        )
        return Waiting(Reason.STEP_UNKNOWN, message + context.removed)
