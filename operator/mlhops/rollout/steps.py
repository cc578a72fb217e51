"""The steps of a rollout: weights, pauses, evaluation, observation, approval, and promotion at the end."""

from mlhops.api.base import later
from mlhops.api.evaluation import FINISHED, EvaluationPhase
from mlhops.api.status import Candidate, HistoryEntry, Outcome, Serving, TakenStep
from mlhops.rollout import history, taken
from mlhops.rollout.decisions import approved, held_message, note, resumed
from mlhops.rollout.draft import Draft
from mlhops.rollout.evidence import request_evaluation, tell_started
from mlhops.rollout.gates import judge
from mlhops.rollout.reasons import Reason
from mlhops.rollout.replicas import is_short, wait_for_replicas
from mlhops.rollout.revision import evaluation_name
from mlhops.rollout.servers import is_proven
from mlhops.rollout.traffic import is_observed, is_shown
from mlhops.rollout.way_back import keep_until, kept
from mlhops.rollout.weights import in_force


def advance(draft: Draft) -> None:
    """Take as many steps as are due. Without proof, without readiness or while held, none is."""
    taken.follow_edits(draft)
    while _step_once(draft):
        pass
    _promote_when_done(draft)


def _step_once(draft: Draft) -> bool:
    """Take one step if it is due, and return whether it was."""
    candidate = draft.candidate
    if candidate is None or candidate.promoting or not _may_advance(draft, candidate):
        return False
    step = taken.begin(draft)
    if step is None or not _done(draft, step):
        return False
    if draft.candidate is None or draft.candidate.failure is not None:
        return False
    # That a weight is in force, what follows tells; before the first stable a pause has no meaning.
    weight, live = step.step.startswith("setWeight"), step.step.startswith(("pause", "observe"))
    if not weight and (draft.stable is not None or not live):
        number = f"{candidate.step_index + 1}/{len(draft.steps)}"
        which = f"{step.step}, off the list" if step.removed else f"{number} ({step.step})"
        draft.tell(Reason.STEP_COMPLETED, f"{candidate.version}: step {which} is done")
    taken.finish(draft)
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
    if draft.hold is not None:
        draft.wait(Reason.PAUSED_BY_PERSON, held_message(draft.hold, candidate.revision))
        return False
    if draft.seen.model.spec.rollout.paused:
        draft.wait(Reason.PAUSED_BY_SPEC, "spec.rollout.paused is true")
        return False
    if candidate.hold is not None:
        draft.wait(Reason.PAUSED_BY_POLICY, candidate.hold.message)
        return False
    return True


def _done(draft: Draft, step: TakenStep) -> bool:
    if step.step.startswith("setWeight"):
        weight = int(step.step.removeprefix("setWeight "))
        return _weight_done(draft, weight) and (draft.stable is None or is_shown(draft, step))
    if step.step.startswith("pause"):
        return _pause_done(draft, step)
    if step.step.startswith("observe"):
        return is_observed(draft, step)
    return (
        _evaluation_done(draft, step)
        if step.step == taken.EVALUATE
        else _approval_done(draft, step)
    )


def _weight_done(draft: Draft, weight: int) -> bool:
    """A weight is done when the Gateway has accepted it; the first revision has none to share."""
    candidate = draft.candidate
    if candidate is None or draft.stable is None:
        return candidate is not None
    if weight == 100 and is_short(draft, candidate):
        wait_for_replicas(draft, candidate)
        return False
    if candidate.desired_weight != weight:
        draft.change(desired_weight=weight, step_started_at=draft.now)
        draft.tell(Reason.WEIGHT_SET, f"{candidate.version} gets {weight} % of requests")
    if candidate.weight != weight == draft.actual(candidate.inference_service):
        # What was asked until the Gateway took the weight was asked at another: only now evidence begins.
        draft.change(step_started_at=draft.now)
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


def _pause_done(draft: Draft, step: TakenStep) -> bool:
    candidate = draft.candidate
    if candidate is None or draft.stable is None or resumed(candidate, step):
        return True
    end = taken.pause_ends(candidate, step, draft.now)
    if end is None:
        message = "waits for a Decision with action Resume, Promote or Abort"
        draft.wait(Reason.PAUSE_STEP, message + _removed(step))
        return False
    if draft.now >= end:
        return True
    draft.wake(end)
    draft.wait(Reason.PAUSE_STEP, f"pauses for {_shown(draft, step)}" + _removed(step))
    return False


def _shown(draft: Draft, step: TakenStep) -> str:
    """Return the length of a pause as a person wrote it, or as it was while the list no longer has it."""
    index = draft.candidate.step_index if draft.candidate is not None else 0
    pause = draft.steps[index].pause if index < len(draft.steps) else None
    if pause is not None and pause.duration is not None and not step.removed:
        return pause.duration
    return step.step.removeprefix("pause ")


def _removed(step: TakenStep) -> str:
    return (
        ": that step was taken off the list while the rollout waited at it" if step.removed else ""
    )


def _approval_done(draft: Draft, step: TakenStep) -> bool:
    candidate = draft.candidate
    if candidate is None:
        return False
    if approved(candidate, step):
        return True
    draft.wait(
        Reason.APPROVAL_REQUIRED,
        f"waits for a Decision with action Approve on revision {candidate.revision}"
        + _removed(step),
    )
    return False


def _evaluation_done(draft: Draft, step: TakenStep) -> bool:
    candidate = draft.candidate
    if candidate is None:
        return False
    name = evaluation_name(draft.name, candidate.revision, candidate.attempt, step.id)
    evaluation = draft.seen.evaluations.get(name)
    if evaluation is None:
        if request_evaluation(draft, name) and _just_begun(draft, step):
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
        text = f"at step {candidate.step_index + 1}: {verdict.message}"
        draft.wait(reason, text, final=verdict.final)
    return False


def _just_begun(draft: Draft, step: TakenStep) -> bool:
    """Whether the step begins with this plan, so that people are told only once."""
    old = draft.old.candidate
    present = taken.present(old) if old is not None else None
    if old is None or draft.candidate is None or present is None:
        return True
    same = (old.revision, old.attempt) == (draft.candidate.revision, draft.candidate.attempt)
    return not same or present.id != step.id


def _gates_left(draft: Draft, candidate: Candidate) -> bool:
    """Whether a person who promotes would pass over a measurement that is under way."""
    step = taken.present(candidate)
    if step is None or step.step != taken.EVALUATE:
        return False
    name = evaluation_name(draft.name, candidate.revision, candidate.attempt, step.id)
    return name in draft.seen.evaluations and not _evaluation_done(draft, step)


def _promote_when_done(draft: Draft) -> None:
    candidate = draft.candidate
    if candidate is None or not _may_advance(draft, candidate):
        return
    if not candidate.promoting and not taken.all_done(draft):
        return
    if candidate.promoting and _gates_left(draft, candidate):
        return
    if draft.stable is None and is_short(draft, candidate):
        wait_for_replicas(draft, candidate)
    elif draft.stable is None:
        _promote(draft, candidate)
    elif _weight_done(draft, 100):
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
        seen=draft.seen_at,
        candidate_since=candidate.created_at,
        proof=proof,
        gates_hash=draft.gates_hash,
    )
    draft.candidate = None
    draft.tell(
        Reason.FAST_PROMOTED if fast else Reason.PROMOTED,
        f"{candidate.version} serves all requests",
    )
