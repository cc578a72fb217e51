"""Which models are looked at when something changes that many of them may rest on."""

import asyncio
from typing import cast

from kubernetes.aio.client import Configuration

from mlhops.api.base import Manifest
from mlhops.controller.cache.work_queue import WorkQueue
from mlhops.controller.kube.client import Client
from mlhops.controller.main import Operator
from mlhops.controller.reconcile.policies import THROTTLE_SECONDS
from mlhops.controller.resources import CONFIG_MAPS, MODELS, POLICIES, ROUTES, Key
from mlhops.kserve.detector import Detectors
from mlhops.rollout.evaluator_pod import EvaluatorImage

WARD = "ward"


def manifest(version: int, name: str, spec: Manifest, **metadata: Manifest) -> Manifest:
    known: Manifest = {"namespace": WARD, "name": name, "resourceVersion": str(version)}
    return {"metadata": {**known, **metadata}, "spec": spec}


def naming(version: int, name: str, policy: str) -> Manifest:
    return manifest(version, name, {"monitoring": {"policyRef": {"name": policy}}})


async def looked_at(operator: Operator) -> set[str]:
    """Empty the queue; return the names of the models in it, and of the policy that is counted anew."""
    names = set()
    while len(operator.queue):
        key = await operator.queue.get()
        operator.queue.succeeded(key)
        operator.queue.done(key)
        assert key in (
            Key("ClinicalModel", WARD, key.name),
            Key("MonitoringPolicy", WARD, "strict"),
        )
        names.add(key.name)
    return names


def test_a_change_of_a_policy_looks_at_the_models_that_name_it_and_its_status_at_none() -> None:
    async def run() -> None:
        client = Client(Configuration())
        operator = Operator(
            client, EvaluatorImage("evaluator"), Detectors("detector", "detector-alibi")
        )
        for number, (model, policy) in enumerate(
            [("sepsis", "strict"), ("falls", "strict"), ("stroke", "lenient")], 1
        ):
            operator.hear(MODELS, naming(number, model, policy))
        await looked_at(operator)

        operator.hear(POLICIES, manifest(10, "strict", {"drift": {}}))
        assert await looked_at(operator) == {"sepsis", "falls", "strict"}
        operator.hear(POLICIES, {**manifest(11, "strict", {"drift": {}}), "status": {"models": 2}})
        assert await looked_at(operator) == set()
        operator.hear(POLICIES, manifest(12, "strict", {}))
        assert await looked_at(operator) == {"sepsis", "falls", "strict"}
        operator.hear_gone(POLICIES, manifest(13, "strict", {}))
        assert await looked_at(operator) == {"sepsis", "falls", "strict"}
        await client.close()

    asyncio.run(run())


def test_a_policys_models_are_counted_by_and_by_however_many_change() -> None:
    async def run() -> None:
        client = Client(Configuration())
        operator = Operator(
            client, EvaluatorImage("evaluator"), Detectors("detector", "detector-alibi")
        )
        now = [0.0]
        operator.queue = WorkQueue(lambda: now[0])
        clock = asyncio.create_task(operator.queue.run_clock())
        for number in range(1, 50):
            operator.hear(MODELS, naming(number, "sepsis", "lenient" if number == 1 else "strict"))
        assert await looked_at(operator) == {"sepsis"}
        now[0] = THROTTLE_SECONDS + 0.1
        operator.queue.add_after(Key("ClinicalModel", WARD, "sepsis"), 0.0)
        await asyncio.sleep(0.05)
        passes = []
        while len(operator.queue):
            passes.append(await operator.queue.get())
            operator.queue.done(passes[-1])
        counted = sorted(key.name for key in passes if key.kind == "MonitoringPolicy")
        assert counted == ["lenient", "strict"], "the one that it named before as well"
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
        await client.close()

    asyncio.run(run())


def test_a_change_of_a_config_map_looks_at_its_model() -> None:
    async def run() -> None:
        client = Client(Configuration())
        operator = Operator(
            client, EvaluatorImage("evaluator"), Detectors("detector", "detector-alibi")
        )
        operator.hear(
            CONFIG_MAPS,
            manifest(1, "sepsis-a-detector", {}, labels={"mlhops.io/model": "sepsis"}),
        )
        assert await looked_at(operator) == {"sepsis"}
        await client.close()

    asyncio.run(run())


def asking(version: int, namespace: str, *names: str) -> Manifest:
    gateway: Manifest = {"name": "clinical", "hostnames": list(names)}
    asked = manifest(version, "sepsis", {"exposure": {"gateway": gateway}})
    metadata = cast(Manifest, asked["metadata"])
    return {**asked, "metadata": {**metadata, "namespace": namespace}}


async def namespaces_looked_at(operator: Operator) -> set[str]:
    found = set()
    while len(operator.queue):
        key = await operator.queue.get()
        operator.queue.succeeded(key)
        operator.queue.done(key)
        found.add(key.namespace)
    return found


def test_whoever_waits_for_a_host_name_is_looked_at_when_it_is_given_up() -> None:
    async def run() -> None:
        client = Client(Configuration())
        operator = Operator(client, EvaluatorImage("evaluator"), Detectors("detector", "alibi"))
        operator.hear(MODELS, asking(1, "icu", "a.example"))
        operator.hear(MODELS, asking(2, "ward", "*.example"))
        operator.hear(MODELS, asking(3, "unit", "b.other"))
        await namespaces_looked_at(operator)

        operator.hear(MODELS, {**asking(4, "icu", "a.example"), "status": {"phase": "Healthy"}})
        assert await namespaces_looked_at(operator) == {"icu"}, "its status tells nobody else"
        operator.hear(MODELS, asking(5, "icu", "c.other"))
        assert await namespaces_looked_at(operator) == {"icu", "ward"}
        operator.hear_gone(MODELS, asking(6, "icu", "c.other"))
        assert await namespaces_looked_at(operator) == {"icu"}

        route = asking(7, "billing")
        route["spec"] = {"hostnames": ["b.other"]}
        operator.hear(ROUTES, route)
        assert await namespaces_looked_at(operator) == {"unit"}
        operator.hear_gone(ROUTES, asking(8, "billing"))
        assert await namespaces_looked_at(operator) == {"unit"}
        route = asking(9, "billing")
        route["spec"] = {"parentRefs": []}
        operator.hear(ROUTES, route)
        assert {"unit", "ward"} <= await namespaces_looked_at(operator), "it has those of listeners"
        await client.close()

    asyncio.run(run())
