"""What people decided: stops first and alone, the rest in the order in which it was decided, once each."""

from collections.abc import Callable

from mlhops.api.decision import Action, Decision, DecisionStatus
from mlhops.api.status import (
    Candidate,
    ClinicalModelStatus,
    Decider,
    Hold,
    Outcome,
    TakenStep,
)
from mlhops.rollout.candidate.candidate import begin, begin_attempt, is_rolled_back
from mlhops.rollout.decisions.binding import (
    addressed,
    made_after,
    made_since,
    noted_now,
    what_changed,
)
from mlhops.rollout.decisions.rollback import roll_back
from mlhops.rollout.draft import Draft
from mlhops.rollout.evaluation.measuring import evaluate
from mlhops.rollout.reasons import Reason
from mlhops.rollout.traffic import taken

DECIDERS_KEPT = 32
"""How many decisions a candidate's record holds, so that status stays small."""

# creationTimestamp counts whole seconds: among decisions of one second the most cautious one is
# heard last, so that it has the last word.
_CAUTION = [
    Action.EVALUATE,
    Action.OVERRIDE,
    Action.RETRY,
    Action.PROMOTE,
    Action.RESUME,
    Action.APPROVE,
    Action.PAUSE,
    Action.REJECT,
    Action.ABORT,
    Action.ROLLBACK,
]


def hear_decisions(draft: Draft) -> None:
    """Let each new Decision on the candidate have its effect, and answer those without any.

    Where something stops the rollout, it alone is heard: the rest waits for the next pass.
    """
    _date_hold(draft)
    pending = [d for d in draft.decisions if d.status.phase == "Pending"]
    most = min((urgency(draft, d) for d in pending), default=_LEAST)
    draft.stopping = most < _LEAST
    waiting = any(urgency(draft, d) > most for d in pending)
    draft.unheard = draft.seen.more_decisions or (draft.stopping and waiting)
    for decision in sorted(pending, key=_order):
        if decision.spec.action is Action.OVERRIDE or urgency(draft, decision) > most:
            continue
        if not draft.may_answer():
            return
        _hear(draft, decision)


def wants_stop(draft: Draft) -> bool:
    """Whether somebody wants the rollout to stop, or to go back, and has had no answer."""
    pending = [d for d in draft.decisions if d.status.phase == "Pending"]
    return any(urgency(draft, decision) < _LEAST for decision in pending)


def hear_stops(draft: Draft) -> None:
    """Let each new Abort or Reject of the candidate end it."""
    pending = [d for d in draft.decisions if d.status.phase == "Pending"]
    for decision in sorted(pending, key=_order):
        candidate = draft.candidate
        if candidate is None or candidate.failure is not None:
            return
        ends = decision.spec.action in (Action.ABORT, Action.REJECT)
        if ends and addressed(decision, candidate):
            _hear(draft, decision)


_LEAST = 2


def _date_hold(draft: Draft) -> None:
    """Note on which version of the model a policy's hold was first seen: a Resume of a later one knows of it."""
    candidate = draft.candidate
    if candidate is not None and candidate.hold is not None and candidate.hold.seen is None:
        draft.change(hold=candidate.hold.model_copy(update={"seen": draft.seen_at}))


def heard_first(status: ClinicalModelStatus) -> tuple[tuple[Action, str], ...]:
    """Return the actions, each on a revision, that `urgency` lets go first, the most urgent first."""
    first = list[tuple[Action, str]]()
    candidate, previous, last = status.candidate, status.previous, status.history[-1:]
    if candidate is not None:
        first += [(action, candidate.revision) for action in (Action.ABORT, Action.REJECT)]
    if previous is not None:
        first.append((Action.ROLLBACK, previous.revision))
    if candidate is not None:
        first.append((Action.PAUSE, candidate.revision))
    first += [(Action.PAUSE, of.revision) for of in last if of.outcome is Outcome.SUPERSEDED]
    return tuple(first)


def urgency(draft: Draft, decision: Decision) -> int:
    """Return how soon a decision is heard: what ends the rollout, then what holds it, then the rest."""
    candidate, previous = draft.candidate, draft.previous
    if decision.spec.action is Action.ROLLBACK:
        kept = previous is not None and previous.revision == decision.spec.revision
        return 0 if kept else _LEAST
    if _paused_before(draft, decision) is not None:
        return 1
    if candidate is None or decision.spec.revision != candidate.revision:
        return _LEAST
    if decision.spec.action in (Action.ABORT, Action.REJECT):
        return 0
    return 1 if decision.spec.action is Action.PAUSE else _LEAST


def approved(candidate: Candidate, step: TakenStep) -> bool:
    """Whether a step of this attempt has its approval."""
    return _answered(candidate, step, Action.APPROVE)


def resumed(candidate: Candidate, step: TakenStep) -> bool:
    """Whether somebody ended a pause step; a Resume that ends a hold ends no more."""
    return _answered(candidate, step, Action.RESUME)


def _answered(candidate: Candidate, step: TakenStep, action: Action) -> bool:
    return any(d.action is action and d.step_id == step.id for d in _of_attempt(candidate))


def held_message(hold: Hold, revision: str) -> str:
    """Say who holds the model, and what lets it go on where that is not plain."""
    said = f"held by {hold.decided_by}: {hold.reason}"
    if hold.revision == revision:
        return said
    return f"{said} (Pause of {hold.version}; a Decision Resume on revision {revision} ends it)"


def answer(
    draft: Draft,
    decision: Decision,
    problem: str,
    *,
    pending: bool = False,
    subject: Candidate | None = None,
) -> None:
    """Say what became of a decision: honoured, ignored because of a problem, or noted until it may count.

    It is about the candidate, or about another `subject`.
    """
    candidate, noted = subject or draft.candidate, decision.status.noted
    present = candidate is not None and candidate.revision == decision.spec.revision
    if noted is None and not problem and candidate is not None and present:
        noted = noted_now(draft, candidate, decision)
    effect = _EFFECT[decision.spec.action]
    if decision.spec.action is Action.OVERRIDE and noted is not None and noted.expires is not None:
        effect = effect.format(noted.expires.strftime("%Y-%m-%dT%H:%M:%SZ"))
    status = DecisionStatus(
        phase="Ignored" if problem else "Pending" if pending else "Honoured",
        message=problem or ("it waits for the gates" if pending else effect),
        observed_at=draft.now,
        noted=noted,
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
    Action.PAUSE: "the model is held, whatever version comes, until Resume",
    Action.RESUME: "the rollout goes on",
    Action.PROMOTE: "the steps that are left are skipped as soon as nothing holds the rollout",
    Action.OVERRIDE: "these gates, as they are defined now, let pass until {}, and not after that; an attempt "
    "that has failed needs a Retry",
    Action.EVALUATE: "what serves is measured again (status.stable)",
    Action.ROLLBACK: "it serves again; what was rolled back from waits until spec changes, or for Retry",
}


def note(draft: Draft, decision: Decision, step: int | None = None) -> None:
    """Add a decision to the candidate's record, once in each attempt; `step` is what it answers."""
    candidate = draft.candidate
    if candidate is None:
        raise AssertionError("a decision is heard on a candidate")
    uid = decision.metadata.uid
    if any(decider.uid == uid for decider in _of_attempt(candidate)):
        return
    decider = decider_of(decision, candidate.digest, draft.gates_hash).model_copy(
        update={
            "steps_hash": draft.steps_hash,
            "attempt": candidate.attempt,
            "step_index": candidate.step_index,
            "step_id": step,
        }
    )
    draft.change(deciders=[*candidate.deciders, decider][-DECIDERS_KEPT:])


def decider_of(decision: Decision, digest: str | None, gates_hash: str | None) -> Decider:
    """Return a decision as the record of what it had an effect on keeps it."""
    noted = decision.status.noted
    return Decider(
        decision=decision.metadata.name,
        uid=decision.metadata.uid,
        action=decision.spec.action,
        decided_by=decision.spec.decided_by,
        reason=decision.spec.reason[:256],
        gates=decision.spec.gates,
        expires=noted.expires if noted is not None else decision.spec.expires,
        at=decision.metadata.creation_timestamp,
        seen=decision.metadata.resource_version or None,
        digest=digest,
        gates_hash=gates_hash,
    )


def _of_attempt(candidate: Candidate) -> list[Decider]:
    return [d for d in candidate.deciders if d.attempt == candidate.attempt]


def _order(decision: Decision) -> tuple[float, int, str]:
    created = decision.metadata.creation_timestamp
    moment = created.timestamp() if created else float("inf")
    return (moment, _CAUTION.index(decision.spec.action), decision.metadata.name)


def _hear(draft: Draft, decision: Decision) -> None:
    candidate = draft.candidate
    if decision.metadata.uid in heard_uids(draft):
        answer(draft, decision, "")
        return
    if candidate is None and _lifts(draft, decision):
        draft.hold = None
        draft.tell(Reason.RESUMED, f"no longer held, decided by {decision.spec.decided_by}")
        answer(draft, decision, "")
        return
    if decision.spec.action in (Action.EVALUATE, Action.ROLLBACK):
        answer(draft, decision, _of_serving(draft, decision))
        return
    if candidate is None and decision.spec.action is Action.RETRY and is_rolled_back(draft):
        answer(draft, decision, _retry_rolled_back(draft, decision))
        return
    paused = _paused_before(draft, decision)
    if paused is not None:
        draft.hold = _held(decision, *paused)
        answer(draft, decision, "")
        return
    problem = _problem_with(draft, candidate, decision)
    if candidate is None or problem:
        answer(draft, decision, problem)
        return
    refusal = _EFFECTS[decision.spec.action](draft, candidate, decision)
    if refusal != _WAIT:
        answer(draft, decision, refusal or "")
    elif decision.status.noted is None:
        answer(draft, decision, "", pending=True)


def _of_serving(draft: Draft, decision: Decision) -> str:
    """Let a decision on what serves have its effect; return why it has none, empty where it has."""
    if decision.spec.action is Action.ROLLBACK:
        digest = draft.previous.digest if draft.previous is not None else None
        problem = roll_back(draft, decision, decider_of(decision, digest, draft.gates_hash))
        if not problem and draft.candidate is not None:
            note(draft, decision)  # a Retry that was made before does not undo it
        return problem
    problem = evaluate(draft, decision)
    if not problem and draft.stable is not None:
        decider = decider_of(decision, draft.stable.digest, draft.stable.gates_hash)
        deciders = [*draft.stable.deciders, decider][-DECIDERS_KEPT:]
        draft.stable = draft.stable.model_copy(update={"deciders": deciders})
    return problem


def _retry_rolled_back(draft: Draft, decision: Decision) -> str:
    """Let what was rolled back from begin anew, from weight 0 and through its gates."""
    back = draft.rolled_back
    if back is None or back.revision != decision.spec.revision:
        return f"revision {decision.spec.revision} is not what was rolled back from"
    if not made_after(decision, back.at.replace(microsecond=0), back.seen):
        return "it was rolled back from after that, or in the same second: decide again"
    draft.rolled_back = None
    begin(draft)
    note(draft, decision)
    return ""


def _problem_with(draft: Draft, candidate: Candidate | None, decision: Decision) -> str:
    """Return why a decision is not about the candidate as it stands, empty where it is."""
    revision = decision.spec.revision
    if candidate is None or revision != candidate.revision:
        present = candidate.revision if candidate else "there is none"
        return f"revision {revision} is not the candidate of {draft.name} ({present})"
    if not addressed(decision, candidate):
        return f"it was made before {revision} became the candidate: decide again"
    return what_changed(draft, candidate, decision)


def _paused_before(draft: Draft, decision: Decision) -> tuple[str, str] | None:
    """Return revision and version of what a Pause names, if that was replaced before the Pause was heard.

    It holds the model all the same: what came in its place is what it would have held.
    """
    about, candidate = decision.spec.revision, draft.candidate
    present = candidate is not None and candidate.revision == about
    if decision.spec.action is not Action.PAUSE or present:
        return None
    old, last = draft.old.candidate, draft.history[-1] if draft.history else None
    if old is not None and old.revision == about:
        return old.revision, old.version
    if last is not None and last.outcome is Outcome.SUPERSEDED and last.revision == about:
        return last.revision, last.version
    return None


def _lifts(draft: Draft, decision: Decision) -> bool:
    """Whether a Resume on what serves ends the hold of a model that has no candidate."""
    serves = draft.stable is not None and draft.stable.revision == decision.spec.revision
    hold = draft.hold
    return (
        hold is not None
        and serves
        and decision.spec.action is Action.RESUME
        and made_after(decision, hold.at, hold.seen)
    )


def heard_uids(draft: Draft) -> set[str]:
    """Return the decisions that had their effect already, though the answer may have been lost."""
    deciders = [decider for entry in draft.history for decider in entry.deciders]
    if draft.candidate is not None:
        deciders += draft.candidate.deciders
    if draft.stable is not None:
        deciders += draft.stable.deciders
    held = {draft.hold.uid} if draft.hold is not None else set[str]()
    return {decider.uid for decider in deciders} | held


_WAIT = "waits"
_FAILED = "the candidate has failed: only Retry goes on"
_UNRESOLVED = (Reason.GATES_INCONCLUSIVE, Reason.EVALUATION_ERROR)


def _stop(draft: Draft, candidate: Candidate, decision: Decision) -> str | None:
    note(
        draft, decision
    )  # also of a failed candidate: a Retry that was made before does not undo it
    if candidate.failure is not None:
        return _FAILED
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
    """Return what ended this attempt after a decision was made, or in the same second."""
    for decider in _of_attempt(candidate):
        ends = decider.action in (Action.ABORT, Action.REJECT, Action.ROLLBACK)
        if ends and not made_after(decision, decider.at, decider.seen):
            return decider
    return None


def _approve(draft: Draft, candidate: Candidate, decision: Decision) -> str | None:
    if candidate.failure is not None:
        return _FAILED
    if draft.hold is not None:
        return f"the rollout is held by {draft.hold.decided_by}: decide Resume first"
    step = taken.present(candidate)
    if step is None or step.step != taken.APPROVE or approved(candidate, step):
        return "no approval is waited for now: decide again when the rollout asks for it"
    note(draft, decision, step.id)
    return None


def _promote(draft: Draft, candidate: Candidate, decision: Decision) -> str | None:
    if candidate.failure is not None:
        return _FAILED
    noted = decision.status.noted
    if noted is not None and noted.attempt != candidate.attempt:
        return "it was made before this attempt began: decide again"
    earlier = _before_the_hold(draft, decision)
    if earlier:
        return earlier
    if candidate.proof is None:
        return _WAIT  # it takes effect when the gates have passed, and never without them
    note(draft, decision)
    draft.change(promoting=True)
    draft.hold = None
    if _ends_hold(candidate, decision):
        draft.change(hold=None)
    return None


def _pause(draft: Draft, candidate: Candidate, decision: Decision) -> str | None:
    note(draft, decision)
    draft.hold = _held(decision, candidate.revision, candidate.version)
    draft.change(promoting=False)
    return None


def _held(decision: Decision, revision: str, version: str) -> Hold:
    return Hold(
        decision=decision.metadata.name,
        uid=decision.metadata.uid,
        decided_by=decision.spec.decided_by,
        reason=decision.spec.reason[:256],
        revision=revision,
        version=version,
        at=decision.metadata.creation_timestamp,
        seen=decision.metadata.resource_version or None,
    )


def _resume(draft: Draft, candidate: Candidate, decision: Decision) -> str | None:
    earlier = _before_the_hold(draft, decision)
    if earlier:
        return earlier
    if candidate.failure is not None and draft.hold is None:
        return _FAILED
    step = taken.present(candidate)
    waits = candidate.pause is not None and candidate.pause.reason == Reason.PAUSE_STEP
    pauses = step is not None and step.step.startswith("pause")
    ends_hold = _ends_hold(candidate, decision)
    if draft.hold is None and not (waits and pauses) and not ends_hold:
        return _why_not_resumed(candidate)
    # What ends a person's hold does not end the pause step as well.
    ends_step = step is not None and pauses and draft.hold is None
    note(draft, decision, step.id if step is not None and ends_step else None)
    draft.hold = None
    if ends_hold:
        draft.change(hold=None)
    text = f"{candidate.version} goes on, decided by {decision.spec.decided_by}"
    draft.tell(Reason.RESUMED, text)
    return None


def _before_the_hold(draft: Draft, decision: Decision) -> str:
    """Return that a Pause has the last word, empty where the decision was made after it."""
    hold = draft.hold
    if hold is None or made_after(decision, hold.at, hold.seen):
        return ""
    return f"Pause by {hold.decided_by} came after it or in the same second: decide again"


def _ends_hold(candidate: Candidate, decision: Decision) -> bool:
    """Whether a person who decides knew that a policy's action holds the candidate."""
    hold = candidate.hold
    return hold is not None and made_since(decision, hold.seen, hold.at)


def _why_not_resumed(candidate: Candidate) -> str:
    reason = candidate.pause.reason if candidate.pause is not None else ""
    if candidate.hold is not None:
        return "it was made before a policy's action held the rollout: decide again"
    if reason == Reason.PAUSED_BY_SPEC:
        return "spec.rollout.paused holds the rollout: set it to false"
    if reason == Reason.APPROVAL_REQUIRED:
        return "the rollout waits for a Decision with action Approve"
    if reason in (Reason.NOT_ENOUGH_TRAFFIC, Reason.OBSERVING):
        return "the rollout waits for live requests: decide Promote to go on without"
    if reason == Reason.NOT_ENOUGH_REPLICAS:
        return "the rollout waits for pods to be ready: lower spec.predictor.minReplicas to go on with fewer"
    if reason == Reason.STEP_UNKNOWN:
        return (
            "the rollout waits at a step that this operator does not know: decide Promote or Abort"
        )
    if reason in (Reason.BELOW_STANDARD, Reason.STANDARD_UNKNOWN):
        return "the rollout waits for a ClinicalStandard: do first what the model's message says"
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
