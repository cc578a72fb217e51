"""Values of manifests that `json_access` does not read: moments, and lists of texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlhops.json_access import at, text

if TYPE_CHECKING:
    from mlhops.api.base import Json


def moment(value: Json, *path: str) -> datetime | None:
    """Return the moment at a path, None where there is none or it cannot be read."""
    written = text(value, *path)
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo is not None else None


def texts(value: Json, *path: str) -> tuple[str, ...]:
    """Return the texts in the list at a path."""
    found = at(value, *path)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def decimal(value: Json, *path: str) -> float | None:
    """Return the number at a path."""
    found = at(value, *path)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
