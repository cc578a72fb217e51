"""Error rates as trials and events, so that every fairness metric goes through the same inference.

A false negative rate is events (missed cases) among trials (cases); the other rates differ only in
which rows are trials and which of them are events. Rows are counted in atoms, the finest groups
that do not overlap, because groups of one gate do overlap (`sex=F` and `sex=F,ageBand=70-80`) and
must be resampled together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlhops.statistics.arrays import Bools, Counts, Floats


@dataclass(frozen=True)
class Trials:
    """Events and trials in each atom, and which atoms make up which group."""

    events: Counts
    """Events in each atom."""
    trials: Counts
    """Trials in each atom."""
    members: Bools
    """One row per group, one column per atom: whether the atom belongs to the group."""

    def pick(self, groups: NDArray[np.intp]) -> "Trials":
        """Return the same counts with only some of the groups."""
        return Trials(self.events, self.trials, self.members[groups])

    def of_groups(self) -> tuple[Counts, Counts]:
        """Return events and trials of each group."""
        weights = self.members.astype(np.int64)
        return weights @ self.events, weights @ self.trials

    def of_rest(self) -> tuple[Counts, Counts]:
        """Return events and trials of everybody outside each group."""
        events, trials = self.of_groups()
        return self.events.sum() - events, self.trials.sum() - trials


def count(trials: Bools, events: Bools, atom: NDArray[np.intp], members: Bools) -> Trials:
    """Count the events and trials of a rate in each atom.

    Args:
        trials: whether each row is a trial.
        events: whether it is an event; of a row that is no trial it does not count.
        atom: the atom of each row.
        members: one row per group, one column per atom.
    """
    atoms = members.shape[1]
    tried = np.bincount(atom[trials], minlength=atoms)
    seen = np.bincount(atom[trials & events], minlength=atoms)
    return Trials(seen.astype(np.int64), tried.astype(np.int64), members)


def rate(events: Counts, trials: Counts) -> Floats:
    """Return events per trial; NaN, not zero, where there is no trial."""
    rates = np.full(np.shape(trials), np.nan)
    np.divide(events, trials, out=rates, where=np.asarray(trials) > 0)
    return rates
