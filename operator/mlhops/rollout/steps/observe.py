"""observe: watch live requests at the present weight."""

from mlhops.api.base import later
from mlhops.rollout.reasons import Reason
from mlhops.rollout.steps.handler import Done, StepContext, StepHandler, StepOutcome, Waiting
from mlhops.rollout.traffic.traffic import ObservedTraffic, asked_by, proven


class ObserveStep(StepHandler):
    """Lasts until so many requests were answered well, and for a time at least."""

    verb = "observe"
    live = True

    def done(self, context: StepContext) -> StepOutcome:
        """Return whether enough was seen for long enough."""
        candidate, wanted = context.candidate, ObservedTraffic.of(context.step.step)
        if candidate.desired_weight <= 0 and context.step.removed:
            return Done()  # it was owed before a weight that was taken back
        if candidate.desired_weight <= 0:
            message = "the candidate has no requests that could be observed: put a setWeight before observe"
            return Waiting(Reason.NOT_ENOUGH_TRAFFIC, message)
        shown = proven(context, asked_by(context.draft, context.step), wanted.requests)
        if not isinstance(shown, Done):
            return shown
        begin = candidate.step_started_at
        end = later(begin, f"{wanted.seconds}s") if begin is not None else None
        if end is not None and context.now >= end:
            return Done()
        message = f"observes live requests for {wanted.seconds}s"
        return Waiting(Reason.OBSERVING, message, wake=end)
