"""What the operator told of a model, as Kubernetes' Events keep it for a while."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlhops.cli.views.fields import moment
from mlhops.json_access import number, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest


@dataclass(frozen=True)
class EventView:
    """An Event."""

    at: datetime | None
    type: str
    reason: str
    message: str
    count: int


def events(manifests: Iterable[Manifest]) -> tuple[EventView, ...]:
    """Return Events in the order in which they came."""
    found = [_event(each) for each in manifests]
    return tuple(sorted(found, key=lambda each: each.at or datetime.min.replace(tzinfo=UTC)))


def _event(manifest: Manifest) -> EventView:
    last = moment(manifest, "series", "lastObservedTime") or moment(manifest, "lastTimestamp")
    made = moment(manifest, "eventTime") or moment(manifest, "metadata", "creationTimestamp")
    return EventView(
        at=last or made,
        type=text(manifest, "type"),
        reason=text(manifest, "reason"),
        message=text(manifest, "message"),
        count=number(manifest, "series", "count") or number(manifest, "count") or 1,
    )
