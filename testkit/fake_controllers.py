"""Hands that play KServe, the Gateway, the kubelet and the evaluator, by writing what those would write.

The API server and the operator's process are real; these hands only decide what happens and when.
"""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from lab.control import ControlPlane
from mlhops.api.base import Manifest
from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec
from mlhops.api.profile import StoredProfile
from mlhops.api.result import encode
from mlhops.controller.resources import (
    DECISIONS,
    EVALUATIONS,
    EVENTS,
    GATEWAYS,
    JOBS,
    MODELS,
    PODS,
    ROUTES,
    SERVICES,
    Kind,
)
from mlhops.json_access import at, condition, items, text
from mlhops.kserve.owner import is_of_service
from testkit import last_words
from testkit.api import Api, live_services, route_weights, until
from testkit.builders import clinical_model, decision
from testkit.forked import start
from testkit.model_pods import IMAGE, REPLICA_SETS, hash_of, replica_set, running

MODEL = "sepsis"
ACCOUNTS = Kind("", "v1", "serviceaccounts")


def moment() -> str:
    """Now, as Kubernetes writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class OperatorProcess:
    """The operator as users run it: a process of its own."""

    def __init__(
        self,
        kubeconfig: Path,
        namespace: str,
        log: Path,
        arguments: Sequence[str] = (),
        program: Sequence[str] = ("-m", "mlhops.controller"),
    ) -> None:
        self._command = [sys.executable, *program, *arguments]
        if namespace:
            self._command += ["--namespace", namespace]
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it is of use some time later."""
        with self.log.open("ab") as log:
            self._process = start(self._command, self._environment, log)

    @property
    def pid(self) -> int:
        """The process that runs."""
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, and go on."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, as when the machine below it goes away."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self._process is None or self._process.poll() is not None:
            return self._process.returncode if self._process else 0
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has stopped, and return the exit code."""
        assert self._process is not None
        return self._process.wait(timeout=15)


class Hands:
    """One namespace with one model, and the power to say what happens around it."""

    def __init__(self, api: Api, namespace: str, gateway: str = "") -> None:
        self.api = api
        self.namespace = namespace
        self.gateway = gateway or namespace
        """The namespace of the Gateway."""

    # what a user does

    def apply_model(self, version: str, **spec: object) -> None:
        """Create the model, or change its version and other top-level parts of its spec."""
        if self.model() is None:
            self.api.create(MODELS, self.namespace, self.manifest(version, **spec))
            return
        uri = f"s3://models/sepsis/{version}"
        patch = cast(Manifest, {"version": version, "predictor": {"storageUri": uri}, **spec})
        self.api.patch(MODELS, self.namespace, MODEL, {"spec": patch})

    def manifest(self, version: str, **spec: object) -> Manifest:
        """The model as it is created."""
        manifest = clinical_model()
        changes = cast(Manifest, manifest["spec"])
        uncounted = changes["rollout"]
        changes |= cast(Manifest, {"version": version, **spec})
        changes["rollout"] = {**cast(Manifest, uncounted), **cast(Manifest, changes["rollout"])}
        cast(Manifest, changes["predictor"])["storageUri"] = f"s3://models/sepsis/{version}"
        return manifest

    def decide(self, action: str, name: str, **spec: object) -> None:
        """Create a Decision on the present candidate."""
        revision = text(self.candidate(), "revision")
        manifest = decision(name=name)
        cast(Manifest, manifest["spec"]).update(
            cast(Manifest, {"model": MODEL, "revision": revision, "action": action, **spec})
        )
        self.api.create(DECISIONS, self.namespace, manifest)

    # what is there

    def model(self) -> Manifest | None:
        """The model as the API server has it."""
        return self.api.get(MODELS, self.namespace, MODEL)

    def candidate(self) -> Manifest:
        """The model's candidate, empty where there is none."""
        found = at(self.model(), "status", "candidate")
        return found if isinstance(found, dict) else {}

    def status(self, *path: str) -> str:
        """A text in the model's status."""
        return text(self.model(), "status", *path)

    def condition(self, type_: str) -> Manifest:
        """One of the model's conditions."""
        for found in items(self.model(), "status", "conditions"):
            if found.get("type") == type_:
                return found
        return {}

    def weights(self) -> dict[str, int]:
        """The route's weights by backend."""
        return route_weights(self.api, self.namespace, MODEL)

    def services(self) -> list[str]:
        """Names of the InferenceServices that are not on their way out."""
        return live_services(self.api, self.namespace)

    def reasons(self) -> list[str]:
        """Reasons of all Events, in the order in which they were posted."""
        events = self.api.list(EVENTS, self.namespace)
        events.sort(key=lambda event: text(event, "metadata", "name"))
        return [text(event, "reason") for event in events]

    def wait_for_phase(self, phase: str, seconds: float = 20.0) -> None:
        """Wait for the model's phase."""
        until(f"phase {phase}", lambda: self.status("phase") == phase, seconds)

    # what others do

    def make_gateway(self) -> None:
        """A Gateway such as the model names."""
        allowed = "Same" if self.gateway == self.namespace else "All"
        listener = {
            "name": "http",
            "port": 8080,
            "protocol": "HTTP",
            "allowedRoutes": {"namespaces": {"from": allowed}},
        }
        self.api.create(
            GATEWAYS,
            self.gateway,
            cast(
                Manifest,
                {
                    "apiVersion": "gateway.networking.k8s.io/v1",
                    "kind": "Gateway",
                    "metadata": {"name": "clinical"},
                    "spec": {"gatewayClassName": "hands", "listeners": [listener]},
                },
            ),
        )

    def candidate_service(self) -> str:
        """The candidate's InferenceService, once it is there."""

        def look() -> str | None:
            name = text(self.candidate(), "inferenceService")
            return name if name and self.api.get(SERVICES, self.namespace, name) else None

        return until("the candidate's InferenceService", look)

    def pod_of(self, service: str) -> Manifest:
        """The pod of an InferenceService, which the ReplicaSet of its Deployment makes."""
        return self.pods_of(service)[0]

    def pods_of(self, service: str) -> list[Manifest]:
        """The pods of an InferenceService by name: as many as it asks for at least."""
        live = self.api.get(SERVICES, self.namespace, service) or {}
        made = replica_set(live)
        name, replicas = text(made, "metadata", "name"), at(made, "spec", "replicas")
        known = self.api.get(REPLICA_SETS, self.namespace, name)
        if known is None:
            self.api.create(REPLICA_SETS, self.namespace, made)
        elif at(known, "spec", "replicas") != replicas:
            scaled: Manifest = {"spec": {"replicas": replicas}}
            self.api.patch(REPLICA_SETS, self.namespace, name, scaled)

        def look() -> list[Manifest] | None:
            found = []
            for pod in self.api.list(PODS, self.namespace):
                labels = at(pod, "metadata", "labels")
                chosen = at(labels, "pod-template-hash") == hash_of(live)
                leaves = at(pod, "metadata", "deletionTimestamp") is not None
                if chosen and not leaves and is_of_service(pod, service):
                    found.append(pod)
            found.sort(key=lambda pod: text(pod, "metadata", "name"))
            return found if len(found) == replicas else None

        return until("the pods of a model server", look)

    def run_pod(self, service: str, *, ready: bool = True, image: str = IMAGE) -> None:
        """The kubelet says that the pods of an InferenceService run, and which image."""
        self.run_pods(service, self.pods_of(service), ready=ready, image=image)

    def run_pods(
        self, service: str, pods: list[Manifest], *, ready: bool = True, image: str = IMAGE
    ) -> None:
        """The kubelet says that these pods of an InferenceService run."""
        for pod in pods:
            patch: Manifest = {"status": running(pod, ready=ready, image=image)}
            self.api.patch(PODS, self.namespace, text(pod, "metadata", "name"), patch, "status")

    def load(self, service: str, *, ready: bool = True, pods: int | None = None) -> None:
        """KServe says that an InferenceService is ready, or no longer; so are its pods, or so many of them."""
        self.run_pods(service, self.pods_of(service)[:pods], ready=ready)
        status = "True" if ready else "False"
        loaded = "Loaded" if ready else ""
        conditions = [{"type": "Ready", "status": status, "lastTransitionTime": moment()}]
        patch = {
            "status": {
                "address": {
                    "url": f"http://{service}-predictor.{self.namespace}.svc.cluster.local"
                },
                "conditions": conditions,
                "modelStatus": {
                    "states": {"activeModelState": loaded},
                    "transitionStatus": "UpToDate",
                },
            }
        }
        self.api.patch(SERVICES, self.namespace, service, cast(Manifest, patch), "status")

    def cannot_create(self, service: str) -> str:
        """KServe says why there are no pods as the ReplicaSet controller has said it; return these words."""
        made = replica_set(self.api.get(SERVICES, self.namespace, service) or {})
        self.api.create(REPLICA_SETS, self.namespace, made)
        name = text(made, "metadata", "name")

        def look() -> Manifest | None:
            live = self.api.get(REPLICA_SETS, self.namespace, name)
            return condition(live, "ReplicaFailure") or None

        failure = until("the ReplicaSet's own trouble", look)
        words = text(failure, "message")
        self.say(service, text(failure, "reason"), words)
        return words

    def say(self, service: str, reason: str, message: str = "") -> None:
        """KServe says that an InferenceService is not ready, and why."""
        said = {"status": "False", "reason": reason, "message": message}
        conditions = [
            {"type": type_, "lastTransitionTime": moment(), **said}
            for type_ in ("PredictorReady", "Ready")
        ]
        states = {"activeModelState": "", "targetModelState": "Pending"}
        model = {"states": states, "transitionStatus": "InProgress"}
        status = {"conditions": conditions, "modelStatus": model}
        patch = cast(Manifest, {"status": status})
        self.api.patch(SERVICES, self.namespace, service, patch, "status")

    def crash(self, service: str, words: str, restarts: int) -> None:
        """The kubelet says that a pod of an InferenceService crashes."""
        name = text(self.pod_of(service), "metadata", "name")
        ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": words}}
        container = {
            "name": "kserve-container",
            "image": "none",
            "imageID": "",
            "ready": False,
            "restartCount": restarts,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": ended,
        }
        patch = {"status": {"phase": "Running", "containerStatuses": [container]}}
        self.api.patch(PODS, self.namespace, name, cast(Manifest, patch), "status")

    def running_evaluation(self) -> str:
        """The Evaluation that has a Job and no verdict yet."""

        def look() -> str | None:
            for job in self.api.list(JOBS, self.namespace):
                name = text(job, "metadata", "name")
                evaluation = self.api.get(EVALUATIONS, self.namespace, name)
                if evaluation and not at(evaluation, "status", "finishedAt"):
                    return name
            return None

        return until("an Evaluation with a Job", look)

    def hand_over(self, evaluation: str, address: str) -> Manifest:
        """The evaluator's pod is ready to hand a profile over at an address; return the Evaluation."""
        pod = until("the evaluator's pod", lambda: self._evaluator_pod(evaluation))
        status = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        self.api.patch(PODS, self.namespace, pod, cast(Manifest, {"status": status}), "status")
        return self.api.get(EVALUATIONS, self.namespace, evaluation) or {}

    def finish(
        self,
        phase: EvaluationPhase,
        message: str = "as measured",
        profile: StoredProfile | None = None,
    ) -> str:
        """The evaluator's pod ends with a verdict on the gate of the sample model."""
        name = self.running_evaluation()
        spec = EvaluationSpec.model_validate(
            at(self.api.get(EVALUATIONS, self.namespace, name), "spec")
        )
        result = last_words.said(spec, phase, message=message, profile=profile)
        self.end_evaluator(name, encode(result), 0)
        return name

    def end_evaluator(
        self, evaluation: str, message: str, exit_code: int, reason: str = "Completed"
    ) -> None:
        """The evaluator's pod ends, with whatever last words."""
        pod = until("the evaluator's pod", lambda: self._evaluator_pod(evaluation))
        ended = {"exitCode": exit_code, "reason": reason, "message": message}
        container = {
            "name": "evaluator",
            "image": "none",
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": {"terminated": ended},
        }
        phase = "Succeeded" if exit_code == 0 else "Failed"
        patch = {"status": {"phase": phase, "containerStatuses": [container]}}
        self.api.patch(PODS, self.namespace, pod, cast(Manifest, patch), "status")

    def _evaluator_pod(self, evaluation: str) -> str | None:
        for pod in self.api.list(PODS, self.namespace):
            if text(pod, "metadata", "labels", "mlhops.io/evaluation") == evaluation:
                return text(pod, "metadata", "name")
        return None

    def program_gateway(self, status: str, reason: str, message: str = "") -> None:
        """The Gateway's controller says whether it takes requests."""
        live = self.api.get(GATEWAYS, self.gateway, "clinical")
        programmed = {
            "type": "Programmed",
            "status": status,
            "reason": reason,
            "message": message,
            "observedGeneration": at(live, "metadata", "generation"),
            "lastTransitionTime": moment(),
        }
        patch = cast(Manifest, {"status": {"conditions": [programmed]}})
        self.api.patch(GATEWAYS, self.gateway, "clinical", patch, "status")

    def miss_endpoints(self, message: str) -> None:
        """The Gateway says of the route as it is now that backends have no endpoints, as Envoy Gateway does."""
        route = self.api.get(ROUTES, self.namespace, MODEL)
        parent = items(route, "status", "parents")[0]
        lacks: Manifest = {
            "type": "BackendsAvailable",
            "status": "False",
            "reason": "EndpointsNotFound",
            "message": message,
            "observedGeneration": at(route, "metadata", "generation"),
            "lastTransitionTime": moment(),
        }
        parent["conditions"] = [*items(parent, "conditions"), lacks]
        self.api.patch(ROUTES, self.namespace, MODEL, {"status": {"parents": [parent]}}, "status")

    def accept_route(self) -> None:
        """The Gateway says that it has the route as it is now."""
        route = until("the HTTPRoute", lambda: self.api.get(ROUTES, self.namespace, MODEL))
        generation = at(route, "metadata", "generation")
        conditions = [
            {
                "type": type_,
                "status": "True",
                "reason": type_,
                "message": "",
                "observedGeneration": generation,
                "lastTransitionTime": moment(),
            }
            for type_ in ("Accepted", "ResolvedRefs")
        ]
        parent = {
            "controllerName": "hands.example/gateway",
            "parentRef": {"name": "clinical", "namespace": self.gateway},
            "conditions": conditions,
        }
        patch = cast(Manifest, {"status": {"parents": [parent]}})
        self.api.patch(ROUTES, self.namespace, MODEL, patch, "status")

    def accept_weight(self, weight: int) -> None:
        """Wait until the candidate has that weight in the route, and accept it."""

        def there() -> bool:
            backend = f"{text(self.candidate(), 'inferenceService')}-predictor"
            return self.weights().get(backend, 0) == weight

        until(f"weight {weight} in the route", there)
        self.accept_route()

    def promote_first(self, version: str = "1.0.0", **spec: object) -> str:
        """Bring a first version into service, and return its InferenceService."""
        self.apply_model(version, **spec)
        service = self.candidate_service()
        self.load(service)
        self.finish(EvaluationPhase.SUCCESSFUL)
        until("the first route", self.weights)
        self.accept_route()
        self.wait_for_phase("Healthy")
        return service


@contextmanager
def hands_in_namespace(plane: ControlPlane, prefix: str = "test") -> Iterator[Hands]:
    """Hands in a fresh namespace with a Gateway, in which pods are admitted; nobody waits for its deletion."""
    name = f"{prefix}-{secrets.token_hex(4)}"
    plane.kubectl("create", "namespace", name)
    api = Api(plane.kubeconfig)
    try:
        until("a service account for pods", lambda: api.get(ACCOUNTS, name, "default"))
        hands = Hands(api, name)
        hands.make_gateway()
        yield hands
    finally:
        plane.kubectl("delete", "namespace", name, "--wait=false")
        api.close()
