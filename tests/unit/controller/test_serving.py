"""The operator asks sidecars how requests are answered, hears news at once, and believes only what can be true."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

import pytest

from mlhops.api.model import ClinicalModel
from mlhops.api.serving import FailureReason, ProbeReport, ServingCounts, ServingReport
from mlhops.controller.outbound.pods import PodError
from mlhops.controller.resources import Key
from mlhops.controller.sidecars import serving
from mlhops.controller.sidecars.serving import ServingWatch
from mlhops.detector.news import HeldQuestion
from mlhops.kserve.state import ReadyPod, Service
from mlhops.rollout.monitoring.drift_snapshot import Answering, step_of
from mlhops.rollout.monitoring.serving import judged
from mlhops.rollout.observed import Observed
from mlhops.routing.gateway_api import GatewayRouter
from testkit.builders import clinical_model

KEY = Key("ClinicalModel", "ward", "sepsis")
NOW = datetime(2030, 1, 1, 8, tzinfo=UTC)
BEGUN = NOW - timedelta(seconds=30)


def report(revision: str, counts: ServingCounts, tag: str = "1", *, within: bool = False) -> bytes:
    told = ServingReport(
        version="1",
        revision=revision,
        instance="a",
        started_at=NOW,
        tag=tag,
        minute=counts,
        hour=counts,
        asked=counts if within else None,
    )
    return told.model_dump_json(exclude_none=True).encode()


GOOD, BAD = ServingCounts(answered=100), ServingCounts(failures={FailureReason.UNANSWERED: 100})


@dataclass
class Sidecars:
    """Answers for pods by their address, and holds a question with the newest tag."""

    tells: dict[str, Callable[[Mapping[str, str]], bytes]]
    tags: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    holds: bool = True

    async def ask(
        self,
        method: str,
        address: str,
        port: int,
        path: str,
        headers: Mapping[str, str],
        most: int,
    ) -> bytes:
        assert (method, port, headers) == ("GET", 9501, {})
        assert most < 2**20
        query = dict(parse_qsl(urlsplit(path).query))
        self.asked.append((address, query))
        while self.holds and query.get("tag") == self.tags.get(address, "1"):
            await asyncio.sleep(0.01)
        return self.tells[address](query)

    async def close(self) -> None: ...


def seen(*pods: ReadyPod, candidate: bool = False, weight: int = 10) -> Observed:
    """A model whose version `a` serves, with a candidate `b` where one is asked for."""
    status: dict[str, object] = {
        "stable": {
            "revision": "a",
            "version": "1.0.0",
            "inferenceService": "sepsis-a",
            "since": NOW.isoformat(),
        }
    }
    if candidate:
        status["candidate"] = {
            "revision": "b",
            "version": "2.0.0",
            "inferenceService": "sepsis-b",
            "createdAt": BEGUN.isoformat(),
            "startedAt": BEGUN.isoformat(),
            "stepStartedAt": BEGUN.isoformat(),
            "desiredWeight": weight,
        }
    model = ClinicalModel.model_validate({**clinical_model(), "status": status})
    services = {
        f"sepsis-{name}": Service(
            f"sepsis-{name}",
            name,
            ready=True,
            pods=tuple(pod for pod in pods if pod.uid.startswith(name)),
        )
        for name in ("a", "b")
    }
    return Observed(model=model, router=GatewayRouter(), services=services)


def pod(uid: str, *, has_sidecar: bool = True) -> ReadyPod:
    return ReadyPod(uid, f"127.0.1.{ord(uid[-1])}", has_sidecar)


def address(uid: str) -> str:
    return pod(uid).address


async def watched(
    sidecars: Sidecars, play: Callable[[ServingWatch, list[Key]], Awaitable[None]]
) -> None:
    woken: list[Key] = []
    watch = ServingWatch(sidecars, lambda: NOW, woken.append)
    running = asyncio.create_task(watch.run())
    await asyncio.sleep(0)
    try:
        await play(watch, woken)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def told(watch: ServingWatch, facts: Observed) -> Answering:
    """Wait until the pods of what serves were asked."""
    for _ in range(200):
        look = watch.look(KEY, facts)
        if look.stable is not None:
            return look.stable
        await asyncio.sleep(0.01)
    raise AssertionError("nobody told")


def test_counts_of_all_ready_pods_are_added() -> None:
    sidecars = Sidecars({address(uid): lambda _: report("a", GOOD) for uid in ("a1", "a2")})

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        found = await told(watch, seen(pod("a1"), pod("a2")))
        assert (found.pods, found.told, found.hour.answered) == (2, 2, 200)
        assert found.whole

    asyncio.run(watched(sidecars, play))


def test_a_model_at_rest_costs_one_held_question() -> None:
    sidecars = Sidecars({address("a1"): lambda _: report("a", GOOD)})

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        await told(watch, seen(pod("a1")))
        await asyncio.sleep(0.3)
        assert [query.get("tag") for _, query in sidecars.asked] == [None, "1"]
        assert sidecars.asked[-1][1]["wait"] == "60"

    asyncio.run(watched(sidecars, play))


def test_news_wakes_the_model_at_once() -> None:
    sidecars = Sidecars({address("a1"): lambda _: report("a", GOOD)})

    async def play(watch: ServingWatch, woken: list[Key]) -> None:
        facts = seen(pod("a1"))
        await told(watch, facts)
        await asyncio.sleep(0.05)
        woken.clear()
        sidecars.tells[address("a1")] = lambda _: report("a", BAD, "2")
        sidecars.tags[address("a1")] = "2"
        await asyncio.sleep(0.1)
        assert woken == [KEY]
        assert judged(await told(watch, facts)) == "Failing"

    asyncio.run(watched(sidecars, play))


def test_a_sidecar_that_never_holds_a_question_is_not_asked_without_a_pause() -> None:
    sidecars = Sidecars({address("a1"): lambda _: report("a", GOOD)}, holds=False)

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        await told(watch, seen(pod("a1")))
        await asyncio.sleep(0.5)
        assert len(sidecars.asked) <= 3

    asyncio.run(watched(sidecars, play))


def test_a_candidate_with_traffic_is_asked_of_its_step_and_held_shortly() -> None:
    sidecars = Sidecars(
        {
            address("a1"): lambda query: report("a", GOOD, within="within" in query),
            address("b2"): lambda query: report("b", GOOD, within="within" in query),
        }
    )

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        facts = seen(pod("a1"), pod("b2"), candidate=True)
        await told(watch, facts)
        await asyncio.sleep(0.05)
        look = watch.look(KEY, facts)
        assert look.candidate is not None
        candidate = facts.model.status.candidate
        assert candidate is not None
        assert look.candidate.asked == GOOD
        assert look.candidate.asked_of == step_of(candidate)
        asked = [query for to, query in sidecars.asked if to == address("b2")]
        assert float(asked[0]["within"]) == pytest.approx(30, abs=1)
        assert float(asked[0]["wait"]) <= 10

    asyncio.run(watched(sidecars, play))


def test_a_new_step_is_asked_about_at_once_and_counts_of_the_one_before_are_none() -> None:
    sidecars = Sidecars({address("b2"): lambda query: report("b", GOOD, within="within" in query)})

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        facts = seen(pod("b2"), candidate=True, weight=0)
        watch.look(KEY, facts)
        await asyncio.sleep(0.05)
        look = watch.look(KEY, facts)
        assert look.candidate is not None
        assert look.candidate.asked is None
        raised = seen(pod("b2"), candidate=True, weight=10)
        look = watch.look(KEY, raised)
        assert look.candidate is not None
        assert look.candidate.asked is None
        await asyncio.sleep(0.05)
        look = watch.look(KEY, raised)
        assert look.candidate is not None
        assert look.candidate.asked == GOOD

    asyncio.run(watched(sidecars, play))


def refuse(words: str) -> Callable[[Mapping[str, str]], bytes]:
    def tell(_: Mapping[str, str]) -> bytes:
        raise PodError(words)

    return tell


@pytest.mark.parametrize(
    ("tell", "problem"),
    [
        (refuse("it answered with HTTP 404"), "earlier version"),
        (refuse("it cannot be asked (ClientConnectorError)"), "does not tell"),
        (lambda _: report("another", GOOD), "something else"),
        (lambda _: report("", GOOD), "not configured"),
        (lambda _: b"not json", "something else"),
        (lambda _: b'{"hour": {"answered": -5}}', "something else"),
        (lambda _: report("a", ServingCounts(answered=2**60)), "something else"),
        (lambda _: report("a", ServingCounts(answered=1, times=[5])), "something else"),
    ],
)
def test_what_cannot_be_believed_is_not_known(
    tell: Callable[[Mapping[str, str]], bytes], problem: str
) -> None:
    async def play(watch: ServingWatch, _: list[Key]) -> None:
        found = await told(watch, seen(pod("a1")))
        assert problem in found.problem
        assert (found.told, found.whole) == (0, False)
        assert judged(found) == "Insufficient"

    asyncio.run(watched(Sidecars({address("a1"): tell}), play))


def test_one_pod_that_does_not_tell_makes_the_rest_no_evidence() -> None:
    sidecars = Sidecars(
        {
            address("b1"): lambda query: report("b", GOOD, within="within" in query),
            address("b2"): refuse("it did not answer within 70 s"),
        }
    )

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        facts = seen(pod("b1"), pod("b2"), candidate=True)
        watch.look(KEY, facts)
        await asyncio.sleep(0.05)
        look = watch.look(KEY, facts)
        assert look.candidate is not None
        assert look.candidate.evidence is None
        assert not look.candidate.whole

    asyncio.run(watched(sidecars, play))


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        (["Fails", "Answers"], "Answers"),
        (["Fails", "Unknown"], "Unknown"),
        (["Fails", "Fails"], "Fails"),
    ],
)
def test_one_replica_that_does_not_answer_its_sidecar_is_not_the_service(
    states: list[Literal["Answers", "Fails", "Unknown"]], wanted: str
) -> None:
    def tell(state: Literal["Answers", "Fails", "Unknown"]) -> Callable[[Mapping[str, str]], bytes]:
        told = ServingReport.model_validate_json(report("a", GOOD))
        probed = told.model_copy(update={"probe": ProbeReport(state=state)})
        return lambda _: probed.model_dump_json(exclude_none=True).encode()

    tells = {address(f"a{n}"): tell(state) for n, state in enumerate(states)}

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        found = await told(watch, seen(pod("a0"), pod("a1")))
        assert found.probe.state == wanted

    asyncio.run(watched(Sidecars(tells), play))


def test_a_pod_without_a_sidecar_is_not_asked_and_said_to_be_blind() -> None:
    async def play(watch: ServingWatch, _: list[Key]) -> None:
        found = await told(watch, seen(pod("a1", has_sidecar=False)))
        assert "no sidecar" in found.problem
        assert not found.whole

    sidecars = Sidecars({})
    asyncio.run(watched(sidecars, play))
    assert sidecars.asked == []


def test_what_was_told_long_ago_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    sidecars = Sidecars({address("a1"): lambda _: report("a", GOOD)})

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        facts = seen(pod("a1"))
        assert (await told(watch, facts)).told == 1
        monkeypatch.setattr(serving, "_FRESH", -1.0)
        assert (await told(watch, facts)).told == 0

    asyncio.run(watched(sidecars, play))


def test_a_pod_that_is_gone_is_asked_no_more() -> None:
    sidecars = Sidecars({address(uid): lambda _: report("a", GOOD) for uid in ("a1", "a2")})

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        await told(watch, seen(pod("a1"), pod("a2")))
        found = await told(watch, seen(pod("a2")))
        assert (found.pods, found.hour.answered) == (1, 100)
        watch.forget(KEY)
        await asyncio.sleep(0.05)
        before = len(sidecars.asked)
        await asyncio.sleep(0.1)
        assert len(sidecars.asked) == before

    asyncio.run(watched(sidecars, play))


def test_an_operator_that_does_not_lead_asks_nobody() -> None:
    sidecars = Sidecars({address("a1"): lambda _: report("a", GOOD)})

    async def play() -> None:
        watch = ServingWatch(sidecars, lambda: NOW, lambda _: None)
        assert watch.look(KEY, seen(pod("a1"))).stable is None
        await asyncio.sleep(0.05)

    asyncio.run(play())
    assert sidecars.asked == []


def test_a_sidecar_without_a_tag_is_not_asked_without_a_pause() -> None:
    sidecars = Sidecars({address("a1"): lambda _: report("a", GOOD, "")})

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        await told(watch, seen(pod("a1")))
        await asyncio.sleep(0.5)
        assert len(sidecars.asked) <= 3

    asyncio.run(watched(sidecars, play))


@pytest.mark.parametrize(
    ("since", "within"),
    [
        (timedelta(days=3), 86_400.0),
        (timedelta(seconds=30), 30.0),
        (timedelta(milliseconds=200), None),
        (timedelta(hours=-2), None),
    ],
)
def test_a_sidecar_is_asked_only_of_a_span_that_it_can_tell_of(
    monkeypatch: pytest.MonkeyPatch, since: timedelta, within: float | None
) -> None:
    monkeypatch.setitem(globals(), "BEGUN", NOW - since)
    sidecars = Sidecars({address("b2"): lambda query: report("b", GOOD, within="within" in query)})

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        facts = seen(pod("b2"), candidate=True)
        watch.look(KEY, facts)
        await asyncio.sleep(0.05)
        asked = sidecars.asked[0][1]
        if within is None:
            assert "within" not in asked
        else:
            assert float(asked["within"]) == pytest.approx(within, abs=1)
        if "within" in asked:
            HeldQuestion.of(asked)
        look = watch.look(KEY, facts)
        assert look.candidate is not None
        assert (look.candidate.evidence is None) == (within is None)

    asyncio.run(watched(sidecars, play))


def test_a_clock_that_is_set_forward_makes_no_older_requests_evidence() -> None:
    sidecars = Sidecars({address("b2"): lambda query: report("b", GOOD, within="within" in query)})

    async def play() -> None:
        clock = [NOW]
        watch = ServingWatch(sidecars, lambda: clock[0], lambda _: None)
        running = asyncio.create_task(watch.run())
        await asyncio.sleep(0)
        facts = seen(pod("b2"), candidate=True)
        watch.look(KEY, facts)
        clock[0] += timedelta(hours=5)
        await asyncio.sleep(0.05)
        assert all(float(query["within"]) < 40 for _, query in sidecars.asked)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(play())


def test_what_was_told_at_rest_is_known_until_the_pods_tell_of_a_new_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sidecars = Sidecars({address("a1"): lambda _: report("a", GOOD)})

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        await told(watch, seen(pod("a1")))
        await asyncio.sleep(0.05)
        ahead = time.monotonic() + 50
        monkeypatch.setattr(time, "monotonic", lambda: ahead)
        look = watch.look(KEY, seen(pod("a1"), pod("b2"), candidate=True))
        assert look.stable is not None
        assert (look.stable.told, judged(look.stable)) == (1, "Serving")

    asyncio.run(watched(sidecars, play))


def test_failures_that_one_pod_tells_are_known_though_another_does_not_tell() -> None:
    sidecars = Sidecars(
        {
            address("b2"): lambda query: report("b", BAD, within="within" in query),
            address("b3"): refuse("it cannot be asked (ClientConnectorError)"),
        }
    )

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        facts = seen(pod("b2"), pod("b3"), candidate=True)
        watch.look(KEY, facts)
        await asyncio.sleep(0.05)
        look = watch.look(KEY, facts)
        assert look.candidate is not None
        assert look.candidate.asked == BAD
        assert look.candidate.evidence is None

    asyncio.run(watched(sidecars, play))


def test_a_pod_that_never_answers_hides_for_ten_seconds_what_others_tell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "_SLACK", 0.1)
    sidecars = Sidecars({address("a1"): lambda _: report("a", BAD)})

    async def ask(*given: object) -> bytes:
        if given[1] == address("a2"):
            await asyncio.sleep(3600)
        return report("a", BAD)

    monkeypatch.setattr(sidecars, "ask", ask)

    async def play(watch: ServingWatch, _: list[Key]) -> None:
        found = await told(watch, seen(pod("a1"), pod("a2")))
        assert judged(found) == "Failing"
        assert "did not answer in time" in found.problem

    asyncio.run(watched(sidecars, play))


def test_where_pods_take_turns_none_holds_a_question_for_longer_than_all_have_time_for() -> None:
    pods = [pod(f"a{number}") for number in range(1, 10)]
    most, under_way = 0, 0

    class Crowd(Sidecars):
        async def ask(self, *given: object) -> bytes:
            nonlocal most, under_way
            query = dict(parse_qsl(urlsplit(str(given[3])).query))
            self.asked.append((str(given[1]), query))
            under_way += 1
            most = max(most, under_way)
            # A pod may hold the question for as long as it was asked to.
            await asyncio.sleep(float(query["wait"]) / 100 if "tag" in query else 0.01)
            under_way -= 1
            return report("a", GOOD)

    crowd = Crowd({})

    async def play() -> None:
        watch = ServingWatch(crowd, lambda: NOW, lambda _: None, room=3)
        running = asyncio.create_task(watch.run())
        await asyncio.sleep(0)
        found = await told(watch, seen(*pods))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert (found.pods, found.told) == (9, 9)

    asyncio.run(play())
    assert most == 3
    assert {query["wait"] for _, query in crowd.asked} == {"5"}
