"""What two revisions of a model differ in: what is served, and what was measured of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlhops.cli.views.fields import moment
from mlhops.cli.views.gates import EvaluationView, GateView, evaluation
from mlhops.json_access import at, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

_BESIDE = ("digest", "version")
"""Fields of a record that differ whenever anything does."""


@dataclass(frozen=True)
class Change:
    """A field that differs; empty on the side that does not have it."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class GateChange:
    """A gate, as it was measured of each."""

    name: str
    before: GateView | None
    after: GateView | None


@dataclass(frozen=True)
class Difference:
    """What lies between two revisions."""

    namespace: str
    name: str
    before: str
    after: str
    recorded: bool
    """Whether the records of both are there."""
    changes: tuple[Change, ...]
    gates: tuple[GateChange, ...]


def revision_of(model: Manifest, named: str) -> str:
    """Return the revision that a person means: a revision, a version, or `stable`, `candidate`, `previous`."""
    places = {name: at(model, "status", name) for name in ("stable", "candidate", "previous")}
    if named in places:
        return text(places[named], "revision")
    by_version = {text(of, "version"): text(of, "revision") for of in places.values() if of}
    return by_version.get(named, named)


def newest(evaluations: Sequence[Manifest], revision: str) -> EvaluationView | None:
    """Return the newest Evaluation of a revision."""
    mine = [each for each in evaluations if text(each, "spec", "revision") == revision]
    return evaluation(max(mine, key=_created)) if mine else None


def difference(
    model: Manifest,
    revisions: tuple[str, str],
    records: tuple[Manifest | None, Manifest | None],
    evaluations: tuple[EvaluationView | None, EvaluationView | None],
) -> Difference:
    """Return what lies between two revisions.

    Args:
        model: the ClinicalModel.
        revisions: their names, the earlier one first.
        records: their ControllerRevisions, as far as they are there.
        evaluations: the newest one of each, as far as there is one.
    """
    before, after = (at(record, "data") for record in records)
    there = before is not None and after is not None
    changes = sorted(_changes(before, after, "")) if there else []
    of = [{gate.name: gate for gate in each.gates} if each else {} for each in evaluations]
    names = list(dict.fromkeys([*of[0], *of[1]]))
    return Difference(
        text(model, "metadata", "namespace"),
        text(model, "metadata", "name"),
        *revisions,
        recorded=there,
        changes=tuple(Change(*each) for each in changes if each[0] not in _BESIDE),
        gates=tuple(GateChange(name, of[0].get(name), of[1].get(name)) for name in names),
    )


def _created(manifest: Manifest) -> datetime:
    return moment(manifest, "metadata", "creationTimestamp") or datetime.min.replace(tzinfo=UTC)


def _changes(before: Json, after: Json, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from _changes(before.get(key), after.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(before, list) and isinstance(after, list):
        theirs, ours = _keyed(after), _keyed(before)
        for key in dict.fromkeys([*ours, *theirs]):
            yield from _changes(ours.get(key), theirs.get(key), f"{path}[{key}]")
    elif before != after:
        yield (path, _written(before), _written(after))


def _keyed(these: list[Json]) -> dict[str, Json]:
    """Return list items by their name, where all have one, and by their place where not."""
    names = [text(each, "name") for each in these]
    named = all(names) and len(set(names)) == len(names)
    return {names[i] if named else str(i): each for i, each in enumerate(these)}


def _written(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
