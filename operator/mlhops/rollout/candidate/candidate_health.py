"""Whether a candidate may go on: is it there, is it well, and is there evidence for it."""

from datetime import timedelta

from mlhops.api.base import later
from mlhops.api.status import Candidate
from mlhops.rollout.candidate.blockers import was_blocked
from mlhops.rollout.draft import Draft
from mlhops.rollout.evaluation.evidence import gather_evidence
from mlhops.rollout.intents import EnsureService
from mlhops.rollout.observed import Service
from mlhops.rollout.reasons import Reason
from mlhops.rollout.standards.floor import was_below

_LOOK_AGAIN = timedelta(seconds=15)
"""Nobody tells that a server does not know its model: Events are not watched."""


def check_candidate(draft: Draft) -> None:
    """Bring the candidate up and gather its evidence: a proof, or a reason why there is none."""
    candidate = draft.candidate
    if candidate is None or candidate.failure is not None:
        return
    draft.change(pause=None)
    _restart_clock(draft, candidate)
    _ensure_service(draft)
    _check_health(draft)
    if draft.candidate is not None and draft.candidate.failure is None:
        gather_evidence(draft)


def _restart_clock(draft: Draft, candidate: Candidate) -> None:
    """Time in which nothing could be done is not held against a candidate."""
    if draft.blocked is None and draft.seen.refusal is None and was_blocked(draft):
        draft.change(
            started_at=draft.now,
            step_started_at=draft.now if candidate.step_started_at else None,
        )
    elif was_below(draft) and candidate.weight != candidate.desired_weight:
        # A weight that was given is set only now, and the Gateway has its time from here.
        draft.change(step_started_at=draft.now)


def _ensure_service(draft: Draft) -> None:
    candidate = draft.candidate
    if candidate is None or not draft.seen.kserve_installed:
        return
    service = draft.seen.services.get(candidate.inference_service)
    if candidate.renew:
        if service is not None:
            return  # it goes as soon as it has no traffic
        draft.change(renew=False)
    if service is not None and (service.deleting or service.foreign_logger):
        return
    if service is None or not service.current or not draft.recorded(candidate):
        # After the status: a spec that is edited again meanwhile leaves no model server behind.
        draft.after.append(EnsureService(candidate.revision))


def _check_health(draft: Draft) -> None:
    """Note when the candidate is ready; fail it when beyond help, late, or unwell with traffic."""
    candidate = draft.candidate
    if candidate is None:
        return
    service = None if candidate.renew else draft.service(candidate)
    trouble = _trouble(candidate, service)
    draft.change(trouble=trouble)  # first of all: what goes into the history has it
    if service is not None and service.fatal:
        draft.fail(Reason.CANDIDATE_UNHEALTHY, trouble or "the model server cannot start")
    elif service is not None and service.ready is True and service.endpoint is not None:
        _note_ready(draft, candidate)
    elif _exposed(draft, candidate) and service is None:
        draft.fail(Reason.CANDIDATE_UNHEALTHY, "its InferenceService is gone")
    elif _exposed(draft, candidate) and service is not None and _is_down(service):
        message = trouble or "the model server is no longer ready"
        draft.fail(Reason.CANDIDATE_UNHEALTHY, message)
    else:
        _tell_trouble(draft, candidate, trouble)
        if service is not None and service.hint:
            draft.wake(draft.now + _LOOK_AGAIN)
        if candidate.ready_at is not None:
            # It was ready and is not: it has the same time again to come back.
            draft.change(ready_at=None, started_at=draft.now)
        _check_deadline(draft, trouble, service.hint if service is not None else "")


def _is_down(service: Service) -> bool:
    """Whether nobody answers; one replica of several that is not ready is no reason to roll back."""
    return service.ready is False and not service.answering


def _trouble(candidate: Candidate, service: Service | None) -> str | None:
    """Return what is wrong; the words of a server that has seen patients are not repeated."""
    if service is None:
        return None
    if candidate.ready_at is None or service.trouble == service.symptom:
        return service.trouble
    return f"{service.symptom} (see its log)"


def _tell_trouble(draft: Draft, candidate: Candidate, trouble: str | None) -> None:
    if trouble is not None and trouble != candidate.trouble:
        draft.tell(Reason.CANDIDATE_WAITING, f"{candidate.version}: {trouble}", warning=True)


def _note_ready(draft: Draft, candidate: Candidate) -> None:
    if candidate.ready_at is None:
        draft.change(ready_at=draft.now)
        draft.tell(Reason.CANDIDATE_READY, f"{candidate.version} is loaded and answers")


def _exposed(draft: Draft, candidate: Candidate) -> bool:
    """Whether patients may be on the candidate, as far as anybody can say.

    Where nothing serves, a weight in the route is not of this candidacy: it came back from a backup, and goes now.
    """
    if candidate.renew or draft.stable is None:
        return False
    return candidate.desired_weight > 0 or draft.routed(candidate.inference_service) > 0


def _check_deadline(draft: Draft, trouble: str | None, hint: str) -> None:
    candidate = draft.candidate
    if candidate is None or draft.blocked is not None:
        return
    deadline = later(candidate.started_at, draft.seen.model.spec.rollout.progress_deadline)
    if draft.now < deadline:
        draft.wake(deadline)
        return
    why = f": {trouble}" if trouble else " (spec.rollout.progressDeadline)"
    if hint and not trouble:
        why += f"; {hint}"
    patience = draft.seen.model.spec.rollout.progress_deadline
    draft.fail(Reason.PROGRESS_DEADLINE_EXCEEDED, f"not ready within {patience}{why}")
