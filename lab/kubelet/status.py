"""The status that a pod has, from what its containers do. Pure: no clock, no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lab.client import Object


@dataclass
class ContainerState:
    """What the kubelet knows of one container."""

    name: str
    image: str
    initial: bool
    waiting: str = "ContainerCreating"
    message: str = ""
    running_since: str = ""
    terminated: Object | None = None
    last_terminated: Object | None = None
    restarts: int = 0
    started: bool = False
    ready: bool = False
    # Ended, and its restart policy says that it stays so.
    finished: bool = False
    container_id: str = field(default="", repr=False)

    @property
    def ever_ran(self) -> bool:
        return bool(self.running_since or self.terminated or self.last_terminated)

    @property
    def succeeded(self) -> bool:
        return self.terminated is not None and self.terminated["exitCode"] == 0

    @property
    def complete(self) -> bool:
        """For an init container: done, so that the next one may start."""
        return self.finished and self.succeeded

    def to_json(self) -> Object:
        result: Object = {
            "name": self.name,
            "image": self.image,
            "imageID": self.image if self.ever_ran else "",
            "ready": self.complete if self.initial else self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self._state(),
            "lastState": {"terminated": self.last_terminated} if self.last_terminated else {},
        }
        if self.container_id:
            result["containerID"] = self.container_id
        return result

    def _state(self) -> Object:
        if self.running_since:
            return {"running": {"startedAt": self.running_since}}
        if self.terminated is not None:
            return {"terminated": self.terminated}
        waiting = {"reason": self.waiting}
        return {"waiting": waiting | ({"message": self.message} if self.message else {})}


@dataclass(frozen=True)
class Observed:
    """All that a pod's status is made of."""

    init: Sequence[ContainerState]
    apps: Sequence[ContainerState]
    ip: str
    host_ip: str
    start_time: str
    now: str
    before: Sequence[Object] = ()
    unschedulable: str = ""


def pod_status(seen: Observed) -> Object:
    """The pod's whole status. Conditions keep their transition times where nothing changed."""
    if seen.unschedulable:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        condition["message"] = seen.unschedulable
        return {"phase": "Pending", "conditions": merge([condition], seen.before, seen.now)}
    current = phase(seen)
    return {
        "phase": current,
        "conditions": merge(conditions(seen, current), seen.before, seen.now),
        "hostIP": seen.host_ip,
        "hostIPs": [{"ip": seen.host_ip}],
        "podIP": seen.ip,
        "podIPs": [{"ip": seen.ip}],
        "startTime": seen.start_time,
        "initContainerStatuses": [state.to_json() for state in seen.init],
        "containerStatuses": [state.to_json() for state in seen.apps],
    }


def phase(seen: Observed) -> str:
    """Kubernetes' phase: Pending until all containers were started once."""
    if any(state.finished and not state.succeeded for state in seen.init):
        return "Failed"
    if not all(state.complete for state in seen.init):
        return "Pending"
    if all(state.finished for state in seen.apps):
        return "Succeeded" if all(state.succeeded for state in seen.apps) else "Failed"
    return "Running" if all(state.ever_ran for state in seen.apps) else "Pending"


def conditions(seen: Observed, current: str) -> list[Object]:
    initialized = all(state.complete for state in seen.init)
    ready = all(state.ready for state in seen.apps)
    scheduled: Object = {"type": "PodScheduled", "status": "True"}
    if current == "Succeeded":
        done = {"reason": "PodCompleted"}
        return [
            scheduled,
            {"type": "Initialized", "status": "True"} | done,
            {"type": "ContainersReady", "status": "False"} | done,
            {"type": "Ready", "status": "False"} | done,
        ]
    return [
        scheduled,
        _condition("Initialized", initialized, "ContainersNotInitialized", _incomplete(seen.init)),
        _condition("ContainersReady", ready, "ContainersNotReady", _unready(seen.apps)),
        _condition("Ready", ready, "ContainersNotReady", _unready(seen.apps)),
    ]


def merge(fresh: Sequence[Object], before: Sequence[Object], now: str) -> list[Object]:
    """Give each condition the time at which its status last changed."""
    old = {condition["type"]: condition for condition in before}
    result = []
    for condition in fresh:
        previous = old.get(condition["type"], {})
        same = previous.get("status") == condition["status"]
        since = previous.get("lastTransitionTime") if same else None
        result.append({**condition, "lastProbeTime": None, "lastTransitionTime": since or now})
    return result


def _condition(kind: str, holds: bool, reason: str, message: str) -> Object:
    if holds:
        return {"type": kind, "status": "True"}
    return {"type": kind, "status": "False", "reason": reason, "message": message}


def _incomplete(states: Sequence[ContainerState]) -> str:
    names = " ".join(state.name for state in states if not state.complete)
    return f"containers with incomplete status: [{names}]"


def _unready(states: Sequence[ContainerState]) -> str:
    names = " ".join(state.name for state in states if not state.ready)
    return f"containers with unready status: [{names}]"
