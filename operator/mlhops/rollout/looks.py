"""What monitoring hands to a plan: the newest look at a model's pods, judged by its policy."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from mlhops.api.policy import MonitoringPolicySpec
from mlhops.api.status import DriftVerdict, FindingKind

Verdict: TypeAlias = DriftVerdict
"""The same words as `statistics.budget.Verdict`."""


@dataclass(frozen=True)
class Found:
    """One judged test."""

    of: str
    """A feature, the output, `joint`; of a comparison `score`, `errors` or `latency`."""
    kind: FindingKind
    window: str
    test: str
    """A drift test; of quality `missing`, `typeErrors`, `outOfRange`, `unseenCategories`, `sentAs`, and of
    `request` `protocol`, `encoding`, `names`, `order`."""
    verdict: Verdict
    p: float | None
    """The corrected chance; None where there is none."""
    effect: float | None
    rows: int
    """Rows of the window on which it rests; with few, no number of it is written anywhere."""


@dataclass(frozen=True)
class Side:
    """What one revision's pods told."""

    revision: str
    verdict: Verdict
    """NoDrift only if all ready pods answered and each window has enough rows."""
    worst: Found | None
    quality: Verdict
    """Drift where shares of bad values rose beyond the policy's limits."""
    quality_worst: Found | None
    message: str = ""
    """Why it is Insufficient or Error, for people."""


@dataclass(frozen=True)
class Look:
    """All that was seen of a model at one moment."""

    at: datetime
    stable: Side | None
    candidate: Side | None
    compared: Found | None = None
    """What differs most between candidate and stable."""
    compared_verdict: Verdict = "Insufficient"
    """Drift where the candidate answers otherwise than stable, beyond the policy's limits."""


@dataclass(frozen=True)
class Monitored:
    """How a model is watched, and what was seen of it."""

    policy: MonitoringPolicySpec | None
    """None where the policy that is named is not there, or cannot be read."""
    look: Look | None
    """The newest, None before the first since the operator started."""
    problem: str = ""
    """Why there is no policy, for people."""
