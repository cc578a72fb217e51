"""What the API server takes for the bare writes of many models: `python -m bench.floor`.

A client without any logic makes the very writes that people, an operator that meets its targets,
and the world around it would make, some models at a time. Nobody watches. So this is what no
operator on this machine can be faster than, unless it writes less.
"""

import argparse
import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from bench import answers
from bench.fleet import MODELS, Fleet, change_of, each
from bench.plane import OwnPlane
from bench.results import Result
from bench.scaled import CLIENT, DEPLOY, SERVER, STORE, UPDATE
from bench.usage import Usage
from bench.world import JOBS, ROUTES, SERVICES
from lab.client import APPLY, EVENTS, PODS, Client, Object, Resource
from lab.informer import Key
from mlhops.kserve.names import FIELD_MANAGER, REVISION_LABEL

COPIES = 200
EVALUATIONS = Resource("mlhops.io", "v1alpha1", "evaluations", "Evaluation")
REVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
# Writes of the operator: with the five objects of a revision, the verdict, and what follows,
# 8 for a deployment and 14 for an update.
STATUSES = {DEPLOY: 2, UPDATE: 5}
ROUTE_CHANGES = {DEPLOY: 1, UPDATE: 3}
EVENTS_TOLD = {DEPLOY: 0, UPDATE: 1}
_TEMPLATE = "floor-template"
_PATIENCE = 60.0


@dataclass(frozen=True)
class Floor:
    """What one phase took for all copies."""

    phase: str
    copies: int
    usage: Usage

    @property
    def server_ms(self) -> float:
        """The API server's CPU and etcd's for each model."""
        return round(1000 * (self.usage.cpu[SERVER] + self.usage.cpu[STORE]) / self.copies, 1)


class Writer(Client):
    """A client that applies to subresources as well."""

    async def apply_as_operator(self, resource: Resource, body: Object, sub: str = "") -> Object:
        """Apply as the operator does."""
        metadata = body["metadata"]
        path = resource.path(metadata["namespace"], metadata["name"], sub)
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        return await self._call("PATCH", path, body, content_type=APPLY, query=query)


class Copier:
    """Writes one model's objects again and again, under other names."""

    def __init__(self, client: Writer, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._objects: dict[Resource, Object] = {}

    async def learn(self) -> None:
        """Take one model's objects, as the operator made them, for a template."""
        for resource in (MODELS, REVISIONS, SERVICES, EVALUATIONS, JOBS, ROUTES):
            found = await self._client.list(resource, self._namespace)
            (self._objects[resource],) = found["items"]

    async def deploy(self, key: Key) -> None:
        """A model from nothing to healthy."""
        name = key.name
        model = self._copy(MODELS, name, "", "")
        await self._client.create(MODELS, model, namespace=self._namespace)
        await self._roll_out(DEPLOY, name, "1")

    async def update(self, key: Key) -> None:
        """The same model with a new version."""
        name = key.name
        change: Object = {"spec": change_of(key, "2.0.0")}
        await self._client.patch(MODELS, self._namespace, name, change)
        await self._roll_out(UPDATE, name, "2")

    async def _roll_out(self, phase: str, name: str, revision: str) -> None:
        live = await self._client.get(MODELS, self._namespace, name) or {}
        uid = live["metadata"]["uid"]
        await self._create(REVISIONS, self._copy(REVISIONS, name, revision, uid))
        service = self._copy(SERVICES, name, revision, uid)
        await self._client.apply_as_operator(SERVICES, service)
        ready = answers.service_status(service["metadata"]["name"], self._namespace)
        await self._say(SERVICES, service, ready)
        await self._evaluate(name, revision, uid)
        for number in range(STATUSES[phase]):
            status = self._objects[MODELS]["status"]
            told = {**status, "message": f"{revision}: {number}"}
            await self._client.apply_as_operator(MODELS, {**_head(live), "status": told}, "status")
        for number in range(ROUTE_CHANGES[phase]):
            route = self._copy(ROUTES, name, f"{revision}{number}", uid)
            changed = await self._client.apply_as_operator(ROUTES, route)
            await self._say(ROUTES, route, answers.route_status(changed))
        for number in range(EVENTS_TOLD[phase]):
            await self._create(EVENTS, self._event(live, f"{name}.{revision}{number}"))

    async def _evaluate(self, name: str, revision: str, uid: str) -> None:
        evaluation = self._copy(EVALUATIONS, name, revision, uid)
        made = await self._create(EVALUATIONS, evaluation)
        job = self._copy(JOBS, name, revision, made["metadata"]["uid"])
        for generated in ("selector", "manualSelector"):
            job["spec"].pop(generated, None)
        labels = job["spec"]["template"]["metadata"]["labels"]
        own = {key: value for key, value in labels.items() if "mlhops.io/" in key}
        job["spec"]["template"]["metadata"] = {"labels": own}
        job = await self._create(JOBS, job)
        pod = answers.pod_of(job)
        await self._create(PODS, pod)
        await self._say(PODS, pod, answers.pod_status(job))
        await self._say(JOBS, job, answers.job_status())
        verdict = self._objects[EVALUATIONS]["status"]
        await self._client.apply_as_operator(
            EVALUATIONS, {**_head(evaluation), "status": verdict}, "status"
        )

    def _copy(self, resource: Resource, name: str, revision: str, owner: str) -> Object:
        """The template of a kind under another name, with another owner, and without a status."""
        template = self._objects[resource]
        metadata = template["metadata"]
        known = self._objects[SERVICES]["metadata"]["labels"][REVISION_LABEL]
        bare = {
            **{key: value for key, value in template.items() if key != "status"},
            "metadata": {
                key: value
                for key, value in metadata.items()
                if key in ("name", "namespace", "labels", "ownerReferences")
            },
        }
        text = json.dumps(bare).replace(_TEMPLATE, name)
        if revision:
            text = text.replace(known, f"{revision:0>{len(known)}}")
        copied: Object = json.loads(text)
        for reference in copied["metadata"].get("ownerReferences", []):
            reference["uid"] = owner
        return copied

    def _event(self, live: Object, name: str) -> Object:
        about = {key: live["metadata"][key] for key in ("name", "namespace", "uid")}
        return {
            "metadata": {"name": name, "namespace": self._namespace},
            "involvedObject": {"apiVersion": live["apiVersion"], "kind": live["kind"], **about},
            "reason": "Promoted",
            "message": "2.0.0 serves all requests",
            "type": "Normal",
            "firstTimestamp": answers.moment(),
            "lastTimestamp": answers.moment(),
            "count": 1,
        }

    async def _create(self, resource: Resource, body: Object) -> Object:
        return await self._client.create(resource, body, namespace=self._namespace)

    async def _say(self, resource: Resource, of: Object, status: Object) -> None:
        name = of["metadata"]["name"]
        await self._client.patch(resource, self._namespace, name, {"status": status}, sub="status")


def floor(copies: int = COPIES) -> list[Floor]:
    """Measure on a control plane of its own: deploy so many copies, then update them."""
    with OwnPlane.with_kinds() as plane, plane.namespace() as hands:
        namespace = hands.namespace
        with plane.world(), plane.operator(namespace):
            plane.wait_for_operator()
            asyncio.run(_serve_template(plane.kubeconfig, Key(namespace, _TEMPLATE)))
        return asyncio.run(_measure(plane, namespace, copies))


async def _serve_template(kubeconfig: Path, key: Key) -> None:
    async with Fleet.followed(kubeconfig, [key], steps=[]) as fleet:
        if not (await fleet.deploy("1.0.0", _PATIENCE)).arrived:
            raise RuntimeError("the model that was to be copied never became healthy")


async def _measure(plane: OwnPlane, namespace: str, copies: int) -> list[Floor]:
    keys = [Key(namespace, f"floor-{number:04d}") for number in range(copies)]
    pids = {CLIENT: os.getpid(), **plane.pids()}
    found = []
    async with Writer(plane.kubeconfig) as client:
        copier = Copier(client, namespace)
        await copier.learn()
        for phase, write in ((DEPLOY, copier.deploy), (UPDATE, copier.update)):
            before = Usage.now(pids)
            await each(keys, write)
            found.append(Floor(phase, copies, Usage.now(pids) - before))
    return found


def _head(live: Object) -> Object:
    metadata = {key: live["metadata"][key] for key in ("name", "namespace")}
    return {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": metadata}


def results(floors: list[Floor]) -> list[Result]:
    """Return what the bare writes take."""
    rows = []
    for of in floors:
        what = f"bare writes of a {of.phase}, with no operator"
        milliseconds = round(1000 * of.usage.at / of.copies, 1)
        rows += [
            Result(f"{what}: time", milliseconds, "ms a model"),
            Result(f"{what}: API server and etcd CPU", of.server_ms, "ms a model"),
        ]
    return rows


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.floor", description=__doc__)
    parser.add_argument("--models", type=int, default=COPIES)
    found = floor(parser.parse_args().models)
    for result in results(found):
        print(f"{result.name}: {result.value:g} {result.unit}")
    for each_floor in found:
        cpu = ", ".join(f"{name} {seconds:.1f}" for name, seconds in each_floor.usage.cpu.items())
        print(f"{each_floor.phase}: CPU seconds within {each_floor.usage.at:.1f} s: {cpu}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
