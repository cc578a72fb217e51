"""An InferenceService's status, as KServe writes it. Pure: no clock, no I/O."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from lab.client import Object
from lab.kserve import names
from lab.kserve.runtimes import NoRuntime, Runtime

CONDITIONS = ("IngressReady", "PredictorReady", "Ready")
CRASH_LOOP = "CrashLoopBackOff"


@dataclass(frozen=True)
class Verdict:
    """What a condition says."""

    status: str
    reason: str = ""
    message: str = ""
    severity: str = ""


class Status:
    """The status that is being written: starts as the one that was written last."""

    def __init__(self, service: Object, now: str) -> None:
        before: Object = copy.deepcopy(service.get("status") or {})
        self._now = now
        self._conditions = {one["type"]: one for one in before.pop("conditions", [])}
        self._fields = before
        self._fields["deploymentMode"] = names.STANDARD
        self._name = service["metadata"]["name"]
        self._namespace = service["metadata"]["namespace"]
        for kind in CONDITIONS:
            if kind not in self._conditions:
                self._set(kind, Verdict("Unknown"))

    def to_json(self) -> Object:
        conditions = [self._conditions[kind] for kind in sorted(self._conditions)]
        return {**self._fields, "conditions": conditions}

    def without_progress(self) -> Object:
        """Reconciling failed for a reason that KServe tells nowhere in the status."""
        self._fields.setdefault("modelStatus", {"transitionStatus": ""})
        return self.to_json()

    def no_runtime(self, problem: NoRuntime) -> Object:
        self._fields["modelStatus"] = {
            "lastFailureInfo": {"message": problem.message, "reason": problem.reason},
            "states": {"activeModelState": "", "targetModelState": "FailedToLoad"},
            "transitionStatus": "InvalidSpec",
        }
        return self.to_json()

    def stopped(self, runtime: Runtime) -> Object:
        """Everything but the reason goes; the runtime comes back with the next write."""
        again = self._conditions.get("Stopped", {}).get("status") == "True"
        self._fields = {
            "deploymentMode": names.STANDARD,
            "modelStatus": {"transitionStatus": ""},
        }
        if again:
            self._name_runtime(runtime)
        self._conditions.pop("IngressReady", None)
        self._set("PredictorReady", Verdict("False", "Stopped"))
        self._set("Ready", Verdict("False", "Stopped"))
        self._set("Stopped", Verdict("True", severity="Info"))
        return self.to_json()

    def running(self, runtime: Runtime, deployment: Object, pods: Sequence[Object]) -> Object:
        """What the Deployment and its pods say."""
        if self._conditions.get("Stopped", {}).get("status") == "True":
            self._conditions.pop("PredictorReady")
            self._fields.pop("modelStatus", None)
        entry = names.predictor(self._name)
        address = f"http://{entry}.{self._namespace}.svc.cluster.local"
        self._fields["address"] = {"url": address}
        self._fields["url"] = f"http://{self._name}-{self._namespace}.{names.DOMAIN}"
        self._name_runtime(runtime)
        self._set("IngressReady", Verdict("True"))
        self._set("Stopped", Verdict("False", severity="Info"))
        verdict = predictor_verdict(deployment.get("status", {}).get("conditions", []))
        self._set("PredictorReady", verdict)
        component = self._fields.setdefault("components", {}).setdefault("predictor", {})
        if verdict.status == "True":
            component["url"] = f"http://{entry}-{self._namespace}.{names.DOMAIN}"
            self._set("Ready", Verdict("True"))
        else:
            self._set("Ready", verdict)
        observed = deployment.get("status", {}).get("observedGeneration")
        if observed:
            self._fields["observedGeneration"] = observed
        else:
            self._fields.pop("observedGeneration", None)
        self._model(pods, ready=verdict.status == "True")
        return self.to_json()

    def _name_runtime(self, runtime: Runtime) -> None:
        fields = ("servingRuntimeName", "clusterServingRuntimeName")
        self._fields.pop(fields[not runtime.cluster], None)
        self._fields[fields[runtime.cluster]] = runtime.name

    def _set(self, kind: str, verdict: Verdict) -> None:
        fresh: Object = {"status": verdict.status, "type": kind}
        for field in ("reason", "message", "severity"):
            if getattr(verdict, field):
                fresh[field] = getattr(verdict, field)
        old = self._conditions.get(kind, {})
        if {**old, "lastTransitionTime": None} == {**fresh, "lastTransitionTime": None}:
            return
        self._conditions[kind] = {**fresh, "lastTransitionTime": self._now}

    def _model(self, pods: Sequence[Object], *, ready: bool) -> None:
        model: Object = self._fields.setdefault("modelStatus", {})
        copies = sum(is_ready(pod) for pod in pods)
        model["copies"] = {"failedCopies": 0} | ({"totalCopies": copies} if copies else {})
        states = model.setdefault("states", {"activeModelState": ""})
        model.setdefault("transitionStatus", "")
        outcome = model_outcome(pods, ready=ready)
        if outcome is None:
            states.setdefault("targetModelState", "")
            return
        state, failure = outcome
        states["targetModelState"] = state
        if state == "Loaded":
            states["activeModelState"] = "Loaded"
        transitions = {"Loaded": "UpToDate", "FailedToLoad": "BlockedByFailedLoad"}
        model["transitionStatus"] = transitions.get(state, "InProgress")
        if failure is not None:
            model["lastFailureInfo"] = failure


def predictor_verdict(conditions: Sequence[Object]) -> Verdict:
    """PredictorReady from the Deployment's conditions; what is later here wins."""
    found = {one["type"]: one for one in conditions}
    available, progressing = found.get("Available", {}), found.get("Progressing", {})
    verdict = Verdict("False")
    if available.get("status") == "True":
        verdict = _verdict("True", available)
    if progressing.get("status") == "False" and progressing.get("message"):
        verdict = _verdict("False", progressing)
    elif progressing.get("reason") == "NewReplicaSetAvailable":
        verdict = _verdict("True", progressing)
    if available.get("status") == "False":
        verdict = _verdict("False", available)
    failure = found.get("ReplicaFailure", {})
    if failure.get("status") == "True":
        verdict = _verdict("False", failure)
    return verdict


def model_outcome(pods: Sequence[Object], *, ready: bool) -> tuple[str, Object | None] | None:
    """The model's state and failure, from the first pod as KServe does; None: leave it as it is."""
    if not pods:
        return "Pending", None
    status = pods[0].get("status", {})
    initializer = _named(status.get("initContainerStatuses", []), names.STORAGE_INITIALIZER)
    if initializer is not None:
        if "running" in initializer["state"]:
            return None if initializer.get("lastState") else ("Loading", None)
        failure = failure_of(initializer)
        if failure is not None:
            return "FailedToLoad", failure
    if ready:
        return "Loaded", None
    container = _named(status.get("containerStatuses", []), names.MODEL_CONTAINER)
    failure = failure_of(container) if container is not None else None
    return ("FailedToLoad", failure) if failure is not None else ("Pending", None)


def failure_of(container: Object) -> Object | None:
    """How the container failed, if it did."""
    state: Object = container["state"]
    ended: Object | None = state.get("terminated")
    if ended is not None and ended.get("reason") != "Error":
        return None
    if state.get("waiting", {}).get("reason") == CRASH_LOOP:
        ended = container["lastState"]["terminated"]
    if ended is None:
        return None
    failure: Object = {"exitCode": ended["exitCode"], "reason": "ModelLoadFailed"}
    return failure | ({"message": ended["message"]} if ended.get("message") else {})


def is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _named(statuses: Sequence[Object], name: str) -> Object | None:
    return next((one for one in statuses if one["name"] == name), None)


def _verdict(status: str, condition: Object) -> Verdict:
    return Verdict(status, condition.get("reason", ""), condition.get("message", ""))
