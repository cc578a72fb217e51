"""How many cases of each group a Fairness gate needs at least, to be decided where groups do not differ.

The least that any data could do with: the group is compared with so many others that their share is as good as known,
and shares are as near to 0 or 1 as `_SHARE`. It is decided when its interval, of the confidence that holds for all
comparisons at once (Bonferroni), lies within the limit; that happens with the probability `_POWER` when the limit is
(z of the interval + z of the power) standard errors away, the standard error being sqrt(p (1 - p) / n). What an
Evaluation tells of cases that are lacking rests on the measured shares (`mlhops.statistics.inference.planning`), and
is never less.
"""

from __future__ import annotations

import math
from statistics import NormalDist

_SHARE = 0.1
_POWER = 0.8


def least_cases(limit: float, confidence: float, comparisons: int) -> int:
    """Return the fewest cases of a group that a limit on the difference of two shares can be shown with.

    Args:
        limit: the largest acceptable difference, between 0 and 1.
        confidence: of all intervals at once.
        comparisons: how many groups are compared.
    """
    normal = NormalDist()
    covered = normal.inv_cdf(1 - (1 - confidence) / (2 * max(comparisons, 1)))
    away = covered + normal.inv_cdf(_POWER)
    return math.ceil(_SHARE * (1 - _SHARE) * (away / limit) ** 2)
