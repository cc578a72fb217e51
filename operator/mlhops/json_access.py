"""Careful reading of JSON that somebody else wrote: a missing or wrong value reads as absent, never as good."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line reads JSON without loading the API's types
    from mlhops.api.base import Json, Manifest


def at(value: Json, *path: str) -> Json:
    """Return the value at a path of keys, None where it leads nowhere."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text(value: Json, *path: str) -> str:
    """Return the text at a path, empty where there is none."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def number(value: Json, *path: str) -> int | None:
    """Return the whole number at a path."""
    found = at(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def items(value: Json, *path: str) -> list[Manifest]:
    """Return the objects in the list at a path."""
    found = at(value, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def in_one_line(said: Json, longest: int = 700) -> str:
    """Return a condition's reason and message as one line of bounded length."""
    message = " ".join(text(said, "message").split())
    whole = ": ".join(part for part in (text(said, "reason"), message) if part)
    return whole if len(whole) <= longest else whole[:longest] + "..."


def condition(value: Json, type_: str, *path: str) -> Manifest:
    """Return the condition of that type in `status.conditions`, or in the list at a path."""
    for candidate in items(value, *(path or ("status", "conditions"))):
        if candidate.get("type") == type_:
            return candidate
    return {}
