"""A yes/no outcome: which rows are cases of which kind, and what adds up among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlhops.tasks.task import ROWS, Task, register

if TYPE_CHECKING:
    from mlhops.statistics.arrays import Bools

POSITIVES = "positives"
NEGATIVES = "negatives"
CALLED = "called positive"
NOT_CALLED = "called negative"

WITH = {
    ROWS: (POSITIVES, NEGATIVES),
    CALLED: (CALLED, NOT_CALLED),
    NOT_CALLED: (CALLED, NOT_CALLED),
}
"""Kinds that add up: with the sum and one of two the other is known, too."""

COMPLEMENT = {
    POSITIVES: NEGATIVES,
    NEGATIVES: POSITIVES,
    CALLED: NOT_CALLED,
    NOT_CALLED: CALLED,
}
"""Since the number of all rows is told, the sum of one kind is that of the other, too."""

BINARY = register(
    Task(
        name="Binary",
        outcome="yes or no",
        answers=("Probability", "Score", "Class"),
        counted=(ROWS, POSITIVES, NEGATIVES),
        sums=WITH,
        complement=COMPLEMENT,
    )
)


@dataclass(frozen=True)
class Cells:
    """Which rows are cases of which kind."""

    label: Bools
    """The true outcome, bool[rows]."""
    called: Bools
    """Whether the model calls the row positive, bool[rows]."""

    def of(self, cases: str) -> Bools:
        """Return whether each row is a case of a kind, bool[rows].

        Raises:
            KeyError: there is no such kind.
        """
        if cases in (POSITIVES, CALLED):
            return self.label if cases == POSITIVES else self.called
        if cases == ROWS:
            return self.label | ~self.label
        return ~self.of(COMPLEMENT[cases])
