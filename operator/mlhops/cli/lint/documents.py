"""YAML and JSON as kubectl reads them, with the line of each value.

kubectl reads YAML 1.1 as Go's library has it, which takes `N` for false and `1:30` for a text; PyYAML's own types
differ, so plain scalars are told apart here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import yaml

from mlhops.cli.lint.codes import REPEATED_KEY, UNREADABLE
from mlhops.cli.lint.finding import Document, Fault, Mark, Path

if TYPE_CHECKING:
    from mlhops.api.base import Json

_PLAIN = "plain"
"""The tag of a scalar without quotes and tag, whose value tells its type."""
_TAG = "tag:yaml.org,2002:"
_MOST_VALUES = 200_000
_DEEPEST = 100
_TRUE = frozenset(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
_FALSE = frozenset(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_ENDLESS = frozenset(
    sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")
) | {".nan", ".NaN", ".NAN"}
_WHOLE = re.compile(r"[-+]?(0b[01]+|0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_BROKEN = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class ManifestError(ValueError):
    """A text is no manifest."""

    def __init__(self, message: str, mark: Mark) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark


_Base: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class _Loader(_Base):  # type: ignore[misc]
    """A loader that leaves the types of plain scalars open."""

    def resolve(self, kind: type[yaml.Node], value: object, implicit: object) -> str:
        """Return the tag of a node that has none of its own."""
        plain = isinstance(implicit, tuple) and implicit[0]
        if kind is yaml.ScalarNode and plain:
            return _PLAIN
        return str(super().resolve(kind, value, implicit))


def read(text: str, file: str) -> tuple[list[Document], list[tuple[Document, Fault]]]:
    """Return the objects of a text, those in Lists one by one, and what is wrong with it as YAML."""
    documents: list[Document] = []
    faults: list[tuple[Document, Fault]] = []
    try:
        for node in yaml.compose_all(text, Loader=_Loader):
            reader = _Reader(file)
            value = reader.value(node, (), 0)
            document = Document(file, value, reader.marks)
            faults += [(document, fault) for fault in reader.faults]
            documents += [] if value is None else _listed(document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        message = ", ".join(part for part in (error.context, error.problem) if part)
        faults.append(_unreadable(file, f"no YAML: {message}", place))
    except ManifestError as error:
        faults.append(_unreadable(file, error.message, error.mark))
    except (yaml.YAMLError, RecursionError) as error:
        faults.append(_unreadable(file, f"no YAML: {' '.join(str(error).split())}", (1, 1)))
    return documents, faults


def unreadable(file: str, message: str) -> tuple[Document, Fault]:
    """Return the finding of a file that cannot be read."""
    return _unreadable(file, message, (1, 1))


def _unreadable(file: str, message: str, place: Mark) -> tuple[Document, Fault]:
    return Document(file, None, {(): place}), Fault(UNREADABLE, (), message)


def _listed(document: Document) -> Iterator[Document]:
    """Return an object, or each of those in a List."""
    kind, items = document.manifest.get("kind"), document.manifest.get("items")
    if not (isinstance(kind, str) and kind.endswith("List") and isinstance(items, list)):
        yield document
        return
    for i, item in enumerate(items):
        below = {
            path[2:]: mark for path, mark in document.marks.items() if path[:2] == ("items", i)
        }
        yield from _listed(Document(document.file, item, below))


class _Reader:
    """A reader of one document, which notes where each value stands."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.marks: dict[Path, Mark] = {}
        self.faults: list[Fault] = []

    def value(self, node: yaml.Node | None, path: Path, depth: int) -> Json:
        """Return a node as JSON.

        Raises:
            ManifestError: it has more values than a manifest has, or values that JSON lacks.
        """
        if node is None:
            return None
        here = (node.start_mark.line + 1, node.start_mark.column + 1)
        self.marks.setdefault(path, here)
        if len(self.marks) > _MOST_VALUES or depth > _DEEPEST:
            raise ManifestError("it is too large or too deep for a manifest", here)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*path, i), depth + 1) for i, each in enumerate(node.value)]
        return _scalar(node.tag, str(node.value), here)

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> Json:
        made: dict[str, Json] = {}
        own: set[str] = set()
        for key, value in node.value:
            here = (key.start_mark.line + 1, key.start_mark.column + 1)
            if key.tag == _PLAIN and key.value == "<<":
                for merged in value.value if isinstance(value, yaml.SequenceNode) else (value,):
                    given = self.value(merged, path, depth + 1)
                    made |= {k: v for k, v in (_as_map(given, here)).items() if k not in made}
                continue
            name = _key(key, here)
            if name in own:
                self.faults.append(
                    Fault(REPEATED_KEY, (*path, name), f"{name} stands twice, here and before")
                )
            own.add(name)
            self.marks[(*path, name)] = here
            made[name] = self.value(value, (*path, name), depth + 1)
        return made


def _as_map(value: Json, here: Mark) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise ManifestError("<< takes a mapping, or a list of them", here)
    return value


def _key(node: yaml.Node, here: Mark) -> str:
    """Return a key, which JSON has as a text."""
    if not isinstance(node, yaml.ScalarNode):
        raise ManifestError("a key is a text", here)
    value = _scalar(node.tag, str(node.value), here)
    if value is None:
        raise ManifestError("a key is a text, and this one is nothing: put it into quotes", here)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _scalar(tag: str, text: str, here: Mark) -> Json:
    """Return a scalar as kubectl sends it."""
    if tag in (f"{_TAG}int", f"{_TAG}float", f"{_TAG}bool", f"{_TAG}null"):
        tag = _PLAIN
    if tag != _PLAIN:
        return text.encode("utf-8", "replace").decode("utf-8", "replace")
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text in _ENDLESS:
        raise ManifestError(f"{text} is no number that JSON has: put it into quotes", here)
    return _number(text)


def _number(text: str) -> Json:
    """Return a number where a text is one."""
    digits = text.replace("_", "") if not text.startswith("_") else ""
    if _WHOLE.fullmatch(digits):
        sign, whole = (-1 if digits.startswith("-") else 1), digits.lstrip("+-")
        old = len(whole) > 1 and whole[0] == "0" and whole[1].isdigit()
        number = sign * int(f"0o{whole}" if old else whole, 0)
        return number if _SMALLEST <= number <= _LARGEST else float(number)
    if _BROKEN.fullmatch(digits):
        broken = float(digits)
        if broken in (float("inf"), float("-inf")):
            return text
        # JSON has one kind of number: kubectl writes 1.0 as 1.
        return int(broken) if broken.is_integer() and abs(broken) < 1e21 else broken
    return text
