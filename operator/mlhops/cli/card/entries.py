"""The card itself: entries, each with where its value comes from, and what the gates measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mlhops.cli.views.gates import GroupView

NOT_STATED = "not stated"
"""Stands where nobody has said anything: a gap that is seen is asked about."""


class Source(StrEnum):
    """How the value of an entry came about."""

    ASKED = "asked"
    """A person wrote it."""
    MEASURED = "measured"
    """An Evaluation measured it."""
    DERIVED = "derived"
    """It follows from a spec or a status."""
    NOT_STATED = "not stated"


@dataclass(frozen=True)
class CardEntry:
    """One thing that a card tells."""

    key: str
    title: str
    values: tuple[str, ...]
    """One text, or one for each item of a list; empty where it is not stated."""
    source: Source
    origin: str
    """The field of the spec, or the object, that it comes from; of what is not stated, the field that would say it."""

    @property
    def stated(self) -> bool:
        """Whether there is a value."""
        return self.source is not Source.NOT_STATED

    @property
    def text(self) -> str:
        """The values as one text, or that it is not stated."""
        return "; ".join(self.values) if self.stated else NOT_STATED


@dataclass(frozen=True)
class CardSection:
    """Entries under one heading."""

    title: str
    entries: tuple[CardEntry, ...]


@dataclass(frozen=True)
class GateFinding:
    """What a gate asked for, and what it measured."""

    name: str
    type: str
    """Fairness, Performance or Latency."""
    metric: str
    what: str
    """What the estimate is: the metric itself, or how it differs between groups."""
    required: bool
    primary: bool
    phase: str
    """Its verdict; not overridden by anybody."""
    overridden: bool
    goal: str
    """What it asks, in a sentence."""
    confidence: float | None
    """Simultaneous, of its intervals."""
    estimate: float | None
    lower: float | None
    upper: float | None
    limit: float | None
    unit: str
    """Of estimate, limit and rates: `s`, that of the outcome, or empty."""
    group: str
    """The group that fares worst; empty where the whole is measured."""
    message: str
    groups: tuple[GroupView, ...]


@dataclass(frozen=True)
class CardEvidence:
    """The Evaluation that a card rests on."""

    name: str
    uid: str
    phase: str
    message: str
    finished: datetime | None
    rows: int | None
    data_digest: str
    seed: int | None
    evaluator: str
    report: str
    report_digest: str


@dataclass(frozen=True)
class ModelCard:
    """What people must know of one revision of a model before they rely on it."""

    namespace: str
    name: str
    version: str
    revision: str
    task: str
    """What is predicted, as `interface.task` has it."""
    role: str
    """serves, candidate, previous, rolled back, earlier or not deployed."""
    told_by: str
    """Where the asked entries come from: `spec.card`, or the ControllerRevision that keeps them; empty where nobody
    knows them any more."""
    notes: tuple[str, ...]
    """What a reader must know of the card as a whole."""
    sections: tuple[CardSection, ...]
    evidence: CardEvidence | None
    findings: tuple[GateFinding, ...]

    def entry(self, key: str) -> CardEntry:
        """Return the entry of a key.

        Raises:
            KeyError: there is none.
        """
        for section in self.sections:
            for each in section.entries:
                if each.key == key:
                    return each
        raise KeyError(key)

    def of_type(self, *types: str) -> tuple[GateFinding, ...]:
        """Return what gates of these types found."""
        return tuple(each for each in self.findings if each.type in types)


def not_stated(card: ModelCard, keys: Sequence[str] = ()) -> tuple[CardEntry, ...]:
    """Return the entries that nobody has stated, of some keys or of all."""
    every = (each for section in card.sections for each in section.entries)
    return tuple(each for each in every if not each.stated and (not keys or each.key in keys))
