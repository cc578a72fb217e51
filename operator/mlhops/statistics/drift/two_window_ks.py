"""Two windows against each other, of which each may have bins of its own."""

import math

import numpy as np

from mlhops.statistics.arrays import Counts, Floats
from mlhops.statistics.drift import null_distributions
from mlhops.statistics.drift.binned_tests import Shift


def kolmogorov(
    edges: tuple[Floats, Floats], counts: tuple[Counts, Counts], rows: int | None = None
) -> Shift:
    """Return the Kolmogorov-Smirnov comparison of two samples that were counted in bins.

    Where their edges differ, a share of one at an edge of the other lies between its shares at its
    own neighbouring edges. The statistic is the largest difference that is certain then: never more
    than that of the values themselves, and less by a bin's share at most. So is the effect, and p
    is that of such a statistic, or more.

    Args:
        edges: for each sample what parts its bins, going up; bins are right-closed.
        counts: for each sample the rows in its bins, one more than edges.
        rows: what is told as the rows of the comparison; those of the smaller sample if None.

    Raises:
        ValueError: counts are not one more than edges.
    """
    if any(len(c) != len(e) + 1 for e, c in zip(edges, counts, strict=True)):
        raise ValueError("counts must be one more than edges")
    totals = int(counts[0].sum()), int(counts[1].sum())
    least = min(totals) if rows is None else rows
    if min(totals) <= 0:
        return Shift("KS", least)
    first, second = (np.cumsum(c)[:-1] / c.sum() for c in counts)
    largest = max(
        _ahead(edges[0], first, edges[1], second), _ahead(edges[1], second, edges[0], first)
    )
    size = totals[0] * totals[1] / sum(totals)
    return Shift(
        "KS", least, largest, null_distributions.kolmogorov(math.sqrt(size) * largest), largest
    )


def _ahead(ours: Floats, share: Floats, theirs: Floats, their_share: Floats) -> float:
    """Return by how much our share of small values is surely ahead of theirs at some value."""
    if len(ours) == 0:
        return 0.0
    # At one of our edges theirs is at most what it is at their next edge, and at most 1.
    upper = np.append(their_share, 1.0)[np.searchsorted(theirs, ours, side="left")]
    return max(0.0, float((share - upper).max()))
