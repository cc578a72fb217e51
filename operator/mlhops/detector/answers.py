"""Whether and how fast requests were answered, in counts that a window can add up."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from mlhops.api.summary import TIMES, AnswerSummary
from mlhops.statistics.arrays import Counts

_LONGEST = 86_400.0
"""Seconds that one answer counts for at most: a clock that somebody set must not outweigh all others."""


def bin_of(seconds: float) -> int:
    """Return the bin of `TIMES` for an answer that took so long."""
    return bisect_left(TIMES, seconds)


def _no_times() -> Counts:
    return np.zeros(len(TIMES) + 1, dtype=np.int64)


@dataclass
class AnswerCount:
    """Counts of some requests."""

    answered: int = 0
    unanswered: int = 0
    microseconds: int = 0
    times: Counts = field(default_factory=_no_times)

    def add(self, other: Self) -> None:
        """Count the other's requests too."""
        self.answered += other.answered
        self.unanswered += other.unanswered
        self.microseconds += other.microseconds
        self.times += other.times

    def took(self, seconds: float) -> None:
        """Count how long one answer took."""
        self.times[bin_of(seconds)] += 1
        self.microseconds += round(min(seconds, _LONGEST) * 1e6)

    def summary(self) -> AnswerSummary:
        """Return the counts as what is reported."""
        return AnswerSummary(
            answered=self.answered,
            unanswered=self.unanswered,
            times=self.times.tolist(),
            microseconds=self.microseconds,
        )
