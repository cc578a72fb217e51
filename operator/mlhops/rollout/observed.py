"""The facts on which a plan rests: cached state, or read live where something is at stake."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mlhops.api.decision import Decision
from mlhops.api.evaluation import Evaluation, EvaluationPhase
from mlhops.api.model import ClinicalModel
from mlhops.kserve.state import Service
from mlhops.rollout.monitoring.drift_snapshot import Monitored, ServingLook
from mlhops.rollout.standards.applying import NO_STANDARDS, Standards
from mlhops.routing.route import GatewayListener, Hostnames, Route
from mlhops.routing.router import Router

__all__ = ["GatewayListener", "Hostnames", "Observed", "Record", "Retraining", "Route", "Service"]


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of an Evaluation that need not be read whole: a model keeps very many of them."""

    revision: str
    phase: EvaluationPhase
    created: datetime | None

    @classmethod
    def of(cls, evaluation: Evaluation) -> "Record":
        """Return what is known of it."""
        created = evaluation.metadata.creation_timestamp
        return cls(evaluation.spec.revision, evaluation.status.phase, created)


@dataclass(frozen=True, slots=True)
class Retraining:
    """A Job that an action of a policy has started."""

    action: str
    ended: str = ""
    """Complete or Failed, empty while it goes on."""
    why: str = ""
    """Why it failed."""
    runs: bool = False
    """Whether a pod of it is ready."""


@dataclass(frozen=True)
class Observed:
    """Everything about one ClinicalModel at one moment."""

    model: ClinicalModel
    router: Router
    """Who splits requests between revisions, and knows what that takes."""
    services: Mapping[str, Service] = field(default_factory=dict)
    """InferenceServices of this model, by name."""
    route: Route | None = None
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    """Evaluations on which the candidate or what serves may rest, by name."""
    records: Mapping[str, Record] = field(default_factory=dict)
    """All Evaluations that this model owns, by name."""
    all_recorded: bool = True
    """Whether those are all: right after a start there may be more than were read yet."""
    decisions: tuple[Decision, ...] = ()
    """Those that have had no answer, the most urgent first, and the Overrides that were honoured."""
    more_decisions: bool = False
    """Whether there are more without an answer than were read."""
    recorded: Mapping[str, str] = field(default_factory=dict)
    """The digest of each revision that is recorded, by its name; empty where the record is damaged."""
    stale: frozenset[str] = frozenset()
    """Revisions whose record has to be made anew: replicas are changed in place, or it is damaged."""
    owned_records: frozenset[str] = frozenset()
    """Revisions whose record the model owns; known of one whose objects are to outlive it."""
    unconfigured: frozenset[str] = frozenset()
    """Revisions with a detector that is not told yet what it is to count."""
    config_maps: Mapping[str, str] = field(default_factory=dict)
    """The revision of each ConfigMap of a detector or profile that this model owns, by its name."""
    gateway_exists: bool = True
    unprogrammed: str = ""
    """Why the Gateway takes no requests, in its controller's words; empty where it says nothing of the kind."""
    listener: GatewayListener = field(default_factory=GatewayListener)
    hostnames: Hostnames = field(default_factory=Hostnames)
    """The host names that it asks for, and what stands in the way."""
    kserve_installed: bool = True
    gateway_api_installed: bool = True
    monitored: Monitored | None = None
    """How it is watched; None where the model names no policy."""
    serving: ServingLook | None = None
    """How it answers its callers; None before the first look since the operator started."""
    retrainings: Mapping[str, Retraining] = field(default_factory=dict)
    """The Jobs that retrain, by name."""
    standards: Standards = NO_STANDARDS
    """The ClinicalStandards that apply to it, or why nobody knows."""
    refusal: str | None = None
    """Why the API server refused the latest write, in its own words."""
