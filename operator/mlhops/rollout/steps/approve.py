"""approve: wait for a person who approves of the revision."""

from mlhops.rollout.decisions.decisions import approved
from mlhops.rollout.reasons import Reason
from mlhops.rollout.steps.handler import Done, StepContext, StepHandler, StepOutcome, Waiting


class ApproveStep(StepHandler):
    """Lasts until somebody decides Approve."""

    verb = "approve"

    def done(self, context: StepContext) -> StepOutcome:
        """Return whether the step has its approval."""
        if approved(context.candidate, context.step):
            return Done()
        revision = context.candidate.revision
        message = f"waits for a Decision with action Approve on revision {revision}"
        return Waiting(Reason.APPROVAL_REQUIRED, message + context.removed)
