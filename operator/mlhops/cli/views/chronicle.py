"""What became of a model over time: rollouts, evaluations, decisions and actions in one list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlhops.cli.views.decisions import decision
from mlhops.cli.views.fields import moment
from mlhops.cli.views.gates import evaluation
from mlhops.cli.views.history import history
from mlhops.json_access import at, items, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class ChronicleEntry:
    """Something that happened to a model."""

    at: datetime | None
    kind: str
    """Rollout, Candidate, Step, Evaluation, Decision or Action."""
    what: str
    """In a few words, such as `2.0.0 Promoted`."""
    who: str
    """The person; empty where none did it."""
    said: str
    """The reason or the message."""
    name: str = ""
    """The Evaluation or the Decision; empty where it is neither."""


@dataclass(frozen=True)
class Chronicle:
    """A model over time, the newest first."""

    namespace: str
    name: str
    intact: bool
    """Whether the record of rollouts is whole."""
    entries: tuple[ChronicleEntry, ...]


def chronicle(
    model: Manifest, evaluations: Sequence[Manifest] = (), decisions: Sequence[Manifest] = ()
) -> Chronicle:
    """Return what became of a model, as far as it is on record.

    Args:
        model: the ClinicalModel.
        evaluations: of this model, in any order.
        decisions: of this model, in any order.
    """
    found = [
        *_rollouts(model),
        *_candidate(model),
        *_evaluations(evaluations),
        *_decisions(decisions),
        *_actions(model),
    ]
    past = history(model)
    ordered = sorted(found, key=lambda each: each.at or _LONG_AGO, reverse=True)
    return Chronicle(past.namespace, past.name, past.intact, tuple(ordered))


def _rollouts(model: Manifest) -> Iterator[ChronicleEntry]:
    for each in history(model).rollouts:
        over = f"; overridden: {', '.join(each.overridden)}" if each.overridden else ""
        what = f"{each.version} {each.outcome}"
        yield ChronicleEntry(
            each.finished, "Rollout", what, "", each.message + over, each.evaluation
        )


def _candidate(model: Manifest) -> Iterator[ChronicleEntry]:
    candidate = at(model, "status", "candidate")
    if candidate is None:
        return
    version, attempt = text(candidate, "version"), number(candidate, "attempt") or 1
    begun = moment(candidate, "startedAt")
    yield ChronicleEntry(begun, "Candidate", f"{version} begun, attempt {attempt}", "", "")
    passed = items(candidate, "taken", "passed")
    present = at(candidate, "taken", "present")
    for step in (*passed, *([present] if isinstance(present, dict) else [])):
        what = f"{version} {text(step, 'step')}"
        yield ChronicleEntry(moment(step, "since"), "Step", what, "", "")


def _evaluations(evaluations: Sequence[Manifest]) -> Iterator[ChronicleEntry]:
    for manifest in evaluations:
        each = evaluation(manifest)
        what = f"{each.version} {each.phase}"
        passed = f"{each.passed} required gates passed" if each.passed else ""
        said = "; ".join(filter(None, (passed, each.message)))
        yield ChronicleEntry(each.finished or each.created, "Evaluation", what, "", said, each.name)


def _decisions(decisions: Sequence[Manifest]) -> Iterator[ChronicleEntry]:
    for manifest in decisions:
        each = decision(manifest)
        gates = f" {', '.join(each.gates)}" if each.gates else ""
        said = "; ".join(filter(None, (each.reason, each.message)))
        what = f"{each.action}{gates} {each.phase}"
        yield ChronicleEntry(each.at, "Decision", what, each.decided_by, said, each.name)


def _actions(model: Manifest) -> Iterator[ChronicleEntry]:
    for each in items(model, "status", "monitoring", "acted"):
        what = " ".join(filter(None, (text(each, "type"), text(each, "name"), text(each, "phase"))))
        said = "; ".join(filter(None, (text(each, "about"), text(each, "message"))))
        yield ChronicleEntry(moment(each, "at"), "Action", what, "", said)
