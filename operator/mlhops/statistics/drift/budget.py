"""How sure a look must be, so that false alarms stay within a budget, and what a look comes to.

A budget of `atMost` false alarms `per` some time is shared equally by all looks in that time. The
expected number of false alarms is the sum of their probabilities however the looks depend on each other,
so it holds for windows that overlap, for several windows, and for one reference behind all of
them. That costs little: the distance that is needed grows with the root of the logarithm of the
number of looks.

With `k of n`, an alarm needs drift in at least k of the last n looks. Its probability is at most n/k
times that of one look (A. A. Markov's inequality), again however they depend on each other, and at
that bound for looks that overlap almost wholly. For looks at separate rows it is far smaller: there
`k of n` makes false alarms rarer than the budget.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if (
    TYPE_CHECKING
):  # numpy is not loaded for what needs none: the operator counts looks by this module
    from mlhops.statistics.drift.binned_tests import Shift

Verdict = Literal["Drift", "NoDrift", "Insufficient", "Error"]
Correction = Literal["Bonferroni", "BenjaminiHochberg"]

CEILING = 0.05
"""No budget, however large, makes a look less sure than this."""


@dataclass(frozen=True)
class Budget:
    """False alarms that are put up with."""

    at_most: float
    """So many."""
    per: float
    """Seconds."""


@dataclass(frozen=True)
class AlarmRule:
    """Drift in at least k of the last n looks makes an alarm."""

    k: int = 1
    n: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.n:
            raise ValueError("k of n needs 1 <= k <= n")


@dataclass(frozen=True)
class EffectLimit:
    """What a test must come to for drift."""

    effect: float
    """At least this effect."""
    rows: int = 1
    """With fewer rows the test has nothing to say."""


@dataclass(frozen=True)
class Judged:
    """A test's verdict."""

    shift: "Shift"
    adjusted: float | None
    """The p-value after correction for all tests of the look; None where there is none."""
    verdict: Verdict


def alpha(budget: Budget, every: Sequence[float], rule: AlarmRule) -> float:
    """Return how small the corrected p-value of a look must be for drift.

    Args:
        budget: of all windows together.
        every: for each window the seconds between two looks at it.
        rule: what makes an alarm of looks.

    Raises:
        ValueError: a number is not positive and finite.
    """
    for number in (budget.at_most, budget.per, *every):
        if not 0 < number < math.inf:
            raise ValueError("a budget, and the time between looks, must be more than nothing")
    if not every:
        raise ValueError("a budget needs a window that is looked at")
    looks = sum(max(1.0, budget.per / seconds) for seconds in every)
    return min(CEILING, budget.at_most / looks * rule.k / rule.n)


def adjust(p_values: Sequence[float | None], correction: Correction) -> list[float | None]:
    """Return the p-values of a look's tests, corrected for how many there are.

    Tests without a p-value count too, so that data that go missing make no other test easier.
    Bonferroni's bounds the probability of any false drift of a look, whatever the features have to do
    with each other; Y. Benjamini and Y. Hochberg's (JRSS B 1995;57:289) bounds the share of false
    ones among those found, and the probability of any where nothing has shifted if the tests are
    independent or positively dependent.
    """
    many = len(p_values)
    # What is not a number stays as it is: it is not a p-value of 1.
    adjusted = list(p_values)
    known = [(p, i) for i, p in enumerate(p_values) if p is not None and not math.isnan(p)]
    least = 1.0
    for rank, (p, i) in reversed(list(enumerate(sorted(known), start=1))):
        if correction == "Bonferroni":
            adjusted[i] = min(1.0, p * many)
        else:
            adjusted[i] = least = min(least, p * (many / rank))
    return adjusted


def judge(
    shifts: "Sequence[Shift]", limits: Sequence[EffectLimit], at: float, correction: Correction
) -> list[Judged]:
    """Return the verdicts of all tests of a look.

    Args:
        shifts: what the tests found.
        limits: of each test.
        at: the corrected p-value at which there is drift (see `alpha`).
        correction: for the number of tests.
    """
    enough = [shift.rows >= limit.rows for shift, limit in zip(shifts, limits, strict=True)]
    p_values = [shift.p if ok else None for shift, ok in zip(shifts, enough, strict=True)]
    adjusted = adjust(p_values, correction)
    return [
        Judged(shift, p, _verdict(shift, p, limit, at))
        for shift, p, limit in zip(shifts, adjusted, limits, strict=True)
    ]


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the verdict of a look: drift if any test shows it, no drift only if all say so."""
    for verdict in ("Drift", "Error", "Insufficient"):
        if verdict in verdicts:
            return verdict
    return "NoDrift" if verdicts else "Insufficient"


def persistent(looks: Sequence[Verdict], rule: AlarmRule) -> Verdict:
    """Return the verdict over looks, the latest last: drift that has not been there often enough
    is no drift yet."""
    if not looks:
        return "Insufficient"
    if list(looks[-rule.n :]).count("Drift") >= rule.k:
        return "Drift"
    return "NoDrift" if looks[-1] == "Drift" else looks[-1]


def _verdict(shift: "Shift", adjusted: float | None, limit: EffectLimit, at: float) -> Verdict:
    """Every comparison is such that what is not a number is an error, never no drift."""
    if adjusted is None or shift.effect is None:
        return "Insufficient"
    if not (0 <= adjusted <= 1 and math.isfinite(shift.effect)):
        return "Error"
    return "Drift" if adjusted <= at and shift.effect >= limit.effect else "NoDrift"
