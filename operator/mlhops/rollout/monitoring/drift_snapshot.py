"""What was seen of a model's pods, as a plan is given it: the newest look by its policy, and how it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from mlhops.api.policy import MonitoringPolicySpec
from mlhops.api.serving import ProbeReport, ServingCounts
from mlhops.api.status import Candidate, DriftVerdict, FindingKind

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
    """The corrected p-value; None where there is none."""
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


_NOTHING, _UNASKED = ServingCounts(), ProbeReport()


@dataclass(frozen=True)
class Answering:
    """How one revision answers its callers, as the sidecars in its ready pods count."""

    revision: str
    pods: int = 0
    """Ready pods of the revision."""
    told: int = 0
    """Those among them of which it is known, because their sidecars told just now."""
    minute: ServingCounts = _NOTHING
    """The last minute of the pods that told."""
    hour: ServingCounts = _NOTHING
    """Their last hour."""
    asked: ServingCounts | None = None
    """Counts since the step `asked_of` began, of the pods that told of that; None where none did."""
    counted: int = 0
    """So many pods' counts are among `asked`."""
    asked_of: str = ""
    """Names a candidate's step, as `step_of` does."""
    quiet: bool = True
    """Whether no request came within the hour."""
    probe: ProbeReport = _UNASKED
    """The best of what the pods' model servers answered to a synthetic row."""
    problem: str = ""
    """Why not all of it is known, for people; the same text as long as it is the same problem."""

    @property
    def whole(self) -> bool:
        """Whether all ready pods told, and each when it was last asked."""
        return self.pods > 0 and self.told == self.pods and not self.problem

    @property
    def evidence(self) -> ServingCounts | None:
        """What a weight may be raised on: counts that all ready pods told. Of fewer, failures alone are known."""
        return self.asked if self.whole and self.counted == self.pods else None


@dataclass(frozen=True)
class ServingLook:
    """How a model's revisions answer their callers at one moment."""

    at: datetime
    stable: Answering | None
    candidate: Answering | None


def step_of(candidate: Candidate) -> str:
    """Return what names the step that a candidate is at, in its attempt: counts of another are no evidence."""
    step = candidate.taken.present if candidate.taken is not None else None
    begun = candidate.step_started_at
    number = step.id if step is not None else "end"
    return f"{candidate.attempt}/{number}/{begun.isoformat() if begun is not None else ''}"
