"""What monitoring has found over time: the latest looks, what it did, and gates measured again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlhops.cli.views.fields import moment
from mlhops.cli.views.gates import EvaluationView, GateView, evaluation
from mlhops.cli.views.model import MonitoringView, ServingView, model_view
from mlhops.json_access import items, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class LookView:
    """What one look came to; when it was is not on record, only in which order."""

    drift: str
    quality: str
    candidate: str
    """Empty where no candidate stood beside what serves."""


@dataclass(frozen=True)
class ActionView:
    """What a policy's action did."""

    at: datetime | None
    name: str
    type: str
    about: str
    job: str
    phase: str
    message: str


@dataclass(frozen=True)
class TrendPoint:
    """A gate in one Evaluation."""

    at: datetime | None
    evaluation: str
    version: str
    phase: str
    group: str
    estimate: float | None
    lower: float | None
    upper: float | None
    limit: float | None


@dataclass(frozen=True)
class GateTrend:
    """A gate over the Evaluations of a model, the oldest first."""

    name: str
    metric: str
    points: tuple[TrendPoint, ...]


@dataclass(frozen=True)
class WatchHistory:
    """A model under watch."""

    namespace: str
    name: str
    serving: ServingView | None
    monitoring: MonitoringView | None
    looks: tuple[LookView, ...]
    """The oldest first."""
    actions: tuple[ActionView, ...]
    """The newest first."""
    trends: tuple[GateTrend, ...]


def watch_history(model: Manifest, evaluations: Sequence[Manifest] = ()) -> WatchHistory:
    """Return what monitoring found of a model over time.

    Args:
        model: the ClinicalModel.
        evaluations: of this model, in any order.
    """
    now = model_view(model)
    monitoring = ("status", "monitoring")
    looks = tuple(
        LookView(text(each, "drift"), text(each, "quality"), text(each, "candidate"))
        for each in items(model, *monitoring, "looks")
    )
    actions = [_action(each) for each in items(model, *monitoring, "acted")]
    return WatchHistory(
        now.namespace,
        now.name,
        now.serving,
        now.monitoring,
        looks,
        tuple(sorted(actions, key=lambda each: each.at or _LONG_AGO, reverse=True)),
        trends(evaluations),
    )


def trends(evaluations: Sequence[Manifest]) -> tuple[GateTrend, ...]:
    """Return each gate over Evaluations that have ended, in the order of the newest of these."""
    ended = [each for each in map(evaluation, evaluations) if each.gates]
    ended.sort(key=_when)
    gates = {gate.name: gate for each in ended for gate in each.gates}
    newest = [gate.name for gate in ended[-1].gates] if ended else []
    order = dict.fromkeys([*newest, *gates])
    return tuple(GateTrend(name, gates[name].metric, _points(name, ended)) for name in order)


def _points(name: str, ended: Sequence[EvaluationView]) -> tuple[TrendPoint, ...]:
    return tuple(_point(each, gate) for each in ended for gate in each.gates if gate.name == name)


def _point(of: EvaluationView, gate: GateView) -> TrendPoint:
    return TrendPoint(
        of.finished or of.created,
        of.name,
        of.version,
        gate.phase,
        gate.group,
        gate.estimate,
        gate.lower,
        gate.upper,
        gate.limit,
    )


def _when(of: EvaluationView) -> datetime:
    return of.finished or of.created or _LONG_AGO


def _action(of: Manifest) -> ActionView:
    return ActionView(
        at=moment(of, "at"),
        name=text(of, "name"),
        type=text(of, "type"),
        about=text(of, "about"),
        job=text(of, "job"),
        phase=text(of, "phase"),
        message=text(of, "message"),
    )
