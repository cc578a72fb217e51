"""Who is waited for, until when, and the command that ends it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mlhops.cli.views import commands
from mlhops.cli.views.answer import is_current
from mlhops.cli.views.fields import moment
from mlhops.cli.views.remedies import ROLES, Party, Remedy, remedy_for
from mlhops.json_access import at, condition, text
from mlhops.rollout.reasons import Reason

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest


@dataclass(frozen=True)
class Waiting:
    """What keeps a model from going on."""

    party: Party
    reason: str
    message: str
    remedy: str = ""
    role: str = ""
    """The ClusterRole of who is waited for; empty where that is no role of ours."""
    commands: tuple[str, ...] = ()
    """Decisions that end it, the usual one first, for who has the ClusterRole mlhops-decider."""
    since: datetime | None = None
    until: datetime | None = None
    """When time alone ends it."""


def waiting(model: Manifest, gates: tuple[str, ...] = ()) -> Waiting | None:
    """Return what a model waits for, None where it waits for nothing.

    Args:
        model: the ClinicalModel.
        gates: that did not pass, as far as an Evaluation tells; an Override names them.
    """
    if at(model, "status", "phase") is None:
        return Waiting(Party.OPERATOR, "", "the operator has not looked at it yet")
    if not is_current(model):
        return Waiting(Party.OPERATOR, "", "the operator has not looked at the latest spec yet")
    stop = _stop(model)
    if stop is not None:
        return _because(model, stop, gates)
    if at(model, "status", "candidate") is not None:
        return _under_way(model)
    hold = at(model, "status", "hold")
    if hold is not None:
        said = f"held by {text(hold, 'decidedBy')}: {text(hold, 'reason')}"
        found: Manifest = {"reason": Reason.PAUSED_BY_PERSON, "message": said}
        return _because(model, {**found, "at": at(hold, "at")}, gates)
    reconciling = condition(model, "Reconciling")
    if reconciling.get("status") == "True":
        return _because(model, _as_stop(reconciling), gates)
    return None


def pause_ends(candidate: Json) -> datetime | None:
    """Return when a timed pause ends, as the operator counts it; None for one that a person ends."""
    step = text(candidate, "taken", "present", "step")
    length = step.removeprefix("pause ").removesuffix("s")
    begin = moment(candidate, "stepStartedAt")
    if not step.startswith("pause ") or not length.isdecimal() or begin is None:
        return None
    try:
        end = begin + timedelta(seconds=int(length))
    except OverflowError:
        return None
    until = moment(candidate, "taken", "until")
    return end if until is None else max(end, until)


def _stop(model: Manifest) -> Manifest | None:
    """Return why the model is stuck or paused: what is wrong with the model first, then what a rollout waits for."""
    stalled = condition(model, "Stalled")
    if stalled.get("status") == "True":
        return _as_stop(stalled)
    pause = at(model, "status", "candidate", "pause")
    return pause if isinstance(pause, dict) else None


def _as_stop(found: Manifest) -> Manifest:
    return {
        "reason": text(found, "reason"),
        "message": text(found, "message"),
        "at": text(found, "lastTransitionTime"),
    }


def _because(model: Manifest, stop: Manifest, gates: tuple[str, ...]) -> Waiting:
    reason = text(stop, "reason")
    known = remedy_for(reason) or Remedy(Party.OPERATOR, "")
    until = pause_ends(at(model, "status", "candidate")) if reason == Reason.PAUSE_STEP else None
    party = known.party if until is None else Party.TIME
    return Waiting(
        party,
        reason,
        text(stop, "message"),
        known.remedy,
        ROLES.get(party, ""),
        _commands(model, known, gates),
        moment(stop, "at"),
        until,
    )


def _commands(model: Manifest, known: Remedy, gates: tuple[str, ...]) -> tuple[str, ...]:
    namespace, name = text(model, "metadata", "namespace"), text(model, "metadata", "name")
    previous = at(model, "status", "previous") is not None
    verbs = [verb for verb in known.verbs if verb != "rollback" or previous]
    return tuple(commands.decide(verb, namespace or "default", name, gates) for verb in verbs)


def _under_way(model: Manifest) -> Waiting:
    """Return who is at work on a candidate that nothing stops."""
    candidate = at(model, "status", "candidate")
    message, since = text(model, "status", "message"), moment(candidate, "stepStartedAt")
    since = since or moment(candidate, "startedAt")
    rolling = Reason.ROLLOUT_IN_PROGRESS.value
    trouble = text(candidate, "trouble")
    if trouble:
        return Waiting(Party.EDITOR, rolling, trouble, since=since)
    measured = at(candidate, "proof") is not None
    if at(candidate, "evaluation") is not None and not measured:
        return Waiting(Party.EVALUATOR, rolling, message, since=since)
    if text(candidate, "taken", "present", "step") == "evaluate":
        return Waiting(Party.EVALUATOR, rolling, message, since=since)
    return Waiting(Party.OPERATOR, rolling, message, since=since)
