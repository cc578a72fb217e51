"""The steps of a rollout: what is done, what is under way, and what is still to come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from mlhops.cli.views.fields import moment
from mlhops.cli.views.waiting import pause_ends
from mlhops.json_access import at, items, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

LIVE_STEPS = ("setWeight", "pause", "observe")
"""About live requests, and so passed over where nothing serves yet."""


class StepState(StrEnum):
    """Where a step stands."""

    DONE = "Done"
    NOW = "Now"
    NEXT = "Next"
    PASSED_OVER = "PassedOver"
    STOPPED = "Stopped"


@dataclass(frozen=True)
class StepView:
    """A step of the list, or one that was taken off it while the rollout waited there."""

    number: int | None
    """Its place in the list, from 1; None where it was taken off."""
    step: str
    state: StepState
    since: datetime | None = None
    until: datetime | None = None
    """When it ends by itself."""


def steps(model: Manifest) -> tuple[StepView, ...]:
    """Return the steps of a model's rollout; none where no candidate is on its way."""
    candidate = at(model, "status", "candidate")
    if not isinstance(candidate, dict):
        return ()
    index = number(candidate, "stepIndex") or 0
    present = at(candidate, "taken", "present")
    since, until = moment(candidate, "stepStartedAt"), pause_ends(candidate)
    removed = at(present, "removed") is True
    found = []
    for place, step in enumerate(items(model, "spec", "rollout", "steps")):
        state = _state(model, step, place - index, removed=removed)
        now = state is StepState.NOW
        found.append(
            StepView(
                place + 1,
                written(step),
                state,
                since if now else None,
                until if now else None,
            )
        )
    if removed:
        off = StepView(None, text(present, "step"), StepState.NOW, since, until)
        found.insert(min(index, len(found)), off)
    return tuple(found)


def written(step: Json) -> str:
    """Return a step as a person would write it, `unknown` for a verb that this version does not know."""
    weight = number(step, "setWeight")
    if weight is not None:
        return f"setWeight {weight}"
    if at(step, "observe") is not None:
        return f"observe {number(step, 'observe', 'requests')} requests"
    if at(step, "pause") is not None:
        return f"pause {text(step, 'pause', 'duration')}".rstrip()
    return next((verb for verb in ("evaluate", "approve") if at(step, verb) is not None), "unknown")


def _state(model: Manifest, step: Json, ahead: int, *, removed: bool) -> StepState:
    candidate = at(model, "status", "candidate")
    first = at(model, "status", "stable") is None
    if first and any(at(step, verb) is not None for verb in LIVE_STEPS):
        return StepState.PASSED_OVER
    if ahead < 0:
        return StepState.DONE
    if at(candidate, "failure") is not None:
        return StepState.STOPPED
    if at(candidate, "promoting") is True:
        return StepState.PASSED_OVER
    under_way = ahead == 0 and not removed and at(candidate, "taken", "present") is not None
    return StepState.NOW if under_way else StepState.NEXT
