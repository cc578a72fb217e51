"""How a model answers its callers, as tests tell a plan."""

from collections.abc import Mapping

from mlhops.api.serving import FailureReason, ProbeReport, ServingCounts
from mlhops.api.summary import TIMES
from mlhops.rollout.monitoring.drift_snapshot import Answering, ServingLook, step_of
from tests.unit.rollout.world import World

UNANSWERED = FailureReason.UNANSWERED


def counted(
    answered: int, failures: Mapping[FailureReason, int] | None = None, bin_: int = 10
) -> ServingCounts:
    """Requests that were answered within the time of one bin, and those that failed."""
    times = [0] * (len(TIMES) + 1)
    times[bin_] = answered
    return ServingCounts(seconds=60, answered=answered, failures=failures or {}, times=times)


def tell(
    world: World,
    *,
    stable: ServingCounts | None = None,
    candidate: ServingCounts | None = None,
    probe: ProbeReport | None = None,
    problem: str = "",
) -> None:
    """Let the sidecars of both revisions tell these counts, of the present step of the candidate."""
    status = world.status
    step = step_of(status.candidate) if status.candidate is not None else ""

    def answering(revision: str, counts: ServingCounts | None) -> Answering:
        known = counts is not None and not problem
        told = counts or ServingCounts()
        return Answering(
            revision=revision,
            pods=1,
            told=int(known),
            minute=told if known else ServingCounts(),
            hour=told if known else ServingCounts(),
            asked=told if known and step else None,
            counted=int(known and bool(step)),
            asked_of=step if known else "",
            quiet=told.requests == 0,
            probe=probe or ProbeReport(),
            problem=problem,
        )

    world.serving = ServingLook(
        at=world.now,
        stable=answering(status.stable.revision, stable) if status.stable else None,
        candidate=answering(status.candidate.revision, candidate) if status.candidate else None,
    )
