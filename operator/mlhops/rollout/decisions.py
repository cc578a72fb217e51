"""What people decided, heard once each, in the order in which they decided."""

from collections.abc import Callable
from datetime import datetime

from mlhops.api.decision import Action, Decision, DecisionStatus
from mlhops.api.status import Candidate, Decider, Outcome
from mlhops.rollout.choose import begin_attempt
from mlhops.rollout.draft import Draft
from mlhops.rollout.reasons import Reason

DECIDERS_KEPT = 32
"""How many decisions a candidate's record holds, so that status stays small."""

# creationTimestamp counts whole seconds: among decisions of one second the most cautious one is
# heard last, so that it has the last word.
_CAUTION = [
    Action.OVERRIDE,
    Action.RETRY,
    Action.PROMOTE,
    Action.APPROVE,
    Action.RESUME,
    Action.PAUSE,
    Action.REJECT,
    Action.ABORT,
]


STOPPING = (Action.ABORT, Action.REJECT, Action.PAUSE)


def hear_decisions(draft: Draft) -> None:
    """Let each new Decision on the candidate have its effect, and answer those without any."""
    for decision in sorted(draft.decisions, key=_order):
        if decision.spec.action is not Action.OVERRIDE:
            _hear(draft, decision)


def hear_stops(draft: Draft) -> None:
    """Let each new Abort or Reject of the candidate end it."""
    for decision in sorted(draft.decisions, key=_order):
        candidate = draft.candidate
        if candidate is None or candidate.failure is not None:
            return
        ends = decision.spec.action in (Action.ABORT, Action.REJECT)
        if ends and addressed(decision, candidate):
            _hear(draft, decision)


def approved(candidate: Candidate) -> bool:
    """Whether the present step of this attempt has its approval."""
    return any(
        decider.action is Action.APPROVE and decider.step_index == candidate.step_index
        for decider in _of_attempt(candidate)
    )


def resumed(candidate: Candidate) -> bool:
    """Whether somebody ended the present pause step; a Resume that ends a hold ends no more."""
    held = False
    for decider in _of_attempt(candidate):
        here = decider.step_index == candidate.step_index
        if decider.action is Action.RESUME and here and not held:
            return True
        held = _holds(held, decider)
    return False


def held_by(candidate: Candidate) -> Decider | None:
    """Return the decision that holds this attempt: a Pause that no Resume followed."""
    last, held = None, False
    for decider in _of_attempt(candidate):
        held = _holds(held, decider)
        last = decider if decider.action is Action.PAUSE else last
    return last if held else None


def addressed(decision: Decision, candidate: Candidate) -> bool:
    """Whether a decision was made on this candidate, not on an earlier life of its revision.

    What stops a rollout is heard whatever its time says: the person's clock and ours may differ.
    """
    if decision.spec.action in STOPPING:
        return decision.spec.revision == candidate.revision
    created = decision.metadata.creation_timestamp
    return (
        decision.spec.revision == candidate.revision
        and created is not None
        and created >= _whole_second(candidate.created_at)
    )


def answer(draft: Draft, decision: Decision, problem: str) -> None:
    """Say what became of a decision: honoured, or ignored because of a problem."""
    status = DecisionStatus(
        phase="Ignored" if problem else "Honoured",
        message=problem or _EFFECT[decision.spec.action],
        observed_at=draft.now,
    )
    draft.answer(decision.metadata.name, status)
    if problem:
        text = f"{decision.spec.action} by {decision.spec.decided_by} has no effect: {problem}"
        draft.tell(Reason.DECISION_IGNORED, text, warning=True)


_EFFECT = {
    Action.APPROVE: "the approve step passes",
    Action.REJECT: "the attempt ends, the weight is 0",
    Action.ABORT: "the attempt ends, the weight is 0",
    Action.RETRY: "a new attempt begins",
    Action.PAUSE: "the rollout is held until Resume",
    Action.RESUME: "the rollout goes on",
    Action.PROMOTE: "the steps that are left are skipped as soon as nothing holds the rollout",
    Action.OVERRIDE: "the gates that it names let pass until it expires; an attempt that has failed "
    "needs a Retry",
}


def note(draft: Draft, decision: Decision) -> None:
    """Add a decision to the candidate's record, once in each attempt."""
    candidate = draft.candidate
    if candidate is None:
        raise AssertionError("a decision is heard on a candidate")
    uid = decision.metadata.uid
    if any(decider.uid == uid for decider in _of_attempt(candidate)):
        return
    decider = Decider(
        decision=decision.metadata.name,
        uid=uid,
        action=decision.spec.action,
        decided_by=decision.spec.decided_by,
        reason=decision.spec.reason[:256],
        gates=decision.spec.gates,
        expires=decision.spec.expires,
        at=decision.metadata.creation_timestamp,
        attempt=candidate.attempt,
        step_index=candidate.step_index,
    )
    draft.change(deciders=[*candidate.deciders, decider][-DECIDERS_KEPT:])


def _of_attempt(candidate: Candidate) -> list[Decider]:
    return [d for d in candidate.deciders if d.attempt == candidate.attempt]


def _holds(held: bool, decider: Decider) -> bool:
    if decider.action is Action.PAUSE:
        return True
    return held and decider.action not in (Action.RESUME, Action.PROMOTE)


def _order(decision: Decision) -> tuple[float, int, str]:
    created = decision.metadata.creation_timestamp
    moment = created.timestamp() if created else float("inf")
    return (moment, _CAUTION.index(decision.spec.action), decision.metadata.name)


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _hear(draft: Draft, decision: Decision) -> None:
    candidate = draft.candidate
    pending = decision.status.phase == "Pending"
    if not pending:
        return
    if decision.metadata.uid in heard_uids(draft):
        answer(draft, decision, "")
        return
    if candidate is None or not addressed(decision, candidate):
        answer(
            draft,
            decision,
            f"revision {decision.spec.revision} is not the candidate of {draft.name} "
            f"({candidate.revision if candidate else 'there is none'})",
        )
        return
    refusal = _EFFECTS[decision.spec.action](draft, candidate, decision)
    if refusal != _WAIT:
        answer(draft, decision, refusal or "")


def heard_uids(draft: Draft) -> set[str]:
    """Return the decisions that had their effect already, though the answer may have been lost."""
    deciders = [decider for entry in draft.history for decider in entry.deciders]
    if draft.candidate is not None:
        deciders += draft.candidate.deciders
    return {decider.uid for decider in deciders}


_WAIT = "waits"
_FAILED = "the candidate has failed: only Retry goes on"
_UNRESOLVED = (Reason.GATES_INCONCLUSIVE, Reason.EVALUATION_ERROR)


def _stop(draft: Draft, candidate: Candidate, decision: Decision) -> str | None:
    if candidate.failure is not None:
        return _FAILED
    note(draft, decision)
    said = decision.spec
    rejected = said.action is Action.REJECT
    draft.fail(
        Reason.REJECTED if rejected else Reason.ABORTED,
        f"{'rejected' if rejected else 'aborted'} by {said.decided_by}: {said.reason}",
        Outcome.ABORTED,
    )
    return None


def _retry(draft: Draft, candidate: Candidate, decision: Decision) -> str | None:
    unresolved = candidate.pause is not None and candidate.pause.reason in _UNRESOLVED
    evaluating = candidate.proof is None and candidate.evaluation is not None
    if candidate.failure is None and not unresolved and not evaluating:
        return "there is nothing to retry: the candidate has neither failed nor waits for evidence"
    stop = _later_stop(candidate, decision)
    if stop is not None:
        return f"{stop.action} by {stop.decided_by} came after it: decide again"
    service = draft.service(candidate)
    unwell = service is not None and (service.ready is not True or service.fatal)
    message = f"{candidate.version} starts over, decided by {decision.spec.decided_by}"
    begin_attempt(draft, Reason.RETRIED, message, renew=unwell)
    note(draft, decision)
    return None


def _later_stop(candidate: Candidate, decision: Decision) -> Decider | None:
    """Return what ended this attempt after a decision was made, or in the same second.

    It may be heard first: by an operator that is interrupted before it has answered all.
    """
    made = decision.metadata.creation_timestamp
    for decider in _of_attempt(candidate):
        later = made is None or decider.at is None or decider.at >= made
        if decider.action in (Action.ABORT, Action.REJECT) and later:
            return decider
    return None


def _approve(draft: Draft, candidate: Candidate, decision: Decision) -> str | None:
    if candidate.failure is not None:
        return _FAILED
    holder = held_by(candidate)
    if holder is not None:
        return f"the rollout is held by {holder.decided_by}: decide Resume first"
    if candidate.pause is None or candidate.pause.reason != Reason.APPROVAL_REQUIRED:
        return "no approval is waited for now: decide again when the rollout asks for it"
    note(draft, decision)
    return None


def _promote(draft: Draft, candidate: Candidate, decision: Decision) -> str | None:
    if candidate.failure is not None:
        return _FAILED
    created = decision.metadata.creation_timestamp
    if candidate.attempt > 1 and created and created < _whole_second(candidate.started_at):
        return "it was made before this attempt began: decide again"
    if candidate.proof is None:
        return _WAIT  # it takes effect when the gates have passed, and never without them
    note(draft, decision)
    draft.change(promoting=True)
    _end_hold(draft, candidate, decision)
    return None


def _pause(draft: Draft, candidate: Candidate, decision: Decision) -> str | None:
    if candidate.failure is not None:
        return _FAILED
    note(draft, decision)
    draft.change(promoting=False)
    return None


def _resume(draft: Draft, candidate: Candidate, decision: Decision) -> str | None:
    if candidate.failure is not None:
        return _FAILED
    at_pause = candidate.pause is not None and candidate.pause.reason == Reason.PAUSE_STEP
    ends_hold = _ends_hold(candidate, decision)
    if held_by(candidate) is None and not at_pause and not ends_hold:
        return _why_not_resumed(candidate)
    _end_hold(draft, candidate, decision)
    note(draft, decision)
    text = f"{candidate.version} goes on, decided by {decision.spec.decided_by}"
    draft.tell(Reason.RESUMED, text)
    return None


def _ends_hold(candidate: Candidate, decision: Decision) -> bool:
    """Whether a person who decides knew that a policy's action holds the candidate."""
    made, hold = decision.metadata.creation_timestamp, candidate.hold
    return hold is not None and made is not None and made >= _whole_second(hold.at)


def _end_hold(draft: Draft, candidate: Candidate, decision: Decision) -> None:
    if _ends_hold(candidate, decision):
        draft.change(hold=None)


def _why_not_resumed(candidate: Candidate) -> str:
    reason = candidate.pause.reason if candidate.pause is not None else ""
    if candidate.hold is not None:
        return "it was made before a policy's action held the rollout: decide again"
    if reason == Reason.PAUSED_BY_SPEC:
        return "spec.rollout.paused holds the rollout: set it to false"
    if reason == Reason.APPROVAL_REQUIRED:
        return "the rollout waits for a Decision with action Approve"
    if reason in _UNRESOLVED:
        return "the rollout waits for evidence: decide Retry, or Override the gates by name"
    return "the rollout is not paused"


_EFFECTS: dict[Action, Callable[[Draft, Candidate, Decision], str | None]] = {
    Action.ABORT: _stop,
    Action.REJECT: _stop,
    Action.RETRY: _retry,
    Action.APPROVE: _approve,
    Action.PROMOTE: _promote,
    Action.PAUSE: _pause,
    Action.RESUME: _resume,
}
