"""What a plan asks for. Each intent is idempotent: planning again repairs a crash between two."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlhops.api.base import Manifest
from mlhops.api.decision import DecisionStatus
from mlhops.api.evaluation import EvaluationSpec
from mlhops.api.status import ClinicalModelStatus
from mlhops.rollout.reasons import Reason
from mlhops.routing.traffic import Traffic


@dataclass(frozen=True)
class EnsureService:
    """Record a revision's spec and apply its InferenceService."""

    revision: str


@dataclass(frozen=True)
class ConfigureDetector:
    """Tell the detector beside a revision's model server what to count."""

    revision: str


@dataclass(frozen=True)
class SetTraffic:
    """Apply the route with this traffic, whose weights add up to 100."""

    traffic: Traffic


@dataclass(frozen=True)
class EnsureEvaluation:
    """Create an Evaluation."""

    name: str
    spec: EvaluationSpec


@dataclass(frozen=True)
class Remove:
    """Delete an object that the model owns."""

    kind: Literal["InferenceService", "Evaluation", "ControllerRevision", "ConfigMap"]
    name: str


@dataclass(frozen=True)
class ReleaseRecord:
    """Have a revision's record outlive its model."""

    revision: str


@dataclass(frozen=True)
class AnswerDecision:
    """Say what became of a Decision."""

    decision: str
    status: DecisionStatus


@dataclass(frozen=True)
class Event:
    """Tell people of a transition."""

    reason: Reason
    message: str
    warning: bool = False


@dataclass(frozen=True)
class StartRetraining:
    """Create a Job that trains anew; one that the API server refuses is told, and holds up nothing."""

    action: str
    job: Manifest
    why: str


@dataclass(frozen=True)
class PostCloudEvent:
    """Post a CloudEvent to a sink, once; what becomes of it holds up nothing."""

    action: str
    sink: str
    event: Manifest


Intent: TypeAlias = (
    EnsureService
    | ConfigureDetector
    | SetTraffic
    | EnsureEvaluation
    | Remove
    | ReleaseRecord
    | AnswerDecision
    | StartRetraining
    | PostCloudEvent
)


@dataclass(frozen=True)
class Plan:
    """What to write, in this order; anything that fails ends the pass."""

    before: tuple[Intent, ...]
    """Writes that cannot give a candidate more traffic; lowering a weight comes first."""
    status: ClinicalModelStatus | None
    """The new status, None where it is the same; written only on the very object observed."""
    after: tuple[Intent, ...]
    """Writes that rest on the status: raising a weight, deleting, evaluating."""
    events: tuple[Event, ...]
    requeue_after: float | None
    """Seconds until time alone changes the plan."""

    @property
    def empty(self) -> bool:
        """Whether nothing is to be written."""
        return not (self.before or self.status or self.after)
