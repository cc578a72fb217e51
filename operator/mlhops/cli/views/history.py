"""The history of a model's rollouts, and whether its chain of hashes is whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from mlhops.cli.views.fields import moment, texts
from mlhops.json_access import items, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest


@dataclass(frozen=True)
class DeciderView:
    """A Decision that had an effect on a rollout."""

    decision: str
    action: str
    decided_by: str
    reason: str
    at: datetime | None


@dataclass(frozen=True)
class RolloutView:
    """A rollout that has ended."""

    version: str
    revision: str
    outcome: str
    message: str
    started: datetime | None
    finished: datetime | None
    attempt: int
    evaluation: str
    overridden: tuple[str, ...]
    deciders: tuple[DeciderView, ...]
    hash: str


@dataclass(frozen=True)
class HistoryView:
    """The rollouts that are on record, the newest first."""

    namespace: str
    name: str
    intact: bool
    """Whether no entry was changed, taken out of the middle or put in."""
    rollouts: tuple[RolloutView, ...]


def history(model: Manifest) -> HistoryView:
    """Return the history of a model."""
    entries = items(model, "status", "history")
    return HistoryView(
        text(model, "metadata", "namespace"),
        text(model, "metadata", "name"),
        intact(entries),
        tuple(_rollout(entry) for entry in reversed(entries)),
    )


def intact(entries: list[Manifest]) -> bool:
    """Whether each entry has the hash of what it says, and that of the one before."""
    linked = all(text(b, "previousHash") == text(a, "hash") for a, b in pairwise(entries))
    return linked and all(text(entry, "hash") == hash_of(entry) for entry in entries)


def hash_of(entry: Manifest) -> str:
    """Return the hash that an entry must carry, as the operator makes it."""
    return hashlib.sha256(hashed(entry)).hexdigest()


def hashed(entry: Manifest) -> bytes:
    """Return the bytes of which an entry's hash is the sha256."""
    said = {name: value for name, value in entry.items() if name != "hash"}
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _rollout(entry: Json) -> RolloutView:
    return RolloutView(
        version=text(entry, "version"),
        revision=text(entry, "revision"),
        outcome=text(entry, "outcome"),
        message=text(entry, "message"),
        started=moment(entry, "startedAt"),
        finished=moment(entry, "finishedAt"),
        attempt=number(entry, "attempt") or 1,
        evaluation=text(entry, "evaluation"),
        overridden=texts(entry, "overridden"),
        deciders=tuple(_decider(each) for each in items(entry, "deciders")),
        hash=text(entry, "hash"),
    )


def _decider(of: Json) -> DeciderView:
    return DeciderView(
        decision=text(of, "decision"),
        action=text(of, "action"),
        decided_by=text(of, "decidedBy"),
        reason=text(of, "reason"),
        at=moment(of, "at"),
    )
