"""The Job controller and the pods of evaluators, with last words of every sort."""

import base64
import hashlib
import json
import zlib
from functools import lru_cache
from typing import cast

from campaign.simulation.actors.stage import Stage, name_of
from campaign.simulation.server import controller_of
from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.profile import WAIT_SECONDS, Profile, StoredProfile
from mlhops.api.result import MAX_BYTES, PREFIX, decode, encode
from mlhops.controller.outbound.pods import PodError
from mlhops.controller.resources import EVENTS, JOBS, PODS
from mlhops.json_access import at, condition, items, text
from mlhops.rollout.evaluation.evaluator_job import EVALUATION_LABEL
from testkit import last_words

JOB_CONTROLLER = "jobs"
KUBELET = "kubelet"
PHASES = ("Successful", "Failed", "Inconclusive", "Error")


class Evaluator:
    """Runs the Jobs of Evaluations."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._pods = 0
        self._asked_by: dict[str, str] = {}
        """The Evaluation of each Job by uid; somebody may strip the Job of its owner while its pod runs."""
        self._delivered: set[str] = set()
        """Pods that were told that their profile is kept."""
        self._liars: set[str] = set()
        """Pods that hand over another profile than they sign."""
        self.successes: set[str] = set()
        """Evaluations that an evaluator of their own found Successful, by uid."""

    def act(self) -> str:
        """Do one thing about one Job."""
        job = self._stage.choose(self._jobs())
        if job is None:
            return ""
        if not self._stage.unlucky():
            return self._proceed(job, "Successful")
        match self._stage.rng.randrange(8):
            case 0:
                return self._cannot_start(job)
            case 1:
                return self._give_up(job)
            case 2:
                return self._lose(job)
            case 3 if _is_over(job):
                self._stage.server.delete(JOBS, name_of(job), JOB_CONTROLLER)
                return f"jobs removes {name_of(job)}"
            case 4 if all(_has_ended(pod) for pod in self._pods_of(job)):
                return self._run_pod(job)
            case _:
                return self._proceed(job, self._stage.rng.choice(PHASES))

    def answer(self, method: str, address: str, token: str) -> bytes:
        """Hand a profile over, or take note that it is kept.

        Raises:
            PodError: there is no pod at that address, or it does not answer.
        """
        pods = self._stage.objects(PODS)
        pod = next((one for one in pods if text(one, "status", "podIP") == address), None)
        job = self._job_of(pod) if pod is not None else None
        if pod is None or job is None or _has_ended(pod):
            raise PodError("it cannot be asked (ClientConnectorError)")
        if self._evaluation_of(job) != token:
            raise PodError("it answered with HTTP 403")
        if self._stage.unlucky():
            match self._stage.rng.randrange(4):
                case 0:
                    raise PodError("it did not answer within 5 s")
                case 1:
                    return b"<html>"
                case 2:
                    self._liars.add(name_of(pod))
                case _:
                    return _profile(json.dumps({**self._asked(job), "revision": "another"}))
        if method == "DELETE":
            self._delivered.add(name_of(pod))
            return b""
        rows = 600 if name_of(pod) in self._liars else 500
        return _profile(json.dumps(self._asked(job)), rows)

    def put_right(self) -> str:
        """Bring a Job nearer to a good end."""
        for job in self._jobs():
            if _is_over(job):
                continue
            done = self._proceed(job, "Successful")
            if done:
                return done
        return ""

    def _proceed(self, job: Manifest, phase: str) -> str:
        if _is_over(job):
            return ""
        pods = self._pods_of(job)
        if not pods:
            return self._run_pod(job)
        for pod in pods:
            if not _has_ended(pod):
                waits = self._waits(job, pod)
                return self._hand_over(pod) if waits else self._end(job, pod, phase)
        type_ = "Complete" if text(pods[-1], "status", "phase") == "Succeeded" else "Failed"
        return self._close(job, type_, "")

    def _run_pod(self, job: Manifest) -> str:
        if _is_over(job):
            return ""
        self._pods += 1
        self._evaluation_of(job)
        name = f"{name_of(job)}-{self._pods}"
        owner: Manifest = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": name_of(job),
            "uid": text(job, "metadata", "uid"),
            "controller": True,
        }
        pod: Manifest = {
            "metadata": {
                "name": name,
                "labels": at(job, "spec", "template", "metadata", "labels"),
                "ownerReferences": [owner],
            },
            "spec": {},
        }
        self._stage.server.create(PODS, pod, JOB_CONTROLLER)
        running: Manifest = {"status": {"phase": "Running"}}
        self._stage.server.patch(PODS, name, running, KUBELET, "status")
        return f"jobs starts {name}"

    def _waits(self, job: Manifest, pod: Manifest) -> bool:
        """Whether a profile has yet to be fetched; nobody waits for that for ever."""
        if self._asked(job).get("profile") is not True or self._stage.unlucky():
            return False
        return name_of(pod) not in self._delivered and not self._stage.is_old(pod, WAIT_SECONDS)

    def _hand_over(self, pod: Manifest) -> str:
        """Be ready: there is a profile to fetch."""
        name = name_of(pod)
        if text(condition(pod, "Ready"), "status") == "True":
            return ""
        ready: list[Json] = [{"type": "Ready", "status": "True"}]
        status: Manifest = {"podIP": f"10.{name}", "conditions": ready}
        self._stage.server.patch(PODS, name, {"status": status}, KUBELET, "status")
        return f"{name} hands a profile over"

    def _end(self, job: Manifest, pod: Manifest, phase: str) -> str:
        words, code, sensible = self._last_words(job, phase)
        ended: Manifest = {"exitCode": code, "message": words}
        container: Manifest = {"name": "evaluator", "state": {"terminated": ended}}
        status: Manifest = {
            "phase": "Failed" if code else "Succeeded",
            "containerStatuses": [container],
        }
        if self._stage.unlucky() and self._stage.chance(0.1):
            status["conditions"] = [{"type": "DisruptionTarget", "status": "True"}]
        if sensible and _says_success(words):
            self.successes.add(self._evaluation_of(job))
        patch: Manifest = {"status": status}
        self._stage.server.patch(PODS, name_of(pod), patch, KUBELET, "status")
        return f"kubelet ends {name_of(pod)} with {code} {words[:12]!r} ({phase})"

    def _last_words(self, job: Manifest, phase: str) -> tuple[str, int, bool]:
        """Return a message, an exit code, and whether it is an answer to what was asked."""
        asked = self._asked(job)
        if not self._stage.unlucky():
            made = asked.get("profile") is True
            return words_of(asked, phase, _digest(json.dumps(asked)) if made else ""), 0, True
        match self._stage.rng.randrange(9):
            case 0:
                return "", 1, False
            case 1:
                return "Segmentation fault", 137, False
            case 2:
                return words_of(asked, phase)[:-7], 0, False
            case 3:
                return PREFIX + "x" * MAX_BYTES, 0, False
            case 4:
                return (
                    _packed(_with_gates(asked, "Successful", {"estimate": float("nan")})),
                    0,
                    False,
                )
            case 5:
                found = _found(asked, "Successful")
                return _packed({**found, "gates": _gates(found)[1:]}), 0, False
            case 6:
                found = _found(asked, "Successful")
                return _packed({**found, "gates": [*_gates(found), *_gates(found)]}), 0, False
            case 7:
                found, bad = _found(asked, "Successful"), _found(asked, "Failed")
                mixed = [*_gates(bad)[:1], *_gates(found)[1:]]
                return _packed({**found, "gates": mixed}), 0, False
            case _:
                odd = NONSENSE[self._pods % len(NONSENSE)]
                return _packed(_nonsense(asked, odd)), 0, False

    def _asked(self, job: Manifest) -> Manifest:
        """What the evaluator finds in its environment: the Evaluation's spec."""
        containers = cast("list[Manifest]", at(job, "spec", "template", "spec", "containers"))
        environment = cast("list[Manifest]", containers[0]["env"])
        return cast(Manifest, json.loads(text(environment[0], "value")))

    def _jobs(self) -> list[Manifest]:
        """The Jobs of Evaluations; others train models, and nobody looks at those."""
        return [job for job in self._stage.objects(JOBS) if not _trains(job)]

    def _evaluation_of(self, job: Manifest) -> str:
        """The uid of the Evaluation that a Job was made for."""
        return self._asked_by.setdefault(text(job, "metadata", "uid"), controller_of(job))

    def _job_of(self, pod: Manifest) -> Manifest | None:
        uid = controller_of(pod)
        return next((job for job in self._jobs() if text(job, "metadata", "uid") == uid), None)

    def _cannot_start(self, job: Manifest) -> str:
        if self._pods_of(job):
            return ""
        self._pods += 1
        event: Manifest = {
            "metadata": {"name": f"refused-{self._pods}"},
            "involvedObject": {"uid": text(job, "metadata", "uid")},
            "reason": "FailedCreate",
            "message": "exceeded quota",
        }
        self._stage.server.create(EVENTS, event, JOB_CONTROLLER)
        return f"jobs cannot start a pod of {name_of(job)}"

    def _give_up(self, job: Manifest) -> str:
        return "" if _is_over(job) else self._close(job, "Failed", "DeadlineExceeded")

    def _lose(self, job: Manifest) -> str:
        pod = self._stage.choose(self._pods_of(job))
        if pod is None:
            return ""
        self._stage.server.delete(PODS, name_of(pod), KUBELET)
        return f"kubelet loses {name_of(pod)}"

    def _close(self, job: Manifest, type_: str, reason: str) -> str:
        patch: Manifest = {
            "status": {"conditions": [{"type": type_, "status": "True", "reason": reason}]}
        }
        self._stage.server.patch(JOBS, name_of(job), patch, JOB_CONTROLLER, "status")
        return f"jobs says {type_} of {name_of(job)}"

    def _pods_of(self, job: Manifest) -> list[Manifest]:
        uid = text(job, "metadata", "uid")
        return [
            pod
            for pod in self._stage.objects(PODS)
            if text(pod, "metadata", "labels", EVALUATION_LABEL) and controller_of(pod) == uid
        ]


def _has_ended(pod: Manifest) -> bool:
    return text(pod, "status", "phase") in ("Succeeded", "Failed")


def _trains(job: Manifest) -> bool:
    """Whether it is the Job of a policy's action, also if somebody took its labels away."""
    containers = items(job, "spec", "template", "spec", "containers")
    return text(containers[0] if containers else {}, "name") == "train"


def _is_over(job: Manifest) -> bool:
    return any(text(condition(job, type_), "status") == "True" for type_ in ("Complete", "Failed"))


def words_of(asked: Manifest, phase: str, digest: str = "") -> str:
    """What an evaluator says that came to that verdict on each gate, and made a profile with that digest."""
    profile = StoredProfile(digest=digest) if digest else None
    return encode(last_words.said(asked, EvaluationPhase(phase), profile=profile))


NONSENSE: tuple[tuple[str, Json], ...] = (
    ("rows", 10**30),
    ("rows", -1),
    ("seed", 123456),
    ("dataDigest", "sha256:" + "9" * 63),
    ("message", "fine\u202e"),
    ("gates.name", "somebody-elses-gate"),
    ("gates.limit", 0.99),
    ("gates.metric", "Beauty"),
    ("gates.upper", 0.98),
    ("gates.lower", 0.97),
    ("gates.upper", None),
    ("gates.phase", "Running"),
    ("gates.needed", {"more": 10**400, "cases": "rows"}),
    ("gates.groups", [{"group": "sex=F", "positives": -5, "phase": "Successful"}]),
    ("gates.groups", [{"group": "sex=F", "phase": "Failed"}]),
)
"""What an evaluator that found all gates passed never says."""


def _nonsense(asked: Manifest, odd: tuple[str, Json]) -> Manifest:
    place, value = odd
    of_gates = place.removeprefix("gates.")
    if of_gates == place:
        return {**_found(asked, "Successful"), place: value}
    return _with_gates(asked, "Successful", {of_gates: value})


def _found(asked: Manifest, phase: str) -> Manifest:
    return last_words.said(asked, EvaluationPhase(phase)).to_json()


def _gates(found: Manifest) -> list[Json]:
    return cast("list[Json]", found.get("gates", []))


def _with_gates(asked: Manifest, phase: str, update: Manifest) -> Manifest:
    """Return what is said of gates, with something else said of each."""
    found = _found(asked, phase)
    return {**found, "gates": [{**cast(Manifest, gate), **update} for gate in _gates(found)]}


@lru_cache(maxsize=64)
def _profile(asked: str, rows: int = 500) -> bytes:
    """A small profile of the model that an Evaluation's spec is about."""
    spec = json.loads(asked)
    features = []
    for feature in spec["interface"]["features"]:
        bins: Manifest = {"edges": [1.0], "centres": [0.0, 2.0], "counts": [rows, rows]}
        if feature.get("type", "Numeric") != "Numeric":
            bins = {"categories": ["a"], "counts": [rows, rows], "type": feature["type"]}
        features.append({"name": feature["name"], **bins})
    made = {
        "revision": spec["revision"],
        "createdFrom": spec["data"].get("digest") or "sha256:" + "1" * 64,
        "rows": 2 * rows,
        "features": features,
    }
    return Profile.model_validate(made).to_text().encode()


def _digest(asked: str) -> str:
    return f"sha256:{hashlib.sha256(_profile(asked)).hexdigest()}"


@lru_cache(maxsize=256)
def _says_success(words: str) -> bool:
    try:
        return decode(words).phase == "Successful"
    except ValueError:
        return False


def _packed(result: Manifest) -> str:
    raw = json.dumps(result, separators=(",", ":"))
    return PREFIX + base64.b85encode(zlib.compress(raw.encode(), 9)).decode()
