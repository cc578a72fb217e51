"""What becomes of the Jobs that retrain: one that fails or never starts is told, and does not use up the limit."""

from datetime import timedelta

from mlhops.api.status import Acted
from mlhops.rollout.draft import Draft
from mlhops.rollout.observed import Retraining
from mlhops.rollout.reasons import Reason

START = timedelta(minutes=15)
"""How long a Job may take until a pod of it is ready."""
_MESSAGE = 256


def hear_retrainings(draft: Draft) -> None:
    """Note what became of each Job that an action has started; people are told of a failure once."""
    status = draft.monitoring
    if status is None or not any(each.job for each in status.acted):
        return
    acted = [_followed(draft, each) for each in status.acted]
    if acted != status.acted:
        draft.monitoring = status.model_copy(update={"acted": acted})


def is_under_way(draft: Draft, action: str) -> bool:
    """Whether a Job of an action has not ended: two would train the same."""
    return any(job.action == action and not job.ended for job in draft.seen.retrainings.values())


def _followed(draft: Draft, acted: Acted) -> Acted:
    job = draft.seen.retrainings.get(acted.job or "")
    if job is None:
        return acted  # what became of it nobody can say any more, so it counts
    phase, why = _phase(draft, acted, job)
    if (phase, why) == (acted.phase, acted.message):
        return acted
    if phase == "Failed":
        draft.tell(Reason.RETRAINING_FAILED, f"{acted.name}: Job {acted.job}: {why}", warning=True)
    return acted.model_copy(update={"phase": phase, "message": why})


def _phase(draft: Draft, acted: Acted, job: Retraining) -> tuple[str, str | None]:
    if job.ended:
        failed = job.ended == "Failed"
        return ("Failed", (job.why or "it failed")[:_MESSAGE]) if failed else ("Complete", None)
    if job.runs or acted.phase == "Running":
        return "Running", None
    if draft.now < acted.at + START:
        draft.wake(acted.at + START)
        return "Starting", None
    minutes = START // timedelta(minutes=1)
    return (
        "Failed",
        f"no pod of it was ready within {minutes} minutes: see why (kubectl describe), or delete it",
    )
