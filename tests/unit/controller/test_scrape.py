"""Looks at models: which pods are asked, what comes of it, and that nothing a pod tells stops them."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
import structlog
from aiohttp import web

from mlhops.api.base import Json, Manifest
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.store import Store
from mlhops.controller.kube.client import ApiError
from mlhops.controller.kube.reader import CachedReader
from mlhops.controller.outbound.pods import HttpPods, PodError
from mlhops.controller.resources import (
    CONFIG_MAPS,
    EVALUATIONS,
    MODEL,
    MODELS,
    PODS,
    POLICIES,
    Key,
    Kind,
)
from mlhops.controller.sidecars import scrape
from mlhops.controller.sidecars.scrape import REPORT_BYTES, Scraper
from mlhops.kserve.detector import REPORT_PORT
from mlhops.kserve.names import PROFILE_EVALUATION, PROFILE_KEY, profile_map
from mlhops.rollout.monitoring.drift_snapshot import Look
from testkit.builders import DIGEST, clinical_model, evaluation, monitoring_policy
from tests.unit.monitoring.pods import KNOWN, NOW, STABLE, report, rows

KEY = Key(MODEL, "ward", "sepsis")
SERVICE = f"sepsis-{STABLE}"
EVALUATION = f"{SERVICE}-1"
UID = "model-uid"
REPLICA_SET: Manifest = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "name": f"{SERVICE}-predictor-5d4f8c7b9",
    "uid": "replica-set-uid",
    "controller": True,
}


class World:
    """An API server of which everything was heard, and pods that answer by address."""

    def __init__(self) -> None:
        self.store = Store()
        self.answers: dict[str, bytes | Exception] = {}
        self.asked: list[str] = []
        self.silent = False
        self.fetched = 0
        self.woken: list[Key] = []
        self.version = 0
        self.live: dict[str, Manifest] = {}
        for kind in (MODELS, PODS, POLICIES, CONFIG_MAPS):
            self.store.set_complete(kind)
        reader = CachedReader(self.store, self)  # type: ignore[arg-type]
        self.scraper = Scraper(self, reader, self, lambda: NOW, self.woken.append)

    def hear(self, kind: Kind, manifest: Manifest) -> None:
        self.version += 1
        metadata = manifest["metadata"]
        assert isinstance(metadata, dict)
        metadata |= {"namespace": "ward", "resourceVersion": str(self.version)}
        self.store.hear(kind, manifest)

    def watched(self, *pods: str, every: str = "10s", profile: bool = True) -> None:
        """A model that serves from pods with these addresses, under a policy."""
        self.serves()
        self.hear(POLICIES, monitoring_policy({"spec.drift": {"every": every}}))
        for number, address in enumerate(pods):
            self.hear(PODS, pod(f"pod-{number}", address))
        if profile:
            self.live[profile_map(SERVICE)] = profile_of()
            self.live[EVALUATION] = evaluation_of()
            self.hear(CONFIG_MAPS, profile_of())

    def serves(self, attempt: int = 0) -> None:
        """The model, with a candidate in that attempt if there is any."""
        status: Manifest = {
            "stable": {
                "revision": STABLE,
                "version": "1.0.0",
                "inferenceService": SERVICE,
                "since": "2026-01-01T00:00:00Z",
            }
        }
        if attempt:
            status["candidate"] = {
                "revision": "candidate1",
                "version": "2.0.0",
                "inferenceService": "sepsis-candidate1",
                "createdAt": "2026-01-02T00:00:00Z",
                "startedAt": "2026-01-02T00:00:00Z",
                "attempt": attempt,
            }
        model = clinical_model({"spec.monitoring": {"policyRef": {"name": "ward"}}})
        self.hear(MODELS, model | {"metadata": {"name": "sepsis", "uid": UID}, "status": status})

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        assert kind in (CONFIG_MAPS, EVALUATIONS)
        self.fetched += 1
        return self.live.get(name)

    async def ask(
        self, method: str, address: str, port: int, path: str, headers: Mapping[str, str], most: int
    ) -> bytes:
        assert (method, port, path, most) == ("GET", REPORT_PORT, "/report", REPORT_BYTES)
        self.asked.append(address)
        if self.silent:
            await asyncio.sleep(60)
        answer = self.answers.get(address, PodError("it did not answer within 2 s"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None: ...

    def pod_tells(self, address: str, **more: object) -> None:
        told = report(**more)  # type: ignore[arg-type]
        self.answers[address] = told.model_dump_json(exclude_none=True).encode()


class Late(CachedReader):
    """Reads a model at once, and answers when it is let."""

    def __init__(self, world: World) -> None:
        super().__init__(world.store, world)  # type: ignore[arg-type]
        self.asked, self.answered = asyncio.Event(), asyncio.Event()

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        found = await super().get(kind, namespace, name)
        if kind == MODELS:
            self.asked.set()
            await self.answered.wait()
        return found


def pod(name: str, address: str, **changes: Json) -> Manifest:
    manifest: Manifest = {
        "metadata": {
            "name": name,
            "labels": {
                "mlhops.io/model": "sepsis",
                "mlhops.io/revision": STABLE,
                "serving.kserve.io/inferenceservice": SERVICE,
                "pod-template-hash": "5d4f8c7b9",
            },
            "ownerReferences": [REPLICA_SET],
        },
        "spec": {"containers": [{"name": "kserve-container"}, {"name": "drift-detector"}]},
        "status": {"podIP": address, "conditions": [{"type": "Ready", "status": "True"}]},
    }
    return manifest | changes


def profile_of(text: str | None = None) -> Manifest:
    return {
        "metadata": {
            "name": profile_map(SERVICE),
            "uid": "profile-uid",
            "labels": {"mlhops.io/model": "sepsis"},
            "annotations": {PROFILE_EVALUATION: EVALUATION},
            "ownerReferences": [{"uid": UID, "controller": True}],
        },
        "data": {PROFILE_KEY: KNOWN.to_text() if text is None else text},
    }


def evaluation_of(**changes: Json) -> Manifest:
    """The Evaluation that the profile was made for, with a signature of it."""
    given: dict[str, Json] = {
        "spec.revision": STABLE,
        "metadata.ownerReferences": [{"uid": UID, "controller": True}],
        "status": {"phase": "Successful", "profile": {"digest": KNOWN.digest()}},
    }
    return evaluation({**given, **changes}, EVALUATION)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """First looks are not spread over seconds."""
    monkeypatch.setattr(scrape, "_FIRST", 0.05)


@asynccontextmanager
async def running(world: World) -> AsyncIterator[Scraper]:
    task = asyncio.create_task(world.scraper.run())
    try:
        yield world.scraper
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await world.scraper.close()


async def first(world: World) -> Look:
    """The first look at the model."""
    async with running(world) as scraper:
        return await awaited(scraper)


async def awaited(scraper: Scraper, other_than: Look | None = None) -> Look:
    async with asyncio.timeout(30):
        while (found := scraper.look(KEY)) is None or found is other_than:
            await asyncio.sleep(0.02)
    return found


def look(world: World) -> Look:
    return asyncio.run(first(world))


def test_a_watched_model_is_looked_at_and_put_on_the_queue() -> None:
    world = World()
    world.watched("10.0.0.1", "10.0.0.2")
    world.pod_tells("10.0.0.1")
    world.pod_tells("10.0.0.2", seed=2)
    found = look(world)
    assert found.stable is not None
    assert (found.stable.revision, found.stable.verdict) == (STABLE, "NoDrift")
    assert (found.at, found.candidate) == (NOW, None)
    assert sorted(world.asked) == ["10.0.0.1", "10.0.0.2"]
    assert world.woken == [KEY]


def test_a_shift_of_a_feature_is_found() -> None:
    world = World()
    world.watched("10.0.0.1")
    columns = rows(1, 500)
    columns["creatinine"] = [float(str(value)) * 88.4 for value in columns["creatinine"]]
    world.pod_tells("10.0.0.1", columns=columns)
    found = look(world)
    assert found.stable is not None
    assert found.stable.verdict == "Drift"
    assert found.stable.worst is not None
    assert found.stable.worst.of == "creatinine"


@pytest.mark.parametrize(
    "answer",
    [
        PodError("it did not answer within 2 s"),
        b"<html>",
        b"\xff" * 1000,
        b"[" * 100_000,
        b'{"revision": "' + b"x" * 100_000 + b'"}',
    ],
)
def test_a_pod_that_tells_nothing_that_can_be_used_makes_it_an_error(
    answer: bytes | Exception,
) -> None:
    world = World()
    world.watched("10.0.0.1", "10.0.0.2")
    world.pod_tells("10.0.0.1")
    world.answers["10.0.0.2"] = answer
    found = look(world)
    assert found.stable is not None
    assert found.stable.verdict == "Error"


def test_only_pods_that_are_ready_and_of_that_service_are_asked() -> None:
    world = World()
    world.watched("10.0.0.1")
    world.pod_tells("10.0.0.1")
    ready: Json = {"podIP": "10.0.0.9", "conditions": [{"type": "Ready", "status": "False"}]}
    world.hear(PODS, pod("starting", "", status=ready))
    leaving = pod("leaving", "10.0.0.8")
    assert isinstance(leaving["metadata"], dict)
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world.hear(PODS, leaving)
    other = pod("other", "10.0.0.7")
    assert isinstance(other["metadata"], dict)
    other["metadata"]["labels"] = {"mlhops.io/model": "sepsis"}
    world.hear(PODS, other)
    found = look(world)
    assert world.asked == ["10.0.0.1"]
    assert found.stable is not None
    assert found.stable.verdict == "NoDrift"


@pytest.mark.parametrize(
    "owner",
    [
        None,
        {"kind": "Job", "apiVersion": "batch/v1"},
        {"name": "another-predictor-5d4f8c7b9"},
        {"name": SERVICE},
        {"controller": False},
        {"apiVersion": "example.org/v1"},
    ],
)
def test_a_pod_that_only_has_the_labels_is_not_asked_and_makes_it_an_error(
    owner: Manifest | None,
) -> None:
    world = World()
    world.watched("10.0.0.1")
    world.pod_tells("10.0.0.1")
    copy = pod("copy", "10.0.0.9")
    assert isinstance(copy["metadata"], dict)
    copy["metadata"]["ownerReferences"] = [REPLICA_SET | owner] if owner is not None else []
    world.hear(PODS, copy)
    found = look(world)
    assert world.asked == ["10.0.0.1"]
    assert found.stable is not None
    assert found.stable.verdict == "Error"
    assert "no ReplicaSet of its InferenceService has its pod" in found.stable.message


def test_a_revision_from_before_detectors_is_insufficient_and_asks_no_pod() -> None:
    world = World()
    world.watched()
    world.hear(PODS, pod("old", "10.0.0.1", spec={"containers": [{"name": "kserve-container"}]}))
    found = look(world)
    assert found.stable is not None
    assert found.stable.verdict == "Insufficient"
    assert "the next version comes with one" in found.stable.message
    assert world.asked == []


def test_without_a_profile_it_is_insufficient() -> None:
    world = World()
    world.watched("10.0.0.1", profile=False)
    world.pod_tells("10.0.0.1")
    found = look(world)
    assert found.stable is not None
    assert found.stable.verdict == "Insufficient"
    assert found.stable.message == "there is no profile of it: its next evaluation makes one"


@pytest.mark.parametrize("text", ["", "{}", KNOWN.to_text().replace("creatinine", "creatine")])
def test_a_profile_that_is_not_the_one_that_was_kept_is_an_error(text: str) -> None:
    world = World()
    world.watched("10.0.0.1")
    world.pod_tells("10.0.0.1")
    world.live[profile_map(SERVICE)] = profile_of(text)
    found = look(world)
    assert found.stable is not None
    assert found.stable.verdict == "Error"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": {"phase": "Successful", "profile": {"digest": DIGEST}}},
        {"status": {"phase": "Successful", "profile": {"digest": KNOWN.digest(), "error": "no"}}},
        {"status": {"phase": "Successful"}},
        {"spec.revision": "another"},
        {"metadata.ownerReferences": [{"uid": "another", "controller": True}]},
        None,
    ],
)
def test_a_profile_that_no_evaluation_of_the_revision_has_signed_is_an_error(
    changes: dict[str, Json] | None,
) -> None:
    """Whoever may write ConfigMaps can write any annotation, but no Evaluation's status."""
    world = World()
    world.watched("10.0.0.1")
    world.pod_tells("10.0.0.1")
    if changes is None:
        del world.live[EVALUATION]
    else:
        world.live[EVALUATION] = evaluation_of(**changes)
    found = look(world)
    assert found.stable is not None
    assert found.stable.verdict == "Error"
    assert "not the one that was kept" in found.stable.message


def test_a_profile_counts_once_its_evaluation_has_ended() -> None:
    world = World()
    world.watched("10.0.0.1")
    world.pod_tells("10.0.0.1")
    world.live[EVALUATION] = evaluation_of(status={"phase": "Running"})
    found = look(world)
    assert found.stable is not None
    assert found.stable.verdict == "Insufficient"
    assert found.stable.message == f"its profile counts once Evaluation {EVALUATION} has ended"


def test_a_profile_is_read_from_the_api_server_once() -> None:
    async def scenario() -> None:
        async with running(world) as scraper:
            one = await awaited(scraper)
            scraper.soon(KEY)
            await awaited(scraper, other_than=one)

    world = World()
    world.watched("10.0.0.1")
    world.pod_tells("10.0.0.1")
    asyncio.run(scenario())
    assert len(world.asked) == 2
    assert world.fetched == 2  # the ConfigMap, and the Evaluation that signed it


def test_what_is_no_news_wakes_nobody() -> None:
    async def scenario() -> None:
        async with running(world) as scraper:
            one = await awaited(scraper)
            world.pod_tells("10.0.0.1", seed=4)
            scraper.soon(KEY)
            two = await awaited(scraper, other_than=one)
            assert len(world.woken) == 1
            world.answers.clear()
            scraper.soon(KEY)
            await awaited(scraper, other_than=two)
            assert len(world.woken) == 2

    world = World()
    world.watched("10.0.0.1")
    world.pod_tells("10.0.0.1")
    asyncio.run(scenario())


def test_what_is_seen_once_a_policy_is_there_again_is_news() -> None:
    async def scenario() -> None:
        async with running(world) as scraper:
            await awaited(scraper)
            policy = world.store.get(POLICIES, Name("ward", "ward"))
            assert policy is not None
            world.store.hear_gone(POLICIES, Name("ward", "ward"), 100)
            scraper.soon(KEY)
            async with asyncio.timeout(20):
                while scraper.look(KEY) is not None:
                    await asyncio.sleep(0.02)
            world.woken.clear()
            world.version = 200
            world.hear(POLICIES, policy)
            scraper.soon(KEY)
            await awaited(scraper)
            assert world.woken == [KEY]

    world = World()
    world.watched("10.0.0.1")
    world.pod_tells("10.0.0.1")
    asyncio.run(scenario())


def test_the_same_in_another_attempt_is_news() -> None:
    async def scenario() -> None:
        async with running(world) as scraper:
            one = await awaited(scraper)
            assert len(world.woken) == 1
            world.serves(attempt=2)
            scraper.soon(KEY)
            await awaited(scraper, other_than=one)
            assert len(world.woken) == 2

    world = World()
    world.watched("10.0.0.1")
    world.pod_tells("10.0.0.1")
    world.serves(attempt=1)
    asyncio.run(scenario())


def test_an_operator_that_leads_again_looks_at_all_anew_and_all_is_news() -> None:
    async def scenario() -> None:
        term = asyncio.create_task(world.scraper.run())
        one = await awaited(world.scraper)
        world.silent = True
        world.scraper.soon(KEY)
        async with asyncio.timeout(20):
            while len(world.asked) < 2:
                await asyncio.sleep(0.02)
        term.cancel()  # the lease is lost in the middle of a look
        await asyncio.gather(term, return_exceptions=True)
        world.silent = False
        world.woken.clear()
        async with running(world) as scraper:
            await awaited(scraper, other_than=one)
            assert world.woken == [KEY]

    world = World()
    world.watched("10.0.0.1")
    world.pod_tells("10.0.0.1")
    asyncio.run(scenario())


def test_what_a_pass_asks_for_while_an_older_model_is_read_is_not_forgotten() -> None:
    async def scenario() -> None:
        world.scraper._reader = late = Late(world)
        async with running(world) as scraper, asyncio.timeout(20):
            scraper.look(KEY)
            await late.asked.wait()  # without a policy
            world.watched("10.0.0.1")
            scraper.look(KEY)
            late.answered.set()
            while not world.woken:
                await asyncio.sleep(0.02)

    world = World()
    world.hear(MODELS, clinical_model() | {"metadata": {"name": "sepsis", "uid": UID}})
    world.pod_tells("10.0.0.1")
    asyncio.run(scenario())


def test_a_model_that_names_no_policy_any_more_is_forgotten() -> None:
    async def scenario() -> None:
        async with running(world) as scraper:
            await awaited(scraper)
            world.hear(MODELS, clinical_model())
            scraper.soon(KEY)
            async with asyncio.timeout(20):
                while scraper._watched:
                    await asyncio.sleep(0.02)
            assert scraper._looks == {}
            assert scraper._profiles == {}

    world = World()
    world.watched("10.0.0.1")
    world.pod_tells("10.0.0.1")
    asyncio.run(scenario())


@pytest.mark.parametrize(
    "fault", [RuntimeError("marker-Ada-Lovelace"), ApiError(503, "Busy", "later")]
)
def test_a_fault_ends_no_looking_and_no_word_of_it_that_a_pod_may_have_told_is_logged(
    fault: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        async with running(world) as scraper:
            scraper.look(KEY)
            async with asyncio.timeout(20):
                while not world.asked:
                    await asyncio.sleep(0.02)
            assert scraper.look(KEY) is None
            world.pod_tells("10.0.0.1")
            scraper.soon(KEY)
            found = await awaited(scraper)
            assert found.stable is not None
            assert found.stable.verdict == "NoDrift"

    world = World()
    world.watched("10.0.0.1")
    world.answers["10.0.0.1"] = fault
    structlog.reset_defaults()
    asyncio.run(scenario())
    told = capsys.readouterr()
    assert type(fault).__name__ in told.out + told.err or "503" in told.out + told.err
    assert "Ada" not in told.out + told.err


@pytest.mark.parametrize("how", ["hangs", "floods", "leads elsewhere"])
def test_over_http_a_pod_that_does_not_behave_is_an_error(how: str) -> None:
    async def misbehave(request: web.Request) -> web.StreamResponse:
        if how == "hangs":
            await asyncio.sleep(5)
        if how == "leads elsewhere":
            raise web.HTTPFound("http://127.77.7.8:9501/report")
        answer = web.StreamResponse()
        await answer.prepare(request)
        while how == "floods":
            await answer.write(b" " * 65_536)
        return answer

    async def scenario() -> Look:
        app = web.Application()
        app.router.add_get("/report", misbehave)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.77.7.7", REPORT_PORT).start()
        try:
            return await first(world)
        finally:
            await runner.cleanup()

    world = World()
    world.watched("127.77.7.7")
    world.scraper._pods = HttpPods(0.5)
    found = asyncio.run(scenario())
    assert found.stable is not None
    assert found.stable.verdict == "Error"
    assert found.stable.message.startswith("a pod's detector did not tell: it ")


def test_an_operator_that_watches_no_model_loads_no_numpy() -> None:
    code = "import sys, mlhops.controller.main; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pods_that_tell_much_are_heard_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    addresses = [f"10.0.0.{number}" for number in range(1, 6)]
    world.watched(*addresses)
    for address in addresses:
        world.pod_tells(address)
    told = world.answers[addresses[0]]
    assert isinstance(told, bytes)
    monkeypatch.setattr(scrape, "AT_ONCE", 1)
    monkeypatch.setattr(scrape, "FEW_BYTES", len(told) // 2)
    monkeypatch.setattr(scrape, "ALL_BYTES", 3 * len(told) - 1)
    world.scraper = Scraper(
        world,
        CachedReader(world.store, world),  # type: ignore[arg-type]
        world,
        lambda: NOW,
        world.woken.append,
    )
    found = look(world)
    assert sorted(world.asked) == addresses[:3]
    assert found.stable is not None
    assert found.stable.verdict == "Error"  # what two of them would have told, nobody knows


def test_of_models_whose_pods_tell_much_two_are_looked_at_at_a_time() -> None:
    async def run() -> None:
        large = asyncio.Semaphore(scrape.LARGE_AT_ONCE)
        rooms = [scrape._Room(large) for _ in range(scrape.LARGE_AT_ONCE + 1)]
        for room in rooms:
            assert not await room.is_full()
            room.left = 0
        for room in rooms[:-1]:
            assert not await room.is_full()
        waits = asyncio.create_task(rooms[-1].is_full())
        await asyncio.sleep(0.01)
        assert not waits.done()
        rooms[0].close()
        assert not await waits

        rooms[1].left = 0
        assert await rooms[1].is_full()  # there is no more than all

    asyncio.run(run())


def test_models_whose_pods_do_not_answer_are_waited_for_together() -> None:
    async def run() -> int:
        world = World()
        world.watched("10.0.0.1")
        world.silent = True
        for number in range(scrape.LOOKERS):
            name = f"sepsis-{number}"
            model = clinical_model({"spec.monitoring": {"policyRef": {"name": "ward"}}}, name)
            live = world.store.get(MODELS, Name("ward", "sepsis"))
            assert live is not None
            world.hear(
                MODELS, model | {"metadata": {"name": name, "uid": UID}, "status": live["status"]}
            )
            manifest = pod(f"pod-of-{number}", f"10.0.1.{number}")
            assert isinstance(manifest["metadata"], dict)
            manifest["metadata"]["labels"] = {
                "mlhops.io/model": name,
                "serving.kserve.io/inferenceservice": SERVICE,
                "pod-template-hash": "5d4f8c7b9",
            }
            world.hear(PODS, manifest)
        async with running(world) as scraper:
            for number in range(scrape.LOOKERS):
                scraper.look(Key("ClinicalModel", "ward", f"sepsis-{number}"))
            await asyncio.sleep(0.5)
        return len(world.asked)

    assert asyncio.run(run()) == scrape.LOOKERS
