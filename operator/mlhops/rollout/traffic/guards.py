"""What keeps a candidate from more traffic, as a chain of checks; the first that applies is said."""

from collections.abc import Callable
from datetime import timedelta

from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import Candidate
from mlhops.rollout.candidate.servers import doubt_about, why_unproven
from mlhops.rollout.decisions.decisions import held_message
from mlhops.rollout.draft import Draft
from mlhops.rollout.reasons import Reason
from mlhops.rollout.standards.floor import below_standard
from mlhops.rollout.steps.handler import Waiting, under_way

_LOOK_AGAIN = timedelta(seconds=30)
"""An operator of some namespaces watches no standards."""

Guard = Callable[[Draft, Candidate], Waiting | None]


def find_guard(draft: Draft, candidate: Candidate) -> Waiting | None:
    """Return the first thing that stands in the way of more traffic, None where nothing does."""
    return next((found for check in CHAIN if (found := check(draft, candidate)) is not None), None)


def _pause(_: Draft, candidate: Candidate) -> Waiting | None:
    """What was found of its evidence in this pass."""
    pause = candidate.pause
    if pause is None:
        return None
    return Waiting(Reason(pause.reason), pause.message, final=pause.final)


def _standard(draft: Draft, candidate: Candidate) -> Waiting | None:
    """What a safety board asks for at least."""
    stop = below_standard(draft, candidate)
    if stop is None:
        return None
    return Waiting(Reason(stop.reason), stop.message, wake=draft.now + _LOOK_AGAIN)


def _readiness(draft: Draft, candidate: Candidate) -> Waiting | None:
    service = draft.service(candidate)
    if service is not None and service.ready is True:
        return None
    seen_patients = candidate.ready_at is not None or candidate.desired_weight > 0
    trouble = (service.symptom if seen_patients else service.trouble) if service else None
    hint = f" ({service.hint})" if service is not None and service.hint else ""
    return under_way(trouble or f"waiting for the model server to be ready{hint}")


def _proof(draft: Draft, candidate: Candidate) -> Waiting | None:
    if candidate.proof is not None:
        return None
    service = draft.service(candidate)
    doubt = doubt_about(service) if service is not None else ""
    if candidate.evaluation is None:
        return under_way("waiting for an Evaluation" + (f": {doubt}" if doubt else ""))
    return under_way(_evaluating(draft, candidate.evaluation))


def _evaluating(draft: Draft, name: str) -> str:
    """Say how an Evaluation is getting on; one that cannot begin says why itself."""
    evaluation = draft.seen.evaluations.get(name)
    waits = evaluation is not None and evaluation.status.phase is EvaluationPhase.PENDING
    if evaluation is not None and waits and evaluation.status.message:
        return f"Evaluation {name}: {evaluation.status.message}"
    return f"Evaluation {name} is under way"


def _server(draft: Draft, candidate: Candidate) -> Waiting | None:
    why = why_unproven(draft.service(candidate), candidate.proof)
    if not why:
        return None
    return under_way(f"nobody knows whether what answers is what was measured: {why}")


def _blocker(draft: Draft, _: Candidate) -> Waiting | None:
    """What the status says in place of all else (`blockers.py`)."""
    return under_way(draft.blocked.message) if draft.blocked is not None else None


def _person(draft: Draft, candidate: Candidate) -> Waiting | None:
    if draft.hold is None:
        return None
    return Waiting(Reason.PAUSED_BY_PERSON, held_message(draft.hold, candidate.revision))


def _spec(draft: Draft, _: Candidate) -> Waiting | None:
    if not draft.seen.model.spec.rollout.paused:
        return None
    return Waiting(Reason.PAUSED_BY_SPEC, "spec.rollout.paused is true")


def _policy(_: Draft, candidate: Candidate) -> Waiting | None:
    hold = candidate.hold
    return Waiting(Reason.PAUSED_BY_POLICY, hold.message) if hold is not None else None


CHAIN: tuple[Guard, ...] = (
    _pause,
    _standard,
    _readiness,
    _proof,
    _server,
    _blocker,
    _person,
    _spec,
    _policy,
)
