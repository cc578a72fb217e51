"""The rollout goes on: steps are taken while they are due, and at the end the candidate is promoted.

What stands in the way says `guards.py`, when a step is over `steps/`; what follows from either is written here.
"""

from typing import assert_never

from mlhops.api.base import later
from mlhops.api.status import Candidate, HistoryEntry, Outcome, Serving, TakenStep
from mlhops.rollout.candidate.replicas import is_short, wait_for_replicas
from mlhops.rollout.decisions.decisions import note
from mlhops.rollout.decisions.way_back import keep_until, kept
from mlhops.rollout.draft import Draft
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions import history
from mlhops.rollout.steps.evaluate import EvaluateStep, evaluation_of
from mlhops.rollout.steps.handler import Done, Failed, StepContext, StepOutcome, Waiting, under_way
from mlhops.rollout.steps.registry import handler_of
from mlhops.rollout.traffic import taken
from mlhops.rollout.traffic.guards import find_guard
from mlhops.rollout.traffic.weights import in_force

_END = "taking over all requests"


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
    if step is None:
        return False
    handler = handler_of(step)
    if draft.stable is None and handler.live:
        taken.finish(draft)
        return True
    weight = handler.weight(step)
    if weight is not None and not _weight_done(draft, weight, _step_text(draft, step)):
        return False
    if not _step_done(draft, step):
        return False
    if weight is None:  # that a weight is in force, what follows tells
        number = f"{candidate.step_index + 1}/{len(draft.steps)}"
        which = f"{step.step}, off the list" if step.removed else f"{number} ({step.step})"
        draft.tell(Reason.STEP_COMPLETED, f"{candidate.version}: step {which} is done")
    taken.finish(draft)
    return True


def _may_advance(draft: Draft, candidate: Candidate) -> bool:
    """Whether nothing stands in the way of more traffic; says what does."""
    if candidate.failure is not None:
        return False
    found = find_guard(draft, candidate)
    return found is None or _is_done(draft, found)


def _step_done(draft: Draft, step: TakenStep) -> bool:
    candidate = draft.candidate
    if candidate is None:
        return False
    outcome = handler_of(step).done(StepContext(draft, candidate, step))
    return _is_done(draft, outcome, _step_text(draft, step))


def _is_done(draft: Draft, outcome: StepOutcome, what: str = "") -> bool:
    """Write what follows from an outcome, and return whether the candidate may go on.

    `what` is what is said of a rollout that is under way; what it waits for follows that.
    """
    match outcome:
        case Done():
            for decision in outcome.decisions:
                note(draft, decision)
            _wake(draft, outcome)
            return True
        case Waiting():
            _wake(draft, outcome)
            if outcome.event is not None:
                draft.announce(outcome.event)
            if outcome.evaluation is not None:
                draft.after.append(outcome.evaluation)
            draft.progress = f"{what}, {outcome.message}" if what else outcome.message
            if outcome.holds:
                draft.wait(outcome.reason, outcome.message, final=outcome.final)
        case Failed():
            draft.fail(outcome.reason, outcome.message)
        case _:
            assert_never(outcome)
    return False


def _wake(draft: Draft, outcome: Done | Waiting) -> None:
    if outcome.wake is not None:
        draft.wake(outcome.wake)


def _step_text(draft: Draft, step: TakenStep) -> str:
    """Say which step is under way, as people wrote it."""
    index = draft.candidate.step_index if draft.candidate is not None else 0
    if step.removed or index >= len(draft.steps):
        return f"{step.step}, off the list"
    return f"step {index + 1}/{len(draft.steps)}, {draft.steps[index].verb}"


def _weight_done(draft: Draft, weight: int, what: str) -> bool:
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
    return _is_done(draft, _taken_over(draft, draft.candidate or candidate), what)


def _taken_over(draft: Draft, candidate: Candidate) -> StepOutcome:
    """Return whether the Gateway has accepted the weights, for which it has its time."""
    if in_force(draft):
        return Done()
    route, patience = draft.seen.route, draft.seen.model.spec.rollout.progress_deadline
    said = route.message if route else ""
    begin = candidate.step_started_at
    deadline = later(begin, patience) if begin is not None else None
    if deadline is not None and draft.now >= deadline:
        what = said or "it says nothing about the HTTPRoute"
        message = f"the Gateway did not accept the weights within {patience}: {what}"
        return Failed(Reason.PROGRESS_DEADLINE_EXCEEDED, message)
    refuses = route is not None and route.accepted is False and not route.unsupported
    message = (
        f"which the Gateway refuses: {said}" if refuses else "which the Gateway is yet to accept"
    )
    return under_way(message, wake=deadline)


def _gates_left(draft: Draft, candidate: Candidate) -> bool:
    """Whether a person who promotes would pass over a measurement that is under way."""
    step = taken.present(candidate)
    if step is None or not isinstance(handler_of(step), EvaluateStep):
        return False
    name = evaluation_of(StepContext(draft, candidate, step))
    return name in draft.seen.evaluations and not _step_done(draft, step)


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
    elif _weight_done(draft, 100, _END):
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
