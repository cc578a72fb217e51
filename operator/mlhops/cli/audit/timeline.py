"""Who did what to a model, and when: rollouts, Decisions, Evaluations, actions and Events in one order."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlhops.cli.views.events import EventView
from mlhops.cli.views.events import events as events_of
from mlhops.cli.views.fields import moment, texts
from mlhops.json_access import at, items, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_OPERATOR = "operator"
COLUMNS = ("at", "who", "what", "about", "told", "record")


@dataclass(frozen=True)
class AuditRecord:
    """Something that was done or found at a moment."""

    at: datetime | None
    who: str
    """The person, as the API server knew them where a Decision says it; else operator or evaluator."""
    what: str
    """Such as `Decision Approve`, `Evaluation Failed` or `rollout Promoted`."""
    about: str
    """The version and revision."""
    told: str
    """Why, or what was found."""
    record: str
    """Where it stands: the kind and the name of an object, or a place in the status."""


@dataclass(frozen=True)
class AuditTimeline:
    """What is on record of a model, the oldest first."""

    namespace: str
    name: str
    records: tuple[AuditRecord, ...]


def timeline(
    model: Manifest,
    evaluations: Sequence[Manifest],
    decisions: Sequence[Manifest],
    revisions: Sequence[Manifest] = (),
    events: Sequence[Manifest] = (),
) -> AuditTimeline:
    """Return what is on record of a model; of what happened at one moment first what stands first here.

    Args:
        model: the ClinicalModel.
        evaluations: of this model, in any order.
        decisions: on this model, in any order.
        revisions: its ControllerRevisions.
        events: Events about it, as long as Kubernetes keeps them.
    """
    found = [
        *_of_model(model),
        *(_revision(each) for each in revisions),
        *(one for each in evaluations for one in _evaluation(each)),
        *(one for each in decisions for one in _decision(each)),
        *(
            one
            for i, each in enumerate(items(model, "status", "history"))
            for one in _rollout(each, i)
        ),
        *(_acted(each) for each in items(model, "status", "monitoring", "acted")),
        *(_event(each) for each in events_of(events)),
    ]
    return AuditTimeline(
        text(model, "metadata", "namespace"),
        text(model, "metadata", "name"),
        tuple(sorted(found, key=lambda each: each.at or _LONG_AGO)),
    )


def _about(of: Json) -> str:
    version, revision = text(of, "version"), text(of, "revision")
    return f"{version} ({revision})" if version and revision else version or revision


def _of_model(model: Manifest) -> Iterator[AuditRecord]:
    made = moment(model, "metadata", "creationTimestamp")
    name = text(model, "metadata", "name")
    yield AuditRecord(made, "", "ClinicalModel created", "", "", f"ClinicalModel {name}")
    for place, what in (
        ("candidate", "attempt begun"),
        ("stable", "serves since"),
        ("rolledBack", "rolled back"),
    ):
        of = at(model, "status", place)
        if of is not None:
            key = {"candidate": "startedAt", "stable": "since", "rolledBack": "at"}[place]
            told = text(of, "message")
            yield AuditRecord(moment(of, key), _OPERATOR, what, _about(of), told, f"status.{place}")


def _revision(manifest: Manifest) -> AuditRecord:
    name = text(manifest, "metadata", "name")
    made = moment(manifest, "metadata", "creationTimestamp")
    revision = text(manifest, "metadata", "labels", "mlhops.io/revision")
    about = _about({"version": text(manifest, "data", "version"), "revision": revision})
    return AuditRecord(
        made, _OPERATOR, "revision recorded", about, "", f"ControllerRevision {name}"
    )


def _evaluation(manifest: Manifest) -> Iterator[AuditRecord]:
    spec, status = at(manifest, "spec"), at(manifest, "status")
    record = f"Evaluation {text(manifest, 'metadata', 'name')}"
    made = moment(manifest, "metadata", "creationTimestamp")
    yield AuditRecord(made, _OPERATOR, "Evaluation created", _about(spec), "", record)
    ended = moment(status, "finishedAt")
    if ended is not None:
        told = "; ".join(filter(None, (text(status, "passed"), text(status, "message"))))
        what = f"Evaluation {text(status, 'phase')}"
        yield AuditRecord(ended, "evaluator", what, _about(spec), told, record)


def _decision(manifest: Manifest) -> Iterator[AuditRecord]:
    spec, status = at(manifest, "spec"), at(manifest, "status")
    record = f"Decision {text(manifest, 'metadata', 'name')}"
    gates = ", ".join(texts(spec, "gates"))
    what = f"Decision {text(spec, 'action')}{f' of {gates}' if gates else ''}"
    made = moment(manifest, "metadata", "creationTimestamp")
    revision = text(spec, "revision")
    yield AuditRecord(made, text(spec, "decidedBy"), what, revision, text(spec, "reason"), record)
    answered = moment(status, "observedAt")
    if answered is not None:
        told = text(status, "message")
        answer = f"{what} {text(status, 'phase')}"
        yield AuditRecord(answered, _OPERATOR, answer, revision, told, record)


def _rollout(entry: Manifest, index: int) -> Iterator[AuditRecord]:
    record = f"status.history[{index}] {text(entry, 'hash')[:12]}"
    attempt = f"attempt {number(entry, 'attempt') or 1}"
    begun = moment(entry, "startedAt")
    if begun is not None:
        yield AuditRecord(begun, _OPERATOR, "attempt begun", _about(entry), attempt, record)
    for each in items(entry, "deciders"):
        what = f"{text(each, 'action')} had an effect"
        who, told = text(each, "decidedBy"), text(each, "reason")
        yield AuditRecord(moment(each, "at"), who, what, _about(entry), told, record)
    over = ", ".join(texts(entry, "overridden"))
    told = text(entry, "message") + (f"; overridden: {over}" if over else "")
    ended = moment(entry, "finishedAt")
    what = f"rollout {text(entry, 'outcome')}"
    yield AuditRecord(ended, _OPERATOR, what, _about(entry), f"{attempt}: {told}", record)


def _acted(of: Manifest) -> AuditRecord:
    told = "; ".join(filter(None, (text(of, "about"), text(of, "message"))))
    what = f"action {text(of, 'type') or text(of, 'name')}"
    record = "status.monitoring.acted"
    return AuditRecord(moment(of, "at"), _OPERATOR, what, "", told, record)


def _event(of: EventView) -> AuditRecord:
    return AuditRecord(of.at, _OPERATOR, f"Event {of.reason}", "", of.message, "Event")


def as_csv(view: AuditTimeline) -> str:
    """Return a timeline as CSV, in which no spreadsheet takes foreign words for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in view.records:
        at_ = each.at.isoformat().replace("+00:00", "Z") if each.at is not None else ""
        cells = (each.who, each.what, each.about, each.told, each.record)
        writer.writerow([at_, *(_cell(cell) for cell in cells)])
    return out.getvalue()


def _cell(value: str) -> str:
    clean = " ".join("".join(s if s.isprintable() else " " for s in value).split())
    return f"'{clean}" if clean[:1] in ("=", "+", "-", "@") else clean
