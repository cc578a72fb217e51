"""ClinicalModel.status: all that the operator remembers between two looks at the world."""

from enum import StrEnum
from typing import Annotated, Literal, cast

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from mlhops.api.action import ActionType
from mlhops.api.base import Fingerprint, Resource, Time
from mlhops.api.conditions import Condition
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase, HonoursNames

HISTORY_LIMIT = 20

DriftVerdict = Literal["Drift", "NoDrift", "Insufficient", "Error"]
ServingState = Literal["Serving", "Failing", "Silent", "Insufficient"]
FindingKind = Literal["Feature", "Score", "Joint", "Quality", "Candidate"]


class Phase(StrEnum):
    """The phases of Argo Rollouts."""

    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    HEALTHY = "Healthy"
    DEGRADED = "Degraded"


class Outcome(StrEnum):
    """How a rollout ended."""

    PROMOTED = "Promoted"
    FAST_PROMOTED = "FastPromoted"
    ABORTED = "Aborted"
    SUPERSEDED = "Superseded"
    ROLLED_BACK = "RolledBack"
    FAST_ROLLED_BACK = "FastRolledBack"


class Decider(Resource):
    """A person's decision that had an effect."""

    decision: str
    """The Decision's name."""
    uid: str
    """The Decision's uid."""
    action: Action
    decided_by: str
    """Who decided."""
    reason: str = ""
    """Why."""
    gates: list[str] | None = None
    """The gates that an Override names."""
    expires: Time | None = None
    """Until when an Override holds."""
    at: Time | None = None
    """When it was made."""
    seen: str | None = None
    """Its resourceVersion when it was heard: which of two decisions is the later one."""
    digest: str | None = None
    """What the revision served."""
    gates_hash: str | None = None
    """The gates that it was about."""
    steps_hash: str | None = None
    """The steps that it was about."""
    attempt: int = 1
    """The attempt in which it was heard."""
    step_index: int = 0
    """The step at which it was heard, for people."""
    step_id: int | None = None
    """The step that it answers, as `candidate.taken` numbers them."""


class Stop(Resource):
    """Why a rollout waits or has failed."""

    reason: str
    """Why, in one word for programs."""
    message: str = ""
    """Why, in a sentence for people."""
    at: Time
    """Since when."""
    seen: str | None = None
    """The model's resourceVersion then; a Decision of a lower one was made before."""
    final: bool = False
    """It does not pass by itself: something has to be changed first."""


class Hold(Resource):
    """A person's Pause; it holds whatever version comes, until a person lifts it."""

    decision: str
    """The Decision's name."""
    uid: str
    """Its uid."""
    decided_by: str
    """Who decided."""
    reason: str = ""
    """Why."""
    revision: str
    """The revision that it named."""
    version: str = ""
    """Its version."""
    at: Time | None = None
    """When it was made."""
    seen: str | None = None
    """Its resourceVersion when it was heard."""


class TakenStep(Resource):
    """A step that has begun."""

    id: int
    """Its number in the attempt, given once."""
    step: str
    """What it is, such as `setWeight 10`."""
    weight: int = 0
    """The candidate's weight when it began."""
    since: Time | None = None
    """When it began."""
    removed: bool = False
    """Taken off the list while the rollout waited at it: it is answered first."""


class Taken(Resource):
    """The steps that this attempt has taken, whatever became of the list."""

    begun: int = 0
    """How many have begun."""
    passed: Annotated[list[TakenStep], Field(max_length=32)] = []
    """Those that are done, as far as the list still begins with them."""
    present: TakenStep | None = None
    """The one under way."""
    owed: Annotated[list[TakenStep], Field(max_length=32)] = []
    """Those that were waited at, and that an edit has moved or removed."""
    until: Time | None = None
    """The earliest end of a timed pause that an edit has shortened."""


class Proof(Resource):
    """The evidence on which a revision may have traffic."""

    evaluation: str
    """The Evaluation's name."""
    phase: EvaluationPhase
    gates_hash: str
    """Hash of the gates, the data and the interface that were judged; other gates need a new
    proof."""
    digest: Fingerprint | None = None
    """The sha256 of what was measured."""
    overridden: Annotated[list[str], Field(default_factory=list)]
    """Gates that did not pass and that a person overrode; left out where there is none, as kubectl shows it."""
    expires: Time | None = None
    """When the first of the overrides that the proof rests on ends."""
    server: list[str] = []
    """The images and the runtime that were measured."""
    honours_names: HonoursNames | None = None
    """Whether the model goes by the names of its inputs; absent where an earlier evaluator measured it."""

    @model_serializer(mode="wrap")
    def _without_nothing(self, usual: SerializerFunctionWrapHandler) -> dict[str, object]:
        told = cast("dict[str, object]", usual(self))
        if not told.get("overridden"):
            told.pop("overridden", None)
        return told


class Measurement(Resource):
    """What serves, measured again on held-out data."""

    number: Annotated[int, Field(ge=1)]
    """Counts up with each one of a revision."""
    evaluation: str
    """The Evaluation's name."""
    why: Literal["Decision", "Schedule", "GatesChanged"]
    """What asked for it."""
    gates_hash: str
    """Hash of the gates, the data and the interface that are judged."""
    since: Time
    """When it was asked for."""
    phase: EvaluationPhase = EvaluationPhase.PENDING
    message: Annotated[str, Field(max_length=1024)] = ""
    """What was found, in a sentence."""
    at: Time | None = None
    """When the verdict was taken over."""
    overridden: list[str] = []
    """Gates that did not pass and that a person overrode."""
    expires: Time | None = None
    """When the first of these overrides ends."""


class Serving(Resource):
    """A revision that serves, or did until lately."""

    revision: str
    """The revision's short name."""
    digest: Fingerprint | None = None
    """The sha256 of all that changes what is served, which tells revisions apart."""
    version: str
    """The clinical version."""
    inference_service: str
    """The name of its InferenceService."""
    since: Time
    """When it took over."""
    seen: str | None = None
    """The model's resourceVersion then; a Decision of a lower one is not about what serves."""
    candidate_since: Time | None = None
    """When it had become the candidate."""
    proof: Proof | None = None
    """The evidence that let it in."""
    gates_hash: str | None = None
    """Hash of the gates that the spec asks of it now, for `Decision.spec.gatesHash`."""
    remeasured: Measurement | None = None
    """The newest verdict on it since it serves; it stands beside the proof and replaces nothing."""
    measuring: Measurement | None = None
    """A measurement that is under way, or that came to no verdict."""
    deciders: Annotated[list[Decider], Field(max_length=32)] = []
    """Decisions that had an effect on it since it serves."""
    kept_until: Time | None = None
    """A previous revision's end."""
    rejected: bool = False
    """A previous revision that was rolled back from: setting `spec` to it begins a rollout."""


class StandingOverride(Resource):
    """What a person overrode, for as long as what serves rests on it."""

    gates: list[str]
    """The gates that did not pass."""
    expires: Time | None = None
    """Until when that holds."""
    warn_at: Time | None = None
    """From when on people are warned of its end: the last tenth of its time, three days at most."""
    phase: Literal["Holds", "Ending", "Ended"] = "Holds"
    """Ended: nobody answers any more for what serves."""


class RolledBack(Resource):
    """The revision that was rolled back from; it waits until the spec asks for another, or for a Retry."""

    revision: str
    """Its short name."""
    digest: Fingerprint | None = None
    """The sha256 of what it serves."""
    version: str
    """Its clinical version."""
    reason: str
    """RolledBack where a person decided that, Restored where it failed its gates."""
    message: Annotated[str, Field(max_length=1024)] = ""
    """Who went back and why."""
    at: Time
    """When that was decided."""
    seen: str | None = None
    """The Decision's resourceVersion, or the model's."""


class Candidate(Resource):
    """A revision that is on its way."""

    revision: str
    """The revision's short name."""
    digest: Fingerprint | None = None
    """The sha256 of all that changes what is served, which tells revisions apart."""
    gates_hash: str | None = None
    """Hash of the gates asked for, for `Decision.spec.gatesHash`."""
    steps_hash: str | None = None
    """Hash of the steps asked for, for `Decision.spec.stepsHash`."""
    version: str
    """The clinical version."""
    inference_service: str
    """The name of its InferenceService."""
    created_at: Time
    """When the revision became the candidate."""
    seen: str | None = None
    """The model's resourceVersion then; a Decision of a lower one is not about this candidate."""
    attempt: int = 1
    """Counts up with each Retry and each change of the gates."""
    started_at: Time
    """When this attempt began."""
    ready_at: Time | None = None
    """When the model server was first ready in this attempt."""
    trouble: Annotated[str | None, Field(max_length=1024)] = None
    """What keeps its model server from being ready."""
    step_index: int = 0
    """The step that is under way, from 0; equal to the number of steps when all are done."""
    step: str = ""
    """The same for people, such as `2/5`."""
    step_started_at: Time | None = None
    """When the current step began."""
    taken: Taken | None = None
    desired_weight: int = 0
    """The weight that the step asks for."""
    weight: int = 0
    """The weight that the Gateway has accepted."""
    evaluation: str | None = None
    """The Evaluation that this attempt rests on."""
    proof: Proof | None = None
    pause: Stop | None = None
    """Why it waits."""
    hold: Stop | None = None
    """A policy's action holds it, until a person decides Resume."""
    failure: Stop | None = None
    """Set once and for all in an attempt; the weight is 0 from then on."""
    promoting: bool = False
    """A person decided to skip what is left of the steps."""
    renew: bool = False
    """A retry begins with a new InferenceService, because the old one was not well."""
    deciders: list[Decider] = []
    """Decisions that had an effect on this candidate."""


class Hostname(Resource):
    """A host name that a model holds."""

    name: str
    """The host name."""
    gateway: str
    """Its Gateway, as namespace/name."""
    since: Time
    """Who asks later waits."""


class HistoryEntry(Resource):
    """How one rollout ended; each entry carries the hash of the one before."""

    revision: str
    """The revision that was rolled out."""
    digest: Fingerprint | None = None
    """The sha256 of what it serves."""
    version: str
    """Its clinical version."""
    outcome: Outcome
    message: str = ""
    """How it ended, in a sentence."""
    started_at: Time | None = None
    """When its last attempt began."""
    finished_at: Time
    """When it ended."""
    attempt: int = 1
    """The attempt in which it ended."""
    evaluation: str | None = None
    """The Evaluation that it rested on."""
    overridden: list[str] = []
    """Gates that a person overrode."""
    deciders: list[Decider] = []
    """Decisions that had an effect."""
    previous_hash: str = ""
    """The hash of the entry before."""
    hash: str = ""
    """The hash of this entry."""


class Finding(Resource):
    """What one test found; without numbers where they would tell of too few people."""

    of: str
    """A feature, the output, `joint`, or what was compared."""
    kind: FindingKind
    """What that is."""
    window: str = ""
    """The window's name."""
    test: str
    """The test's name."""
    p: float | None = None
    """Its corrected chance where nothing has moved."""
    effect: float | None = None
    """How far it has moved."""
    rows: int | None = None
    """Rows of the window."""


class LookVerdicts(Resource):
    """What one look came to."""

    drift: DriftVerdict = "Insufficient"
    """Of what serves."""
    quality: DriftVerdict = "Insufficient"
    """Of its requests."""
    candidate: DriftVerdict | None = None
    """Of the candidate beside it."""


class Watched(Resource):
    """What looks at a candidate found."""

    revision: str
    """The candidate's revision."""
    attempt: int
    """The attempt."""
    verdict: DriftVerdict
    """Drift: it answers otherwise than what serves."""
    worst: Finding | None = None
    """What differs most."""


class Acted(Resource):
    """An action that was done."""

    name: str
    """The action's name."""
    type: ActionType | None = None
    """What it does."""
    at: Time
    """When."""
    about: str
    """What it answered or acted on."""
    job: str | None = None
    """The Job that it has started."""
    phase: Literal["Starting", "Running", "Complete", "Failed"] | None = None
    """What became of that Job; one that Failed, or of which no pod became ready, does not count for the limit."""
    message: Annotated[str | None, Field(max_length=256)] = None
    """Why it Failed."""


class MonitoringStatus(Resource):
    """What monitoring found last."""

    revision: str = ""
    """The revision that serves and was looked at."""
    verdict: DriftVerdict | None = None
    """What its latest looks come to."""
    message: str = ""
    """Why there is no verdict."""
    worst: Finding | None = None
    """What has moved most."""
    quality: DriftVerdict | None = None
    """Drift: what is sent to it is worse than it was."""
    quality_worst: Finding | None = None
    """What is worse by most."""
    candidate: Watched | None = None
    looked_at: Time | None = None
    """When it was looked at; written every ten minutes, or with a change."""
    looks: Annotated[list[LookVerdicts], Field(max_length=32)] = []
    """The latest looks that count, the newest last."""
    acted: Annotated[list[Acted], Field(max_length=128)] = []
    """What was done."""


class FailureCount(Resource):
    """Requests that failed for one reason."""

    reason: str
    """Why: unanswered, wrongAnswer, notANumber, wrongFeatures or unreadable."""
    requests: int
    """How many."""


class CandidateTraffic(Resource):
    """What live requests have shown of a candidate at its present step."""

    revision: str
    """The candidate's revision."""
    requests: int = 0
    """Requests of which it is known what became of them."""
    failed: int = 0
    """Requests among them that failed."""


class ServingStatus(Resource):
    """Whether what serves answers its callers, as the sidecars beside it count."""

    revision: str = ""
    """The revision that serves."""
    verdict: ServingState | None = None
    """Serving: it answers. Failing: more requests fail than may, or it does not answer its sidecar's synthetic
    row. Silent: no request came within the hour. Insufficient: too few to tell, or nobody counts."""
    message: str = ""
    """Why, in a sentence."""
    since: Time | None = None
    """Since when the verdict is this one."""
    requests: int | None = None
    """Requests of the last hour of which it is known what became of them."""
    failed: int | None = None
    """Requests among them that failed."""
    failures: Annotated[list[FailureCount], Field(max_length=16)] = []
    """Why they failed."""
    p50_seconds: float | None = None
    """Within so many seconds half of the answers came."""
    p99_seconds: float | None = None
    """Within so many seconds 99 of 100 answers came."""
    candidate: CandidateTraffic | None = None
    counted_at: Time | None = None
    """When the numbers were taken; written every ten minutes, every minute beside a candidate with traffic,
    or with a change."""


class ClinicalModelStatus(Resource):
    """What runs, at which weight, on what evidence, and why it stopped."""

    observed_generation: int = 0
    """The generation of the spec that this status is about."""
    phase: Phase | None = None
    message: str = ""
    """Where the model stands, in a sentence."""
    url: str | None = None
    """Where callers reach the model."""
    hostnames: Annotated[list[Hostname], Field(max_length=16)] = []
    """The host names that it holds."""
    stable: Serving | None = None
    """The revision that serves."""
    candidate: Candidate | None = None
    hold: Hold | None = None
    previous: Serving | None = None
    """The revision that served before, kept without traffic so that going back to it is instant."""
    serving: ServingStatus | None = None
    override: StandingOverride | None = None
    rolled_back: RolledBack | None = None
    monitoring: MonitoringStatus | None = None
    history: Annotated[list[HistoryEntry], Field(max_length=HISTORY_LIMIT)] = []
    """How the latest rollouts ended, the newest last."""
    conditions: Annotated[
        list[Condition],
        Field(
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            }
        ),
    ] = []
    """What the operator observed."""
