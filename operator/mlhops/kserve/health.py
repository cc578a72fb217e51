"""A revision's health, from its InferenceService and from its pods.

KServe reports neither a crash of the model's container nor pods that cannot start, so the pods are read too. Why
there are no pods at all is in its conditions only, which have what the ReplicaSet says (KServe 0.16 and later).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlhops.api.base import Manifest
from mlhops.json_access import at, condition, in_one_line, items, number, text
from mlhops.kserve.detector import CONTAINER as DETECTOR
from mlhops.kserve.foreign import foreign_field, foreign_logger
from mlhops.kserve.limit_range import name_limit_range
from mlhops.kserve.manifest_diff import as_applied
from mlhops.kserve.names import APP_LABEL, REVISION_LABEL, app_of
from mlhops.kserve.owner import is_of_service
from mlhops.kserve.runtime import hint_of_name
from mlhops.kserve.servers import NO_RUNTIMES, Runtimes, server_of
from mlhops.kserve.state import ReadyPod, Service

CRASH_LIMIT = 3
"""Restarts after which a container that still fails counts as beyond help."""

_STUCK = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
_HOPELESS = frozenset({"InvalidImageName"})
_STARTING = frozenset({"MinimumReplicasUnavailable", "NewReplicaSetCreated", "ReplicaSetUpdated"})
"""Reasons of every start, which say no more than that it is not over."""
_ABOUT_RUNTIME = frozenset({"RuntimeNotRecognized", "NoSupportingRuntime"})
_FAILED_NOW = frozenset({"BlockedByFailedLoad", "InvalidSpec"})
_LAST_WORDS = 300


@dataclass(frozen=True)
class Trouble:
    """What is wrong, in whose words, and whether waiting longer will not help."""

    symptom: str
    words: str = ""
    fatal: bool = False

    @property
    def message(self) -> str:
        """All of it in one sentence."""
        return f"{self.symptom}: {self.words}" if self.words else self.symptom


def observe(
    live: Manifest,
    pods: Iterable[Manifest],
    desired: Manifest | None,
    runtimes: Runtimes = NO_RUNTIMES,
    unknown: str = "",
) -> Service:
    """Return what a live InferenceService and its pods come to; pods of others are told of, not believed.

    `unknown` is what its server answers that has no model of that name.
    """
    ready = is_ready(live)
    name = text(live, "metadata", "name")
    pods = list(pods)
    present = [pod for pod in pods if is_of_service(pod, name) and not _is_leaving(pod)]
    own = [pod for pod in present if not _is_older(pod, live)]
    hint = "" if ready else hint_of_name(live)
    trouble = None if ready else _pods_trouble(own) or _reported_trouble(live)
    if trouble is None and unknown and hint:
        trouble = Trouble(f"{unknown}: {hint}")
    answering = [pod for pod in own if _is_ready_pod(pod)]
    behind = _pods_trouble(own) if answering else None
    return Service(
        name=name,
        revision=text(live, "metadata", "labels", REVISION_LABEL),
        ready=ready,
        endpoint=text(live, "status", "address", "url") or None,
        answering=bool(answering),
        pods=tuple(_ready_pod(pod) for pod in answering),
        lagging=behind.symptom if behind else "",
        trouble=trouble.message if trouble else None,
        symptom=trouble.symptom if trouble else None,
        fatal=trouble is not None and trouble.fatal,
        hint=hint,
        deleting=at(live, "metadata", "deletionTimestamp") is not None,
        foreign_logger=foreign_logger(live, desired),
        foreign_field=foreign_field(live, desired),
        foreign_pod=_foreign_pod(pods, name),
        server=server_of(live, answering, runtimes, _left_over(present, live)),
        current=desired is None or as_applied(live, desired),
        mode=text(live, "status", "deploymentMode"),
    )


def _is_leaving(pod: Manifest) -> bool:
    return at(pod, "metadata", "deletionTimestamp") is not None


def _is_older(pod: Manifest, live: Manifest) -> bool:
    """Whether a pod is of an earlier InferenceService of that name."""
    born, since = (
        text(pod, "metadata", "creationTimestamp"),
        text(live, "metadata", "creationTimestamp"),
    )
    return bool(born and since) and born < since


def _left_over(pods: Iterable[Manifest], live: Manifest) -> str:
    """Return a pod of an earlier InferenceService of that name that still answers: the Service chooses by label."""
    ready = (pod for pod in pods if _is_older(pod, live) and _is_ready_pod(pod))
    return min((text(pod, "metadata", "name") for pod in ready), default="")


def _foreign_pod(pods: Iterable[Manifest], service: str) -> str:
    """Return a pod that the Kubernetes Service of an InferenceService chooses, and KServe has not made."""
    theirs = (
        text(pod, "metadata", "name")
        for pod in pods
        if text(pod, "metadata", "labels", APP_LABEL) == app_of(service)
        and text(pod, "status", "phase") not in ("Succeeded", "Failed")
        and at(pod, "metadata", "deletionTimestamp") is None
        and not is_of_service(pod, service)
    )
    return min(theirs, default="")


def _ready_pod(pod: Manifest) -> ReadyPod:
    names = [text(each, "name") for each in items(pod, "spec", "containers")]
    return ReadyPod(
        uid=text(pod, "metadata", "uid"),
        address=text(pod, "status", "podIP"),
        has_sidecar=DETECTOR in names,
    )


def _is_ready_pod(pod: Manifest) -> bool:
    return text(condition(pod, "Ready"), "status") == "True"


def is_ready(live: Manifest) -> bool | None:
    """Return whether the model is loaded and its server ready; None where KServe does not say.

    `status.observedGeneration` is not compared: KServe writes its Deployment's counter there.
    """
    status = text(condition(live, "Ready"), "status")
    if status == "False":
        return False
    loaded = text(live, "status", "modelStatus", "states", "activeModelState") == "Loaded"
    return True if status == "True" and loaded else None


def _reported_trouble(live: Manifest) -> Trouble | None:
    """Return what KServe itself says is wrong."""
    return _failed_load(live) or _condition_trouble(live)


def _failed_load(live: Manifest) -> Trouble | None:
    """Return why the model is not loaded. KServe never clears a failure, so one that is over is not told."""
    model = at(live, "status", "modelStatus")
    failed = text(model, "states", "targetModelState") == "FailedToLoad"
    if not failed and text(model, "transitionStatus") not in _FAILED_NOW:
        return None
    failure = at(model, "lastFailureInfo")
    reason, message = text(failure, "reason"), text(failure, "message")
    if reason in _ABOUT_RUNTIME:
        field = "protocolVersion" if "protocol version" in message else "modelFormat"
        message += f" (spec.predictor.runtime, spec.predictor.{field})"
    return Trouble(reason or "failed", _short(message)) if reason or message else None


def _condition_trouble(live: Manifest) -> Trouble | None:
    """Return what a condition says, whose words are the API server's and KServe's, never a container's.

    One without a change stays as old as it is while it holds, so its age is held against it only where it is older
    than the InferenceService: that came back from a backup. What KServe says of another generation is over in
    milliseconds; `observedGeneration` does not tell, it is that of the Deployment.
    """
    born = text(live, "metadata", "creationTimestamp")
    for type_ in ("PredictorReady", "Ready"):
        said = condition(live, type_)
        reason, since = text(said, "reason"), text(said, "lastTransitionTime")
        if (
            text(said, "status") != "False"
            or reason in _STARTING
            or (born and since and since < born)
        ):
            continue
        words = in_one_line(said)
        if words == "Stopped":
            words += ": the InferenceService has the annotation serving.kserve.io/stop"
        if words:
            return Trouble(name_limit_range(words, "spec.predictor.resources"))
    return None


def _pods_trouble(pods: Iterable[Manifest]) -> Trouble | None:
    """Return the worst that any pod says."""
    found = [trouble for pod in pods for trouble in _pod_troubles(pod)]
    return next((t for t in found if t.fatal), found[0] if found else None)


def _pod_troubles(pod: Manifest) -> Iterator[Trouble]:
    for field in ("initContainerStatuses", "containerStatuses"):
        for status in items(pod, "status", field):
            trouble = _container_trouble(status)
            if trouble is not None:
                yield trouble
    scheduled = condition(pod, "PodScheduled")
    if text(scheduled, "status") == "False":
        why = _short(text(scheduled, "message") or text(scheduled, "reason"))
        # The scheduler's words are no container's, and are told of a server that has seen patients too.
        yield Trouble("a pod cannot be scheduled" + (f": {why}" if why else ""))


def _container_trouble(status: Manifest) -> Trouble | None:
    name = text(status, "name")
    restarts = number(status, "restartCount") or 0
    waiting = text(status, "state", "waiting", "reason")
    ended = at(status, "state", "terminated") or at(status, "lastState", "terminated")
    exit_code = number(ended, "exitCode")
    crashed = exit_code not in (None, 0) and not at(status, "ready")
    if crashed:
        times = f", restarted {restarts} times" if restarts else ""
        words = _short(text(ended, "message") or text(ended, "reason"))
        symptom = f"container {name} exited with code {exit_code}{times}"
        if text(ended, "reason") == "OOMKilled":
            symptom = f"container {name} was killed for lack of memory (OOMKilled){times}"
            words = "" if name == DETECTOR else "set spec.predictor.resources.limits.memory to more"
        # The detector is no part of the model: it may come back after any number of restarts.
        fatal = restarts >= CRASH_LIMIT and name != DETECTOR
        return Trouble(symptom, words, fatal=fatal)
    if waiting in _STUCK:
        words = _short(text(status, "state", "waiting", "message"))
        symptom = f"container {name} cannot start: {waiting}"
        return Trouble(symptom, words, fatal=waiting in _HOPELESS)
    return None


def _short(words: str) -> str:
    """Return a container's last words on one line: from the last line that is not indented.

    That is where an exception names itself; carets below a traceback's lines say nothing here.
    """
    lines = [line for line in words.splitlines() if line.strip(" ^~")]
    starts = [index for index, line in enumerate(lines) if not line[0].isspace()]
    line = " ".join(" ".join(lines[starts[-1] :] if starts else lines).split())
    return line if len(line) <= _LAST_WORDS else "..." + line[-_LAST_WORDS:]
