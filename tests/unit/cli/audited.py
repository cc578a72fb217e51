"""A model that has gone through something, and its bundle, for the tests of the audit."""

from datetime import UTC, datetime
from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import Decider, HistoryEntry, Outcome
from mlhops.cli.audit.bundle import AuditSource
from mlhops.rollout.revisions.history import append
from testkit.standings import NEW, OLD, STANDINGS, a_decision, ago, an_evaluation

REPORT = b"<!doctype html><title>a report</title>"


def gathered(said: str = "looks good: für alle") -> AuditSource:
    """A model with two rollouts behind it, one of them decided on by a person."""
    decider = Decider(
        decision="sepsis-go",
        uid="uid-of-it",
        action=Action.APPROVE,
        decided_by="ada@hospital.example",
        reason=said,
        at=ago(hours=3),
    )
    history: list[HistoryEntry] = []
    for hours, outcome in ((30, Outcome.PROMOTED), (3, Outcome.ROLLED_BACK)):
        entry = HistoryEntry(
            revision=OLD,
            version="1.0.0",
            outcome=outcome,
            message="as it was",
            started_at=ago(hours=hours + 1),
            finished_at=ago(hours=hours),
            evaluation=f"sepsis-{OLD}-1",
            overridden=["speed"],
            deciders=[decider],
        )
        history = append(history, entry)
    model = STANDINGS["approval"]()
    cast(Manifest, model["status"])["history"] = [cast(Json, each.to_json()) for each in history]
    return AuditSource(
        model=model,
        evaluations=[an_evaluation(OLD, EvaluationPhase.FAILED), an_evaluation(NEW)],
        decisions=[a_decision()],
        revisions=[],
        policy=None,
        events=[
            {"reason": "Promoted", "message": "1.0.0", "lastTimestamp": "2026-05-01T10:00:00Z"}
        ],
        exported_at=datetime(2026, 5, 1, 12, tzinfo=UTC),
        exported_by="ada@hospital.example",
        exporter="1.2.3",
    )
