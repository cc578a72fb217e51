"""Whether a model answers its callers: exact intervals of a share of failures, and verdicts from counts.

In plain Python, since an operator that watches no drift loads no NumPy.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal

ServingVerdict = Literal["Serving", "Failing", "Silent", "Insufficient"]

CONFIDENCE = 0.999
"""Of a model that is said to fail: it is asked each second, so that a chance of one in twenty were one a minute."""
_LEAST = 3
"""Failures without which nothing is said to fail."""
_MENDED = 0.8
"""Of a model that is said to answer again."""
_ENOUGH = 20
"""Requests from which on a model is said to serve."""
_STEPS = 60


def at_least(failed: int, requests: int, confidence: float) -> float:
    """Return the lower limit of a share.

    C. J. Clopper and E. S. Pearson, Biometrika 1934;26:404, one-sided. 0 where nothing is known.
    """
    if failed <= 0 or requests <= 0:
        return 0.0
    # The share at which as many failures or more have the chance 1 - confidence.
    return _root(lambda share: _upper_tail(failed, requests, share), 1 - confidence, rising=True)


def at_most(failed: int, requests: int, confidence: float) -> float:
    """Return the upper limit of a share (Clopper and Pearson, one-sided); 1 where nothing is known."""
    if requests <= 0 or failed >= requests:
        return 1.0
    return _root(
        lambda share: 1 - _upper_tail(failed + 1, requests, share), 1 - confidence, rising=False
    )


def is_within(failed: int, requests: int, limit: float, confidence: float) -> bool:
    """Whether the upper limit of a share is no greater than a limit."""
    if requests <= 0 or failed >= requests:
        return limit >= 1
    # So few failures would come by chance too rarely: one look, where the limit itself takes many.
    return limit >= 1 or 1 - _upper_tail(failed + 1, requests, limit) <= 1 - confidence


def is_failing(failed: int, requests: int, limit: float) -> bool:
    """Whether a share of failures is surely beyond a limit."""
    # That the lower limit is beyond it: so many failures would come by chance too rarely.
    likely = failed <= limit * requests
    return failed >= _LEAST and not likely and _upper_tail(failed, requests, limit) < 1 - CONFIDENCE


def verdict(
    spans: Sequence[tuple[int, int]], limit: float, *, quiet: bool, probed: bool | None
) -> ServingVerdict:
    """Return what counts come to.

    A span that is surely within the limit outweighs the longer ones: what was mended is not held against a model.

    Args:
        spans: failures and requests of each span of time, the longest last.
        limit: the share of failures beyond which a model fails.
        quiet: whether the longest span has had no request.
        probed: whether the model answers a synthetic row; None where that is not known.
    """
    if probed is False:
        return "Failing"
    for failed, requests in spans:
        if is_failing(failed, requests, limit):
            return "Failing"
        if requests >= _ENOUGH and is_within(failed, requests, limit, _MENDED):
            return "Serving"
    if quiet:
        return "Silent"
    failed, requests = spans[-1]
    return "Serving" if requests >= _ENOUGH and requests > failed else "Insufficient"


def quantile(times: Sequence[int], bounds: Sequence[float], share: float) -> float | None:
    """Return within how many seconds a share of answers came: the bound of the bin in which that answer is.

    None where there is no answer, or where it took longer than all bounds.
    """
    total = sum(times)
    rank, seen = math.ceil(share * total), 0
    for bound, count in zip(bounds, times, strict=False):
        seen += count
        if total and seen >= max(rank, 1):
            return bound
    return None


def quantile_interval(
    times: Sequence[int], bounds: Sequence[float], share: float, z: float
) -> tuple[float, float]:
    """Return limits of a quantile by the ranks of order statistics (normal approximation to the binomial).

    Bins widen it: from the lower bound of one bin to the upper bound of another. (0, inf) for no answer.
    """
    total = sum(times)
    if total == 0:
        return 0.0, math.inf
    centre, half = share * total, z * math.sqrt(share * (1 - share) * total)
    ranks = max(math.floor(centre - half), 0), math.ceil(centre + half) + 1
    edges = (0.0, *bounds, math.inf)
    return edges[_bin(times, ranks[0])], edges[min(_bin(times, ranks[1]) + 1, len(edges) - 1)]


def _bin(times: Sequence[int], rank: int) -> int:
    """Return the bin of the answer of a rank, the one behind the last for a rank beyond all."""
    seen = 0
    for place, count in enumerate(times):
        seen += count
        if seen >= max(rank, 1):
            return place
    return len(times)


def _root(of: Callable[[float], float], wanted: float, *, rising: bool) -> float:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if (of(middle) < wanted) == rising:
            low = middle
        else:
            high = middle
    return low if rising else high


def _upper_tail(least: int, trials: int, share: float) -> float:
    """Return the probability of at least so many successes: the regularised incomplete beta function."""
    if least <= 0:
        return 1.0
    if share <= 0 or least > trials:
        return 0.0
    if share >= 1:
        return 1.0
    return _incomplete_beta(least, trials - least + 1, share)


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return I_x(a, b) by its continued fraction (Abramowitz and Stegun 26.5.8, by Lentz's method)."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    fraction = d
    for m in range(1, 10_000):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + numerator * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + numerator / c
            c = c if abs(c) > tiny else tiny
            fraction *= d * c
        if abs(d * c - 1) < 1e-12:
            break
    return front * fraction / a
