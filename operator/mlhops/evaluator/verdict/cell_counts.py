"""How many cases of each kind groups have, which of these numbers may be told, and in which words."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from mlhops.evaluator.data.subgroups import Cohorts
from mlhops.evaluator.verdict.disclosure import showable
from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Bools, Counts
from mlhops.tasks.task import CaseKinds, Task


class Tallies:
    """The numbers of cases in groups, each kind counted when it is asked for."""

    def __init__(self, kinds: CaseKinds, who: Cohorts) -> None:
        """Take the people and their groups."""
        self.who = who
        self._kinds = kinds
        self._atoms: dict[str, Counts] = {}

    def sizes(self, cases: str) -> Counts:
        """Return the number of cases in each group."""
        return np.asarray(self.who.members.astype(np.int64) @ self.atoms(cases))

    def total(self, cases: str) -> int:
        """Return the number of cases of everybody."""
        return int(self.atoms(cases).sum())

    def atoms(self, cases: str) -> Counts:
        """Return the number of cases in each atom."""
        if cases not in self._atoms:
            atom, atoms = self.who.atom, self.who.members.shape[1]
            found = np.bincount(atom[self._kinds.of(cases)], minlength=atoms)
            self._atoms[cases] = found.astype(np.int64)
        return self._atoms[cases]


@dataclass(frozen=True)
class GroupCounts:
    """The cases of one kind in each group of a gate, as they may be told."""

    cases: str
    """Which kind."""
    sizes: Counts
    total: int
    shown: Bools
    """Whether the number may be told."""
    cells: SmallCells

    def text(self, group: int) -> str:
        """Return the number of cases in a group, or that it may not be told."""
        return self._text(int(self.sizes[group]), bool(self.shown[group]))

    def rest_text(self, group: int) -> str:
        """Return the number of cases outside a group."""
        return self._text(self.total - int(self.sizes[group]), bool(self.shown[group]))

    def count(self, group: int) -> int | None:
        """Return the number of cases in a group; None where it may not be told."""
        return int(self.sizes[group]) if self.shown[group] else None

    def _text(self, number: int, known: bool) -> str:
        return self.cells.text(number) if known or self.cells.hides(number) else "not shown"


class Disclosure:
    """Which numbers may be told, the same for all gates of a run.

    What one gate hides another must not tell, so that all of their groups are looked at together.
    """

    def __init__(
        self, task: Task, tallies: Tallies | None, cells: SmallCells, last: Collection[str] = ()
    ) -> None:
        """Take the groups of all gates, None where no gate has any.

        Args:
            task: which kinds of cases add up.
            tallies: of all groups of all gates.
            cells: which numbers are not told by themselves.
            last: names of groups whose numbers are hidden after all others.
        """
        self._task = task
        self.tallies = tallies
        self.cells = cells
        self._last = last
        self._known: dict[str, dict[str, bool]] = {}

    def tell(self, cases: str, tallies: Tallies) -> GroupCounts:
        """Return what may be told of the groups of one gate."""
        kinds = self._task.sums.get(cases, (cases,))
        names = tallies.who.names
        known = np.array([all(self._of(kind)[name] for kind in kinds) for name in names])
        return GroupCounts(cases, tallies.sizes(cases), tallies.total(cases), known, self.cells)

    def counts(self, tallies: Tallies) -> list[dict[str, int | None]]:
        """Return for each group of a gate its number of cases of each kind; None where it may not be told."""
        told = {kind: self.tell(kind, tallies) for kind in self._task.counted}
        return [
            {kind: each.count(i) for kind, each in told.items()}
            for i in range(len(tallies.who.names))
        ]

    def _of(self, cases: str) -> dict[str, bool]:
        if self.tallies is None:
            raise AssertionError("a gate has groups, and they were not looked at")
        if cases not in self._known:
            who = self.tallies.who
            others = self._task.complement.get(cases)
            if others is not None and self.cells.exposes(self.tallies.total(others)):
                return dict.fromkeys(who.names, False)
            last = [i for i, name in enumerate(who.names) if name in self._last]
            found = showable(self.tallies.atoms(cases), who.members, who.division, self.cells, last)
            self._known[cases] = _by_name(who.names, found)
        return self._known[cases]


def _by_name(names: Sequence[str], known: Bools) -> dict[str, bool]:
    """Return whether a number may be told by the group's name; of namesakes all must agree."""
    found: dict[str, bool] = {}
    for name, each in zip(names, known.tolist(), strict=True):
        found[name] = each and found.get(name, True)
    return found
