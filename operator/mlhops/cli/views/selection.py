"""Which models of a fleet are asked for: by namespace, phase, who is waited for, and words."""

from __future__ import annotations

from dataclasses import dataclass

from mlhops.cli.views.answer import Answer
from mlhops.cli.views.fleet import FleetView, ModelRow
from mlhops.cli.views.remedies import Party

PARTIES = {party.name.lower(): party for party in Party}
"""Who can be waited for, by the word that asks for it."""


@dataclass(frozen=True)
class FleetFilter:
    """What models must have; what is empty asks for nothing."""

    namespace: str = ""
    phase: str = ""
    waits: str = ""
    """Who is waited for: a word of `PARTIES`, or `people` for those who decide or edit."""
    look: bool = False
    """Only what is bad, waits for people or needs a look."""
    words: str = ""
    """What stands in a name, a namespace, a version or a reason; all of these words."""


def selected(fleet: FleetView, wanted: FleetFilter) -> FleetView:
    """Return the models of a fleet that a filter lets through, in the same order."""
    kept = tuple(row for row in fleet.models if _is_wanted(row, wanted))
    phases: dict[str, int] = {}
    for row in kept:
        phases[row.phase] = phases.get(row.phase, 0) + 1
    return FleetView(kept, phases)


def _is_wanted(row: ModelRow, wanted: FleetFilter) -> bool:
    if wanted.namespace not in ("", row.namespace) or wanted.phase not in ("", row.phase):
        return False
    if wanted.waits and not _waits(row, wanted.waits):
        return False
    if wanted.look and not _needs_people(row):
        return False
    said = " ".join((row.namespace, row.name, row.version, row.candidate, _reason(row))).lower()
    return all(word in said for word in wanted.words.lower().split())


def _waits(row: ModelRow, word: str) -> bool:
    if word == "people":
        return row.waits_for_people
    return row.waiting is not None and row.waiting.party is PARTIES.get(word)


def _needs_people(row: ModelRow) -> bool:
    return row.answer is Answer.BAD or row.waits_for_people or row.needs_a_look


def _reason(row: ModelRow) -> str:
    return row.waiting.reason if row.waiting is not None else ""
