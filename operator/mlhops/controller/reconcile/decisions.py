"""Which of the Decisions on a model a pass reads: all that last, and of those that wait a few, stops first."""

from pydantic import ValidationError

from mlhops.api.base import Manifest
from mlhops.api.decision import Action, Decision
from mlhops.api.model import ClinicalModel
from mlhops.controller.cache.entry import is_over, name_of
from mlhops.json_access import at, text

_AT_ONCE = 40
"""So many new Decisions are read in one pass; a person's stop is among them however many there are."""


def read_decisions(live: list[Manifest], model: ClinicalModel) -> tuple[tuple[Decision, ...], bool]:
    """Return the Decisions that matter to a pass, and whether there are more that nobody has heard yet."""
    candidate = model.status.candidate
    revision = candidate.revision if candidate is not None else None
    mine = [
        one
        for one in live
        if at(one, "spec", "model") == model.metadata.name
        and at(one, "metadata", "deletionTimestamp") is None  # withdrawn, whatever holds it still
        and not is_over(one)
    ]
    new, waiting, lasting = list[Manifest](), list[Manifest](), list[Manifest]()
    for one in mine:
        if text(one, "status", "phase") == "Honoured":
            lasting.append(one)
        else:
            (waiting if at(one, "status", "noted") else new).append(one)
    new.sort(key=lambda one: _soonest(one, revision))
    first, left = _readable(new)
    noted, _ = _readable(waiting)
    kept, _ = _readable(lasting, len(lasting))
    return (*first, *noted, *kept), left


def _soonest(decision: Manifest, revision: str | None) -> tuple[int, str, str]:
    """Return by what new Decisions are sorted: what stops the candidate comes first, then the oldest."""
    action = text(decision, "spec", "action")
    about = text(decision, "spec", "revision") == revision
    ends = action in (Action.ABORT, Action.REJECT)
    rank = (0 if ends else 1 if action == Action.PAUSE else 2) if about else 2
    rank = 0 if action == Action.ROLLBACK else rank
    return rank, text(decision, "metadata", "creationTimestamp"), name_of(decision).name


def _readable(live: list[Manifest], most: int = _AT_ONCE) -> tuple[list[Decision], bool]:
    """Return the first that can be read, and whether there are more."""
    found = list[Decision]()
    for manifest in live:
        if len(found) >= most:
            return found, True
        try:
            found.append(Decision.model_validate(manifest))
        except ValidationError:
            continue
    return found, False
