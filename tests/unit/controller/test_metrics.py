"""What is counted as the operator goes, once each."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from mlhops.api.base import ObjectMeta
from mlhops.api.decision import Decision, DecisionStatus
from mlhops.api.evaluation import EvaluationPhase, EvaluationStatus, GateResult
from mlhops.api.status import HistoryEntry, Outcome
from mlhops.controller.telemetry import metrics
from mlhops.rollout.revisions import history
from testkit.builders import decision

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def model() -> ObjectMeta:
    """A model of which nothing was counted yet."""
    return ObjectMeta(name="sepsis", namespace=f"ward-{uuid.uuid4().hex}")


def counted(name: str, model: ObjectMeta, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(
        name, {"namespace": model.namespace, "name": model.name, **labels}
    )


def ended(outcome: Outcome, before: list[HistoryEntry]) -> list[HistoryEntry]:
    """A history with one more entry."""
    entry = HistoryEntry(
        revision="r",
        version="1.0.0",
        outcome=outcome,
        started_at=NOW,
        finished_at=NOW + timedelta(minutes=len(before) + 1),
    )
    return history.append(before, entry)


def test_a_rollout_is_counted_when_it_ends_and_what_ended_before_is_not(model: ObjectMeta) -> None:
    first = ended(Outcome.PROMOTED, [])
    second = ended(Outcome.ABORTED, first)

    metrics.count_ended(model, first, second)
    metrics.count_ended(model, second, second)

    assert counted("mlhops_rollouts_total", model, outcome="Aborted") == 1
    assert not counted("mlhops_rollouts_total", model, outcome="Promoted")


def test_a_history_that_is_full_still_tells_what_is_new(model: ObjectMeta) -> None:
    full: list[HistoryEntry] = []
    for _ in range(25):
        full = ended(Outcome.SUPERSEDED, full)

    metrics.count_ended(model, full, ended(Outcome.PROMOTED, full))

    assert counted("mlhops_rollouts_total", model, outcome="Promoted") == 1
    assert not counted("mlhops_rollouts_total", model, outcome="Superseded")


def test_a_verdict_is_counted_with_those_of_its_gates(model: ObjectMeta) -> None:
    gates = [
        GateResult(name=phase, phase=phase)
        for phase in (EvaluationPhase.FAILED, EvaluationPhase.SUCCESSFUL)
    ]

    metrics.count_verdict(model, EvaluationStatus(phase=EvaluationPhase.FAILED, gates=gates))

    assert counted("mlhops_evaluations_total", model, verdict="Failed") == 1
    assert counted("mlhops_gates_total", model, verdict="Failed") == 1
    assert counted("mlhops_gates_total", model, verdict="Successful") == 1


def test_a_decision_is_counted_when_it_is_answered_and_not_again(model: ObjectMeta) -> None:
    made = Decision.model_validate(decision())
    told = DecisionStatus(phase="Honoured")
    pending = DecisionStatus(phase="Pending")

    for status in (pending, told):
        metrics.count_decision(model, made, status)
    metrics.count_decision(model, made.model_copy(update={"status": told}), told)

    labels = {"action": "Approve", "result": "Honoured"}
    assert counted("mlhops_decisions_total", model, **labels) == 1
    assert counted("mlhops_decisions_total", model, action="Approve", result="Pending") is None


def test_a_model_is_counted_from_0_and_forgotten_when_it_is_gone(model: ObjectMeta) -> None:
    neighbour = ObjectMeta(name="stroke", namespace=model.namespace)
    for each in (model, neighbour):
        metrics.begin(each.namespace, each.name)
    assert counted("mlhops_rollouts_total", model, outcome="RolledBack") == 0
    assert counted("mlhops_evaluations_total", model, verdict="Error") == 0

    metrics.forget(model.namespace, model.name)

    assert counted("mlhops_rollouts_total", model, outcome="RolledBack") is None
    assert counted("mlhops_evaluations_total", model, verdict="Error") is None
    assert counted("mlhops_rollouts_total", neighbour, outcome="RolledBack") == 0
