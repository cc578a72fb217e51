"""Which models are looked at when something changes that many of them may rest on."""

import asyncio
from typing import cast

from mlhops.api.base import Manifest
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.cache.wakes import THROTTLE_SECONDS
from mlhops.controller.cache.work_queue import WorkQueue
from mlhops.controller.resources import CONFIG_MAPS, MODELS, POLICIES, ROUTES, Key

WARD = "ward"


def manifest(version: int, name: str, spec: Manifest, **metadata: Manifest) -> Manifest:
    known: Manifest = {"namespace": WARD, "name": name, "resourceVersion": str(version)}
    return {"metadata": {**known, **metadata}, "spec": spec}


def naming(version: int, name: str, policy: str) -> Manifest:
    return manifest(version, name, {"monitoring": {"policyRef": {"name": policy}}})


async def looked_at(hearing: Hearing) -> set[str]:
    """Empty the queue; return the names of the models in it, and of the policy that is counted anew."""
    names = set()
    while len(hearing.queue):
        key = await hearing.queue.get()
        hearing.queue.succeeded(key)
        hearing.queue.done(key)
        assert key in (
            Key("ClinicalModel", WARD, key.name),
            Key("MonitoringPolicy", WARD, "strict"),
        )
        names.add(key.name)
    return names


def test_a_change_of_a_policy_looks_at_the_models_that_name_it_and_its_status_at_none() -> None:
    async def run() -> None:
        hearing = Hearing()
        for number, (model, policy) in enumerate(
            [("sepsis", "strict"), ("falls", "strict"), ("stroke", "lenient")], 1
        ):
            hearing.hear(MODELS, naming(number, model, policy))
        await looked_at(hearing)

        hearing.hear(POLICIES, manifest(10, "strict", {"drift": {}}))
        assert await looked_at(hearing) == {"sepsis", "falls", "strict"}
        hearing.hear(POLICIES, {**manifest(11, "strict", {"drift": {}}), "status": {"models": 2}})
        assert await looked_at(hearing) == set()
        hearing.hear(POLICIES, manifest(12, "strict", {}))
        assert await looked_at(hearing) == {"sepsis", "falls", "strict"}
        hearing.hear_gone(POLICIES, manifest(13, "strict", {}))
        assert await looked_at(hearing) == {"sepsis", "falls", "strict"}

    asyncio.run(run())


def test_a_policys_models_are_counted_by_and_by_however_many_change() -> None:
    async def run() -> None:
        now = [0.0]
        hearing = Hearing(queue=WorkQueue(lambda: now[0]))
        clock = asyncio.create_task(hearing.queue.run_clock())
        for number in range(1, 50):
            hearing.hear(MODELS, naming(number, "sepsis", "lenient" if number == 1 else "strict"))
        assert await looked_at(hearing) == {"sepsis"}
        now[0] = THROTTLE_SECONDS + 0.1
        hearing.queue.add_after(Key("ClinicalModel", WARD, "sepsis"), 0.0)
        await asyncio.sleep(0.05)
        passes = []
        while len(hearing.queue):
            passes.append(await hearing.queue.get())
            hearing.queue.done(passes[-1])
        counted = sorted(key.name for key in passes if key.kind == "MonitoringPolicy")
        assert counted == ["lenient", "strict"], "the one that it named before as well"
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)

    asyncio.run(run())


def test_a_change_of_a_config_map_looks_at_its_model() -> None:
    async def run() -> None:
        hearing = Hearing()
        hearing.hear(
            CONFIG_MAPS,
            manifest(1, "sepsis-a-detector", {}, labels={"mlhops.io/model": "sepsis"}),
        )
        assert await looked_at(hearing) == {"sepsis"}

    asyncio.run(run())


def asking(version: int, namespace: str, *names: str) -> Manifest:
    gateway: Manifest = {"name": "clinical", "hostnames": list(names)}
    asked = manifest(version, "sepsis", {"exposure": {"gateway": gateway}})
    metadata = cast(Manifest, asked["metadata"])
    return {**asked, "metadata": {**metadata, "namespace": namespace}}


async def namespaces_looked_at(hearing: Hearing) -> set[str]:
    found = set()
    while len(hearing.queue):
        key = await hearing.queue.get()
        hearing.queue.succeeded(key)
        hearing.queue.done(key)
        found.add(key.namespace)
    return found


def test_whoever_waits_for_a_host_name_is_looked_at_when_it_is_given_up() -> None:
    async def run() -> None:
        hearing = Hearing()
        hearing.hear(MODELS, asking(1, "icu", "a.example"))
        hearing.hear(MODELS, asking(2, "ward", "*.example"))
        hearing.hear(MODELS, asking(3, "unit", "b.other"))
        await namespaces_looked_at(hearing)

        hearing.hear(MODELS, {**asking(4, "icu", "a.example"), "status": {"phase": "Healthy"}})
        assert await namespaces_looked_at(hearing) == {"icu"}, "its status tells nobody else"
        hearing.hear(MODELS, asking(5, "icu", "c.other"))
        assert await namespaces_looked_at(hearing) == {"icu", "ward"}
        hearing.hear_gone(MODELS, asking(6, "icu", "c.other"))
        assert await namespaces_looked_at(hearing) == {"icu"}

        route = asking(7, "billing")
        route["spec"] = {"hostnames": ["b.other"]}
        hearing.hear(ROUTES, route)
        assert await namespaces_looked_at(hearing) == {"unit"}
        hearing.hear_gone(ROUTES, asking(8, "billing"))
        assert await namespaces_looked_at(hearing) == {"unit"}
        route = asking(9, "billing")
        route["spec"] = {"parentRefs": []}
        hearing.hear(ROUTES, route)
        assert {"unit", "ward"} <= await namespaces_looked_at(hearing), "it has those of listeners"

    asyncio.run(run())
