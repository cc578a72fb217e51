"""The steps of a rollout: weights, pauses, live evaluation, approval, and promotion at the end."""

from mlhops.api.base import later
from mlhops.api.evaluation import FINISHED, EvaluationPhase
from mlhops.api.model import Step
from mlhops.api.status import Candidate, HistoryEntry, Outcome, Serving
from mlhops.rollout import history
from mlhops.rollout.choose import keep_until, kept
from mlhops.rollout.decisions import approved, held_by, note, resumed
from mlhops.rollout.draft import Draft
from mlhops.rollout.evidence import request_evaluation, tell_started
from mlhops.rollout.gates import judge
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revision import evaluation_name
from mlhops.rollout.servers import is_proven
from mlhops.rollout.weights import ceiling, in_force


def advance(draft: Draft) -> None:
    """Take as many steps as are due. Without proof, without readiness or while held, none is."""
    _follow_edits(draft)
    while _step_once(draft):
        pass
    _promote_when_done(draft)


def _follow_edits(draft: Draft) -> None:
    """Keep to steps that were edited on the way: no step is taken back, none passes unseen.

    Where the list now ends before the step that is under way, its last step is taken again.
    """
    candidate = draft.candidate
    if candidate is None or candidate.failure is not None:
        return
    steps = draft.seen.model.spec.rollout.steps
    done = candidate.desired_weight == 100 or candidate.promoting
    if 0 < len(steps) <= candidate.step_index and not done:
        draft.change(step_index=len(steps) - 1, step_started_at=draft.now)
    if draft.candidate is None or candidate.promoting:
        return
    most = ceiling(steps, draft.candidate.step_index)
    if candidate.desired_weight > most:
        draft.change(desired_weight=most, step_started_at=draft.now)
        draft.tell(Reason.WEIGHT_SET, f"{candidate.version} gets {most} % of requests")


def _step_once(draft: Draft) -> bool:
    """Take one step if it is due, and return whether it was."""
    candidate = draft.candidate
    if candidate is None or not _may_advance(draft, candidate):
        return False
    steps = draft.seen.model.spec.rollout.steps
    if candidate.promoting or candidate.step_index >= len(steps):
        return False
    if candidate.step_started_at is None:
        draft.change(step_started_at=draft.now)
    step = steps[candidate.step_index]
    if not _done(draft, step):
        return False
    if draft.candidate is None or draft.candidate.failure is not None:
        return False
    # That a weight is in force, what follows tells; before the first stable a pause has no meaning.
    if step.set_weight is None and (draft.stable is not None or step.pause is None):
        number = f"{candidate.step_index + 1}/{len(steps)}"
        text = f"{candidate.version}: step {number} ({step.verb}) is done"
        draft.tell(Reason.STEP_COMPLETED, text)
    draft.change(step_index=candidate.step_index + 1, step_started_at=draft.now, pause=None)
    return True


def _may_advance(draft: Draft, candidate: Candidate) -> bool:
    """Whether nothing stands in the way of more traffic; says what does."""
    if candidate.failure is not None or candidate.proof is None or candidate.pause is not None:
        return False
    service = draft.service(candidate)
    if service is None or service.ready is not True or draft.blocked is not None:
        return False
    if not is_proven(service, candidate.proof):
        return False
    holder = held_by(candidate)
    if holder is not None:
        draft.wait(Reason.PAUSED_BY_PERSON, f"held by {holder.decided_by}: {holder.reason}")
        return False
    if draft.seen.model.spec.rollout.paused:
        draft.wait(Reason.PAUSED_BY_SPEC, "spec.rollout.paused is true")
        return False
    if candidate.hold is not None:
        draft.wait(Reason.PAUSED_BY_POLICY, candidate.hold.message)
        return False
    return True


def _done(draft: Draft, step: Step) -> bool:
    if step.set_weight is not None:
        return _weight_done(draft, step.set_weight)
    if step.pause is not None:
        return _pause_done(draft, step)
    return _evaluation_done(draft) if step.evaluate is not None else _approval_done(draft)


def _weight_done(draft: Draft, weight: int) -> bool:
    """A weight is done when the Gateway has accepted it; the first revision has none to share."""
    candidate = draft.candidate
    if candidate is None or draft.stable is None:
        return candidate is not None
    if candidate.desired_weight != weight:
        draft.change(desired_weight=weight, step_started_at=draft.now)
        draft.tell(Reason.WEIGHT_SET, f"{candidate.version} gets {weight} % of requests")
    if in_force(draft):
        return True
    _check_route_deadline(draft)
    return False


def _check_route_deadline(draft: Draft) -> None:
    candidate = draft.candidate
    if candidate is None or candidate.step_started_at is None:
        return
    rollout = draft.seen.model.spec.rollout
    deadline = later(candidate.step_started_at, rollout.progress_deadline)
    if draft.now < deadline:
        draft.wake(deadline)
        return
    route = draft.seen.route
    said = route.message if route else ""
    draft.fail(
        Reason.PROGRESS_DEADLINE_EXCEEDED,
        f"the Gateway did not accept the weights within {rollout.progress_deadline}: "
        + (said or "it says nothing about the HTTPRoute"),
    )


def _pause_done(draft: Draft, step: Step) -> bool:
    candidate = draft.candidate
    if candidate is None or draft.stable is None or resumed(candidate):
        return True
    if step.pause is None or step.pause.duration is None:
        message = "waits for a Decision with action Resume, Promote or Abort"
        draft.wait(Reason.PAUSE_STEP, message)
        return False
    end = later(candidate.step_started_at or draft.now, step.pause.duration)
    if draft.now >= end:
        return True
    draft.wake(end)
    draft.wait(Reason.PAUSE_STEP, f"pauses for {step.pause.duration}")
    return False


def _approval_done(draft: Draft) -> bool:
    candidate = draft.candidate
    if candidate is None:
        return False
    if approved(candidate):
        return True
    draft.wait(
        Reason.APPROVAL_REQUIRED,
        f"waits for a Decision with action Approve on revision {candidate.revision}",
    )
    return False


def _evaluation_done(draft: Draft) -> bool:
    candidate = draft.candidate
    if candidate is None:
        return False
    name = evaluation_name(draft.name, candidate.revision, candidate.attempt, candidate.step_index)
    evaluation = draft.seen.evaluations.get(name)
    if evaluation is None:
        if request_evaluation(draft, name) and _just_begun(draft, candidate):
            tell_started(draft, name)
        return False
    verdict = judge(draft, candidate, evaluation)
    if verdict.proof is not None:
        for decision in verdict.overrides:
            note(draft, decision)
        return True
    if verdict.phase is EvaluationPhase.FAILED:
        draft.fail(Reason.GATES_FAILED, f"at step {candidate.step_index + 1}: {verdict.message}")
    elif verdict.phase in FINISHED:
        inconclusive = verdict.phase is EvaluationPhase.INCONCLUSIVE
        reason = Reason.GATES_INCONCLUSIVE if inconclusive else Reason.EVALUATION_ERROR
        draft.wait(reason, f"at step {candidate.step_index + 1}: {verdict.message}")
    return False


def _just_begun(draft: Draft, candidate: Candidate) -> bool:
    """Whether the step begins with this plan, so that people are told only once."""
    old = draft.old.candidate
    begun = (candidate.step_index, candidate.step_started_at)
    return old is None or (old.step_index, old.step_started_at) != begun


def _gates_left(draft: Draft, candidate: Candidate) -> bool:
    """Whether a person who promotes would pass over a measurement that is under way."""
    steps = draft.seen.model.spec.rollout.steps
    if candidate.step_index >= len(steps) or steps[candidate.step_index].evaluate is None:
        return False
    name = evaluation_name(draft.name, candidate.revision, candidate.attempt, candidate.step_index)
    return name in draft.seen.evaluations and not _evaluation_done(draft)


def _promote_when_done(draft: Draft) -> None:
    candidate = draft.candidate
    if candidate is None or not _may_advance(draft, candidate):
        return
    steps = draft.seen.model.spec.rollout.steps
    if not candidate.promoting and candidate.step_index < len(steps):
        return
    if candidate.promoting and _gates_left(draft, candidate):
        return
    if draft.stable is None:
        _promote(draft, candidate)
        return
    if _weight_done(draft, 100):
        _promote(draft, draft.candidate or candidate)


def _promote(draft: Draft, candidate: Candidate) -> None:
    fast = candidate.promoting
    outcome = Outcome.FAST_PROMOTED if fast else Outcome.PROMOTED
    proof = candidate.proof
    entry = HistoryEntry(
        revision=candidate.revision,
        digest=candidate.digest,
        version=candidate.version,
        outcome=outcome,
        message=f"{candidate.version} serves on the evidence of Evaluation "
        f"{proof.evaluation if proof else ''}",
        started_at=candidate.started_at,
        finished_at=draft.now,
        attempt=candidate.attempt,
        evaluation=proof.evaluation if proof else None,
        overridden=proof.overridden if proof else [],
        deciders=[d for d in candidate.deciders if d.attempt == candidate.attempt],
    )
    draft.history = history.append(draft.history, entry)
    if draft.stable is not None:
        draft.previous = kept(draft.stable, keep_until(draft))
    draft.stable = Serving(
        revision=candidate.revision,
        digest=candidate.digest,
        version=candidate.version,
        inference_service=candidate.inference_service,
        since=draft.now,
        proof=proof,
    )
    draft.candidate = None
    draft.tell(
        Reason.FAST_PROMOTED if fast else Reason.PROMOTED,
        f"{candidate.version} serves all requests",
    )
