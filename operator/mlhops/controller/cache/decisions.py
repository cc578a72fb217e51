"""Decisions of each model in the order in which a pass hears them: the first are found without a look at the rest.

Of one model there may be tens of thousands, answered and unanswered, and a pass answers some.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import NamedTuple, TypeAlias

from pydantic import ValidationError

from mlhops.api.base import Manifest
from mlhops.api.decision import Action, Decision

Urgent: TypeAlias = tuple[tuple[Action, str], ...]
"""Actions on revisions, of which Decisions are heard before all others, the most urgent first."""


class Standing(Enum):
    """What is to become of a Decision."""

    NEW = "new"
    """Nobody has heard it yet."""
    NOTED = "noted"
    """It was heard, and waits until it may count."""
    LASTING = "lasting"
    """It was honoured, and goes on to count."""
    DONE = "done"
    """It was honoured, and had its effect."""


@dataclass(frozen=True, slots=True)
class HeardDecision:
    """What is known of a Decision that may matter still."""

    model: str
    revision: str
    action: Action
    made: str
    standing: Standing


class Chosen(NamedTuple):
    """Names of the Decisions that matter to a pass."""

    new: list[str]
    noted: list[str]
    lasting: list[str]
    more: bool
    """Whether there are new ones that are not among these."""

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [*self.new, *self.noted, *self.lasting]


def heard_decision(manifest: Manifest) -> HeardDecision | None:
    """Return what is known of a Decision, None where it says nothing: ignored, withdrawn or not to be read."""
    try:
        decision = Decision.model_validate(manifest)
    except ValidationError:
        return None
    standing = _standing(decision)
    if standing is None:
        return None
    spec, made = decision.spec, decision.metadata.creation_timestamp
    return HeardDecision(
        spec.model, spec.revision, spec.action, made.isoformat() if made else "", standing
    )


def _standing(decision: Decision) -> Standing | None:
    if decision.metadata.deletion_timestamp is not None:
        return None  # withdrawn, whatever holds it still
    if decision.status.phase == "Ignored":
        return None
    if decision.status.phase == "Honoured":
        return Standing.LASTING if decision.spec.action is Action.OVERRIDE else Standing.DONE
    return Standing.NEW if decision.status.noted is None else Standing.NOTED


_Key: TypeAlias = tuple[str, str, Standing | tuple[Action, str]]
_Entry: TypeAlias = tuple[str, str]


class DecisionIndex:
    """Names of Decisions by namespace and model, the oldest first."""

    def __init__(self) -> None:
        self._lists: dict[_Key, list[_Entry]] = {}

    def add(self, namespace: str, name: str, of: HeardDecision) -> None:
        """Take a Decision in."""
        for key in _keys(namespace, of):
            insort(self._lists.setdefault(key, []), (of.made, name))

    def discard(self, namespace: str, name: str, of: HeardDecision) -> None:
        """Leave a Decision out that was taken in."""
        for key in _keys(namespace, of):
            entries = self._lists[key]
            del entries[bisect_left(entries, (of.made, name))]
            if not entries:
                del self._lists[key]

    def count(self, namespace: str, model: str, *standings: Standing) -> int:
        """Return how many Decisions on a model stand so."""
        return sum(len(self._lists.get((namespace, model, each), ())) for each in standings)

    def choose(self, namespace: str, model: str, urgent: Urgent, most: int) -> Chosen:
        """Return what a pass hears: of the new and of the noted so many, and all that lasts."""
        first = dict.fromkeys(
            name for each in urgent for name in self._first(namespace, model, each, most)
        )
        for name in self._first(namespace, model, Standing.NEW, most):
            first.setdefault(name)
        return Chosen(
            list(islice(first, most)),
            list(self._first(namespace, model, Standing.NOTED, most)),
            list(self._first(namespace, model, Standing.LASTING, None)),
            self.count(namespace, model, Standing.NEW) > most,
        )

    def _first(
        self, namespace: str, model: str, what: Standing | tuple[Action, str], most: int | None
    ) -> Iterator[str]:
        entries = self._lists.get((namespace, model, what), [])
        return (name for _, name in islice(entries, most))


def _keys(namespace: str, of: HeardDecision) -> Iterator[_Key]:
    yield namespace, of.model, of.standing
    if of.standing is Standing.NEW:
        yield namespace, of.model, (of.action, of.revision)
