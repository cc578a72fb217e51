"""pause: wait for a time, or for a person."""

from mlhops.rollout.decisions.decisions import resumed
from mlhops.rollout.reasons import Reason
from mlhops.rollout.steps.handler import Done, StepContext, StepHandler, StepOutcome, Waiting
from mlhops.rollout.traffic import taken


class PauseStep(StepHandler):
    """Lasts for its time, or until somebody resumes."""

    verb = "pause"
    live = True

    def done(self, context: StepContext) -> StepOutcome:
        """Return whether the time is over, or somebody resumed."""
        step = context.step
        if resumed(context.candidate, step):
            return Done()
        end = taken.pause_ends(context.candidate, step, context.now)
        if end is None:
            message = "waits for a Decision with action Resume, Promote or Abort"
            return Waiting(Reason.PAUSE_STEP, message + context.removed)
        if context.now >= end:
            return Done()
        message = f"pauses for {_shown(context)}"
        return Waiting(Reason.PAUSE_STEP, message + context.removed, wake=end)


def _shown(context: StepContext) -> str:
    """Return the length of a pause as a person wrote it, or as it was while the list no longer has it."""
    index, steps = context.candidate.step_index, context.draft.steps
    pause = steps[index].pause if index < len(steps) else None
    if pause is not None and pause.duration is not None and not context.step.removed:
        return pause.duration
    return context.step.step.removeprefix("pause ")
