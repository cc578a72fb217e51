"""A model that is being deleted and not gone yet: whatever holds it, no patient is left on a candidate.

Finalizers are anybody's to set, so a deletion can take for ever. Until its end what serves is kept right and
stops are heard, and nothing new begins.
"""

from mlhops.api.base import ObjectMeta
from mlhops.api.decision import STOPPING, Decision, DecisionStatus
from mlhops.api.status import Outcome
from mlhops.rollout.cleanup import (
    configure_detectors,
    expire_previous,
    keep_serving,
    remove_old_records,
    remove_retired,
)
from mlhops.rollout.decisions.binding import addressed
from mlhops.rollout.decisions.decisions import answer, hear_stops, heard_uids
from mlhops.rollout.draft import Draft
from mlhops.rollout.intents import ReleaseRecord
from mlhops.rollout.reasons import Reason
from mlhops.rollout.traffic.weights import set_traffic

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
"""The garbage collector's own finalizers: it deletes what the model owns first, or lets go of it."""
_PLAIN = "the model is being deleted: create it again to go on"


def is_leaving(draft: Draft) -> bool:
    """Whether the model is being deleted."""
    return draft.seen.model.metadata.deletion_timestamp is not None


def leave(draft: Draft) -> None:
    """Take the candidate's traffic, answer people, and keep what serves right until the model is gone."""
    meta = draft.seen.model.metadata
    draft.unheard = draft.seen.more_decisions
    hear_stops(draft)
    draft.fail(Reason.MODEL_DELETED, "the model is being deleted", Outcome.ABORTED)
    _answer_the_rest(draft)
    if FOREGROUND in meta.finalizers:
        # What the collector deletes is not made again; a share that a candidate has still is taken.
        if draft.seen.route is not None:
            set_traffic(draft)
        return
    keep_serving(draft, (draft.stable,))
    if meta.orphaned:
        set_traffic(draft)
        _release_records(draft)
        return
    expire_previous(draft)
    set_traffic(draft)
    remove_retired(draft)
    remove_old_records(draft)
    configure_detectors(draft, (draft.stable,))


def waits_for(meta: ObjectMeta) -> str:
    """Say what a deletion waits for."""
    if not meta.finalizers:
        return "is being deleted"
    names = ", ".join(meta.finalizers)
    return f"is being deleted, and waits for what the finalizers {names} stand for"


def _answer_the_rest(draft: Draft) -> None:
    """A stop has come true, whoever asked for it first; anything else has no effect any more."""
    for decision in draft.decisions:
        answered = any(
            getattr(intent, "decision", "") == decision.metadata.name for intent in draft.after
        )
        if decision.status.phase != "Pending" or answered:
            continue
        if not draft.may_answer():
            return
        if decision.metadata.uid in heard_uids(draft):
            answer(draft, decision, "")
        elif _has_come_true(draft, decision):
            message = "the model is being deleted: its candidate gets no requests any more"
            status = DecisionStatus(phase="Honoured", message=message, observed_at=draft.now)
            draft.answer(decision.metadata.name, status)
        else:
            answer(draft, decision, _PLAIN)


def _has_come_true(draft: Draft, decision: Decision) -> bool:
    candidate = draft.candidate
    stops = decision.spec.action in STOPPING
    return stops and candidate is not None and addressed(decision, candidate)


def _release_records(draft: Draft) -> None:
    """Let go of the records that the garbage collector cannot: their data must not change by one letter."""
    for revision in sorted(draft.seen.owned_records):
        draft.after.append(ReleaseRecord(revision))
