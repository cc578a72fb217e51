"""What a card is about: a revision, where what was said of it stands, and the Evaluation that it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlhops.cli.views.difference import revision_of
from mlhops.cli.views.fields import moment
from mlhops.json_access import at, items, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

_ROLES = {"candidate": "candidate", "stable": "serves", "previous": "previous"}
_FINISHED = ("Successful", "Failed", "Inconclusive", "Error")


@dataclass(frozen=True)
class Subject:
    """A revision with all that is known of it."""

    model: Manifest
    revision: str
    version: str
    role: str
    """serves, candidate, previous, rolled back, earlier or not deployed."""
    holder: Json
    """What the status says of it."""
    entry: Json
    """How its last rollout ended, from the history."""
    card: Json
    told_by: str
    """Where the card stands: `spec.card`, or a ControllerRevision; empty where it is nowhere."""
    edited: bool
    """Whether the card was edited since the revision was put forward."""
    predictor: Json
    interface: Json
    evaluation: Manifest | None

    @property
    def is_asked_for(self) -> bool:
        """Whether it is what the spec asks for now, so that the rest of the spec is about it as well."""
        return self.told_by == "spec.card"


def subject(
    model: Manifest, named: str, records: Sequence[Manifest], evaluations: Sequence[Manifest]
) -> Subject | None:
    """Return what a card is about, None where there is no such revision.

    Args:
        model: the ClinicalModel.
        named: a revision, a version, `stable`, `candidate` or `previous`; empty for what serves, or else for what
            is on its way.
        records: ControllerRevisions, of this model and of others.
        evaluations: of this model.
    """
    status = at(model, "status")
    if not named:
        revision = text(status, "stable", "revision") or text(status, "candidate", "revision")
    else:
        revision = _known(model, named, evaluations)
        if not revision:
            return None
    holder, role = _holder(status, revision)
    entry = next((e for e in reversed(items(status, "history")) if _is(e, revision)), None)
    evaluation = _evaluation(revision, holder, entry, evaluations)
    version = text(holder, "version") or text(entry, "version")
    version = version or text(evaluation, "spec", "version")
    if not revision:
        version = text(model, "spec", "version")
    record = _record(model, revision, records)
    told, told_by = _card(model, revision, version, record)
    spec = at(model, "spec") if told_by == "spec.card" else at(record, "data")
    kept = at(record, "data", "card")
    return Subject(
        model=model,
        revision=revision,
        version=version,
        role=role if revision else "not deployed",
        holder=holder,
        entry=entry,
        card=told,
        told_by=told_by,
        edited=told_by == "spec.card" and kept is not None and _differs(kept, told),
        predictor=at(spec, "predictor"),
        interface=at(spec, "interface") or at(evaluation, "spec", "interface"),
        evaluation=evaluation,
    )


def _is(of: Json, revision: str) -> bool:
    return bool(revision) and text(of, "revision") == revision


def _known(model: Manifest, named: str, evaluations: Sequence[Manifest]) -> str:
    """Return the revision that a person means: of one in use, in the history, or measured once; empty for none."""
    found = revision_of(model, named)
    status = at(model, "status")
    named_by = [at(status, place) for place in ("stable", "candidate", "previous", "rolledBack")]
    named_by += list(reversed(items(status, "history")))
    named_by += [at(each, "spec") for each in sorted(evaluations, key=_created, reverse=True)]
    told = [of for of in named_by if of is not None]
    if any(_is(of, found) for of in told):
        return found
    return next((text(of, "revision") for of in told if text(of, "version") == named), "")


def _holder(status: Json, revision: str) -> tuple[Json, str]:
    for place, role in _ROLES.items():
        if _is(at(status, place), revision):
            return at(status, place), role
    back = at(status, "rolledBack")
    return (back, "rolled back") if _is(back, revision) else (None, "earlier")


def _target(status: Json) -> str:
    """Return the revision that the operator takes the spec to ask for."""
    places = ("candidate", "rolledBack", "stable")
    return next((r for place in places if (r := text(status, place, "revision"))), "")


def _card(
    model: Manifest, revision: str, version: str, record: Manifest | None
) -> tuple[Json, str]:
    """Return the card of a revision, and where it stands.

    The spec's own, where the spec asks for that revision. A spec at which the operator has not looked may ask for
    another one, so that then the record counts, if there is one.
    """
    status, metadata = at(model, "status"), at(model, "metadata")
    looked_at = number(status, "observedGeneration") == number(metadata, "generation")
    target = revision == _target(status)
    asked = (at(model, "spec", "card"), "spec.card")
    kept = at(record, "data", "card")
    if not revision or (target and looked_at):
        return asked
    if isinstance(kept, dict):
        return kept, f"ControllerRevision {text(record, 'metadata', 'name')}"
    same = target and version == text(model, "spec", "version")
    return asked if same else (None, "")


def _differs(kept: Json, told: Json) -> bool:
    """Whether two cards say different things; the API server's defaults say nothing."""
    return _without_defaults(kept) != _without_defaults(told)


def _without_defaults(card: Json) -> Json:
    if not isinstance(card, dict):
        return card
    found = {key: _without_defaults(value) for key, value in card.items()}
    return {key: value for key, value in found.items() if value not in ([], False)}


def _record(model: Manifest, revision: str, records: Sequence[Manifest]) -> Manifest | None:
    """Return the ControllerRevision of this very model: another may have had its name."""
    name, uid = f"{text(model, 'metadata', 'name')}-{revision}", text(model, "metadata", "uid")
    for each in records:
        owners = [text(one, "uid") for one in items(each, "metadata", "ownerReferences")]
        if text(each, "metadata", "name") == name and (not owners or uid in owners):
            return each
    return None


def _evaluation(
    revision: str, holder: Json, entry: Json, evaluations: Sequence[Manifest]
) -> Manifest | None:
    """Return the Evaluation that a revision rests on; else the newest one of it that has ended."""
    mine = [each for each in evaluations if _is(at(each, "spec"), revision)]
    cited = (
        text(holder, "remeasured", "evaluation"),
        text(holder, "evaluation"),
        text(holder, "proof", "evaluation"),
        text(entry, "evaluation"),
    )
    by_name = {text(each, "metadata", "name"): each for each in mine}
    for name in cited:
        if name in by_name and _ended(by_name[name]):
            return by_name[name]
    ended = [each for each in mine if _ended(each)]
    return max(ended, key=_created, default=None)


def _ended(evaluation: Manifest) -> bool:
    return text(evaluation, "status", "phase") in _FINISHED


def _created(manifest: Manifest) -> datetime:
    return moment(manifest, "metadata", "creationTimestamp") or datetime.min.replace(tzinfo=UTC)
