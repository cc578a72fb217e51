"""What serves is measured again: when people ask, by a schedule, and when its gates are no longer those of its proof.

A verdict on what serves never gives anybody more requests. It stands beside the proof that let it in.
"""

from datetime import datetime

from mlhops.api.base import later
from mlhops.api.evaluation import FINISHED, Evaluation, EvaluationPhase, EvaluationSpec
from mlhops.api.status import Measurement, Serving
from mlhops.rollout.candidate.servers import change_of, doubt_about
from mlhops.rollout.decisions.rollback import restore
from mlhops.rollout.draft import Draft
from mlhops.rollout.evaluation.gates import passed_gates, serving_subject, spec_of
from mlhops.rollout.evaluation.measuring import begin, interface_of, is_under_way, note_gates
from mlhops.rollout.evaluation.standing import basis_failed, renew_overrides
from mlhops.rollout.intents import EnsureEvaluation
from mlhops.rollout.observed import Service
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions.identity import is_about
from mlhops.rollout.revisions.revision import Asked
from mlhops.rollout.traffic import taken


def measure_again(draft: Draft) -> None:
    """Take over what a measurement of what serves came to, and see whether another one is due."""
    if draft.stable is None:
        return
    _follow_gates(draft, note_gates(draft))
    _take_verdict(draft)
    renew_overrides(draft)
    _keep_schedule(draft)
    if basis_failed(draft.stable):
        restore(draft)


def _follow_gates(draft: Draft, before: str | None) -> None:
    """Measure by the gates of now where somebody has changed them; what an earlier operator left is only told of."""
    stable = draft.stable
    if stable is None or stable.gates_hash is None:
        return
    now, measuring = stable.gates_hash, stable.measuring
    if measuring is not None and measuring.gates_hash != now:
        draft.stable = stable.model_copy(update={"measuring": None})
        if is_under_way(measuring) and measuring.why == "Decision":
            begin(draft, "Decision")
            return
    if before is None or before == now:
        return
    newest = stable.remeasured or stable.proof
    if newest is not None and newest.gates_hash == now:
        return
    begun = begin(draft, "GatesChanged")
    if begun is not None:
        text = f"{stable.version} serves, and the gates have changed: Evaluation {begun.evaluation} measures it by them"
        draft.tell(Reason.GATES_CHANGED, text, warning=True)


def _take_verdict(draft: Draft) -> None:
    stable = draft.stable
    measuring = stable.measuring if stable is not None else None
    if stable is None or measuring is None or not is_under_way(measuring):
        return
    evaluation = draft.seen.evaluations.get(measuring.evaluation)
    if evaluation is None or evaluation.status.phase not in FINISHED:
        return
    phase, message = _verdict(draft, stable, measuring, evaluation)
    told: dict[str, object] = {"phase": phase, "message": message[:1024], "at": draft.now}
    done = measuring.model_copy(update=told)
    if phase is EvaluationPhase.ERROR:
        draft.stable = stable.model_copy(update={"measuring": done})
    else:
        draft.stable = stable.model_copy(update={"measuring": None, "remeasured": done})
    text = f"{stable.version}, which serves, measured again by Evaluation {done.evaluation}: {phase.value}: {message}"
    draft.tell(_REASONS[phase], text, warning=phase is not EvaluationPhase.SUCCESSFUL)


_REASONS = {
    EvaluationPhase.SUCCESSFUL: Reason.GATES_PASSED,
    EvaluationPhase.FAILED: Reason.STABLE_FAILED,
    EvaluationPhase.INCONCLUSIVE: Reason.GATES_INCONCLUSIVE,
    EvaluationPhase.ERROR: Reason.EVALUATION_ERROR,
}


def _verdict(
    draft: Draft, stable: Serving, measuring: Measurement, evaluation: Evaluation
) -> tuple[EvaluationPhase, str]:
    """Return what an Evaluation of what serves comes to; what is not sure to be about that is an Error."""
    told, phase, message = evaluation.spec, evaluation.status.phase, evaluation.status.message
    asked = Asked(told.data, told.gates, told.interface, told.seed, told.min_cell_size)
    same = told.digest is not None and is_about(stable.revision, stable.digest, told.digest)
    if not same or told.revision != stable.revision or asked.digest != measuring.gates_hash:
        return EvaluationPhase.ERROR, "it is about another revision or other gates"
    change = change_of(told.server, draft.service(stable))
    if change is not None:
        return EvaluationPhase.ERROR, f"it measured another server: {change.message}"
    required = {gate.name for gate in told.gates if gate.required}
    unmet = required - passed_gates(evaluation)
    if phase is EvaluationPhase.SUCCESSFUL and (unmet or not required):
        return EvaluationPhase.INCONCLUSIVE, f"{message} (no verdict on {', '.join(sorted(unmet))})"
    return phase, message


def _keep_schedule(draft: Draft) -> None:
    """Begin the measurement that is due by time; one that came to nothing is tried again a whole interval later."""
    stable, every = draft.stable, draft.seen.model.spec.evaluation.every
    if stable is None or every is None or is_under_way(stable.measuring):
        return
    due = _due(draft, stable, every)
    if draft.now < due:
        draft.wake(due)
        return
    begun = begin(draft, "Schedule")
    if begun is not None:
        text = f"{stable.version}, which serves: Evaluation {begun.evaluation} begins (evaluation.every {every})"
        draft.tell(Reason.EVALUATION_STARTED, text)


def _due(draft: Draft, stable: Serving, every: str) -> datetime:
    """Return when the next one is due; a time beyond the next interval is of a clock that was put right since.

    Such a time says nothing, and must not hide one that was noted after it.
    """
    times = [one.since for one in (stable.remeasured, stable.measuring) if one is not None]
    next_one = later(draft.now, every)
    told = [time for time in (stable.since, *times) if time <= next_one]
    return later(max(told), every) if told else draft.now


def ask_again(draft: Draft) -> None:
    """Create the Evaluation that is wanted, as soon as what serves can be asked and no candidate is evaluated.

    Last of all, so that nothing waits for one that the API server refuses.
    """
    stable = draft.stable
    measuring = stable.measuring if stable is not None else None
    if stable is None or measuring is None or not is_under_way(measuring):
        return
    if measuring.evaluation in draft.seen.records or _is_evaluating(draft):
        return
    service = draft.service(stable)
    spec = _spec_of(draft, stable, service) if service is not None else None
    if spec is not None:
        draft.after.append(EnsureEvaluation(measuring.evaluation, spec))


def _is_evaluating(draft: Draft) -> bool:
    """Whether a candidate is measured, or soon will be: two evaluators at once would slow down both."""
    candidate = draft.candidate
    if candidate is None or candidate.failure is not None:
        return False
    step = taken.present(candidate)
    return candidate.proof is None or (step is not None and step.step == taken.EVALUATE)


def _spec_of(draft: Draft, stable: Serving, service: Service) -> EvaluationSpec | None:
    """Return what to ask of what serves, None where it cannot be asked or nobody knows what would answer."""
    interface = interface_of(draft, stable)
    amiss = service.foreign_field or service.foreign_pod or doubt_about(service)
    if (
        not service.current
        or service.ready is not True
        or service.endpoint is None
        or interface is None
        or amiss
    ):
        return None
    wanted = spec_of(draft, serving_subject(stable), service.endpoint)
    cited = draft.seen.evaluations.get(stable.proof.evaluation) if stable.proof else None
    update: dict[str, object] = {"interface": interface, "stable": None}
    if cited is not None and stable.digest != draft.digest:
        update["protocol_version"] = cited.spec.protocol_version
    return wanted.model_copy(update=update)
