"""The status that people and GitOps read: conditions, phase and message, from pure functions."""

from dataclasses import dataclass
from datetime import UTC, datetime

from mlhops.api.base import later
from mlhops.api.conditions import Condition, ConditionType, Verdict, find, merge
from mlhops.api.evaluation import FINISHED, EvaluationPhase
from mlhops.api.status import (
    Candidate,
    ClinicalModelStatus,
    Phase,
    RolledBack,
    Serving,
    Stop,
)
from mlhops.rollout import reasons
from mlhops.rollout.candidate.candidate import is_rolled_back
from mlhops.rollout.candidate.servers import another_server, why_unproven
from mlhops.rollout.decisions.decisions import held_message
from mlhops.rollout.decisions.rollback import why_not_restored
from mlhops.rollout.draft import Draft
from mlhops.rollout.evaluation.standing import basis_failed, overridden, standing
from mlhops.rollout.leaving import is_leaving, waits_for
from mlhops.rollout.monitoring import monitoring, serving
from mlhops.rollout.observed import Service
from mlhops.rollout.reasons import Reason
from mlhops.rollout.standards.floor import standard_conditions, without_standards
from mlhops.rollout.traffic.weights import wanted_traffic
from mlhops.routing.route import Features
from mlhops.routing.traffic import Traffic

Wanted = tuple[str, Verdict, str, str]


def phase_of(status: ClinicalModelStatus) -> tuple[Phase, str]:
    """Return the phase and the sentence that explains it; operator and clients share this."""
    stalled = find(status.conditions, ConditionType.STALLED)
    reconciling = find(status.conditions, ConditionType.RECONCILING)
    ready = find(status.conditions, ConditionType.READY)
    if stalled is not None and stalled.status == "True":
        return Phase.DEGRADED, stalled.message
    if reconciling is not None and reconciling.reason == Reason.MODEL_DELETED:
        lost = ready is not None and ready.status == "False"
        return (Phase.DEGRADED if lost else Phase.PROGRESSING), reconciling.message
    if status.candidate is not None:
        paused = status.candidate.pause is not None
        message = reconciling.message if reconciling else ""
        return (Phase.PAUSED if paused else Phase.PROGRESSING), message
    if ready is not None and ready.status == "True":
        return Phase.HEALTHY, ready.message
    if ready is not None and ready.status == "False":
        return Phase.DEGRADED, ready.message
    return Phase.PROGRESSING, reconciling.message if reconciling else ""


def new_status(draft: Draft) -> ClinicalModelStatus:
    """Return the status as the plan leaves it."""
    generation = draft.seen.model.metadata.generation
    candidate = _with_facts(draft, draft.candidate)
    status = draft.old.model_copy(
        update={
            "observed_generation": generation,
            "hostnames": draft.hostnames,
            "stable": draft.stable,
            "candidate": candidate,
            "hold": draft.hold,
            "previous": draft.previous,
            "history": draft.history,
            "monitoring": draft.monitoring,
            "serving": draft.serving,
            "override": draft.override,
            "rolled_back": draft.rolled_back,
            "url": _url(draft),
            "conditions": merge(_lasting(draft), _conditions(draft), generation, draft.now),
        }
    )
    phase, message = phase_of(status)
    return status.model_copy(update={"phase": phase, "message": message[:1024]})


def without_progress(status: ClinicalModelStatus, old: ClinicalModelStatus) -> ClinicalModelStatus:
    """Return what a status says of the model, with nothing of what rests on a write that was refused.

    A revision whose weight could not be taken has it still, so it must not leave the status.
    """
    kept = ["hostnames", "stable", "candidate", "hold", "previous", "history", "monitoring"]
    kept += ["serving", "url", "override", "rolled_back"]
    return status.model_copy(update={name: getattr(old, name) for name in kept})


@dataclass(frozen=True)
class _State:
    """Where the model stands, in one word and one sentence."""

    ready: Verdict
    reconciling: bool
    stalled: bool
    reason: str
    message: str


def _conditions(draft: Draft) -> list[Wanted]:
    state = _state(draft)
    busy: Verdict = "True" if state.reconciling else "False"
    stuck: Verdict = "True" if state.stalled else "False"
    settled = Reason.SETTLED.value
    promoted = draft.stable is not None and draft.stable.digest == draft.digest
    return [
        (ConditionType.READY, state.ready, state.reason, state.message),
        _available(draft),
        (
            ConditionType.RECONCILING,
            busy,
            state.reason if state.reconciling else settled,
            state.message if state.reconciling else "",
        ),
        (
            ConditionType.STALLED,
            stuck,
            state.reason if state.stalled else settled,
            state.message if state.stalled else "",
        ),
        _promoted(draft, promoted),
        _gates_passed(draft, promoted),
        *_server_measured(draft),
        *standard_conditions(draft),
        *monitoring.conditions(draft),
    ]


def _lasting(draft: Draft) -> list[Condition]:
    """Return the conditions as they were, without those of a monitoring or of standards that there are no more."""
    conditions = without_standards(draft, draft.old.conditions)
    if draft.seen.monitored is not None:
        return conditions
    return [each for each in conditions if each.type not in _OF_MONITORING]


_OF_MONITORING = (ConditionType.DRIFT_DETECTED, ConditionType.DATA_QUALITY_DEGRADED)


def _state(draft: Draft) -> _State:
    """Return where the model stands; the first that applies, from worst to best."""
    if is_leaving(draft):
        return _leaving_state(draft)
    candidate = draft.candidate
    if draft.blocked is not None:
        return _stalled(draft.blocked)
    if draft.seen.refusal is not None:
        return _refused(draft.seen.refusal)
    if candidate is not None and candidate.failure is not None:
        stable = _beside(draft) if _serves(draft) else ""
        way_out = ". To go on, apply another version or decide Retry"
        return _stalled(candidate.failure, f"{candidate.version}: ", stable + way_out)
    if candidate is not None and candidate.pause is not None and candidate.pause.final:
        way_out = ": correct that, and decide Retry or apply another version"
        return _stalled(candidate.pause, f"{candidate.version}: ", way_out + _beside(draft))
    if candidate is not None:
        reason = candidate.pause.reason if candidate.pause else Reason.ROLLOUT_IN_PROGRESS.value
        told = _rests_on(draft) or another_server(draft) is not None or serving.is_failing(draft)
        beside = _beside(draft) if told else ""
        return _State("Unknown", True, False, reason, _progress(draft, candidate) + beside)
    if draft.rolled_back is not None and is_rolled_back(draft):
        return _rolled_back(draft, draft.rolled_back)
    return _serving_state(draft)


def _beside(draft: Draft) -> str:
    """Say what serves beside the candidate, where anything does."""
    return f" ({_serving(draft, draft.stable)})" if draft.stable is not None else ""


def _rolled_back(draft: Draft, back: RolledBack) -> _State:
    """What the spec asks for was rolled back from; what serves is not that."""
    now = _serving_state(draft)
    way_out = f"set spec to another version, or decide Retry on revision {back.revision}"
    return _State(
        "False", False, True, back.reason, f"{back.message}. {now.message}. To go on, {way_out}"
    )


def _leaving_state(draft: Draft) -> _State:
    """What serves goes on serving until the model is gone, and its end may take its time."""
    if draft.blocked is not None:
        now = _stalled(draft.blocked)
    elif draft.seen.refusal is not None:
        now = _refused(draft.seen.refusal)
    else:
        now = _serving_state(draft)
    reason = now.reason if now.stalled else Reason.MODEL_DELETED.value
    message = f"{draft.name} {waits_for(draft.seen.model.metadata)}: {now.message}"
    return _State(now.ready, True, now.stalled, reason, message)


def _refused(refusal: str) -> _State:
    """Writes go on being tried, so that the model goes on by itself when they are taken."""
    message = f"the API server refuses a write: {refusal}"
    return _State("False", False, True, Reason.WRITE_REFUSED.value, message)


def _stalled(stop: Stop, prefix: str = "", suffix: str = "") -> _State:
    return _State("False", False, True, stop.reason, prefix + stop.message + suffix)


def _answers(service: Service) -> bool:
    """Whether requests are answered; a replica that comes or goes changes nothing in that."""
    return service.ready is True or service.answering


def _serves(draft: Draft) -> bool:
    """Whether stable is ready and surely gets all requests."""
    stable, route = draft.stable, draft.seen.route
    service = draft.service(stable)
    if stable is None or service is None or not _answers(service) or route is None:
        return False
    return route.actual == Traffic({stable.inference_service: 100})


def _available(draft: Draft) -> Wanted:
    """Say whether callers are answered, whatever becomes of a candidate."""
    candidate, route = draft.candidate, draft.seen.route
    if candidate is not None and route is not None and draft.stable is not None:
        taken_over = route.accepted is not False and (
            route.traffic == Traffic({candidate.inference_service: 100})
        )
        if taken_over:
            return _taken_over(draft, candidate)
    reached, why = _reached(draft)
    doubt = _gateway_doubt(draft) if reached else None
    answers = draft.serving is not None and draft.serving.verdict == "Serving"
    if doubt is None or (answers and doubt[0] is Reason.GATEWAY_NOT_PROGRAMMED):
        return serving.available(draft, reached=reached, why=why)
    return serving.available(draft, reached=None, why=doubt[1], unknown=doubt[0])


def _gateway_doubt(draft: Draft) -> tuple[Reason, str] | None:
    """Return what a Gateway says against a route that it has accepted.

    A Gateway without an address may be reached by another way, as requests then show; it stops no rollout. What it
    says of weights that are taken away in this very pass is over.
    """
    route = draft.seen.route
    if route is not None and route.unanswered and route.traffic == wanted_traffic(draft):
        return Reason.BACKENDS_UNAVAILABLE, f"the Gateway finds no backend: {route.unanswered}"
    if draft.seen.unprogrammed:
        return Reason.GATEWAY_NOT_PROGRAMMED, f"of the Gateway {draft.seen.unprogrammed}"
    return None


def _taken_over(draft: Draft, candidate: Candidate) -> Wanted:
    """Say whether callers are answered where a candidate has all requests already."""
    type_, service = ConditionType.AVAILABLE, draft.service(candidate)
    said = f"{candidate.version} has all requests"
    if service is None or not _answers(service):
        trouble = service.symptom if service is not None else "its InferenceService is gone"
        message = f"{said}: {trouble or 'the model server is not ready'}"
        return (type_, "False", Reason.CANDIDATE_UNHEALTHY.value, message)
    doubt = _gateway_doubt(draft)
    if doubt is not None:
        return (type_, "Unknown", doubt[0].value, f"{said}, but {doubt[1]}")
    return (type_, "True", Reason.NOT_COUNTED.value, f"{said} and is ready")


def _reached(draft: Draft) -> tuple[bool | None, str]:
    """Return whether requests reach a server of what serves, None where nobody says so, and why not."""
    stable, route = draft.stable, draft.seen.route
    if stable is None:
        return False, "nothing serves yet"
    service = draft.service(stable)
    if service is None:
        return False, f"{stable.version}: its InferenceService is gone"
    if not _answers(service):
        return False, f"{stable.version}: {service.symptom or 'the model server is not ready'}"
    if draft.blocked is not None and draft.blocked.reason == Reason.REQUESTS_TAKEN:
        return None, draft.blocked.message
    # A Gateway that has not seen the latest weights goes on with those before.
    if route is None or route.accepted is False or not route.traffic.of(stable.inference_service):
        said = route.message if route is not None else ""
        return None, "the Gateway has not accepted the HTTPRoute" + (f": {said}" if said else "")
    return True, ""


def _serving_state(draft: Draft) -> _State:
    stable = draft.stable
    if stable is None:
        return _State("Unknown", True, False, Reason.NOTHING_SERVES.value, "nothing serves yet")
    service = draft.service(stable)
    if service is None or not _answers(service):
        trouble = service.symptom if service is not None else "its InferenceService is gone"
        message = f"{stable.version}: {trouble or 'the model server is not ready'}"
        return _State("False", True, False, Reason.STABLE_UNREADY.value, message)
    if not _serves(draft):
        return _route_state(draft)
    if serving.is_failing(draft):
        message = serving.failing_message(draft)
        return _State("False", True, False, Reason.REQUESTS_FAIL.value, message)
    change = another_server(draft)
    if change is not None:
        message = reasons.another_server(stable.version, change.message)
        return _State("False", False, True, change.reason.value, message)
    rests_on = _rests_on(draft)
    if basis_failed(stable):
        return _failing_state(draft, stable, rests_on)
    text = f"{stable.version} serves all requests"
    if rests_on:
        text += f" ({rests_on})"
    if draft.hold is not None:
        text += f" ({held_message(draft.hold, stable.revision)})"
    if service.ready is not True:
        text += " (not all of its replicas are ready)"
    untold = _untold(draft)
    if untold:
        text += f" ({untold})"
    doubt = _gateway_doubt(draft)
    if doubt is not None:
        text += f" ({doubt[1]})"
    return _State("True", False, False, Reason.SERVING.value, text)


def _untold(draft: Draft) -> str:
    """Say that callers do not learn who answers, where they were to."""
    route = draft.seen.route
    if route is None or draft.seen.model.spec.exposure.response_headers == "Off":
        return ""
    if route.features == Features.CORE:
        return reasons.ANSWERERS_UNTOLD
    return reasons.ANSWERERS_UNTOLD_IN_ROLLOUT if route.features < Features.FULL else ""


def _serving(draft: Draft, stable: Serving) -> str:
    """Say what serves beside a candidate, and which of its gates a person overrode."""
    rests_on = _rests_on(draft)
    change, failing = another_server(draft), serving.is_failing(draft)
    return (
        f"{stable.version} serves"
        + (f", {rests_on}" if rests_on else "")
        + (f", not as it was measured: {change.message}" if change is not None else "")
        + (f", and fails: {draft.serving.message}" if failing and draft.serving else "")
    )


def _failing_state(draft: Draft, stable: Serving, why: str) -> _State:
    """What serves has failed its gates since; it serves on where nothing proven can take its place."""
    text = f"{stable.version} serves and {why}"
    if draft.seen.model.spec.evaluation.on_stable_failure == "Restore":
        text += f" (not restored: {why_not_restored(draft)})"
    return _State("False", False, True, Reason.STABLE_FAILED.value, text)


def _rests_on(draft: Draft) -> str:
    """Say what people must know of the evidence on which what serves rests, empty where all is well."""
    found = standing(draft)
    return found.told if found is not None else ""


def _route_state(draft: Draft) -> _State:
    """The Gateway may take its time, but not for ever."""
    stable = draft.stable
    said = draft.seen.route.message if draft.seen.route else ""
    message = "waiting for the Gateway to accept the HTTPRoute" + (f": {said}" if said else "")
    if draft.seen.unprogrammed:
        message += f" (of the Gateway {draft.seen.unprogrammed})"
    reason = Reason.ROUTE_NOT_ACCEPTED.value
    if stable is not None:
        since = _waiting_since(draft, stable)
        deadline = later(since, draft.seen.model.spec.rollout.progress_deadline)
        if draft.now >= deadline:
            return _State("False", False, True, reason, message)
        draft.wake(deadline)
    return _State("Unknown", True, False, reason, message)


def _waiting_since(draft: Draft, stable: Serving) -> datetime:
    """Return since when the route is not as it should be, as far as the status remembers."""
    ready = find(draft.old.conditions, ConditionType.READY)
    if ready is None or ready.reason != Reason.ROUTE_NOT_ACCEPTED:
        return draft.now
    if ready.status == "False":
        return datetime.min.replace(tzinfo=UTC)  # its time was over before
    moments = [stable.since, ready.last_transition_time]
    moments += [entry.finished_at for entry in draft.history[-1:]]
    return max(moments)


def _progress(draft: Draft, candidate: Candidate) -> str:
    """Say what a rollout that has neither failed nor ended is doing, or waits for."""
    said = candidate.pause.message if candidate.pause is not None else draft.progress
    return f"{candidate.version} at {candidate.desired_weight} %: {said}"


def _promoted(draft: Draft, promoted: bool) -> Wanted:
    version = draft.seen.model.spec.version
    if promoted:
        return (ConditionType.PROMOTED, "True", Reason.PROMOTED.value, f"{version} is stable")
    reason = Reason.ROLLOUT_IN_PROGRESS.value
    if draft.candidate is not None and draft.candidate.failure is not None:
        reason = draft.candidate.failure.reason
    return (ConditionType.PROMOTED, "False", reason, f"{version} is not promoted")


def _server_measured(draft: Draft) -> list[Wanted]:
    """Say whether what serves is what was measured, from the first time on that it is not."""
    type_, change, stable = ConditionType.SERVER_MEASURED, another_server(draft), draft.stable
    if stable is not None and change is not None:
        message = reasons.another_server(stable.version, change.message)
        return [(type_, "False", change.reason.value, message)]
    if find(draft.old.conditions, type_) is None or stable is None:
        return []
    why = why_unproven(draft.service(stable), stable.proof)
    if not why:
        return [(type_, "True", Reason.AS_MEASURED.value, "")]
    return [(type_, "Unknown", Reason.SERVER_UNKNOWN.value, why)]


def _gates_passed(draft: Draft, promoted: bool) -> Wanted:
    """The reason is the gates' verdict, which `kubectl get` shows as a column."""
    type_ = ConditionType.GATES_PASSED
    candidate = draft.candidate
    if candidate is None and (promoted or is_rolled_back(draft)):
        found = standing(draft)
        if found is not None:
            return (type_, found.verdict, found.reason, found.message)
    proof = candidate.proof if candidate is not None else None
    if proof is not None:
        reason = "Overridden" if proof.overridden else proof.phase.value
        said = overridden(draft, proof.overridden, proof.expires) if proof.overridden else ""
        message = f"Evaluation {proof.evaluation}" + (f"; {said}" if said else "")
        return (type_, "True", reason, message)
    stop = (candidate.failure or candidate.pause) if candidate else None
    verdict = _VERDICTS.get(stop.reason) if stop else None
    if stop is not None and verdict is not None:
        failed = verdict is EvaluationPhase.FAILED
        return (type_, "False" if failed else "Unknown", verdict.value, stop.message)
    if candidate is not None and candidate.failure is not None:
        return _gates_of_a_failure(draft, candidate)
    evaluated = candidate is not None and candidate.evaluation is not None
    phase = EvaluationPhase.RUNNING if evaluated else EvaluationPhase.PENDING
    return (type_, "Unknown", phase.value, "")


def _gates_of_a_failure(draft: Draft, candidate: Candidate) -> Wanted:
    """A candidate that failed for another reason keeps the verdict that it had, if it had one."""
    evaluation = draft.seen.evaluations.get(candidate.evaluation or "")
    if evaluation is None or evaluation.status.phase not in FINISHED:
        return (ConditionType.GATES_PASSED, "Unknown", "NotRun", "")
    phase = evaluation.status.phase
    verdict: Verdict = "True" if phase is EvaluationPhase.SUCCESSFUL else "Unknown"
    return (ConditionType.GATES_PASSED, verdict, phase.value, f"Evaluation {candidate.evaluation}")


_VERDICTS: dict[str, EvaluationPhase] = {
    Reason.GATES_FAILED: EvaluationPhase.FAILED,
    Reason.GATES_INCONCLUSIVE: EvaluationPhase.INCONCLUSIVE,
    Reason.EVALUATION_ERROR: EvaluationPhase.ERROR,
}


def _with_facts(draft: Draft, candidate: Candidate | None) -> Candidate | None:
    """Return the candidate with its weight in force and its step for people."""
    if candidate is None:
        return None
    actual = draft.actual(candidate.inference_service)
    steps = len(draft.seen.model.spec.rollout.steps)
    return candidate.model_copy(
        update={
            "weight": candidate.weight if actual is None else actual,
            "step": f"{min(candidate.step_index + 1, steps)}/{steps}" if steps else "",
            "gates_hash": draft.gates_hash,
            "steps_hash": draft.steps_hash,
        }
    )


def _url(draft: Draft) -> str | None:
    if draft.stable is None:
        return None
    return draft.seen.router.url(draft.seen, [each.name for each in draft.hostnames])
