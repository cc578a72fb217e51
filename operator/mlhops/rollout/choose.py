"""Which revision is the candidate: a new one, none, or the previous one at once."""

from datetime import datetime

from mlhops.api.base import later
from mlhops.api.status import Candidate, HistoryEntry, Outcome, Serving, Taken
from mlhops.rollout import history
from mlhops.rollout.blockers import hopeless
from mlhops.rollout.draft import Draft
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revision import attempts_of, service_name
from mlhops.rollout.servers import is_proven


def choose_candidate(draft: Draft) -> None:
    """Bring the candidate in line with the revision that the spec asks for."""
    if draft.candidate is not None and draft.candidate.digest != draft.digest:
        _supersede(draft)
    if draft.stable is not None and draft.stable.digest == draft.digest:
        return
    if draft.candidate is not None or hopeless(draft):
        return
    if _can_return(draft):
        _return_to_previous(draft)
        return
    _begin(draft)


def begin_attempt(draft: Draft, why: Reason, message: str, *, renew: bool = False) -> None:
    """Start over with the same candidate: weight 0, first step, new evidence.

    An attempt that was allowed traffic until now goes into the history, with the evidence it had.
    """
    candidate = draft.candidate
    if candidate is None:
        return
    if candidate.failure is None and candidate.proof is not None:
        draft.record(Outcome.SUPERSEDED, message)
    draft.change(
        renew=renew,
        attempt=candidate.attempt + 1,
        seen=draft.seen_at,
        started_at=draft.now,
        ready_at=None,
        step_index=0,
        step_started_at=None,
        taken=Taken(),
        desired_weight=0,
        evaluation=None,
        proof=None,
        pause=None,
        hold=None,
        failure=None,
        promoting=False,
    )
    draft.tell(why, message)


def keep_until(draft: Draft) -> datetime:
    """Return until when a revision that is replaced now is kept."""
    return later(draft.now, draft.seen.model.spec.rollout.keep_previous)


def _supersede(draft: Draft) -> None:
    candidate = draft.candidate
    if candidate is None:
        return
    if candidate.failure is None:
        version = draft.seen.model.spec.version
        draft.record(Outcome.SUPERSEDED, f"replaced by {version} before it was promoted")
        draft.tell(Reason.SUPERSEDED, f"{candidate.version} is superseded by {version}")
    draft.candidate = None


def _begin(draft: Draft) -> None:
    """Begin past every attempt that left an Evaluation: old evidence is not taken for new."""
    version = draft.seen.model.spec.version
    attempts = attempts_of(draft.name, draft.target, draft.seen.records)
    draft.candidate = Candidate(
        revision=draft.target,
        digest=draft.digest,
        version=version,
        inference_service=service_name(draft.name, draft.target),
        created_at=draft.now,
        seen=draft.seen_at,
        taken=Taken(),
        attempt=max(attempts, default=0) + 1,
        started_at=draft.now,
    )
    draft.tell(Reason.CANDIDATE_CREATED, f"{version} is the candidate, as revision {draft.target}")


def _can_return(draft: Draft) -> bool:
    """Whether the spec names the previous revision, and it is still there with all its evidence."""
    previous = draft.previous
    if previous is None or previous.proof is None or draft.stable is None:
        return False
    if previous.digest != draft.digest or previous.proof.digest != draft.digest:
        return False
    if not draft.is_known(previous):
        return False  # nobody can say that what stands there is what it was
    expired = previous.kept_until is None or previous.kept_until <= draft.now
    lapsed = previous.proof.expires is not None and previous.proof.expires <= draft.now
    service = draft.service(previous)
    ready = service is not None and service.ready is True and is_proven(service, previous.proof)
    if service is not None and (service.foreign_field or service.foreign_pod):
        return False
    return ready and not expired and not lapsed and previous.proof.gates_hash == draft.gates_hash


def _return_to_previous(draft: Draft) -> None:
    previous, stable = draft.previous, draft.stable
    if previous is None or stable is None:
        return
    message = f"back to {previous.version}, which was still there"
    entry = HistoryEntry(
        revision=stable.revision,
        digest=stable.digest,
        version=stable.version,
        outcome=Outcome.FAST_ROLLED_BACK,
        message=message,
        started_at=stable.since,
        finished_at=draft.now,
        evaluation=stable.proof.evaluation if stable.proof else None,
    )
    draft.history = history.append(draft.history, entry)
    draft.stable = previous.model_copy(update={"since": draft.now, "kept_until": None})
    draft.previous = kept(stable, keep_until(draft))
    draft.tell(Reason.FAST_ROLLED_BACK, message)


def kept(serving: Serving, until: datetime) -> Serving:
    """Return a revision as one that is kept for a way back."""
    return serving.model_copy(update={"kept_until": until})
