"""The Job that runs the evaluator for one Evaluation, and what its pod's last words come to."""

from datetime import UTC, datetime, timedelta
from typing import cast

from mlhops.api.base import Json, Manifest, seconds
from mlhops.api.evaluation import (
    FINISHED,
    Evaluation,
    EvaluationPhase,
    EvaluationStatus,
    headline,
)
from mlhops.api.model import EvaluationSettings
from mlhops.api.profile import WAIT_SECONDS
from mlhops.api.result import PREFIX, Result, cleaned, decode
from mlhops.json_access import at, condition, items, number, text
from mlhops.kserve.names import MANAGED_BY, MODEL_LABEL, REVISION_LABEL, owner_reference
from mlhops.rollout.evaluation import last_words
from mlhops.rollout.evaluation.evaluator_pod import CONTAINER, EvaluatorImage, pod_labels, pod_spec

STARTS = "the evaluator starts"
EVALUATION_LABEL = "mlhops.io/evaluation"
_KEPT_SECONDS = 3600
_DEADLINE_SECONDS = 1800
_CANNOT = "the evaluator cannot start"
_GRACE = timedelta(seconds=60)


def render(evaluation: Evaluation, settings: EvaluationSettings, image: EvaluatorImage) -> Manifest:
    """Return the Job of an Evaluation, whose pod writes its result and has no access to the API.

    Raises:
        TooLargeError: the Evaluation's spec does not fit a pod.
    """
    meta = evaluation.metadata
    labels: Manifest = {
        **MANAGED_BY,
        MODEL_LABEL: evaluation.spec.model,
        REVISION_LABEL: evaluation.spec.revision,
        EVALUATION_LABEL: meta.name,
    }
    deadline = int(seconds(settings.deadline)) + WAIT_SECONDS * evaluation.spec.profile
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": meta.name,
            "namespace": meta.namespace,
            "labels": labels,
            "ownerReferences": [cast(Json, owner_reference(meta.name, meta.uid, "Evaluation"))],
        },
        "spec": {
            "backoffLimit": 2,
            "activeDeadlineSeconds": max(deadline, 1),
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "podFailurePolicy": _failure_policy(),
            "template": {
                "metadata": {"labels": {**labels, **pod_labels(evaluation, settings)}},
                "spec": pod_spec(evaluation, settings, image),
            },
        },
    }


def _failure_policy() -> Manifest:
    """Exit code 1 is the evaluator's own word and final; a pod that was killed is tried again."""
    return {
        "rules": [
            {
                "action": "Ignore",
                "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
            },
            {
                "action": "FailJob",
                "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": [1]},
            },
        ]
    }


def next_status(
    evaluation: Evaluation,
    job: Manifest | None,
    pods: list[Manifest],
    now: datetime,
    hint: str = "",
) -> EvaluationStatus:
    """Return an Evaluation's status from its Job and that Job's pods; a verdict stays.

    `hint` says why there is no pod, where the API server has told.
    """
    status = evaluation.status
    if status.phase in FINISHED:
        return status
    base = status.model_copy(update={"observed_generation": evaluation.metadata.generation})
    started = base.started_at or now
    if job is None:
        return base
    result = _result(pods)
    if result is not None:
        return _finished(evaluation, base, _sensible(evaluation, result), started, now)
    failed = condition(job, "Failed")
    if text(failed, "status") == "True" or text(condition(job, "Complete"), "status") == "True":
        unexplained = _without_result(failed, pods, base.message)
        return _finished(evaluation, base, unexplained, started, now)
    if now >= _last_moment(job, base.started_at or now):
        late = Result(
            phase="Error", message="the evaluator did not end in time, and nobody ended it"
        )
        return _finished(evaluation, base, late, started, now)
    running = any(text(pod, "status", "phase") == "Running" for pod in pods)
    phase = EvaluationPhase.RUNNING if running else base.phase
    message = _waiting(pods) or hint or _under_way(pods, running)
    return base.model_copy(
        update={
            "phase": phase,
            "message": message[:1024],
            "started_at": started if running else base.started_at,
        }
    )


def refused(evaluation: Evaluation, why: str, now: datetime, *, final: bool) -> EvaluationStatus:
    """Return the status of an Evaluation that has no Job; for good where no later try can help."""
    base = evaluation.status.model_copy(
        update={"observed_generation": evaluation.metadata.generation}
    )
    if final:
        return _finished(evaluation, base, Result(phase="Error", message=why[:1024]), now, now)
    return base.model_copy(update={"message": f"{_CANNOT}: {why}"[:1024]})


def unwritable(evaluation: Evaluation, why: str, now: datetime) -> EvaluationStatus:
    """Return the status of an Evaluation whose verdict cannot be written: without a word of it."""
    return refused(evaluation, f"its verdict cannot be written: {why}", now, final=True)


def last_moment_without_job(evaluation: Evaluation) -> datetime:
    """Return until when it is worth trying to create the Job of an Evaluation."""
    created = evaluation.metadata.creation_timestamp
    begun = created or datetime.min.replace(tzinfo=UTC)
    return begun + timedelta(seconds=_DEADLINE_SECONDS)


def _last_moment(job: Manifest, started: datetime) -> datetime:
    """Return when a Job must have ended by itself; it is not relied upon to do so."""
    created = at(job, "metadata", "creationTimestamp")
    begun = datetime.fromisoformat(created) if isinstance(created, str) else started
    allowed = number(job, "spec", "activeDeadlineSeconds") or _DEADLINE_SECONDS
    return begun + timedelta(seconds=allowed) + _GRACE


def telling(pods: list[Manifest]) -> Manifest | None:
    """Return the pod whose last words are the verdict."""
    return next((pod for pod in pods if _words(pod) is not None), None)


def _result(pods: list[Manifest]) -> Result | None:
    """Return the verdict that an evaluator left, None where none can be read."""
    return next((words for pod in pods if (words := _words(pod)) is not None), None)


def _words(pod: Manifest) -> Result | None:
    ended = _ended(pod)
    if not ended or text(condition(pod, "DisruptionTarget"), "status") == "True":
        return None
    try:
        return decode(text(ended, "message"))
    except ValueError:
        return None


def _sensible(evaluation: Evaluation, result: Result) -> Result:
    """Return a result, or an Error in its place where it cannot be an answer to the Evaluation."""
    if result.phase == "Error":
        result = result.model_copy(update={"message": cleaned(result.message)})
    wrong = last_words.problem(evaluation.spec, result)
    if not wrong:
        return result
    message = f"the evaluator's result makes no sense: {wrong}; evaluate again"
    return Result(phase="Error", message=message[:1024])


def _ended(pod: Manifest) -> Json:
    for status in items(pod, "status", "containerStatuses"):
        if text(status, "name") == CONTAINER:
            return at(status, "state", "terminated")
    return None


def _without_result(failed: Manifest, pods: list[Manifest], last: str) -> Result:
    """An evaluator that ended without a result is an Error, whatever its exit code says."""
    why = text(failed, "message") or text(failed, "reason") or "the Job ended"
    codes = [number(_ended(pod), "exitCode") for pod in pods if _ended(pod)]
    exits = f" (exit code {', '.join(str(code) for code in codes)})" if codes else ""
    before = f" (before that: {last})" if last.startswith(_CANNOT) else ""
    if killed := _killed(pods):
        why = f"{killed} ({why})"
    damage = next((f"; {each}" for each in map(_damage, pods) if each), "")
    message = f"the evaluator left no result{exits}: {why}{before}{damage}"
    return Result(phase="Error", message=message[:1024])


def _under_way(pods: list[Manifest], running: bool) -> str:
    """Return how it stands with an evaluator, and what ended an earlier one that is tried again."""
    killed = _killed(pods)
    return ("the evaluator runs" if running else STARTS) + (
        f", once more: {killed}" if killed else ""
    )


def _killed(pods: list[Manifest]) -> str:
    """Return who ended the latest evaluator that was killed, and what to do; nothing where none was."""
    latest = sorted(pods, key=lambda pod: text(pod, "metadata", "creationTimestamp"), reverse=True)
    return next((told for told in map(_killed_by, latest) if told), "")


def _killed_by(pod: Manifest) -> str:
    # Where a node evicts, its kubelet says it of the pod; the container has but an exit code then.
    reason, message = text(pod, "status", "reason"), text(pod, "status", "message")
    if text(pod, "status", "phase") == "Failed" and reason:
        words = f"{reason}: {cleaned(message)[:400]}" if message else reason
        evicted = ": request what it lacked, memory or ephemeral-storage, in evaluation.resources"
        return f"its node ended it ({words}){evicted if reason == 'Evicted' else ''}"
    if text(_ended(pod), "reason") != "OOMKilled":
        return ""
    limit = _memory_limit(pod)
    had = f", of which it may use {limit}" if limit else ""
    return (
        f"it was killed for lack of memory (OOMKilled){had}: set evaluation.resources.limits.memory "
        "to more, and requests.memory with it, or evaluate on fewer rows"
    )


def _memory_limit(pod: Manifest) -> str:
    for container in items(pod, "spec", "containers"):
        if text(container, "name") == CONTAINER:
            return text(container, "resources", "limits", "memory")
    return ""


def _damage(pod: Manifest) -> str:
    """Return in what way a pod's last words are not the result that they begin as."""
    words = text(_ended(pod), "message")
    try:
        decode(words)
    except ValueError as error:
        return str(error) if words.startswith(PREFIX) else ""
    return ""


def _waiting(pods: list[Manifest]) -> str:
    for pod in pods:
        scheduled = condition(pod, "PodScheduled")
        if text(scheduled, "status") == "False":
            return f"{_CANNOT}: {text(scheduled, 'message')}"
        for status in items(pod, "status", "containerStatuses"):
            reason = text(status, "state", "waiting", "reason")
            if reason and reason not in ("ContainerCreating", "PodInitializing"):
                detail = text(status, "state", "waiting", "message")
                return f"{_CANNOT}: {reason}" + (f": {detail}" if detail else "")
    return ""


def _finished(
    evaluation: Evaluation,
    base: EvaluationStatus,
    result: Result,
    started: datetime,
    now: datetime,
) -> EvaluationStatus:
    gates = result.gates
    required = {gate.name for gate in evaluation.spec.gates if gate.required}
    well = {gate.name for gate in gates if gate.phase is EvaluationPhase.SUCCESSFUL}
    return base.model_copy(
        update={
            "phase": EvaluationPhase(result.phase),
            "message": result.message[:1024],
            "final": (result.final and result.phase == "Error") or None,
            "passed": f"{len(required & well)}/{len(required)}",
            "primary": headline(gates),
            "gates": gates,
            "rows": result.rows,
            "data_digest": result.data_digest,
            "seed": result.seed,
            "evaluator": result.evaluator,
            "honours_names": result.honours_names,
            "report": result.report,
            "profile": result.profile,
            "started_at": started,
            "finished_at": now,
        }
    )
