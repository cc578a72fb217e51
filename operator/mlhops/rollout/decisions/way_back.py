"""The way back to the previous revision: whether it is open, and what taking it changes."""

from datetime import datetime

from mlhops.api.base import later
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import Decider, HistoryEntry, Outcome, Serving
from mlhops.rollout.candidate.servers import is_proven
from mlhops.rollout.draft import MESSAGE_LIMIT, Draft
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions import history


def keep_until(draft: Draft) -> datetime:
    """Return until when a revision that is replaced now is kept."""
    return later(draft.now, draft.seen.model.spec.rollout.keep_previous)


def kept(serving: Serving, until: datetime, *, rejected: bool = False) -> Serving:
    """Return a revision as one that is kept for a way back."""
    update = {"kept_until": until, "measuring": None, "rejected": rejected}
    return serving.model_copy(update=update)


def why_not_back(draft: Draft, previous: Serving) -> str:
    """Return why the previous revision cannot serve at once, empty where it is there as it was measured.

    That an override has ended since is no reason: it served on that until it was replaced.
    """
    proof, service = previous.proof, draft.service(previous)
    if proof is None or proof.digest != previous.digest:
        return "there is no proof of what it serves"
    if not draft.is_known(previous):
        return "its record is gone, so that nobody can say that what stands there is what it was"
    if previous.kept_until is None or previous.kept_until <= draft.now:
        return "its time (rollout.keepPrevious) is over"
    if service is None or service.ready is not True:
        return "its model server is not ready"
    if service.foreign_field or service.foreign_pod:
        return "somebody else has put something in the place of what was measured"
    if not is_proven(service, proof):
        return "what answers for it is not surely what was measured"
    again = previous.remeasured
    if again is not None and again.phase is EvaluationPhase.FAILED and not again.overridden:
        return "it failed its gates when it was measured again"
    return ""


def go_back(draft: Draft, why: str = "", decider: Decider | None = None, *, rejected: bool) -> None:
    """Let the previous revision serve and keep what served until now, which may be rejected."""
    previous, stable = draft.previous, draft.stable
    if previous is None or stable is None:
        return
    proof = previous.proof
    lapsed = proof is not None and proof.expires is not None and proof.expires <= draft.now
    message = f"back to {previous.version}, which was still there" + (f": {why}" if why else "")
    if lapsed and proof is not None:
        message += f"; the override of its gates {', '.join(proof.overridden)} has expired since"
    entry = HistoryEntry(
        revision=stable.revision,
        digest=stable.digest,
        version=stable.version,
        outcome=Outcome.FAST_ROLLED_BACK,
        message=message[:MESSAGE_LIMIT],
        started_at=stable.since,
        finished_at=draft.now,
        evaluation=stable.proof.evaluation if stable.proof else None,
        deciders=[*stable.deciders, *([decider] if decider is not None else [])],
    )
    draft.history = history.append(draft.history, entry)
    draft.previous = kept(stable, keep_until(draft), rejected=rejected)
    update = {"since": draft.now, "seen": draft.seen_at, "kept_until": None, "rejected": False}
    draft.stable = previous.model_copy(update={**update, "deciders": []})
    if draft.candidate is not None and draft.candidate.digest == previous.digest:
        draft.candidate = None  # it is what serves now
    draft.tell(Reason.FAST_ROLLED_BACK, message, warning=lapsed or rejected)
