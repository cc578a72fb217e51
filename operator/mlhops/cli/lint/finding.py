"""Findings of lint: a code, a message, and the file, line and field that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mlhops.cli.lint.codes import Level, LintCode

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices from an object down to a value."""
Mark: TypeAlias = tuple[int, int]
"""A line and a column, both counted from 1."""


@dataclass(frozen=True)
class Document:
    """An object with the places of its values in a file."""

    file: str
    value: Json
    marks: Mapping[Path, Mark]

    @property
    def manifest(self) -> Manifest:
        """The object; empty where the document is none."""
        return self.value if isinstance(self.value, dict) else {}

    def mark(self, path: Path) -> Mark:
        """Return where a value stands; of one that is missing, where the nearest one above it does."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, (1, 1))


@dataclass(frozen=True)
class LintFinding:
    """One finding."""

    code: str
    level: Level
    message: str
    file: str
    line: int
    column: int
    kind: str = ""
    namespace: str = ""
    name: str = ""
    field: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class LintView:
    """All that was found, and what was looked at."""

    files: int
    objects: int
    """Objects of this project's kinds."""
    others: int
    """Objects of other kinds, which are looked at as far as they are referred to."""
    unchecked: int
    """Findings that rules were not checked, which are among the warnings."""
    errors: int
    warnings: int
    infos: int
    suppressed: int
    findings: tuple[LintFinding, ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong at a path of one object."""

    code: LintCode
    path: Path
    message: str


def found(document: Document, fault: Fault) -> LintFinding:
    """Return a fault with its place."""
    line, column = document.mark(fault.path)
    kind, namespace, name = identity(document.manifest)
    return LintFinding(
        fault.code.number,
        fault.code.level,
        fault.message,
        document.file,
        line,
        column,
        kind,
        namespace,
        name,
        field_of(fault.path),
        fault.code.remedy,
    )


def identity(manifest: Manifest) -> tuple[str, str, str]:
    """Return an object's kind, namespace and name, empty where it has none."""
    metadata = manifest.get("metadata")
    told = metadata if isinstance(metadata, dict) else {}
    parts = (manifest.get("kind"), told.get("namespace"), told.get("name"))
    kind, namespace, name = (each if isinstance(each, str) else "" for each in parts)
    return kind, namespace, name


def field_of(path: Path) -> str:
    """Return a path as the API server writes it, such as `spec.steps[0].pause`."""
    written = "".join(
        f"[{part}]" if isinstance(part, int) or not part.isidentifier() else f".{part}"
        for part in path
    )
    return written.removeprefix(".")
