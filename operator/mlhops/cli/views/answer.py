"""Whether a model is well: the one answer behind colours, order and exit codes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mlhops.json_access import at, condition, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest


class Answer(StrEnum):
    """Well, bad, or not decided yet."""

    WELL = "Well"
    BAD = "Bad"
    UNDECIDED = "Undecided"


def is_current(model: Manifest) -> bool:
    """Whether the status is about the spec as it is now."""
    observed = number(model, "status", "observedGeneration")
    return observed is not None and observed >= (number(model, "metadata", "generation") or 0)


def answer_of(model: Manifest) -> Answer:
    """Return whether a model is well.

    Callers that get no answers are bad whatever is said of a candidate; a status about an earlier spec, or with a
    phase that this version does not know, decides nothing.
    """
    serves = at(model, "status", "stable") is not None
    if serves and condition(model, "Available").get("status") == "False":
        return Answer.BAD
    phase = text(model, "status", "phase")
    if not is_current(model):
        return Answer.UNDECIDED
    if phase == "Degraded":
        return Answer.BAD
    return Answer.WELL if phase == "Healthy" else Answer.UNDECIDED
