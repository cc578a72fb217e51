"""Gap of each group to everybody else, with intervals that hold for all groups at once.

Which interval: the bootstrap where every group and every rest has at least `ENOUGH` events and as
many trials without the event; Newcombe's with Šidák's adjustment otherwise. It is one choice for
all groups of a gate, so that the intervals hold together.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlhops.statistics import bootstrap, newcombe
from mlhops.statistics.rates import Trials, rate

ENOUGH = 20


@dataclass(frozen=True)
class Gap:
    """A group's rate against that of everybody else."""

    rate: float
    rest: float
    trials: int
    rest_trials: int
    gap: float
    """Absolute difference."""
    lower: float
    """Lower bound of the absolute difference."""
    upper: float
    """Upper bound of the absolute difference."""
    method: Literal["bootstrap", "newcombe"]

    @property
    def signed(self) -> float:
        """The group's rate minus the rate of everybody else."""
        return self.rate - self.rest


def gaps(counts: Trials, confidence: float, seed: list[int]) -> list[Gap]:
    """Return the gap of every group, with simultaneous intervals.

    Args:
        counts: events and trials; each group and each rest must have at least one trial.
        confidence: the probability that all intervals hold.
        seed: the seed of the bootstrap.
    """
    events, trials = counts.of_groups()
    rest_events, rest_trials = counts.of_rest()
    if len(trials) == 0:
        return []
    method = choose(counts)
    if method == "bootstrap":
        lower, upper = bootstrap.difference(counts, confidence, seed)
    else:
        level = newcombe.sidak(confidence, comparisons(counts))
        lower, upper = newcombe.difference(events, trials, rest_events, rest_trials, level)
    rates, rests = rate(events, trials), rate(rest_events, rest_trials)
    return [
        Gap(
            rate=float(rates[i]),
            rest=float(rests[i]),
            trials=int(trials[i]),
            rest_trials=int(rest_trials[i]),
            gap=float(abs(rates[i] - rests[i])),
            lower=absolute(float(lower[i]), float(upper[i]))[0],
            upper=absolute(float(lower[i]), float(upper[i]))[1],
            method=method,
        )
        for i in range(len(trials))
    ]


def choose(counts: Trials) -> Literal["bootstrap", "newcombe"]:
    """Return which interval fits the counts."""
    events, trials = counts.of_groups()
    rest_events, rest_trials = counts.of_rest()
    cells = (events, trials - events, rest_events, rest_trials - rest_events)
    return "bootstrap" if min(int(cell.min()) for cell in cells) >= ENOUGH else "newcombe"


def comparisons(counts: Trials) -> int:
    """Return how many different comparisons there are: a group and its rest make the same one."""
    counted = counts.members[:, counts.trials > 0]
    return len({min(row.tobytes(), (~row).tobytes()) for row in counted})


def absolute(lower: float, upper: float) -> tuple[float, float]:
    """Return the interval of an absolute difference from that of the signed one, within 0 and 1."""
    high = min(max(abs(lower), abs(upper)), 1.0)
    low = 0.0 if lower <= 0.0 <= upper else min(abs(lower), abs(upper))
    if np.isnan(lower) or np.isnan(upper):
        return float("nan"), float("nan")
    return min(low, 1.0), high
