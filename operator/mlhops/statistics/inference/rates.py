"""Error rates as trials and events, so that every fairness metric goes through the same inference.

A false negative rate is events (missed cases) among trials (cases); the other rates differ only in
which rows are trials and which of them are events. Rows are counted in atoms, the finest groups
that do not overlap, because groups of one gate do overlap (`sex=F` and `sex=F,ageBand=70-80`) and
must be resampled together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlhops.api.gate import FairnessMetric
from mlhops.statistics.arrays import Bools, Counts, Floats

RATES = (
    FairnessMetric.FALSE_NEGATIVE_RATE,
    FairnessMetric.FALSE_POSITIVE_RATE,
    FairnessMetric.TRUE_POSITIVE_RATE,
    FairnessMetric.SELECTION_RATE,
    FairnessMetric.POSITIVE_PREDICTIVE_VALUE,
    FairnessMetric.NEGATIVE_PREDICTIVE_VALUE,
)
"""The metrics that are events among trials."""


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


def count(
    metric: FairnessMetric, label: Bools, called: Bools, atom: NDArray[np.intp], members: Bools
) -> Trials:
    """Count the events and trials of a metric in each atom.

    Args:
        metric: the rate.
        label: the true outcome of each row.
        called: whether the model calls the row positive.
        atom: the atom of each row.
        members: one row per group, one column per atom.

    Raises:
        ValueError: the metric is not such a rate.
    """
    in_trial, is_event = _definition(metric, label, called)
    atoms = members.shape[1]
    trials = np.bincount(atom[in_trial], minlength=atoms)
    events = np.bincount(atom[in_trial & is_event], minlength=atoms)
    return Trials(events.astype(np.int64), trials.astype(np.int64), members)


def rate(events: Counts, trials: Counts) -> Floats:
    """Return events per trial; NaN, not zero, where there is no trial."""
    rates = np.full(np.shape(trials), np.nan)
    np.divide(events, trials, out=rates, where=np.asarray(trials) > 0)
    return rates


def _definition(metric: FairnessMetric, label: Bools, called: Bools) -> tuple[Bools, Bools]:
    """Return which rows are trials, and which of them are events."""
    match metric:
        case FairnessMetric.FALSE_NEGATIVE_RATE:
            return label, ~called
        case FairnessMetric.TRUE_POSITIVE_RATE:
            return label, called
        case FairnessMetric.FALSE_POSITIVE_RATE:
            return ~label, called
        case FairnessMetric.POSITIVE_PREDICTIVE_VALUE:
            return called, label
        case FairnessMetric.NEGATIVE_PREDICTIVE_VALUE:
            return ~called, ~label
        case FairnessMetric.SELECTION_RATE:
            return np.ones_like(label), called
        case _:
            raise ValueError(f"{metric} is not a rate of events among trials")
