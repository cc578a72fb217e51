"""What a person waits for, and whether it is there, can no longer come, or is still to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlhops.cli.views.answer import Answer, answer_of, is_current
from mlhops.cli.views.remedies import Party
from mlhops.cli.views.waiting import waiting
from mlhops.json_access import condition, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

GOALS = ("settled", "healthy", "promoted", "available", "decision-needed")


def reached(model: Manifest, goal: str) -> Answer:
    """Return whether a model is where somebody waits for it to be.

    `settled` is an end of either kind; a Degraded model is bad for whoever waits for Healthy or Promoted. A status
    about an earlier spec tells nothing.
    """
    if not is_current(model):
        return Answer.UNDECIDED
    if goal == "available":
        said = text(condition(model, "Available"), "status")
        return Answer.WELL if said == "True" else Answer.UNDECIDED
    if goal == "decision-needed":
        return Answer.WELL if _asks_a_person(model) else Answer.UNDECIDED
    if goal == "promoted" and condition(model, "Promoted").get("status") == "True":
        return Answer.WELL
    found = answer_of(model)
    return Answer.UNDECIDED if goal == "promoted" and found is Answer.WELL else found


def _asks_a_person(model: Manifest) -> bool:
    wait = waiting(model)
    return wait is not None and wait.party in (Party.DECIDER, Party.EDITOR)
