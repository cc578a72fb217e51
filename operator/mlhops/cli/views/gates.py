"""Gates: what was measured, with its interval, against the limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mlhops.cli.views.fields import decimal, moment, texts
from mlhops.json_access import at, items, number, text
from mlhops.measures.measure import MEASURES

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest


@dataclass(frozen=True)
class GroupView:
    """What a gate measured for a group."""

    group: str
    phase: str
    rows: int | None
    """None where so few people are in it that no number is told; so are the next two."""
    positives: int | None
    negatives: int | None
    rate: float | None
    rest: float | None
    gap: float | None
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class GateView:
    """The verdict of a gate."""

    name: str
    phase: str
    metric: str
    required: bool
    primary: bool
    overridden: bool
    """Whether a person lets it pass."""
    group: str
    """The group that fares worst; empty where the whole is measured."""
    estimate: float | None
    lower: float | None
    upper: float | None
    limit: float | None
    needed: str
    """What would decide it, where these data cannot."""
    message: str
    groups: tuple[GroupView, ...]

    @property
    def has_classes(self) -> bool:
        """Whether people are positive or negative, as far as the metric tells."""
        return counts_classes(self.metric)


@dataclass(frozen=True)
class EvaluationView:
    """One run of the gates."""

    namespace: str
    name: str
    model: str
    revision: str
    version: str
    phase: str
    message: str
    passed: str
    rows: int | None
    data: str
    data_digest: str
    seed: int | None
    evaluator: str
    created: datetime | None
    started: datetime | None
    finished: datetime | None
    report: str
    """Where the report is, or why there is none."""
    gates: tuple[GateView, ...]


def evaluation(manifest: Manifest, overridden: tuple[str, ...] = ()) -> EvaluationView:
    """Return an Evaluation, with the gates among `overridden` marked."""
    status = at(manifest, "status")
    return EvaluationView(
        namespace=text(manifest, "metadata", "namespace"),
        name=text(manifest, "metadata", "name"),
        model=text(manifest, "spec", "model"),
        revision=text(manifest, "spec", "revision"),
        version=text(manifest, "spec", "version"),
        phase=text(status, "phase") or "Pending",
        message=text(status, "message"),
        passed=text(status, "passed"),
        rows=number(status, "rows"),
        data=text(manifest, "spec", "data", "uri"),
        data_digest=text(status, "dataDigest"),
        seed=number(status, "seed"),
        evaluator=text(status, "evaluator"),
        created=moment(manifest, "metadata", "creationTimestamp"),
        started=moment(status, "startedAt"),
        finished=moment(status, "finishedAt"),
        report=text(status, "report", "uri") or text(status, "report", "error"),
        gates=tuple(_gate(each, overridden) for each in items(status, "gates")),
    )


def overridden_by(holder: Json) -> tuple[str, ...]:
    """Return the gates that a person let pass, as a candidate or what serves tells of its evidence."""
    measured = texts(holder, "remeasured", "overridden")
    return measured or texts(holder, "proof", "overridden")


def counts_classes(metric: str) -> bool:
    """Whether a metric is of models for which people are positive or negative."""
    known = MEASURES.get(metric)
    return known is None or "Binary" in known.tasks


def _gate(gate: Json, overridden: tuple[str, ...]) -> GateView:
    name, needed = text(gate, "name"), at(gate, "needed")
    return GateView(
        name=name,
        phase=text(gate, "phase"),
        metric=text(gate, "metric"),
        required=at(gate, "required") is not False,
        primary=at(gate, "primary") is True,
        overridden=name in overridden,
        group=text(gate, "worstGroup"),
        estimate=decimal(gate, "estimate"),
        lower=decimal(gate, "lower"),
        upper=decimal(gate, "upper"),
        limit=decimal(gate, "limit"),
        needed=_needed(needed),
        message=text(gate, "message"),
        groups=tuple(_group(each) for each in items(gate, "groups")),
    )


def _needed(needed: Json) -> str:
    more, cases, group = number(needed, "more"), text(needed, "cases"), text(needed, "group")
    if more is None:
        return ""
    return f"about {more:,} more {cases}" + (f" in {group}" if group else "")


def _group(group: Json) -> GroupView:
    return GroupView(
        group=text(group, "group"),
        phase=text(group, "phase"),
        rows=number(group, "rows"),
        positives=number(group, "positives"),
        negatives=number(group, "negatives"),
        rate=decimal(group, "rate"),
        rest=decimal(group, "rest"),
        gap=decimal(group, "gap"),
        lower=decimal(group, "lower"),
        upper=decimal(group, "upper"),
    )
