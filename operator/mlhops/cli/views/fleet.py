"""Many models as one table, those with problems first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mlhops.cli.views.answer import Answer, answer_of
from mlhops.cli.views.fields import moment
from mlhops.cli.views.remedies import Party
from mlhops.cli.views.waiting import Hindrance, waiting
from mlhops.json_access import condition, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

UNKNOWN = "Unknown"


@dataclass(frozen=True)
class ModelRow:
    """A model in a line."""

    namespace: str
    name: str
    answer: Answer
    phase: str
    message: str
    version: str
    """What serves; empty where nothing does."""
    candidate: str
    """The version on its way; empty where none is."""
    step: str
    weight: int | None
    """The candidate's share of requests, in percent."""
    gates: str
    """The reason of GatesPassed: the gates' verdict."""
    available: str
    """Whether callers are answered: True, False or Unknown."""
    serving: str
    drift: str
    quality: str
    waiting: Hindrance | None
    since: datetime | None
    """Since when it is so."""
    url: str

    @property
    def waits_for_people(self) -> bool:
        """Whether somebody is waited for who decides, or who edits the model."""
        return self.waiting is not None and self.waiting.party in (Party.DECIDER, Party.EDITOR)

    @property
    def needs_a_look(self) -> bool:
        """Whether a person should look at it although it is neither bad nor on its way."""
        moved = "Drift" in (self.drift, self.quality) or self.serving == "Failing"
        return moved or self.gates in ("GatesChanged", "OverrideExpired", "Inconclusive")


@dataclass(frozen=True)
class FleetView:
    """All models that were asked for."""

    models: tuple[ModelRow, ...]
    phases: dict[str, int]
    """How many models there are of each phase."""


def fleet(models: Iterable[Manifest]) -> FleetView:
    """Return the models as a table: what is bad, what waits for people, what needs a look, and the rest."""
    rows = sorted((row(model) for model in models), key=_urgency)
    phases: dict[str, int] = {}
    for each in rows:
        phases[each.phase] = phases.get(each.phase, 0) + 1
    return FleetView(tuple(rows), phases)


def row(model: Manifest) -> ModelRow:
    """Return a model in a line."""
    wait = waiting(model)
    return ModelRow(
        namespace=text(model, "metadata", "namespace"),
        name=text(model, "metadata", "name"),
        answer=answer_of(model),
        phase=text(model, "status", "phase") or UNKNOWN,
        message=text(model, "status", "message"),
        version=text(model, "status", "stable", "version"),
        candidate=text(model, "status", "candidate", "version"),
        step=text(model, "status", "candidate", "step"),
        weight=number(model, "status", "candidate", "weight"),
        gates=text(condition(model, "GatesPassed"), "reason"),
        available=text(condition(model, "Available"), "status") or UNKNOWN,
        serving=text(model, "status", "serving", "verdict"),
        drift=text(model, "status", "monitoring", "verdict"),
        quality=text(model, "status", "monitoring", "quality"),
        waiting=wait,
        since=(wait.since if wait is not None else None) or _settled(model),
        url=text(model, "status", "url"),
    )


def _settled(model: Manifest) -> datetime | None:
    """Return since when a model that waits for nothing is as it is."""
    return moment(condition(model, "Ready"), "lastTransitionTime") or moment(
        model, "metadata", "creationTimestamp"
    )


def _urgency(row: ModelRow) -> tuple[int, float, str, str]:
    """Order rows: the graver first, of equals the one that is so for longest."""
    rank = (
        row.answer is Answer.BAD,
        row.waits_for_people,
        row.needs_a_look,
        row.answer is Answer.UNDECIDED,
        True,
    ).index(True)
    since = row.since.timestamp() if row.since is not None else 0.0
    return (rank, since, row.namespace, row.name)
