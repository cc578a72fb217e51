"""Who owns which field: the part of server-side apply that an operator can rely on.

A field is a path in the notation of `managedFields`: `f:spec`, `k:{"uid":"a"}`. Lists are replaced as a whole
but for those that the schemas key by a field of their items.
"""

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias, cast

from mlhops.api.base import Json, Manifest

Path: TypeAlias = tuple[str, ...]
Fields: TypeAlias = frozenset[Path]

_KEYS: dict[Path, tuple[str, ...]] = {
    ("metadata", "ownerReferences"): ("uid",),
    ("status", "conditions"): ("type",),
    ("status", "gates"): ("name",),
    ("spec", "gates"): ("name",),
    ("spec", "interface", "features"): ("name",),
    ("spec", "interface", "groups"): ("name",),
    ("spec", "evaluation", "gates"): ("name",),
    ("spec", "predictor", "env"): ("name",),
    ("spec", "predictor", "model", "env"): ("name",),
    ("spec", "predictor", "model", "ports"): ("containerPort", "protocol"),
}
_WHOLE_ITEMS = frozenset({("metadata", "ownerReferences")})
"""Keyed lists of which each item is replaced as a whole."""
_UNOWNED = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "managedFields",
    }
)


def _names(path: Path) -> Path:
    return tuple(part[2:] for part in path if part.startswith("f:"))


@lru_cache(maxsize=4096)
def _keys_of(path: Path) -> tuple[str, ...] | None:
    return _KEYS.get(_names(path))


@lru_cache(maxsize=4096)
def _is_whole(path: Path) -> bool:
    return _names(path) in _WHOLE_ITEMS


def _key(item: Json, keys: tuple[str, ...]) -> str:
    values = {key: item.get(key) for key in keys} if isinstance(item, dict) else {}
    return "k:" + json.dumps(values, sort_keys=True, separators=(",", ":"))


def _inner(value: Json, path: Path) -> Iterator[tuple[str, Json]] | None:
    """The parts of a value that are owned one by one, None where it is owned as a whole."""
    if isinstance(value, dict) and value:
        return (("f:" + name, inner) for name, inner in value.items())
    if isinstance(value, list) and value:
        keys = _keys_of(path)
        if keys is not None:
            return ((_key(item, keys), item) for item in value)
    return None


def leaves(value: Json, path: Path = ()) -> Iterator[Path]:
    """The paths of all fields that whoever writes this value owns."""
    inner = _inner(value, path)
    if inner is None:
        if value != [] or _keys_of(path) is None:
            yield path
        return
    for part, one in inner:
        if path == ("f:metadata",) and part[2:] in _UNOWNED:
            continue
        if part.startswith("k:"):
            yield (*path, part)  # the item itself
            if _is_whole(path):
                continue
        yield from leaves(one, (*path, part))


def written(manifest: Manifest) -> Fields:
    """The fields that a manifest sets."""
    parts = {k: v for k, v in manifest.items() if k not in ("apiVersion", "kind")}
    return frozenset(path for path in leaves(parts) if path and path != ("f:metadata",))


def changed(old: Json, new: Json, path: Path = ()) -> Iterator[Path]:
    """The paths of fields that are new or have another value."""
    if old is new or old == new:
        return
    inner, before = _inner(new, path), _inner(old, path)
    if inner is None:
        yield path
        return
    known = dict(before) if before is not None else {}
    for part, one in inner:
        if path == ("f:metadata",) and part[2:] in _UNOWNED:
            continue
        if _is_whole(path):
            if known.get(part) != one:
                yield (*path, part)
        elif part in known:
            yield from changed(known[part], one, (*path, part))
        else:
            if part.startswith("k:"):
                yield (*path, part)
            yield from leaves(one, (*path, part))


def removed(old: Json, new: Json, path: Path = ()) -> Iterator[Path]:
    """The paths of what is there no more."""
    if old is new or old == new:
        return
    inner, after = _inner(old, path), _inner(new, path)
    if inner is None or after is None:
        if inner is not None:
            yield path
        return
    known = dict(after)
    for part, one in inner:
        if part not in known:
            yield (*path, part)
        else:
            yield from removed(one, known[part], (*path, part))


def merged(live: Json, applied: Json, path: Path = ()) -> Json:
    """A live value with what is applied laid over it; what is the same is shared."""
    if isinstance(applied, dict):
        if not isinstance(live, dict):
            return applied
        result, differs = live, False
        for name, value in applied.items():
            old = live.get(name)
            new = merged(old, value, (*path, "f:" + name)) if name in live else value
            if new is not old or name not in live:
                if not differs:
                    result, differs = dict(live), True
                result[name] = new
        return result
    if isinstance(applied, list) and isinstance(live, list):
        if applied == live:
            return live
        keys = _keys_of(path)
        if keys is not None:
            return _merged_items(live, applied, path, keys)
    return live if live == applied and type(live) is type(applied) else applied


def _merged_items(
    live: list[Json], applied: list[Json], path: Path, keys: tuple[str, ...]
) -> list[Json]:
    wanted = {_key(item, keys): item for item in applied}
    result: list[Json] = []
    for item in live:
        key = _key(item, keys)
        new = wanted.pop(key, None)
        if new is not None:
            item = new if _is_whole(path) else merged(item, new, (*path, key))
        result.append(item)
    return [*result, *wanted.values()]


def without(value: Json, paths: Iterable[Path]) -> Json:
    """A value without some fields, and without what is empty because of that."""
    for path in sorted(paths, key=len):  # an item goes before its fields
        value = _without(value, path, ())
    return value


def _without(value: Json, path: Path, at: Path) -> Json:
    part, rest = path[0], path[1:]
    if part.startswith("f:") and isinstance(value, dict):
        name = part[2:]
        if name not in value:
            return value
        inner = _without(value[name], rest, (*at, part)) if rest else None
        kept = {k: v for k, v in value.items() if k != name}
        return {**value, name: inner} if inner not in (None, {}, []) else kept
    if part.startswith("k:") and isinstance(value, list):
        keys = _keys_of(at) or ()
        result: list[Json] = []
        for item in value:
            left = item
            if _key(item, keys) == part:
                left = _without(item, rest, (*at, part)) if rest else None
            if left is not None:
                result.append(left)
        return result
    return value


@lru_cache(maxsize=4096)
def fields_v1(fields: Fields) -> Manifest:
    """The notation of `managedFields[].fieldsV1`; the same object for the same fields."""
    root: Manifest = {}
    for path in sorted(fields):
        place = root
        for depth, part in enumerate(path, 1):
            place = cast(Manifest, place.setdefault(part, {}))
            if part.startswith("k:") and depth < len(path):
                place.setdefault(".", {})
    return root
