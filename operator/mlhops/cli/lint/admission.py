"""One object of this project's kinds, as the API server would look at it when it is created."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlhops.cli.lint import codes, kinds, metadata, rules, structure
from mlhops.cli.lint.finding import Fault, Path
from mlhops.cli.lint.rules import Rules

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest


def is_ours(manifest: Manifest) -> bool:
    """Whether an object is of the group mlhops.io."""
    return str(manifest.get("apiVersion", "")).partition("/")[0] == kinds.GROUP


def faults(manifest: Manifest, engine: Rules | None) -> Iterator[Fault]:
    """Return all for which the API server would refuse an object.

    Args:
        manifest: an object of the group mlhops.io.
        engine: evaluates rules; None where they are not checked.
    """
    schema = schema_of(manifest)
    if schema is None:
        yield from _unknown_kind(manifest)
        return
    yield from structure.unknown(manifest, schema)
    # Of an object that is being created the server drops the status.
    given = {key: value for key, value in manifest.items() if key != "status"}
    made = prepared(given, schema)
    walk = _Walk(engine)
    walk.value(made, structure.numeric(made, schema), schema, ())
    yield from walk.faults
    if isinstance(made, dict) and not any(each.path[:1] == ("metadata",) for each in walk.faults):
        yield from metadata.faults(made)


def changes(manifest: Manifest, earlier: Manifest, engine: Rules) -> Iterator[Fault]:
    """Return for what the API server would refuse to change an object into another."""
    schema = schema_of(manifest)
    if schema is None:
        return
    values = [structure.numeric(prepared(each, schema), schema) for each in (manifest, earlier)]
    yield from _changes(values[0], values[1], schema, (), engine)


def _changes(
    value: Json, earlier: Json, schema: Manifest, path: Path, engine: Rules
) -> Iterator[Fault]:
    yield from rules.changed(schema, value, earlier, path, engine)
    if isinstance(value, dict) and isinstance(earlier, dict):
        for key, each in value.items():
            part = structure.below(schema, key)
            if part is not None and key in earlier:
                yield from _changes(each, earlier[key], part, (*path, key), engine)


def prepared(manifest: Manifest, schema: Manifest) -> Json:
    """Return an object with its defaults, and with a name where the server makes one."""
    made = structure.defaulted(manifest, schema)
    return metadata.named(made) if isinstance(made, dict) else made


def schema_of(manifest: Manifest) -> Manifest | None:
    """Return the schema of an object's kind with that of its metadata, None where there is no such kind."""
    if manifest.get("apiVersion") != kinds.version():
        return None
    schema = kinds.schemas().get(str(manifest.get("kind")))
    if schema is None:
        return None
    properties = schema["properties"]
    assert isinstance(properties, dict)
    return {**schema, "properties": {**properties, "metadata": metadata.SCHEMA}}


def _unknown_kind(manifest: Manifest) -> Iterator[Fault]:
    version, kind = str(manifest.get("apiVersion")), str(manifest.get("kind"))
    if version != kinds.version():
        said = f"no version {version} is known here: write {kinds.version()}"
        yield Fault(codes.UNKNOWN_KIND, ("apiVersion",), said)
    else:
        said = f"{version} has no kind {kind}: it has {', '.join(sorted(kinds.schemas()))}"
        yield Fault(codes.UNKNOWN_KIND, ("kind",), said)


class _Walk:
    """A walk from the leaves up, so that no rule is asked of values that it cannot read."""

    def __init__(self, engine: Rules | None) -> None:
        self._engine = engine
        self.faults: list[Fault] = []

    def value(self, value: Json, read: Json, schema: Manifest, path: Path) -> bool:
        """Note what is wrong with a value and all below it, and return whether rules can read it.

        Args:
            value: as it was written.
            read: the same as rules read it.
            schema: its schema.
            path: where it stands.
        """
        own = list(structure.faults(value, schema, path))
        self.faults += own
        readable = not any(each.code in structure.BLOCKING for each in own)
        for (key, each), (_, same) in zip(
            structure.children(value), structure.children(read), strict=True
        ):
            part = structure.below(schema, key)
            if part is not None:
                readable = self.value(each, same, part, (*path, key)) and readable
        if readable and self._engine is not None:
            self.faults += rules.faults(schema, read, path, self._engine)
        return readable
