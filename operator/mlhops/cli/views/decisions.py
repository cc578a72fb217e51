"""Decisions: who decided what, why, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mlhops.cli.views.fields import moment, texts
from mlhops.json_access import text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest


@dataclass(frozen=True)
class DecisionView:
    """A Decision."""

    name: str
    action: str
    revision: str
    decided_by: str
    reason: str
    gates: tuple[str, ...]
    expires: datetime | None
    at: datetime | None
    phase: str
    """Pending, Honoured or Ignored."""
    message: str


def decision(manifest: Manifest) -> DecisionView:
    """Return a Decision."""
    noted = moment(manifest, "status", "noted", "expires")
    return DecisionView(
        name=text(manifest, "metadata", "name"),
        action=text(manifest, "spec", "action"),
        revision=text(manifest, "spec", "revision"),
        decided_by=text(manifest, "spec", "decidedBy"),
        reason=text(manifest, "spec", "reason"),
        gates=texts(manifest, "spec", "gates"),
        expires=noted or moment(manifest, "spec", "expires"),
        at=moment(manifest, "metadata", "creationTimestamp"),
        phase=text(manifest, "status", "phase") or "Pending",
        message=text(manifest, "status", "message"),
    )
