"""KServe, and the pods of its model servers."""

from typing import cast

from campaign.simulation.actors.stage import MODEL, Stage, name_of
from campaign.simulation.server import NAMESPACE
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import CLUSTER_RUNTIMES, MODELS, PODS, SERVICES
from mlhops.json_access import at, condition, text
from mlhops.kserve.health import is_ready
from mlhops.kserve.names import (
    APP_LABEL,
    MODEL_LABEL,
    REVISION_LABEL,
    SERVICE_LABEL,
    app_of,
    backend,
)

KSERVE = "kserve"
_RUNTIME = "sklearn"
_A, _B = "sha256:a", "sha256:b"
_FINALIZER = "inferenceservice.finalizers"
_WORDS = (
    "",
    "ValueError: no such file: model.joblib",
    "Traceback (most recent call last):\n  File x\nMemoryError: \n",
)


class KServe:
    """Brings model servers up and takes them down, in its own time."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._pods = 0
        self._images: dict[str, str] = {}
        """What the tag of an InferenceService's image holds now."""
        self._answered = ""
        """The version of the model whose complaint of its server was answered last."""

    def act(self) -> str:
        """Do one thing about one InferenceService."""
        if not self._stage.objects(CLUSTER_RUNTIMES):
            return self.change_runtime()
        live = self._stage.choose(self._stage.objects(SERVICES))
        if live is None:
            return ""
        if at(live, "metadata", "deletionTimestamp") is not None:
            return self._finish(live)
        if not at(live, "metadata", "finalizers") and self._stage.chance(0.7):
            patch: Manifest = {"metadata": {"finalizers": [_FINALIZER]}}
            return self._patch(live, patch, "", "takes charge of")
        if self._stage.unlucky():
            return self._trouble(live)
        if 0 < len(self._pods_of(live)) < _wanted(live) and self._stage.chance(0.9):
            # Of several pods the rest come late: nodes have to be found for them.
            return "" if is_ready(live) is True else self._load(live)
        return self._proceed(live)

    def put_right(self) -> str:
        """Do one thing that brings an InferenceService nearer to being well, or to what was measured."""
        stable, changed = _another_server(self._stage)
        told = text(self._stage.server.view(MODELS).get(MODEL), "metadata", "resourceVersion")
        if not self._stage.objects(CLUSTER_RUNTIMES):
            return self.change_runtime()
        if told == self._answered:
            changed = ""  # the operator has not looked since it was answered
        if changed == "RuntimeChanged":
            self._answered = told
            return self.change_runtime()
        for live in self._stage.objects(SERVICES):
            if at(live, "metadata", "deletionTimestamp") is not None:
                return self._finish(live)
            if changed == "ServerChanged" and name_of(live) == stable:
                self._answered = told
                return self._move_tag(live)
            done = self._proceed(live)
            if done:
                return done
        return ""

    def _finish(self, live: Manifest) -> str:
        left = [f for f in _finalizers(live) if f != _FINALIZER]
        patch: Manifest = {"metadata": {"finalizers": cast(Json, left)}}
        return self._patch(live, patch, "", "lets go of")

    def _proceed(self, live: Manifest) -> str:
        """Pods first, as many as are asked for, then the word that the model is loaded.

        Where there are some, that word may come before the rest of them.
        """
        if self._pods_of(live) and is_ready(live) is not True and self._stage.chance(0.3):
            return self._load(live)
        wanted = self._images.get(name_of(live), _A)
        for pod in self._pods_of(live):
            if text(at(pod, "metadata"), "name") and not _is_well(pod, wanted):
                self._stage.server.delete(PODS, name_of(pod), "kubelet")
                return f"kubelet removes {name_of(pod)}"
        if len(self._pods_of(live)) < _wanted(live):
            return self._add_pod(live, _container(ready=True), "True")
        if is_ready(live) is not True:
            return self._load(live)
        return ""

    def _load(self, live: Manifest) -> str:
        return self._patch(live, _status(live, "True", "Loaded"), "status", "has loaded")

    def _trouble(self, live: Manifest) -> str:
        stage = self._stage
        match stage.rng.randrange(8):
            case 0:
                status = _status(live, "False", "")
                said = {"reason": "FailedCreate", "message": "exceeded quota: q"}
                unready: Manifest = {"type": "Ready", "status": "False", **said}
                cast(Manifest, status["status"])["conditions"] = [unready]
                return self._patch(live, status, "status", "finds unready")
            case 1:
                words = stage.rng.choice(_WORDS)
                crashed = _container(ready=False, restarts=stage.rng.choice((0, 1, 5)), words=words)
                return self._replace_pods(live, crashed, "False")
            case 2:
                waiting = _waiting(stage.rng.choice(("ImagePullBackOff", "InvalidImageName")))
                return self._replace_pods(live, waiting, "False")
            case 3:
                failed: Manifest = {
                    "states": {"activeModelState": "", "targetModelState": "FailedToLoad"},
                    "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "x"},
                }
                status = _status(live, "False", "")
                cast(Manifest, cast(Manifest, status["status"])["modelStatus"]).update(failed)
                return self._patch(live, status, "status", "cannot load")
            case 4:
                pod = stage.choose(self._pods_of(live))
                if pod is None:
                    return ""
                stage.server.delete(PODS, name_of(pod), "kubelet")
                return f"kubelet loses {name_of(pod)}"
            case 5:
                return self._move_tag(live)
            case 6:
                return self.change_runtime()
            case _:
                return self._patch(live, _status(live, "Unknown", ""), "status", "is unsure about")

    def _move_tag(self, live: Manifest) -> str:
        """A pod comes up with what its image's tag has come to mean; for a while the old one may answer beside it."""
        name = name_of(live)
        self._images[name] = _B if self._images.get(name, _A) == _A else _A
        if self._stage.chance(0.5):
            return self._add_pod(live, _container(ready=True), "True")
        return self._replace_pods(live, _container(ready=True), "True")

    def change_runtime(self) -> str:
        """The runtime of that name becomes another one, and one day what it was."""
        server = self._stage.server
        live = server.view(CLUSTER_RUNTIMES).get(_RUNTIME)
        if live is None:
            server.create(
                CLUSTER_RUNTIMES, {"metadata": {"name": _RUNTIME}, "spec": {"x": _A}}, KSERVE
            )
            return "kserve has a runtime"
        image = _B if at(live, "spec", "x") == _A else _A
        server.patch(CLUSTER_RUNTIMES, _RUNTIME, {"spec": {"x": image}}, KSERVE)
        return f"the runtime becomes {image}"

    def _replace_pods(self, live: Manifest, container: Manifest, ready: str) -> str:
        for pod in self._pods_of(live):
            self._stage.server.delete(PODS, name_of(pod), "kubelet")
        return self._add_pod(live, container, ready)

    def _add_pod(self, live: Manifest, container: Manifest, ready: str) -> str:
        self._pods += 1
        service = name_of(live)
        hash_ = "5d4f8c7b9"
        labels = {
            SERVICE_LABEL: service,
            APP_LABEL: app_of(service),
            "pod-template-hash": hash_,
        }
        container = {**container, "imageID": self._images.get(service, _A)}
        for label in (MODEL_LABEL, REVISION_LABEL):
            labels[label] = text(live, "metadata", "labels", label)
        owner: Manifest = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": f"{backend(service)}-{hash_}",
            "uid": "rs-" + text(live, "metadata", "uid"),
            "controller": True,
        }
        name = f"{service}-predictor-{self._pods}"
        pod: Manifest = {
            "metadata": {
                "name": name,
                "labels": cast(Json, labels),
                "ownerReferences": [owner],
            },
            "spec": {},
        }
        status: Manifest = {
            "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [container],
        }
        self._stage.server.create(PODS, pod, "kubelet")
        self._stage.server.patch(PODS, name, {"status": status}, "kubelet", "status")
        return f"kubelet runs {name}, ready {ready}"

    def _pods_of(self, live: Manifest) -> list[Manifest]:
        owner = "rs-" + text(live, "metadata", "uid")
        return [
            pod
            for pod in self._stage.objects(PODS)
            if any(
                isinstance(reference, dict) and reference.get("uid") == owner
                for reference in cast("list[Json]", at(pod, "metadata", "ownerReferences") or [])
            )
        ]

    def _patch(self, live: Manifest, patch: Manifest, subresource: str, verb: str) -> str:
        new = self._stage.server.patch(SERVICES, name_of(live), patch, KSERVE, subresource)
        return f"kserve {verb} {name_of(live)}" if new is not live else ""


def _wanted(live: Manifest) -> int:
    replicas = at(live, "spec", "predictor", "minReplicas")
    return replicas if isinstance(replicas, int) else 1


def _finalizers(live: Manifest) -> list[Json]:
    return cast("list[Json]", at(live, "metadata", "finalizers") or [])


def _is_well(pod: Manifest, image: str) -> bool:
    statuses = at(pod, "status", "containerStatuses")
    return (
        isinstance(statuses, list)
        and isinstance(statuses[0], dict)
        and statuses[0].get("ready") is True
        and statuses[0].get("imageID") == image
    )


def _another_server(stage: Stage) -> tuple[str, str]:
    """The InferenceService that serves, and how its server differs from what was measured, as the status has it."""
    status = at(stage.server.view(MODELS).get(MODEL), "status")
    told = condition({"status": status}, "ServerMeasured")
    reason = text(told, "reason") if text(told, "status") == "False" else ""
    return text(status, "stable", "inferenceService"), reason


def _status(live: Manifest, ready: str, state: str) -> Manifest:
    url = f"http://{name_of(live)}-predictor.{NAMESPACE}.svc.cluster.local"
    return {
        "status": {
            "address": {"url": url},
            "clusterServingRuntimeName": _RUNTIME,
            "conditions": [{"type": "Ready", "status": ready}],
            "modelStatus": {"states": {"activeModelState": state}, "lastFailureInfo": None},
        }
    }


def _container(*, ready: bool, restarts: int = 0, words: str = "") -> Manifest:
    state: Manifest = {"name": "kserve-container", "ready": ready, "restartCount": restarts}
    if not ready:
        ended: Manifest = {"exitCode": 1, "reason": "Error", "message": words}
        state["lastState"] = {"terminated": ended}
        state["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    return state


def _waiting(reason: str) -> Manifest:
    return {
        "name": "kserve-container",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": reason, "message": "back-off"}},
    }
