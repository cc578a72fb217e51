"""Structural schemas as the API server applies them: defaults first, then fields, types and bounds.

The words of a refusal are the server's own where it has any, so that whoever searches for one finds the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

from mlhops.cli.lint import codes
from mlhops.cli.lint.finding import Fault, Path, field_of

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

BLOCKING = frozenset((codes.WRONG_TYPE, codes.REQUIRED, codes.NOT_AN_OPTION, codes.TOO_LONG))
"""Faults after which rules that read the value say nothing sensible."""


def below(schema: Manifest, key: str | int) -> Manifest | None:
    """Return the schema of a field or item, None where there is none."""
    if isinstance(key, int):
        part = schema.get("items")
    else:
        properties = cast("Manifest", schema.get("properties") or {})
        part = properties.get(key, schema.get("additionalProperties"))
    return part if isinstance(part, dict) else None


def children(value: Json) -> Sequence[tuple[str | int, Json]]:
    """Return the fields or items of a value."""
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def defaulted(value: Json, schema: Manifest) -> Json:
    """Return a value with the defaults of its schema; what is null counts as left out."""
    if isinstance(value, list):
        part = below(schema, 0)
        return value if part is None else [defaulted(each, part) for each in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, Json] = {}
    properties = cast("dict[str, Manifest]", schema.get("properties") or {})
    for key, each in value.items():
        part = below(schema, key)
        if each is not None or part is None:
            made[key] = each if part is None else defaulted(each, part)
    for key, part in properties.items():
        if key not in made and "default" in part:
            made[key] = defaulted(part["default"], part)
    return made


def numeric(value: Json, schema: Manifest) -> Json:
    """Return a value with floats where the schema has numbers, as rules read them.

    The engine ends a text at a NUL, which the API server does not: another control character stands in for it.
    """
    if isinstance(value, dict | list):
        known = [(key, each, below(schema, key)) for key, each in children(value)]
        made = {
            key if isinstance(key, int) else _without_nul(key): numeric(each, part or {})
            for key, each, part in known
        }
        return list(made.values()) if isinstance(value, list) else cast("Json", made)
    if isinstance(value, str):
        return _without_nul(value)
    kind = schema.get("type")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if kind == "number":
            return float(value)
        if kind == "integer" and float(value).is_integer():
            return int(value)
    return value


def _without_nul(text: str) -> str:
    return text.replace("\x00", "\x01")


def unknown(value: Json, schema: Manifest, path: Path = ()) -> Iterator[Fault]:
    """Return the fields that no schema has."""
    keeps = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    for key, each in children(value):
        part = below(schema, key)
        if part is not None:
            yield from unknown(each, part, (*path, key))
        elif isinstance(key, str) and not keeps and "properties" in schema:
            near = _near(key, cast("Manifest", schema["properties"]))
            place = (*path, key)
            yield Fault(codes.UNKNOWN_FIELD, place, f'unknown field "{field_of(place)}"{near}')


def _near(key: str, known: Manifest) -> str:
    import difflib

    close = difflib.get_close_matches(key, known, n=1)
    return f": did you mean {close[0]}?" if close else ""


def faults(value: Json, schema: Manifest, path: Path) -> Iterator[Fault]:
    """Return what is wrong with one value by itself: its type, its options, its bounds and its form."""
    kind = _mistyped(value, schema)
    if kind:
        said = f"must be of type {kind}, and it is {_told(value)}{_hint(value, kind)}"
        yield Fault(codes.WRONG_TYPE, path, said)
    options = schema.get("enum")
    if isinstance(options, list) and value not in options:
        told = ", ".join(f'"{each if isinstance(each, str) else _shown(each)}"' for each in options)
        yield Fault(
            codes.NOT_AN_OPTION,
            path,
            f"Unsupported value: {_shown(value)}: supported values: {told}",
        )
    if kind:
        return
    if isinstance(value, dict):
        yield from _of_map(value, schema, path)
    elif isinstance(value, list):
        yield from _of_list(value, schema, path)
    elif isinstance(value, str):
        yield from _of_text(value, schema, path)
    elif isinstance(value, int | float):
        yield from _of_number(value, schema, path)


_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "number": (int, float),
    "integer": (int, float),
}


def _mistyped(value: Json, schema: Manifest) -> str:
    """Return the type that a value should have, empty where it has it."""
    if schema.get("x-kubernetes-int-or-string"):
        fits = isinstance(value, int | str) and not isinstance(value, bool)
        return "" if fits else "integer,string"
    kind = str(schema.get("type", ""))
    if kind not in _TYPES:
        return ""
    if isinstance(value, bool) and kind != "boolean":
        return kind
    if not isinstance(value, _TYPES[kind]):
        return kind
    whole = not isinstance(value, float) or value.is_integer()
    return "" if kind != "integer" or whole else kind


def _told(value: Json) -> str:
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "the boolean " + _shown(value)
    if isinstance(value, int | float):
        return f"the number {_shown(value)}"
    if isinstance(value, str):
        return f"the text {_shown(value)}"
    return "a list" if isinstance(value, list) else "an object"


def _hint(value: Json, kind: str) -> str:
    """Return what helps where YAML has read another type than is meant."""
    if kind == "string" and isinstance(value, bool):
        return ": YAML takes words like N, no, off, Y and yes for booleans, so put the word into quotes"
    if kind == "string" and isinstance(value, int | float):
        return ": put it into quotes"
    return ""


def _shown(value: Json) -> str:
    """Return a value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}..."


def _of_map(value: Manifest, schema: Manifest, path: Path) -> Iterator[Fault]:
    for name in cast("list[str]", schema.get("required") or []):
        if name not in value:
            yield Fault(codes.REQUIRED, (*path, name), "Required value")
    most = schema.get("maxProperties")
    if isinstance(most, int) and len(value) > most:
        said = f"Too many: {len(value)}: must have at most {most} items"
        yield Fault(codes.TOO_LONG, path, said)


def _of_list(value: list[Json], schema: Manifest, path: Path) -> Iterator[Fault]:
    least, most = schema.get("minItems"), schema.get("maxItems")
    if isinstance(least, int) and len(value) < least:
        yield Fault(codes.TOO_SHORT, path, f"should have at least {least} items")
    if isinstance(most, int) and len(value) > most:
        said = f"Too many: {len(value)}: must have at most {most} items"
        yield Fault(codes.TOO_LONG, path, said)
    yield from _repeated(value, schema, path)


def _repeated(value: list[Json], schema: Manifest, path: Path) -> Iterator[Fault]:
    kind = schema.get("x-kubernetes-list-type")
    keys = cast("list[str]", schema.get("x-kubernetes-list-map-keys") or [])
    if kind not in ("set", "map"):
        return
    seen: set[str] = set()
    for i, item in enumerate(value):
        if kind == "map" and isinstance(item, dict):
            told: Json = {key: item[key] for key in keys if key in item}
        elif kind == "map":
            continue
        else:
            told = item
        text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        if text in seen:
            yield Fault(codes.DUPLICATE, (*path, i), f"Duplicate value: {text}")
        seen.add(text)


def _of_text(value: str, schema: Manifest, path: Path) -> Iterator[Fault]:
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int) and len(value) < least:
        yield Fault(codes.TOO_SHORT, path, f"should be at least {least} chars long")
    if isinstance(most, int) and len(value) > most:
        said = f"Too long: may not be more than {most} characters, and it has {len(value)}"
        yield Fault(codes.TOO_LONG, path, said)
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and compiled(pattern).search(value) is None:
        yield Fault(codes.NO_MATCH, path, f"{_shown(value)} should match '{pattern}'")


def _of_number(value: float, schema: Manifest, path: Path) -> Iterator[Fault]:
    least, most = schema.get("minimum"), schema.get("maximum")
    strictly = "exclusiveMinimum" in schema or "exclusiveMaximum" in schema
    if strictly:
        raise ValueError(f"{field_of(path)}: exclusive bounds are not known to lint")
    if isinstance(least, int | float) and value < least:
        said = f"{_shown(value)} should be greater than or equal to {_shown(least)}"
        yield Fault(codes.OUT_OF_BOUNDS, path, said)
    if isinstance(most, int | float) and value > most:
        said = f"{_shown(value)} should be less than or equal to {_shown(most)}"
        yield Fault(codes.OUT_OF_BOUNDS, path, said)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern of RE2 for Python: `\\x{...}` is another escape there, `$` is the very end, `\\s` is ASCII."""
    text = re.sub(r"\\x\{([0-9A-Fa-f]{4})\}", r"\\u\1", pattern)
    text = re.sub(r"(?<!\\)\$(?![^\[]*\])", r"\\Z", text)
    return re.compile(text, re.ASCII)
