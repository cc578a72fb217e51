"""The former name of `comparisons.compare`, for as long as the judge asks for it."""

from mlhops.statistics.comparisons import compare
from mlhops.statistics.gap import Gap
from mlhops.statistics.rates import Trials

__all__ = ["Gap", "gaps"]


def gaps(counts: Trials, confidence: float, seed: list[int]) -> list[Gap]:
    """Return the gap of every group to everybody else, with simultaneous intervals."""
    return compare(counts, confidence=confidence, seed=seed)
