"""Combined p-values: of replicas that compare their windows with one reference."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from mlhops.statistics.drift import null_distributions

_LEAST = 2.0**-149
"""The smallest number of 32 bits, in which an engine may write p-values: 0 means that it is less."""


@dataclass(frozen=True)
class ReplicaTest:
    """What one replica's test found."""

    p: float
    rows: int
    """Of its window."""
    reference: float
    """Values that they were compared with, the same ones in each replica; infinite if they share none."""


def combined(parts: Sequence[ReplicaTest]) -> float:
    """Return the combined p-value.

    R. A. Fisher's method, for tests that depend on each other by the reference that they share, as
    M. B. Brown (Biometrics 1975;31:987) and J. T. Kost and M. P. McDermott (Statistics and
    Probability Letters 2002;60:183) correct it: for windows that are small beside the reference it
    is Fisher's. Their covariance is that of one-sided tests of means, which no test of these
    exceeds; degrees of freedom are rounded up. NaN stays NaN.

    Raises:
        ValueError: there are no parts.
    """
    if not parts:
        raise ValueError("nothing can be combined")
    if any(math.isnan(part.p) for part in parts):
        return math.nan
    statistic = -2 * sum(math.log(max(part.p, _LEAST)) for part in parts)
    many = 2 * len(parts)
    variance = 2 * many + 2 * sum(_covariance(a, b) for a, b in combinations(parts, 2))
    scale = variance / (2 * many)
    return null_distributions.chi_squared(statistic / scale, math.ceil(many / scale - 1e-9))


def _covariance(a: ReplicaTest, b: ReplicaTest) -> float:
    """Return that of -2 ln p of both, by how far their means depend on each other."""
    r = math.sqrt(a.rows * b.rows / ((a.rows + a.reference) * (b.rows + b.reference)))
    return 3.263 * r + 0.710 * r * r + 0.027 * r * r * r
