"""setWeight: a share of requests, until they have shown what `rollout.evidence` asks."""

from mlhops.api.status import TakenStep
from mlhops.rollout.steps.handler import Done, StepContext, StepHandler, StepOutcome
from mlhops.rollout.traffic.traffic import asked_by, proven


class SetWeightStep(StepHandler):
    """Gives the candidate a weight; what the Gateway makes of it is looked at before."""

    verb = "setWeight"
    live = True

    def weight(self, step: TakenStep) -> int | None:
        """Return the weight in the step's name."""
        return int(step.step.removeprefix(f"{self.verb} "))

    def done(self, context: StepContext) -> StepOutcome:
        """Return whether requests at this weight have shown what is asked."""
        asked = asked_by(context.draft, context.step)
        if context.candidate.desired_weight <= 0 or asked.min_requests == 0:
            return Done()
        return proven(context, asked, asked.min_requests)
