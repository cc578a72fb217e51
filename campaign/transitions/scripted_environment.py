"""The people and controllers around a model that may have any spec: any Gateway, any step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import httpx

from campaign.control_plane import Stage
from campaign.history import Recorder
from campaign.transitions.base import ELSEWHERE, GATEWAYS, POLICIES, RUNTIMES, SHARED
from campaign.world import World
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import CLUSTER_RUNTIMES, MODELS, ROUTES, SERVICES, Kind
from mlhops.controller.resources import GATEWAYS as GATEWAY_KIND
from mlhops.controller.resources import POLICIES as POLICY_KIND
from mlhops.json_access import at, condition, items, text
from testkit.api import Api
from testkit.builders import monitoring_policy, serving_runtime
from testkit.fake_controllers import MODEL, moment

ACCOUNTS = Kind("", "v1", "serviceaccounts")
_STRICT = {"fieldValidation": "Strict"}
_ANSWERS = {"ApprovalRequired": "Approve", "PauseStep": "Resume"}


@dataclass(frozen=True)
class Failure:
    """What KServe says of an InferenceService that it cannot serve; nothing where it says nothing."""

    reason: str = ""
    message: str = ""


class Town(World):
    """A world in which people approve, every Gateway answers, and KServe may fail to serve."""

    def __init__(self, api: Api, namespace: str, recorder: Recorder) -> None:
        super().__init__(api, namespace, recorder)
        self.fails: Callable[[Manifest], Failure | None] = lambda _: None
        """Whether KServe cannot serve an InferenceService."""
        self.evaluator_runs = True
        self._decided: set[tuple[Json, ...]] = set()

    @classmethod
    def on(cls, stage: Stage) -> "Town":
        """Take over a stage that is set."""
        town = cls(stage.world.api, stage.world.namespace, stage.world.recorder)
        for name in ("reader", "readerx"):
            create(town.api, ACCOUNTS, town.namespace, {"metadata": {"name": name}})
        for name, length in POLICIES.items():
            windows: Json = [{"name": "window", "length": length}]
            policy = monitoring_policy({"spec.drift": {"windows": windows}}, name)
            create(town.api, POLICY_KIND, town.namespace, policy)
        prepare(town.api)
        stage.world = town
        return town

    def put(self, spec: Manifest, *, dry: bool = False) -> httpx.Response:
        """Create the model with this spec, or give it this spec in place of its own, as kubectl would."""
        path = MODELS.path(self.namespace)
        if self.model() is None:
            manifest: Manifest = {
                "apiVersion": "mlhops.io/v1alpha1",
                "kind": "ClinicalModel",
                "metadata": {"name": MODEL},
                "spec": spec,
            }
            return self.api.http.post(path, json=manifest, params=_STRICT)
        patch = [{"op": "replace", "path": "/spec", "value": spec}]
        headers = {"Content-Type": "application/json-patch+json"}
        query = {**_STRICT, "dryRun": "All"} if dry else _STRICT
        return self.api.http.patch(f"{path}/{MODEL}", json=patch, headers=headers, params=query)

    def act(self) -> None:
        """What everybody does, and a person who approves and resumes."""
        super().act()
        pause = text(self.candidate(), "pause", "reason")
        waits = "duration" not in str(at(self.candidate(), "pause", "message"))
        keys = ("revision", "createdAt", "attempt", "stepIndex")
        place = tuple(self.candidate().get(key) for key in keys)
        if pause in _ANSWERS and waits and place not in self._decided:
            self._decided.add(place)
            self.decide(_ANSWERS[pause], f"go-{len(self._decided)}")

    def _evaluate(self) -> None:
        if self.evaluator_runs:
            super()._evaluate()

    def load(self, service: str, *, ready: bool = True, pods: int | None = None) -> None:
        """KServe serves an InferenceService, or says why not."""
        live = self.objects("inferenceservices")[service]
        failure = self.fails(live)
        if failure is None:
            super().load(service, ready=ready, pods=pods)
        elif not condition(live, "Ready") and failure.reason:
            self._fail(service, failure)

    def _fail(self, service: str, failure: Failure) -> None:
        if failure.reason == "FailedCreate":
            self.say(service, failure.reason, failure.message)
            return
        status = {
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": moment()}],
            "modelStatus": {
                "states": {"activeModelState": "", "targetModelState": "FailedToLoad"},
                "transitionStatus": "BlockedByFailedLoad",
                "lastFailureInfo": {"reason": failure.reason, "message": failure.message},
            },
        }
        patch = cast(Manifest, {"status": status})
        self.api.patch(SERVICES, self.namespace, service, patch, "status")

    def accept_route(self) -> None:
        """Whatever Gateways the route names say that they have it as it is now."""
        route = self.objects("httproutes")[MODEL]
        conditions = [
            {
                "type": type_,
                "status": "True",
                "reason": type_,
                "message": "",
                "observedGeneration": at(route, "metadata", "generation"),
                "lastTransitionTime": moment(),
            }
            for type_ in ("Accepted", "ResolvedRefs")
        ]
        parents = [
            {
                "controllerName": "hands.example/gateway",
                "parentRef": reference,
                "conditions": conditions,
            }
            for reference in items(route, "spec", "parentRefs")
        ]
        patch = cast(Manifest, {"status": {"parents": parents}})
        self.api.patch(ROUTES, self.namespace, MODEL, patch, "status")


def prepare(api: Api) -> None:
    """What a spec may name beside what is in its own namespace: Gateways and runtimes."""
    for name in RUNTIMES:
        made = serving_runtime("ClusterServingRuntime", {"metadata.name": name})
        create(api, CLUSTER_RUNTIMES, "", made)
    api.http.post("/api/v1/namespaces", json={"metadata": {"name": ELSEWHERE}})
    listener: Json = {
        "name": "http",
        "port": 8080,
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    for namespace in (SHARED, ELSEWHERE):
        for name in GATEWAYS:
            manifest: Manifest = {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "Gateway",
                "metadata": {"name": name},
                "spec": {"gatewayClassName": "hands", "listeners": [listener]},
            }
            create(api, GATEWAY_KIND, namespace, manifest)


def create(api: Api, kind: Kind, namespace: str, manifest: Manifest) -> None:
    """Create an object; one that is there already is fine."""
    answer = api.http.post(kind.path(namespace), json=manifest)
    if answer.status_code != 409:
        answer.raise_for_status()
