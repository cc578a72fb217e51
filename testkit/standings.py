"""ClinicalModels in every standing that people meet, with statuses of the API's own types."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.api.conditions import Condition, ConditionType, Verdict
from mlhops.api.decision import Action
from mlhops.api.evaluation import (
    EvaluationPhase,
    EvaluationStatus,
    GateResult,
    GroupEstimate,
    Needed,
)
from mlhops.api.status import (
    Candidate,
    ClinicalModelStatus,
    Finding,
    Hold,
    MonitoringStatus,
    Phase,
    Proof,
    RolledBack,
    Serving,
    ServingStatus,
    Stop,
    Taken,
    TakenStep,
)
from mlhops.rollout.reasons import Reason
from testkit.builders import clinical_model, decision, evaluation

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
"""When all of it is looked at."""
OLD, NEW = "aaaaaaaaaa", "bbbbbbbbbb"
"""The revisions of what serves, and of the candidate."""
STEPS: list[Json] = [
    {"setWeight": 10},
    {"pause": {"duration": "1h"}},
    {"evaluate": {}},
    {"setWeight": 50},
    {"approve": {}},
]
GENERATION = 3


def ago(**span: float) -> datetime:
    """A time before the look."""
    return NOW - timedelta(**span)


def proof(revision: str, **changes: object) -> Proof:
    """Evidence that passed."""
    found = Proof(
        evaluation=f"sepsis-{revision}-1",
        phase=EvaluationPhase.SUCCESSFUL,
        gates_hash="1" * 64,
        overridden=[],
    )
    return found.model_copy(update=changes)


def serving(**changes: object) -> Serving:
    """What serves: 1.0.0."""
    found = Serving(
        revision=OLD,
        digest="a" * 64,
        version="1.0.0",
        inference_service=f"sepsis-{OLD}",
        since=ago(days=9),
        proof=proof(OLD),
        gates_hash="1" * 64,
    )
    return found.model_copy(update=changes)


def candidate(at: int | None = None, **changes: object) -> Candidate:
    """What is on its way: 2.0.0, at a step counted from 0, or before its evidence."""
    found = Candidate(
        revision=NEW,
        digest="b" * 64,
        gates_hash="2" * 64,
        steps_hash="3" * 64,
        version="2.0.0",
        inference_service=f"sepsis-{NEW}",
        created_at=ago(hours=2),
        started_at=ago(hours=2),
        step="1/5",
    )
    if at is not None:
        here = TakenStep(id=at, step=_NAMES[at], weight=10, since=ago(minutes=20))
        update = {
            "step_index": at,
            "step": f"{at + 1}/5",
            "step_started_at": ago(minutes=20),
            "taken": Taken(begun=at + 1, present=here),
            "weight": 10,
            "desired_weight": 10,
            "evaluation": f"sepsis-{NEW}-1",
            "proof": proof(NEW),
        }
        found = found.model_copy(update=update)
    return found.model_copy(update=changes)


_NAMES = ("setWeight 10", "pause 3600s", "evaluate", "setWeight 50", "approve")


def condition(type_: ConditionType, status: Verdict, reason: str, message: str = "") -> Condition:
    """A condition that changed an hour ago."""
    return Condition(
        type=type_,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=ago(hours=1),
        observed_generation=GENERATION,
    )


def stalled(reason: Reason, message: str = "it is stuck") -> Condition:
    """The condition of a model that does not go on by itself."""
    return condition(ConditionType.STALLED, "True", reason.value, message)


def available(status: Verdict = "True", reason: str = "RequestsAnswered") -> Condition:
    """The condition that tells whether callers are answered."""
    return condition(ConditionType.AVAILABLE, status, reason)


def gates(verdict: Verdict, reason: str) -> Condition:
    """The condition that tells what the gates say."""
    return condition(ConditionType.GATES_PASSED, verdict, reason)


def model(
    phase: Phase | None = None,
    *,
    name: str = "sepsis",
    namespace: str = "ward",
    conditions: Sequence[Condition] = (),
    steps: Sequence[Json] = STEPS,
    **status: object,
) -> Manifest:
    """A ClinicalModel as the API server has it; without a phase, one at which nobody has looked."""
    manifest = clinical_model({"spec.rollout.steps": list(steps)}, name=name)
    metadata = cast(Manifest, manifest["metadata"])
    metadata |= {
        "namespace": namespace,
        "generation": GENERATION,
        "uid": f"uid-{name}",
        "creationTimestamp": "2026-04-01T00:00:00Z",
    }
    if phase is None:
        return manifest
    found = ClinicalModelStatus(
        observed_generation=GENERATION, phase=phase, message=f"{name} is {phase}"
    )
    told = found.model_copy(update={"conditions": [*conditions], **status})
    return {**manifest, "status": told.to_json()}


def _stop(reason: Reason, message: str, **changes: object) -> Stop:
    stop = Stop(reason=reason, message=message, at=ago(minutes=20), seen="7")
    return stop.model_copy(update=changes)


def paused(at: int, reason: Reason, message: str = "it waits", **changes: object) -> Manifest:
    """A model whose candidate waits at a step."""
    waits = candidate(at, pause=_stop(reason, message))
    return model(
        Phase.PAUSED,
        stable=serving(),
        candidate=waits.model_copy(update=changes),
        conditions=[available(), gates("True", "Successful")],
    )


def _unproven(reason: Reason, phase: EvaluationPhase, *, final: bool = False) -> Manifest:
    waits = candidate(evaluation=f"sepsis-{NEW}-1", pause=_stop(reason, "no verdict", final=final))
    told = [available(), gates("Unknown", phase.value)]
    if final:
        told.append(stalled(reason, "2.0.0: no verdict"))
    return model(
        Phase.DEGRADED if final else Phase.PAUSED,
        stable=serving(),
        candidate=waits,
        conditions=told,
    )


def _failed() -> Manifest:
    failure = _stop(Reason.GATES_FAILED, "missed-deaths is beyond its limit")
    return model(
        Phase.DEGRADED,
        stable=serving(),
        candidate=candidate(evaluation=f"sepsis-{NEW}-1", failure=failure),
        conditions=[
            available(),
            gates("False", "Failed"),
            stalled(Reason.GATES_FAILED, "2.0.0: missed-deaths is beyond its limit"),
        ],
    )


def _healthy(
    *conditions: Condition, hold: Hold | None = None, monitoring: MonitoringStatus | None = None
) -> Manifest:
    told = conditions or (available(), gates("True", "Successful"))
    return model(Phase.HEALTHY, stable=serving(), conditions=told, hold=hold, monitoring=monitoring)


def _rolled_back() -> Manifest:
    back = RolledBack(revision=NEW, version="2.0.0", reason="RolledBack", at=ago(minutes=5))
    return model(
        Phase.DEGRADED,
        stable=serving(),
        rolled_back=back,
        conditions=[available(), stalled(Reason.ROLLED_BACK, "ada went back")],
    )


def _requests_fail() -> Manifest:
    message = "300 of 1,000 requests failed"
    counts = ServingStatus(
        revision=OLD, verdict="Failing", message=message, requests=1000, failed=300
    )
    return model(
        Phase.DEGRADED,
        stable=serving(),
        previous=serving(revision="9" * 10, version="0.9.0", kept_until=NOW + timedelta(days=2)),
        serving=counts,
        conditions=[
            available("False", "RequestsFail"),
            condition(ConditionType.RECONCILING, "True", "RequestsFail", message),
            gates("True", "Successful"),
        ],
    )


def _held() -> Manifest:
    hold = Hold(
        decision="stop",
        uid="u1",
        decided_by="ada@hospital.example",
        reason="two wrong calls on ward 3",
        revision=OLD,
        at=ago(minutes=3),
    )
    return _healthy(hold=hold)


def _drift() -> Manifest:
    worst = Finding(of="creatinine", kind="Feature", window="minute", test="KS", effect=0.6)
    moved = condition(ConditionType.DRIFT_DETECTED, "True", "DriftDetected", "creatinine moved")
    return _healthy(
        available(),
        gates("True", "Successful"),
        moved,
        monitoring=MonitoringStatus(revision=OLD, verdict="Drift", worst=worst),
    )


STANDINGS: dict[str, Callable[[], Manifest]] = {
    "not looked at": model,
    "healthy": _healthy,
    "first version is measured": lambda: model(
        Phase.PROGRESSING,
        candidate=candidate(evaluation=f"sepsis-{NEW}-1"),
        conditions=[available("False", "NothingServes"), gates("Unknown", "Running")],
    ),
    "timed pause": lambda: paused(1, Reason.PAUSE_STEP, "pauses for 1h"),
    "approval": lambda: paused(4, Reason.APPROVAL_REQUIRED),
    "too few requests": lambda: paused(0, Reason.NOT_ENOUGH_TRAFFIC),
    "paused by spec": lambda: paused(0, Reason.PAUSED_BY_SPEC),
    "inconclusive": lambda: _unproven(Reason.GATES_INCONCLUSIVE, EvaluationPhase.INCONCLUSIVE),
    "cannot be measured": lambda: _unproven(
        Reason.EVALUATION_ERROR, EvaluationPhase.ERROR, final=True
    ),
    "gates failed": _failed,
    "rolled back": _rolled_back,
    "requests fail": _requests_fail,
    "held": _held,
    "drift": _drift,
    "blocked": lambda: model(
        Phase.DEGRADED, conditions=[stalled(Reason.KSERVE_MISSING, "KServe is not installed")]
    ),
    "override over": lambda: _healthy(available(), gates("Unknown", "OverrideExpired")),
}
"""A model in each standing, by what people would call it."""


def an_evaluation(
    revision: str = NEW, phase: EvaluationPhase = EvaluationPhase.INCONCLUSIVE, number: int = 1
) -> Manifest:
    """An Evaluation with two gates: one that passed, and one that came to this."""
    groups = [
        GroupEstimate(
            group="sex=F", rows=400, positives=80, rate=0.34, rest=0.2, gap=0.14, phase=phase
        ),
        GroupEstimate(group="sex=X", phase=EvaluationPhase.INCONCLUSIVE),
    ]
    missed = GateResult(
        name="equal-misses",
        phase=phase,
        message="the interval spans the limit",
        primary=True,
        metric="FalseNegativeRate",
        estimate=0.14,
        lower=0.05,
        upper=0.23,
        limit=0.1,
        worst_group="sex=F",
        groups=groups,
        needed=Needed(group="sex=F", more=1200, cases="positives"),
    )
    fine = GateResult(name="speed", phase=EvaluationPhase.SUCCESSFUL, required=False, estimate=0.1)
    status = EvaluationStatus(
        phase=phase, message="what was found", passed="0/1", rows=977, gates=[missed, fine]
    )
    name = f"sepsis-{revision}-{number}"
    made = evaluation({"spec.revision": revision, "spec.version": "2.0.0"}, name=name)
    created: Manifest = {
        "name": name,
        "namespace": "ward",
        "creationTimestamp": f"2026-05-01T10:{number:02}:00Z",
    }
    return {**made, "metadata": created, "status": status.to_json()}


def a_decision(
    action: Action = Action.APPROVE, phase: str = "Honoured", name: str = "sepsis-go"
) -> Manifest:
    """A Decision of ten minutes ago."""
    made = decision({"spec.action": action.value}, name=name)
    metadata: Manifest = {
        "name": name,
        "namespace": "ward",
        "creationTimestamp": "2026-05-01T11:50:00Z",
    }
    return {**made, "metadata": metadata, "status": {"phase": phase, "message": "it passes"}}
