"""Everybody but the operator: users, KServe, the Gateway and the evaluator, as controllers would be.

They act on what they see, whenever they see it, so that a story comes to its end however often the operator
is interrupted on the way.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import httpx

from campaign.history import Recorder
from campaign.sidecars import LOADED, Sidecars
from mlhops.api.base import Manifest
from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec
from mlhops.api.result import encode
from mlhops.api.serving import ProbeReport, ServingCounts
from mlhops.controller.resources import MODELS, PODS
from mlhops.json_access import at, condition, items, text
from mlhops.kserve.owner import is_of_service
from testkit import last_words
from testkit.api import Api
from testkit.fake_controllers import MODEL, Hands
from testkit.model_pods import IMAGE

_POLL = 0.3
PATIENCE = 90.0


class SetBack(Exception):
    """The cluster is an older one: people look again at how far their story is."""


@dataclass(frozen=True)
class Kept:
    """How far a story was at one moment, and what sidecars counted then."""

    steps: int
    counts: Mapping[str, ServingCounts]
    probe: ProbeReport


class World(Hands):
    """One namespace with one model, seen through the recorder."""

    def __init__(self, api: Api, namespace: str, recorder: Recorder) -> None:
        super().__init__(api, namespace)
        self.recorder = recorder
        self.begin: Callable[[], None] = lambda: None
        """Called where the part of a story begins that faults are for."""
        self.gateway_answers = True
        self.verdicts: dict[tuple[str, str], EvaluationPhase] = {}
        """By version and attempt; Successful where nothing is said."""
        self.patience = PATIENCE
        self._done, self._skipped = 0, 0
        """Steps of the story: done, and done already before the backup that was restored."""
        self._kept: Kept | None = None
        self._goes_on = threading.Event()
        self._goes_on.set()
        self.sidecars: Sidecars | None = None
        """Beside the model servers of stories that are about live requests."""

    # backup and restore

    def keep(self) -> Kept:
        """Say how far the story is."""
        sidecars = self.sidecars
        counts = dict(sidecars.counts) if sidecars is not None else {}
        return Kept(self._done, counts, sidecars.probe if sidecars is not None else LOADED)

    def stand_still(self) -> None:
        """Do nothing until the cluster is set back."""
        self._goes_on.clear()

    def set_back(self, kept: Kept) -> None:
        """Let everybody go on in a cluster in which the story was only so far."""
        self._kept = kept
        self._goes_on.set()

    def begin_story(self) -> None:
        """Begin the story, after a restore with what had not happened at the time of the backup."""
        self._done, self._skipped = 0, 0
        if self._kept is not None:
            self._skipped = self._kept.steps
            if self.sidecars is not None:
                self.sidecars.counts = dict(self._kept.counts)
                self.sidecars.probe = self._kept.probe
        self._kept = None

    def _step(self, do: Callable[[], None]) -> None:
        """One step of the story."""
        if self._done >= self._skipped:
            self._check()
            do()
        self._done += 1

    def _check(self) -> None:
        self._goes_on.wait()
        if self._kept is not None:
            raise SetBack

    # what there is to see

    def objects(self, kind: str) -> dict[str, Manifest]:
        """The objects of a kind by name."""
        return cast(dict[str, Manifest], self.recorder.current(kind, self.namespace))

    def model(self) -> Manifest | None:
        """The model as it was last seen."""
        return self.objects("clinicalmodels").get(MODEL)

    def weights(self) -> dict[str, int]:
        """The route's weights by version."""
        rules = items(self.objects("httproutes").get(MODEL), "spec", "rules")
        backends = items(rules[0], "backendRefs") if rules else []
        return {
            self.version_of(text(b, "name").removesuffix("-predictor")): cast(int, b["weight"])
            for b in backends
        }

    def version_of(self, service: str) -> str:
        """The version that an InferenceService serves, its name where there is none."""
        live = self.objects("inferenceservices").get(service)
        uri = text(live, "spec", "predictor", "model", "storageUri")
        return uri.rpartition("/")[2] or service

    def versions(self) -> set[str]:
        """The versions whose InferenceServices are there and stay."""
        return {
            self.version_of(name)
            for name, live in self.objects("inferenceservices").items()
            if at(live, "metadata", "deletionTimestamp") is None
        }

    def serves(self, version: str) -> bool:
        """Whether that version is stable, alone, and the model at rest."""
        return (
            self.status("phase") == "Healthy"
            and self.status("stable", "version") == version
            and self.weights() == {version: 100}
            and not self.candidate()
        )

    # what happens

    def apply_model(self, version: str, **spec: object) -> None:
        """The user creates the model, or changes it."""
        self._step(lambda: self._insist(lambda: super(World, self).apply_model(version, **spec)))

    def decide(self, action: str, name: str, **spec: object) -> None:
        """Somebody decides something."""
        self._step(lambda: self._insist(lambda: super(World, self).decide(action, name, **spec)))

    def delete_model(self) -> None:
        """The user deletes the model."""
        self._step(lambda: self._insist(lambda: self.api.delete(MODELS, self.namespace, MODEL)))

    def _insist(self, do: Callable[[], None]) -> None:
        """People try again where the API server is away."""
        deadline = time.monotonic() + self.patience
        while True:
            self._check()
            try:
                return do()
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL)
            except RuntimeError as error:
                if '"reason":"AlreadyExists"' in str(error):
                    return None  # it was taken, and the answer was lost
                if not _is_away(error) or time.monotonic() > deadline:
                    raise
                time.sleep(_POLL)

    def until(self, what: str, look: Callable[[], bool]) -> None:
        """Go on until it is so, while everybody does what they do."""
        self._step(lambda: self._until(what, look))

    def _until(self, what: str, look: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.patience
        while True:
            self._check()
            seen = self.recorder.last_change(self.namespace)
            self.act()
            if look():
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {self.patience:.0f} s: {what}")
            self.recorder.wait(self.namespace, seen, _POLL)

    def act(self) -> None:
        """Let KServe, the Gateway and the evaluator do what is due; what fails is done later."""
        try:
            self._serve()
            self._route()
            self._evaluate()
        except httpx.HTTPError:
            return
        except RuntimeError as error:
            # Somebody was faster: it has gone or changed since it was seen.
            gone = '"code":404' in str(error) or '"code":409' in str(error)
            if not gone and not _is_away(error):
                raise

    def run_pods(
        self, service: str, pods: list[Manifest], *, ready: bool = True, image: str = IMAGE
    ) -> None:
        """The kubelet says that pods run, and where the sidecar of each can be asked."""
        super().run_pods(service, pods, ready=ready, image=image)
        if self.sidecars is not None:
            address = self.sidecars.address(service.removeprefix(f"{MODEL}-"))
            for pod in pods:
                name = text(pod, "metadata", "name")
                self.api.patch(PODS, self.namespace, name, {"status": {"podIP": address}}, "status")

    def tell(self, version: str, counts: ServingCounts) -> None:
        """Sidecars beside a version count this from now on."""
        self._step(lambda: self._tell(version, counts))

    def _tell(self, version: str, counts: ServingCounts) -> None:
        for name in self.objects("inferenceservices"):
            if self.version_of(name) == version and self.sidecars is not None:
                self.sidecars.counts[name.removeprefix(f"{MODEL}-")] = counts

    def _serve(self) -> None:
        for name, live in self.objects("inferenceservices").items():
            if at(live, "metadata", "deletionTimestamp") is not None:
                continue
            if text(condition(live, "Ready"), "status") != "True" or self._is_short(name, live):
                self.load(name)

    def _is_short(self, name: str, live: Manifest) -> bool:
        """Whether fewer pods of an InferenceService are ready than it asks for."""
        ready = [
            pod
            for pod in self.objects("pods").values()
            if is_of_service(pod, name) and text(condition(pod, "Ready"), "status") == "True"
        ]
        return len(ready) < cast(int, at(live, "spec", "predictor", "minReplicas") or 1)

    def _route(self) -> None:
        route = self.objects("httproutes").get(MODEL)
        if route is None or not self.gateway_answers:
            return
        parents = items(route, "status", "parents")
        accepted = condition(parents[0], "Accepted", "conditions") if parents else {}
        if at(accepted, "observedGeneration") != at(route, "metadata", "generation"):
            self.accept_route()

    def _evaluate(self) -> None:
        for pod in self.objects("pods").values():
            name = text(pod, "metadata", "labels", "mlhops.io/evaluation")
            evaluation = self.objects("evaluations").get(name)
            if evaluation is None or items(pod, "status", "containerStatuses"):
                continue
            attempt = name.rpartition("-")[2]
            key = (text(evaluation, "spec", "version"), attempt)
            phase = self.verdicts.get(key, EvaluationPhase.SUCCESSFUL)
            spec = EvaluationSpec.model_validate(evaluation["spec"])
            result = last_words.said(spec, phase)
            self.end_evaluator(name, encode(result), 0)


def _is_away(error: RuntimeError) -> bool:
    """Whether the API server is not yet all there again."""
    return '"code":503' in str(error)
