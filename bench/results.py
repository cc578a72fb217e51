"""What a benchmark comes to: named numbers, and the arithmetic that several need."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Result:
    """One number of results.json."""

    name: str
    value: float
    """NaN where it could not be measured; that meets no target."""
    unit: str
    target: float | None = None
    better: Literal["lower", "higher"] = "lower"
    note: str = ""
    """What is known of the reason where the target is not met."""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "lower" else self.value >= self.target


def milliseconds(name: str, samples: Sequence[float], target: float | None = None) -> list[Result]:
    """Return median and 95th percentile of times in seconds; the target is the median's."""
    cuts = statistics.quantiles(samples, n=20, method="inclusive")
    return [
        Result(f"{name}, p50", round(statistics.median(samples) * 1000, 2), "ms", target),
        Result(f"{name}, p95", round(cuts[-1] * 1000, 2), "ms"),
    ]


def percentile(samples: Sequence[float], percent: int) -> float:
    """Return the smallest sample that so many percent of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]
