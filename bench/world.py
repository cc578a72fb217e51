"""A process that plays KServe, the Gateway, the Job controller and the evaluator, each at once.

It stands for everybody but the operator, so that the operator's own time is what is measured. It
watches four kinds, and answers each object with as few writes as the real ones could.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import answers
from lab.client import PODS, ApiError, Client, Object, Resource
from lab.informer import Informers, Key, Loop
from mlhops.json_access import at, condition, items, text
from mlhops.kserve.names import MODEL_LABEL, SERVICE_LABEL
from testkit.model_pods import is_running, replica_set, running

SERVICES = Resource("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService")
ROUTES = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
JOBS = Resource("batch", "v1", "jobs", "Job")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
READY = "the world is ready"
_AT_A_TIME = 8


class World:
    """Answers whatever the operator makes for the models that it plays for."""

    def __init__(self, client: Client, plays_for: Callable[[str], bool], address: str = "") -> None:
        """Play for some models, whose pods have an address if there is one."""
        self._client = client
        self._address: Object = {"podIP": address, "podIPs": [{"ip": address}]} if address else {}
        self._plays_for = plays_for
        self._informers = Informers(client)
        self._loops = [
            self._loop(SERVICES, self._serve),
            self._loop(PODS, self._run),
            self._loop(ROUTES, self._route),
            self._loop(JOBS, self._evaluate),
        ]

    async def run(self) -> None:
        """Go on until the process is ended."""
        async with asyncio.TaskGroup() as tasks:
            for loop in self._loops:
                loop.start(tasks)
            self._informers.start(tasks)
            await self._informers.synced()
            print(READY, flush=True)

    def _loop(self, resource: Resource, answer: Callable[[Object], Awaitable[None]]) -> Loop:
        """Call `answer` for each object that is there and stays, whenever it has changed."""
        informer = self._informers[resource]

        async def reconcile(key: Key) -> None:
            live = informer.get(key)
            if live is not None and at(live, "metadata", "deletionTimestamp") is None:
                await answer(live)

        loop = Loop(resource.kind, reconcile, workers=_AT_A_TIME)

        def changed(_: Object | None, after: Object | None) -> None:
            model = text(after, "metadata", "labels", MODEL_LABEL)
            if after is not None and model and self._plays_for(model):
                loop.add(Key(after["metadata"]["namespace"], after["metadata"]["name"]))

        informer.on_change(changed)
        return loop

    async def _serve(self, live: Object) -> None:
        if text(condition(live, "Ready"), "status") != "True":
            name, namespace = live["metadata"]["name"], live["metadata"]["namespace"]
            try:
                made = replica_set(live)
                await self._client.create(REPLICA_SETS, made, namespace=namespace)
            except ApiError as error:
                if error.reason != "AlreadyExists":
                    raise
            await self._say(SERVICES, live, answers.service_status(name, namespace))

    async def _run(self, live: Object) -> None:
        if text(live, "metadata", "labels", SERVICE_LABEL) and not is_running(live):
            await self._say(PODS, live, {**running(live), **self._address})

    async def _route(self, live: Object) -> None:
        parents = items(live, "status", "parents")
        accepted = condition(parents[0], "Accepted", "conditions") if parents else {}
        if at(accepted, "observedGeneration") != live["metadata"]["generation"]:
            await self._say(ROUTES, live, answers.route_status(live))

    async def _evaluate(self, live: Object) -> None:
        if at(live, "spec", "suspend") is True:
            return
        if text(condition(live, "Complete"), "status") == "True":
            return
        pod = answers.pod_of(live)
        try:
            await self._client.create(PODS, pod, namespace=pod["metadata"]["namespace"])
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        await self._say(PODS, pod, answers.pod_status(live))
        await self._say(JOBS, live, answers.job_status())

    async def _say(self, resource: Resource, live: Object, status: Object) -> None:
        metadata = live["metadata"]
        await self._client.patch(
            resource, metadata["namespace"], metadata["name"], {"status": status}, sub="status"
        )


async def main(kubeconfig: Path, leave_alone: str, address: str) -> None:
    """Play until the process is ended."""

    def plays_for(model: str) -> bool:
        return not leave_alone or not model.startswith(leave_alone)

    async with Client(kubeconfig) as client:
        await World(client, plays_for, address).run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.world", description=__doc__)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("--leave-alone", default="", help="names of models that begin so")
    parser.add_argument("--address", default="", help="of the pods of models")
    options = parser.parse_args()
    asyncio.run(main(options.kubeconfig, options.leave_alone, options.address))
