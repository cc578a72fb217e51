"""What each reason means, who can do something about it, and what.

The one table behind `explain`, "waits for", and the page docs/reasons.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mlhops.rollout.reasons import Reason


class Party(StrEnum):
    """Who is waited for."""

    DECIDER = "a decider"
    EDITOR = "an editor of the model"
    ADMINISTRATOR = "an administrator of the cluster"
    TIME = "time"
    REQUESTS = "live requests"
    EVALUATOR = "the evaluator"
    OPERATOR = "the operator"
    NOBODY = "nobody"


ROLES = {
    Party.DECIDER: "mlhops-decider",
    Party.EDITOR: "mlhops-edit",
}
"""The ClusterRole that lets a party do its part."""


@dataclass(frozen=True)
class Remedy:
    """What a reason means, and what ends it."""

    party: Party
    meaning: str
    remedy: str = ""
    verbs: tuple[str, ...] = ()
    """Commands of this plug-in that end it, the usual one first."""
    runbook: str = ""
    """The page of docs/runbooks/ that goes on from here."""


_DECIDER, _EDITOR, _ADMIN = Party.DECIDER, Party.EDITOR, Party.ADMINISTRATOR
_ON, _NOBODY = Party.OPERATOR, Party.NOBODY
_FAILED = ("retry",)
_BLOCKED, _ROLLOUT_FAILED = "MLHOpsModelBlocked", "MLHOpsRolloutFailed"
_WAITS, _UNDECIDED = "MLHOpsRolloutWaits", "MLHOpsGatesUndecided"
_AWAY = "apply another version, or decide Retry once the cause is gone"

REMEDIES: dict[Reason, Remedy] = {
    # conditions
    Reason.SERVING: Remedy(_NOBODY, "what the spec asks for serves all requests"),
    Reason.STABLE_UNREADY: Remedy(
        _EDITOR,
        "the model server of what serves is not ready",
        "look at its pods; go back with Rollback where the version before is kept",
        ("rollback",),
        "MLHOpsModelUnavailable",
    ),
    Reason.ROUTE_NOT_ACCEPTED: Remedy(
        _ADMIN,
        "the Gateway has not accepted the HTTPRoute with the present weights",
        "look at the status of the HTTPRoute and its Gateway",
        runbook=_BLOCKED,
    ),
    Reason.BACKENDS_UNAVAILABLE: Remedy(
        _ADMIN,
        "the Gateway finds no backend for the route",
        "look at Services and EndpointSlices of the model server",
        runbook="MLHOpsModelUnavailable",
    ),
    Reason.GATEWAY_NOT_PROGRAMMED: Remedy(
        _ADMIN,
        "the Gateway is not programmed",
        "look at the Gateway's conditions",
        runbook=_BLOCKED,
    ),
    Reason.ROLLOUT_IN_PROGRESS: Remedy(_ON, "a rollout goes on, and nothing is asked of anybody"),
    Reason.SETTLED: Remedy(_NOBODY, "nothing is to be done"),
    Reason.NOTHING_SERVES: Remedy(_ON, "no version has taken over yet"),
    Reason.WITHIN_LIMITS: Remedy(_NOBODY, "what is watched has not moved"),
    Reason.INSUFFICIENT_DATA: Remedy(
        Party.REQUESTS,
        "too few rows came to tell",
        "wait for requests, or widen the policy's windows",
    ),
    Reason.MONITORING_ERROR: Remedy(
        _EDITOR,
        "a look at the model failed",
        "read the message: it names what could not be read",
        runbook="MLHOpsMonitoringFails",
    ),
    Reason.REQUESTS_FAIL: Remedy(
        _DECIDER,
        "more live requests fail than may",
        "read the message for why; go back with Rollback where the version before is kept",
        ("rollback",),
        "MLHOpsRequestsFail",
    ),
    Reason.REQUESTS_ANSWERED: Remedy(_NOBODY, "live requests are answered"),
    Reason.ANSWERS: Remedy(_NOBODY, "the model answers its sidecar; few or no requests came"),
    Reason.NOT_COUNTED: Remedy(_NOBODY, "the model is ready, and nobody counts its requests"),
    Reason.MEETS_STANDARD: Remedy(_NOBODY, "the spec meets all standards that apply to it"),
    # why a rollout waits
    Reason.NOT_ENOUGH_TRAFFIC: Remedy(
        Party.REQUESTS,
        "live requests have not shown yet what rollout.evidence asks at this weight",
        "wait for requests; Promote goes on without, and Abort takes the candidate back",
        ("promote", "abort"),
        _WAITS,
    ),
    Reason.NOT_ENOUGH_REPLICAS: Remedy(
        _EDITOR,
        "fewer pods than spec.predictor.minReplicas are ready",
        "make room for the pods, or lower minReplicas",
        ("abort",),
        _WAITS,
    ),
    Reason.OBSERVING: Remedy(
        Party.TIME,
        "an observe step lasts for its time",
        "wait; Promote skips the steps that are left",
        ("promote", "abort"),
    ),
    Reason.STEP_UNKNOWN: Remedy(
        _ADMIN,
        "a step that this operator does not know",
        "upgrade the operator, or decide Promote or Abort",
        ("promote", "abort"),
        _WAITS,
    ),
    Reason.PAUSE_STEP: Remedy(
        _DECIDER,
        "a pause step",
        "Resume goes on, Promote skips the steps that are left, Abort takes the candidate back",
        ("resume", "promote", "abort"),
        _WAITS,
    ),
    Reason.APPROVAL_REQUIRED: Remedy(
        _DECIDER,
        "an approve step waits for a person",
        "look at the Evaluation and its report, then Approve or Reject",
        ("approve", "reject"),
        _WAITS,
    ),
    Reason.PAUSED_BY_SPEC: Remedy(
        _EDITOR,
        "spec.rollout.paused holds the rollout",
        "set spec.rollout.paused to false",
        ("abort",),
        _WAITS,
    ),
    Reason.PAUSED_BY_PERSON: Remedy(
        _DECIDER,
        "a person holds the model, whatever version comes",
        "Resume or Promote ends it",
        ("resume", "abort"),
        _WAITS,
    ),
    Reason.GATES_INCONCLUSIVE: Remedy(
        _DECIDER,
        "these data cannot decide a required gate",
        "bring more held-out data and Retry, or let the gates pass by name with an Override that ends",
        ("override", "retry", "reject"),
        _UNDECIDED,
    ),
    Reason.EVALUATION_ERROR: Remedy(
        _EDITOR,
        "the gates could not be measured",
        "correct what the message names, then Retry or apply another version",
        ("retry", "reject"),
        _UNDECIDED,
    ),
    Reason.OVERRIDE_ENDS: Remedy(
        _DECIDER,
        "an Override on which what serves rests ends soon",
        "renew it with an Override of what serves, or replace the version",
        ("override",),
        "MLHOpsOverrideEnds",
    ),
    Reason.OVERRIDE_EXPIRED: Remedy(
        _DECIDER,
        "an Override has ended, and nobody answers any more for the gates that did not pass",
        "measure again with Evaluate, renew the Override, or replace the version",
        ("evaluate", "override"),
        "MLHOpsOverrideExpired",
    ),
    Reason.BELOW_STANDARD: Remedy(
        _EDITOR,
        "the model is below a ClinicalStandard, the floor of a safety board, and no version gets more requests",
        "change the field that the message names; who has the role mlhops-standards may change what is asked",
        runbook=_WAITS,
    ),
    Reason.STANDARD_UNKNOWN: Remedy(
        _ADMIN,
        "nobody knows which ClinicalStandards apply, so that nothing of the model gets more requests",
        "do what the message says: the kind, or a right of the operator, is missing, or a standard cannot be read",
        runbook=_WAITS,
    ),
    Reason.PAUSED_BY_POLICY: Remedy(
        _DECIDER,
        "an action of the MonitoringPolicy holds the candidate",
        "look at what monitoring found, then Resume or Abort",
        ("resume", "abort"),
        _WAITS,
    ),
    # why a rollout failed
    Reason.CANDIDATE_FAILS: Remedy(
        _EDITOR,
        "the candidate surely failed its callers and has no traffic",
        _AWAY,
        _FAILED,
        _ROLLOUT_FAILED,
    ),
    Reason.GATES_FAILED: Remedy(
        _EDITOR,
        "a required gate is proven to be beyond its limit",
        "apply a better version",
        _FAILED,
        _ROLLOUT_FAILED,
    ),
    Reason.CANDIDATE_UNHEALTHY: Remedy(
        _EDITOR, "the candidate's model server is not well", _AWAY, _FAILED, _ROLLOUT_FAILED
    ),
    Reason.PROGRESS_DEADLINE_EXCEEDED: Remedy(
        _EDITOR,
        "the candidate, or the Gateway, took longer than rollout.progressDeadline",
        _AWAY,
        _FAILED,
        _ROLLOUT_FAILED,
    ),
    Reason.ABORTED: Remedy(
        _EDITOR, "a person aborted the rollout", "apply another version, or Retry", _FAILED
    ),
    Reason.REJECTED: Remedy(
        _EDITOR, "a person rejected the evidence", "apply another version, or Retry", _FAILED
    ),
    Reason.MODEL_DELETED: Remedy(_ON, "the model is being deleted"),
    Reason.ROLLED_BACK_BY_POLICY: Remedy(
        _EDITOR,
        "an action of the MonitoringPolicy took the candidate back",
        _AWAY,
        _FAILED,
        _ROLLOUT_FAILED,
    ),
    # why what serves is not what the spec asks for, or not as it was
    Reason.ROLLED_BACK: Remedy(
        _EDITOR,
        "a person went back to the version before, and the spec still asks for the one after",
        "set spec to another version, or Retry the one that was rolled back from",
        _FAILED,
    ),
    Reason.RESTORED: Remedy(
        _EDITOR,
        "what served failed its gates when measured again, and the version before serves",
        "set spec to another version, or Retry the one that was rolled back from",
        _FAILED,
        "MLHOpsStableFailed",
    ),
    Reason.STABLE_FAILED: Remedy(
        _DECIDER,
        "what serves failed its gates when it was measured again",
        "go back with Rollback, replace the version, or let the gates pass by name for a time",
        ("rollback", "override"),
        "MLHOpsStableFailed",
    ),
    # why nothing can be done
    Reason.KSERVE_MISSING: Remedy(
        _ADMIN, "KServe is not installed", "install it", runbook=_BLOCKED
    ),
    Reason.GATEWAY_API_MISSING: Remedy(
        _ADMIN, "Gateway API is not installed", "install its kinds", runbook=_BLOCKED
    ),
    Reason.GATEWAY_MISSING: Remedy(
        _EDITOR,
        "the Gateway that the model names is not there",
        "make it, or correct spec.exposure.gateway",
        runbook=_BLOCKED,
    ),
    Reason.MODE_NOT_SUPPORTED: Remedy(
        _EDITOR,
        "this mode is not supported",
        "set spec.exposure.mode to Standard",
        runbook=_BLOCKED,
    ),
    Reason.MODE_IGNORED: Remedy(
        _ADMIN, "KServe does not know mode Standard", "upgrade KServe", runbook=_BLOCKED
    ),
    Reason.NAME_TOO_LONG: Remedy(
        _EDITOR, "a name that is made of the model's is too long", "shorten it", runbook=_BLOCKED
    ),
    Reason.HOSTNAME_TAKEN: Remedy(
        _EDITOR,
        "another model has the host name",
        "choose another one, or take it from the other model",
        runbook=_BLOCKED,
    ),
    Reason.HOSTNAME_NOT_ALLOWED: Remedy(
        _EDITOR,
        "the Gateway does not let in this host name from here",
        "choose one that its listeners allow, or have the listener changed",
        runbook=_BLOCKED,
    ),
    Reason.REQUESTS_TAKEN: Remedy(
        _ADMIN,
        "another route may take the model's requests",
        "remove the other route, or give it another host name",
        runbook=_BLOCKED,
    ),
    Reason.FOREIGN_OBJECT: Remedy(
        _EDITOR,
        "an object of the needed name belongs to somebody else",
        "remove it",
        runbook=_BLOCKED,
    ),
    Reason.FOREIGN_LOGGER: Remedy(
        _EDITOR,
        "somebody else set a logger",
        "remove spec.predictor.logger there",
        runbook=_BLOCKED,
    ),
    Reason.FOREIGN_FIELD: Remedy(
        _EDITOR,
        "somebody else set a field that changes what answers requests",
        "remove it there, or make it part of the ClinicalModel",
        runbook=_BLOCKED,
    ),
    Reason.REVISION_CLASH: Remedy(
        _EDITOR, "two revisions would have one name", "change spec.version", runbook=_BLOCKED
    ),
    Reason.FOREIGN_POD: Remedy(
        _ADMIN,
        "a pod that KServe has not made gets requests",
        "remove that pod, or its label app",
        runbook=_BLOCKED,
    ),
    Reason.AS_MEASURED: Remedy(_NOBODY, "what serves is what was measured"),
    Reason.SERVER_UNKNOWN: Remedy(_ON, "it is not known yet which server answers"),
    Reason.SERVER_CHANGED: Remedy(
        _ADMIN,
        "another image serves than was measured",
        "put the image back, or apply another version of the model",
    ),
    Reason.RUNTIME_CHANGED: Remedy(
        _ADMIN,
        "the ServingRuntime is not the one that was measured",
        "put it back, or apply another version of the model",
    ),
    Reason.REVISION_LOST: Remedy(
        _EDITOR, "what served is gone, with its record", "set spec back to that version"
    ),
    Reason.INVALID_SPEC: Remedy(
        _EDITOR,
        "the spec cannot be read",
        "correct the field that the message names",
        runbook=_BLOCKED,
    ),
    Reason.WRITE_REFUSED: Remedy(
        _ADMIN,
        "the API server refuses a write of the operator",
        "grant the right, or change the policy that the message names",
        runbook="MLHOpsForbidden",
    ),
    Reason.READ_REFUSED: Remedy(
        _ADMIN,
        "the API server refuses a read of the operator",
        "grant the right that the message names",
        runbook="MLHOpsForbidden",
    ),
    # Events
    Reason.CANDIDATE_CREATED: Remedy(_NOBODY, "a new version is on its way"),
    Reason.CANDIDATE_READY: Remedy(_NOBODY, "the candidate's model server is ready"),
    Reason.CANDIDATE_WAITING: Remedy(_ON, "the candidate waits for its model server"),
    Reason.EVALUATION_STARTED: Remedy(Party.EVALUATOR, "the gates are being measured"),
    Reason.GATES_PASSED: Remedy(_NOBODY, "all required gates passed"),
    Reason.GATES_OVERRIDDEN: Remedy(_NOBODY, "a person let gates pass by name, for a time"),
    Reason.GATES_CHANGED: Remedy(
        _DECIDER,
        "the gates of the spec are not those that were measured",
        "measure what serves by the gates of now",
        ("evaluate",),
        "MLHOpsGatesChanged",
    ),
    Reason.SERVER_RECORDED: Remedy(_NOBODY, "the server that was measured is on record"),
    Reason.CLUSTER_RESTORED: Remedy(
        _DECIDER,
        "the cluster knows less than it did, as after a restore",
        "decide again what was decided since that backup",
        runbook="MLHOpsClusterRestored",
    ),
    Reason.WEIGHT_SET: Remedy(_NOBODY, "the candidate's share of requests was set"),
    Reason.ROUTE_SIMPLIFIED: Remedy(
        _ADMIN,
        "the Gateway does not take all of the HTTPRoute",
        "set spec.exposure.responseHeaders to Off, or use another Gateway",
    ),
    Reason.STEP_COMPLETED: Remedy(_NOBODY, "a step is done"),
    Reason.RESUMED: Remedy(_NOBODY, "a person let the rollout go on"),
    Reason.PROMOTED: Remedy(_NOBODY, "the version serves all requests"),
    Reason.FAST_PROMOTED: Remedy(_NOBODY, "a person skipped the steps that were left"),
    Reason.FAST_ROLLED_BACK: Remedy(_NOBODY, "the version before serves again, at once"),
    Reason.SUPERSEDED: Remedy(_NOBODY, "another version took the candidate's place"),
    Reason.RETRIED: Remedy(_NOBODY, "a new attempt began"),
    Reason.PREVIOUS_REMOVED: Remedy(_NOBODY, "the version before is no longer kept"),
    Reason.DECISION_IGNORED: Remedy(
        _DECIDER, "a Decision has no effect", "read why, look at the model again, and decide anew"
    ),
    # monitoring
    Reason.POLICY_MISSING: Remedy(
        _EDITOR,
        "the MonitoringPolicy that the model names is not there",
        "make it, or correct spec.monitoring.policyRef",
        runbook="MLHOpsMonitoringBlind",
    ),
    Reason.DRIFT_DETECTED: Remedy(
        _DECIDER,
        "what the model is asked, or answers, has moved",
        "look at the worst finding; measure what serves again on recent held-out data",
        ("evaluate",),
        "MLHOpsDrift",
    ),
    Reason.DRIFT_ENDED: Remedy(_NOBODY, "what had moved is back"),
    Reason.DATA_QUALITY_DEGRADED: Remedy(
        _EDITOR,
        "requests are worse than they were: missing, mistyped or out of range",
        "ask who sends them",
        runbook="MLHOpsDataQuality",
    ),
    Reason.DATA_QUALITY_RESTORED: Remedy(_NOBODY, "requests are as they were"),
    Reason.CANDIDATE_DIFFERS: Remedy(
        _DECIDER,
        "the candidate answers otherwise than what serves",
        "look at what differs, then go on or Abort",
        ("abort",),
        "MLHOpsCandidateDiffers",
    ),
    Reason.NOTIFIED: Remedy(_NOBODY, "a sink was told"),
    Reason.NOTIFICATION_FAILED: Remedy(
        _ADMIN, "a sink could not be told", "look at the address and its answer"
    ),
    Reason.RETRAINING_STARTED: Remedy(_NOBODY, "a retraining Job was started"),
    Reason.RETRAINING_FAILED: Remedy(_EDITOR, "a retraining Job failed", "look at the Job's log"),
    Reason.PROFILE_MISSING: Remedy(
        _EDITOR,
        "there is no profile with which monitoring could compare",
        "read why; an Evaluation of what serves makes one",
        runbook="MLHOpsMonitoringBlind",
    ),
    Reason.PROFILE_REFUSED: Remedy(
        _EDITOR,
        "the profile cannot be used",
        "read why; an Evaluation of what serves makes another one",
        runbook="MLHOpsMonitoringBlind",
    ),
}


VERDICTS: dict[str, Remedy] = {
    "Pending": Remedy(_ON, "the gates are still to be measured"),
    "Running": Remedy(Party.EVALUATOR, "the gates are being measured"),
    "Successful": Remedy(_NOBODY, "all required gates passed"),
    "Overridden": Remedy(_NOBODY, "a person let gates pass by name, for a time"),
    "NotRun": Remedy(_NOBODY, "the gates were not measured"),
    "Failed": REMEDIES[Reason.GATES_FAILED],
    "Inconclusive": REMEDIES[Reason.GATES_INCONCLUSIVE],
    "Error": REMEDIES[Reason.EVALUATION_ERROR],
}
"""What the reason of GatesPassed means where it is the verdict of the gates."""


def remedy_for(reason: str) -> Remedy | None:
    """Return what a reason means, None for one that this version does not know."""
    try:
        return REMEDIES[Reason(reason)]
    except ValueError:
        return None
