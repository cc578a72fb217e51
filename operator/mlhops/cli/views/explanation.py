"""Why a model is as it is: each condition in words, with what helps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mlhops.cli.views import commands
from mlhops.cli.views.fields import moment
from mlhops.cli.views.remedies import VERDICTS, Party, Remedy, remedy_for
from mlhops.json_access import items, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

CONDITIONS = {
    "Ready": "whether what the spec asks for serves",
    "Available": "whether callers are answered",
    "Reconciling": "whether the operator is at work",
    "Stalled": "whether something has to be changed first",
    "Promoted": "whether the version of the spec is what serves",
    "GatesPassed": "what the gates say",
    "ServerMeasured": "whether what answers is what was measured",
    "MeetsStandard": "whether the spec meets the standards of the safety board",
    "DriftDetected": "whether what is asked or answered has moved",
    "DataQualityDegraded": "whether requests are worse than they were",
}
_GOOD = {
    "Reconciling": "False",
    "Stalled": "False",
    "DriftDetected": "False",
    "DataQualityDegraded": "False",
}
_NOTHING = Remedy(Party.NOBODY, "")


@dataclass(frozen=True)
class Clause:
    """One condition in words."""

    condition: str
    asks: str
    """What the condition tells."""
    status: str
    good: bool
    reason: str
    meaning: str
    """What the reason means; empty where this version does not know it."""
    message: str
    since: datetime | None
    remedy: str = ""
    commands: tuple[str, ...] = ()
    runbook: str = ""


def explanation(model: Manifest) -> tuple[Clause, ...]:
    """Return a model's conditions in words, those that are not as they should be first."""
    found = [_clause(model, each) for each in items(model, "status", "conditions")]
    return tuple(sorted(found, key=lambda each: each.good))


def _clause(model: Manifest, condition: Manifest) -> Clause:
    type_, status = text(condition, "type"), text(condition, "status")
    reason = text(condition, "reason")
    good = status == _GOOD.get(type_, "True")
    known = (VERDICTS.get(reason) if type_ == "GatesPassed" else None) or remedy_for(reason)
    namespace = text(model, "metadata", "namespace") or "default"
    helps = known if known is not None and not good else _NOTHING
    return Clause(
        condition=type_,
        asks=CONDITIONS.get(type_, ""),
        status=status,
        good=good,
        reason=reason,
        meaning=known.meaning if known is not None else "",
        message=text(condition, "message"),
        since=moment(condition, "lastTransitionTime"),
        remedy=helps.remedy,
        commands=tuple(
            commands.decide(verb, namespace, text(model, "metadata", "name"))
            for verb in helps.verbs
        ),
        runbook=f"docs/runbooks/{helps.runbook}.md" if helps.runbook else "",
    )
