"""A process in which ten models fail, each in its own way and without end: bad neighbours."""

import argparse
import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import answers
from bench.fleet import MODELS, model
from bench.world import REPLICA_SETS, SERVICES, World
from lab.client import PODS, ApiError, Client, Object, Resource
from lab.informer import Informer, Key
from mlhops.api.base import Json
from mlhops.api.model import ClinicalModel
from mlhops.json_access import text
from mlhops.kserve.names import MODEL_LABEL, SERVICE_LABEL
from mlhops.rollout.revisions.revision import revision_of, service_name
from testkit.builders import decision, with_path
from testkit.model_pods import replica_set

PREFIX = "bad-"
READY = "the trouble has begun"
DECISIONS = Resource("mlhops.io", "v1alpha1", "decisions", "Decision")
_ADMISSION = "admissionregistration.k8s.io"
POLICIES = Resource(
    _ADMISSION, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False
)
BINDINGS = Resource(
    _ADMISSION,
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)
MANY_DECISIONS = 200
Act = Callable[[str, int], Awaitable[None]]
Way = tuple[Callable[[str], Awaitable[None]], Act, float]
_FIRST = "1.0.0"
_REFUSED, _UNEVALUATED = f"{PREFIX}refused", f"{PREFIX}unevaluated"
_SERVED = frozenset(
    f"{PREFIX}{name}" for name in ("flapping", "edited", "decided", "taken", "lost", "unevaluated")
)
"""Models whose model servers come up."""
_POLICY_SECONDS = 3.0
"""An API server takes note of a new policy within a second or so."""


class Neighbourhood(World):
    """The world around the ten: one of them finds nobody who runs its evaluator."""

    async def _evaluate(self, live: Object) -> None:
        if text(live, "metadata", "labels", MODEL_LABEL) != _UNEVALUATED:
            await super()._evaluate(live)


class Trouble:
    """Ten models, and whoever makes them fail.

    `taken` is a host name that has a route already, `least` are the seconds between two things that happen to a
    model at the least. Where the ten are there already, they go on failing, at this pace.
    """

    def __init__(self, client: Client, namespace: str, taken: str, least: float = 0.0) -> None:
        self._client = client
        self._namespace = namespace
        self._taken = taken
        self._least = least
        self._services = Informer(client, SERVICES)
        self._pods = Informer(client, PODS)

    async def run(self) -> None:
        """Go on until the process is ended."""
        await self._forbid_services()
        world = Neighbourhood(self._client, _SERVED.__contains__)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._services.run())
            tasks.create_task(self._pods.run())
            tasks.create_task(world.run())
            await self._services.synced.wait()
            await self._pods.synced.wait()
            ways = self._ways()
            for place, (name, (begin, go_on, seconds)) in enumerate(ways.items()):
                try:
                    await begin(name)
                except ApiError as error:
                    if error.reason != "AlreadyExists":
                        raise
                pace = max(seconds, self._least)
                first = self._least * place / len(ways)
                tasks.create_task(_again_and_again(name, go_on, pace, first), name=name)
            print(READY, flush=True)

    def _ways(self) -> dict[str, Way]:
        """How each of them fails: what it begins with, what happens again and again, how often."""
        no_gateway = self._create_with("spec.exposure.gateway.name", "nowhere")
        no_host = self._create_with("spec.exposure.gateway.hostnames", [self._taken])
        return {
            f"{PREFIX}unreadable": (self._create, self._spoil_status, 1.0),
            f"{PREFIX}foreign": (self._create_foreign, self._touch, 1.0),
            _REFUSED: (self._create, self._touch, 1.0),
            f"{PREFIX}flapping": (self._create, self._unload, 0.1),
            f"{PREFIX}crashing": (self._create, self._crash, 0.2),
            f"{PREFIX}edited": (self._create, self._edit, 0.1),
            f"{PREFIX}decided": (self._create_decided, self._decide, 0.2),
            f"{PREFIX}taken": (no_host, self._touch, 1.0),
            f"{PREFIX}lost": (no_gateway, self._touch, 1.0),
            _UNEVALUATED: (self._create, self._touch, 1.0),
        }

    # how it begins

    async def _create(self, name: str) -> None:
        await self._create_with()(name)

    def _create_with(self, path: str = "", value: Json = None) -> Callable[[str], Awaitable[None]]:
        async def create(name: str) -> None:
            manifest = model(Key(self._namespace, name), _FIRST, {"steps": []})
            if path:
                manifest = with_path(manifest, path, value)
            await self._client.create(MODELS, manifest, namespace=self._namespace)

        return create

    async def _create_foreign(self, name: str) -> None:
        """Somebody else has an InferenceService under the very name that the model needs."""
        wanted = model(Key(self._namespace, name), _FIRST, {"steps": []})
        revision = revision_of(ClinicalModel.model_validate(wanted).spec)
        service: Object = {
            "apiVersion": SERVICES.api_version,
            "kind": SERVICES.kind,
            "metadata": {"name": service_name(name, revision)},
            "spec": {"predictor": {"model": {"modelFormat": {"name": "sklearn"}}}},
        }
        await self._client.create(SERVICES, service, namespace=self._namespace)
        await self._create(name)

    async def _create_decided(self, name: str) -> None:
        """There are Decisions by the hundred, on a revision that never was."""
        await self._create(name)
        for number in range(MANY_DECISIONS):
            await self._decide(name, number - MANY_DECISIONS)

    async def _forbid_services(self) -> None:
        """An admission policy takes no InferenceService of one of the models."""
        name = f"{_REFUSED}-{self._namespace}"
        label = f"object.metadata.?labels['{MODEL_LABEL}'].orValue('')"
        rule = {
            "apiGroups": [SERVICES.group],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE"],
            "resources": [SERVICES.plural],
        }
        refusal = {"expression": f"{label} != '{_REFUSED}'", "message": "the budget is spent"}
        spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [refusal]}
        for resource, of in (
            (POLICIES, spec),
            (BINDINGS, {"policyName": name, "validationActions": ["Deny"]}),
        ):
            await self._client.apply(
                resource, {"metadata": {"name": name}, "spec": of}, manager="bench"
            )
        await asyncio.sleep(_POLICY_SECONDS)

    # what happens again and again

    async def _touch(self, name: str, number: int) -> None:
        """Something irrelevant changes, so that the operator looks again."""
        annotations = {"bench.example/touched": str(number)}
        await self._patch(MODELS, name, {"metadata": {"annotations": annotations}})

    async def _spoil_status(self, name: str, number: int) -> None:
        """A status that passes the schema, with a year that Python's datetime does not have."""
        stable = {"revision": str(number), "version": _FIRST, "inferenceService": name}
        status = {"stable": {**stable, "since": "0000-01-01T00:00:00Z"}}
        await self._patch(MODELS, name, {"status": status}, "status")

    async def _unload(self, name: str, _: int) -> None:
        """The model server is not ready; somebody else says at once that it is."""
        for service in self._services_of(name):
            status = answers.service_status(service, self._namespace, ready=False)
            await self._patch(SERVICES, service, {"status": status}, "status")

    async def _crash(self, name: str, number: int) -> None:
        """The model server crashes again, and has very much to say about it."""
        words = f"Traceback of start {number}\n" + "x" * 50_000
        failure = {"reason": "ModelLoadFailed", "message": words}
        for service in self._services_of(name):
            status = {"modelStatus": {"lastFailureInfo": failure}}
            await self._patch(SERVICES, service, {"status": status}, "status")
            pod = self._pod_of(service)
            if not pod:
                await self._create_replica_set(service)
                continue
            container = answers.crashed(number, words)
            running: Object = {"phase": "Running", "containerStatuses": [container]}
            await self._patch(PODS, pod, {"status": running}, "status")

    async def _edit(self, name: str, number: int) -> None:
        """Somebody gives it another version."""
        predictor = {"storageUri": f"s3://models/{name}/{number}"}
        spec = {"version": f"1.{number}.0", "predictor": predictor}
        await self._patch(MODELS, name, {"spec": spec})

    async def _decide(self, name: str, number: int) -> None:
        manifest = decision({"spec.model": name}, f"{name}-{number + MANY_DECISIONS}")
        await self._client.create(DECISIONS, manifest, namespace=self._namespace)

    # with what

    def _services_of(self, name: str) -> list[str]:
        return [
            live["metadata"]["name"]
            for live in self._services
            if text(live, "metadata", "labels", MODEL_LABEL) == name
            and live["metadata"]["namespace"] == self._namespace
        ]

    def _pod_of(self, service: str) -> str:
        pods = (
            text(pod, "metadata", "name")
            for pod in self._pods
            if text(pod, "metadata", "labels", SERVICE_LABEL) == service
            and pod["metadata"]["namespace"] == self._namespace
        )
        return min(pods, default="")

    async def _create_replica_set(self, service: str) -> None:
        live = self._services.get(Key(self._namespace, service))
        if live is None:
            return
        try:
            made = replica_set(live)
            await self._client.create(REPLICA_SETS, made, namespace=self._namespace)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    async def _patch(self, resource: Resource, name: str, body: Object, sub: str = "") -> None:
        try:
            await self._client.patch(resource, self._namespace, name, body, sub=sub)
        except ApiError as error:
            if error.code not in (404, 409):  # it has gone or changed since it was seen
                raise


async def _again_and_again(name: str, act: Act, seconds: float, first: float) -> None:
    await asyncio.sleep(first)  # not all at the same moment
    # No number comes twice, though another process did the same before, once a second at most.
    for number in itertools.count(int(time.time())):
        await act(name, number)
        await asyncio.sleep(seconds)


async def main(kubeconfig: Path, namespace: str, taken: str, least: float) -> None:
    """Go on until the process is ended."""
    async with Client(kubeconfig) as client:
        await Trouble(client, namespace, taken, least).run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.trouble", description=__doc__)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("namespace")
    parser.add_argument("taken", help="a host name that a route has already")
    parser.add_argument("--least", type=float, default=0.0, help="seconds from one act to the next")
    options = parser.parse_args()
    asyncio.run(main(options.kubeconfig, options.namespace, options.taken, options.least))
