"""Output for programs: json, yaml and name, from the same views as the text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

API_VERSION = "cli.mlhops.io/v1"
"""The version of what `-o json` prints; it is no kind of the cluster's."""
FORMATS = ("table", "wide", "json", "yaml", "name")

Shown: TypeAlias = object
"""A view: a frozen dataclass, or what one holds."""


def document(kind: str, view: Shown) -> Manifest:
    """Return a view as JSON with a kind and a version of its own."""
    found = plain(view)
    body = found if isinstance(found, dict) else {"items": found}
    return {"apiVersion": API_VERSION, "kind": kind, **body}


def plain(value: Shown) -> Json:
    """Return a view as JSON: camelCase, moments as RFC 3339, and what is not known left out."""
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((camel(each.name), plain(getattr(value, each.name))) for each in fields(value))
        return {name: said for name, said in pairs if said is not None}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool) else None


def to_text(found: Json, form: str) -> str:
    """Return JSON as json or yaml, with an end of line."""
    if form == "json":
        return json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    import yaml

    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=120)


def write(kind: str, view: Shown, form: str) -> None:
    """Write a view to the standard output as json or yaml."""
    import click

    click.echo(to_text(document(kind, view), form), nl=False)


def one_of_many(found: Json, form: str) -> str:
    """Return JSON as one of several documents: a line of json, or a yaml document with its mark."""
    if form == "json":
        return json.dumps(found, ensure_ascii=False) + "\n"
    return "---\n" + to_text(found, form)


def camel(name: str) -> str:
    """Return the name of a field as JSON has it."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
