"""Reasons of conditions, Events and history, and the messages that several modules share."""

from enum import StrEnum


class Reason(StrEnum):
    """Stable reasons: alerts and scripts may rely on them."""

    # conditions
    SERVING = "Serving"
    STABLE_UNREADY = "StableUnready"
    ROUTE_NOT_ACCEPTED = "RouteNotAccepted"
    BACKENDS_UNAVAILABLE = "BackendsUnavailable"
    GATEWAY_NOT_PROGRAMMED = "GatewayNotProgrammed"
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    SETTLED = "Settled"
    NOTHING_SERVES = "NothingServes"
    WITHIN_LIMITS = "WithinLimits"
    INSUFFICIENT_DATA = "InsufficientData"
    MONITORING_ERROR = "MonitoringError"
    REQUESTS_FAIL = "RequestsFail"
    REQUESTS_ANSWERED = "RequestsAnswered"
    ANSWERS = "Answers"
    NOT_COUNTED = "NotCounted"
    MEETS_STANDARD = "MeetsStandard"
    # why a rollout waits
    NOT_ENOUGH_TRAFFIC = "NotEnoughTraffic"
    NOT_ENOUGH_REPLICAS = "NotEnoughReplicas"
    OBSERVING = "Observing"
    STEP_UNKNOWN = "StepUnknown"
    PAUSE_STEP = "PauseStep"
    APPROVAL_REQUIRED = "ApprovalRequired"
    PAUSED_BY_SPEC = "PausedBySpec"
    PAUSED_BY_PERSON = "PausedByPerson"
    GATES_INCONCLUSIVE = "GatesInconclusive"
    EVALUATION_ERROR = "EvaluationError"
    OVERRIDE_ENDS = "OverrideEnds"
    OVERRIDE_EXPIRED = "OverrideExpired"
    PAUSED_BY_POLICY = "PausedByPolicy"
    BELOW_STANDARD = "BelowStandard"
    STANDARD_UNKNOWN = "StandardUnknown"
    # why a rollout failed
    CANDIDATE_FAILS = "CandidateFails"
    GATES_FAILED = "GatesFailed"
    CANDIDATE_UNHEALTHY = "CandidateUnhealthy"
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    ABORTED = "Aborted"
    REJECTED = "Rejected"
    MODEL_DELETED = "ModelDeleted"
    ROLLED_BACK_BY_POLICY = "RolledBackByPolicy"
    # why what serves is not what the spec asks for, or not as it was
    ROLLED_BACK = "RolledBack"
    RESTORED = "Restored"
    STABLE_FAILED = "StableFailed"
    # why nothing can be done
    KSERVE_MISSING = "KServeMissing"
    GATEWAY_API_MISSING = "GatewayAPIMissing"
    GATEWAY_MISSING = "GatewayMissing"
    MODE_NOT_SUPPORTED = "ModeNotSupported"
    MODE_IGNORED = "ModeIgnored"
    NAME_TOO_LONG = "NameTooLong"
    HOSTNAME_TAKEN = "HostnameTaken"
    HOSTNAME_NOT_ALLOWED = "HostnameNotAllowed"
    REQUESTS_TAKEN = "RequestsTaken"
    FOREIGN_OBJECT = "ForeignObject"
    FOREIGN_LOGGER = "ForeignLogger"
    FOREIGN_FIELD = "ForeignField"
    REVISION_CLASH = "RevisionClash"
    FOREIGN_POD = "ForeignPod"
    AS_MEASURED = "AsMeasured"
    SERVER_UNKNOWN = "ServerUnknown"
    SERVER_CHANGED = "ServerChanged"
    RUNTIME_CHANGED = "RuntimeChanged"
    REVISION_LOST = "RevisionLost"
    INVALID_SPEC = "InvalidSpec"
    WRITE_REFUSED = "WriteRefused"
    READ_REFUSED = "ReadRefused"
    # Events
    CANDIDATE_CREATED = "CandidateCreated"
    CANDIDATE_READY = "CandidateReady"
    CANDIDATE_WAITING = "CandidateWaiting"
    EVALUATION_STARTED = "EvaluationStarted"
    GATES_PASSED = "GatesPassed"
    GATES_OVERRIDDEN = "GatesOverridden"
    GATES_CHANGED = "GatesChanged"
    SERVER_RECORDED = "ServerRecorded"
    CLUSTER_RESTORED = "ClusterRestored"
    WEIGHT_SET = "WeightSet"
    ROUTE_SIMPLIFIED = "RouteSimplified"
    STEP_COMPLETED = "StepCompleted"
    RESUMED = "Resumed"
    PROMOTED = "Promoted"
    FAST_PROMOTED = "FastPromoted"
    FAST_ROLLED_BACK = "FastRolledBack"
    SUPERSEDED = "Superseded"
    RETRIED = "Retried"
    PREVIOUS_REMOVED = "PreviousRemoved"
    DECISION_IGNORED = "DecisionIgnored"
    # monitoring
    POLICY_MISSING = "PolicyMissing"
    DRIFT_DETECTED = "DriftDetected"
    DRIFT_ENDED = "DriftEnded"
    DATA_QUALITY_DEGRADED = "DataQualityDegraded"
    DATA_QUALITY_RESTORED = "DataQualityRestored"
    CANDIDATE_DIFFERS = "CandidateDiffers"
    NOTIFIED = "Notified"
    NOTIFICATION_FAILED = "NotificationFailed"
    RETRAINING_STARTED = "RetrainingStarted"
    RETRAINING_FAILED = "RetrainingFailed"
    PROFILE_MISSING = "ProfileMissing"
    PROFILE_REFUSED = "ProfileRefused"


CLUSTER_RESTORED_MESSAGE = (
    "the cluster knows less than it did, as after a restore of etcd from an older backup: this goes on from what is "
    "there now; what was evaluated or decided since that backup is gone and has to be done again"
)
KSERVE_MISSING = (
    "KServe is not installed (no InferenceService in serving.kserve.io/v1beta1): install it; "
    "the model goes on by itself when it is there"
)
MODE_KNATIVE = (
    "spec.exposure.mode Knative is not supported by this version of the operator: "
    "set it to Standard"
)


def revision_clash(name: str, digest: str) -> str:
    """Return the message for a spec whose revision would have the name of another one."""
    return (
        f"what spec asks to be served (sha256 {digest}) would have the name {name}, which another "
        "revision of this model has: change spec.version, and it gets another name"
    )


def mode_ignored(service: str, mode: str) -> str:
    """Return the message for a KServe that does not know the deployment mode that is asked of it."""
    return (
        f"KServe runs InferenceService {service} in mode {mode[:63]} although Standard is asked for, which "
        "KServe knows from 0.16 on: upgrade KServe"
    )


def label_too_long(label: str) -> str:
    """Return the message for names that do not fit the label that KServe gives to pods."""
    return (
        f"{label!r} is a label of {len(label)} characters and Kubernetes allows 63: "
        "give the model a shorter name"
    )


def name_too_long(name: str, length: int) -> str:
    """Return the message for names that do not fit KServe's host names."""
    return (
        f"{name!r} makes a host name of {length} characters and KServe allows 63: "
        "give the model or its namespace a shorter name"
    )


def foreign_logger(service: str) -> str:
    """Return the message for a logger that somebody else set."""
    return (
        f"InferenceService {service} has a logger that the operator did not set: remove "
        "spec.predictor.logger there, or serve that InferenceService without a ClinicalModel"
    )


def foreign_field(service: str, field: str) -> str:
    """Return the message for a field that puts something else in the place of what was tested."""
    return (
        f"InferenceService {service} has {field}, which the operator did not set and which changes "
        "what answers requests: remove it there, or make it part of the ClinicalModel's spec"
    )


def foreign_pod(service: str, pod: str) -> str:
    """Return the message for a pod that gets requests of patients and was made by somebody else."""
    return (
        f"pod {pod} gets requests for InferenceService {service} and is not one that KServe has made "
        "for it: remove that pod, or its label `app`"
    )


def another_server(version: str, change: str) -> str:
    """Return the message for what serves without having been measured."""
    return (
        f"{version} serves, but not as it was measured: {change}: put that back, or apply another version "
        "of the model, which is evaluated with what there is now"
    )


def route_simplified(said: str) -> str:
    """Return the message for a Gateway that does not know how to say who answered."""
    return (
        f"the Gateway does not take all of the HTTPRoute ({said}), so it is written with less, and answers do not "
        "say which revision gave them: set spec.exposure.responseHeaders to Off, or use another Gateway"
    )


ANSWERERS_UNTOLD = (
    "answers do not say who gave them, since the Gateway did not take that: see "
    "spec.exposure.responseHeaders"
)
ANSWERERS_UNTOLD_IN_ROLLOUT = (
    "answers do not say who gave them while two revisions share requests, since the Gateway did not take "
    "that: see spec.exposure.responseHeaders"
)


def revision_lost(service: str, version: str) -> str:
    """Return the message for a stable revision that can no longer be applied."""
    return (
        f"InferenceService {service} of {version} is gone, and so is the record of its spec: "
        f"set spec back to {version} to serve it again"
    )
