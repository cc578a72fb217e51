"""From judged tests to what is told of them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlhops.api.status import FindingKind
from mlhops.rollout.monitoring.drift_snapshot import Found, Verdict
from mlhops.statistics.drift.budget import EffectLimit, Judged

_GRAVITY: dict[Verdict, int] = {"Drift": 3, "Error": 2, "Insufficient": 1, "NoDrift": 0}
_USE: dict[FindingKind, int] = {"Joint": 0, "Score": 1}
"""How much it helps to know that just this has moved; 2 of all others."""


@dataclass(frozen=True)
class RankedFinding:
    """A judged test, and how near it came to its limit."""

    found: Found
    reach: float
    """The effect in units of its limit."""


def finite(number: float | None) -> float | None:
    """Return a number that can be written as JSON, None for any other."""
    return number if number is not None and math.isfinite(number) else None


def reach(judged: Judged, limit: EffectLimit) -> float:
    """Return a test's effect in units of its limit; nothing comes near a limit of infinity."""
    effect = finite(judged.shift.effect) or 0.0
    if limit.effect > 0:
        return effect / limit.effect
    return math.inf if effect > 0 else 0.0


def worst(findings: Iterable[RankedFinding]) -> Found | None:
    """Return what has moved most, of those with the gravest verdict; the first where some tie.

    A feature comes before the score, which follows from features, and the joint shift, which names
    nothing to look at, last.
    """

    def weight(finding: RankedFinding) -> tuple[int, int, float]:
        found = finding.found
        return _GRAVITY[found.verdict], _USE.get(found.kind, 2), finding.reach

    best = max(findings, key=weight, default=None)
    return best.found if best else None


def verdicts(findings: Sequence[RankedFinding]) -> list[Verdict]:
    """Return each test's verdict."""
    return [finding.found.verdict for finding in findings]
