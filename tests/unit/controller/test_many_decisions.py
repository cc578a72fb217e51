"""Which Decisions a pass reads of very many, and that its work does not grow with them. What is counted is work."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING

import pytest

from campaign.simulation.client import Call, MemoryClient
from campaign.simulation.server import NAMESPACE, Server
from mlhops.api.base import Json, Manifest
from mlhops.api.decision import Action
from mlhops.controller.cache.decisions import Standing, Urgent
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.store import Store
from mlhops.controller.kube.client import ApiError
from mlhops.controller.kube.decisions import AT_ONCE, FEW, Decided, LiveDecisions, heard
from mlhops.controller.resources import DECISIONS, Kind
from mlhops.json_access import text
from testkit.builders import decision

if TYPE_CHECKING:
    from _typeshed import TraceFunction

CANDIDATE, PREVIOUS = "c0ffee", "facade"
URGENT: Urgent = (
    (Action.ABORT, CANDIDATE),
    (Action.ROLLBACK, PREVIOUS),
    (Action.PAUSE, CANDIDATE),
)
MORNING = datetime(2030, 1, 1, 8, tzinfo=UTC)


class Ward:
    """An API server with Decisions on one model, and what an operator has heard of them."""

    def __init__(self) -> None:
        self.server, self.store = Server(lambda: MORNING), Store()
        self.store.set_complete(DECISIONS)
        self._made = 0
        self.calls: list[Call] = []
        self.objects = 0
        self.refused = ""
        """What no field selector may name."""

    def decide(
        self, name: str, action: str = "Approve", revision: str = "never", **more: Json
    ) -> Manifest:
        """Somebody decides, a second after the one before."""
        self._made += 1
        made = MORNING + timedelta(seconds=self._made)
        given: dict[str, Json] = {"spec.action": action, "spec.revision": revision}
        given |= {"metadata.namespace": NAMESPACE, **more}
        if action == "Override":
            given["spec.gates"] = ["equal-misses"]
        created = self.server.create(DECISIONS, decision(given, name), "ada")
        metadata = created["metadata"]
        assert isinstance(metadata, dict)
        metadata["creationTimestamp"] = made.isoformat()
        self.store.hear(DECISIONS, created)
        return created

    def answer(self, name: str, phase: str, **more: Json) -> None:
        """The operator says what became of one."""
        status: Manifest = {"phase": phase, **more}
        self.server.patch(DECISIONS, name, {"status": status}, "mlhops", "status")
        self.store.hear(DECISIONS, self.server.get(DECISIONS, name))

    def live(self) -> Decided:
        """Read what matters from the API server."""

        async def answer(call: Call) -> Manifest | list[Manifest]:
            if self.refused and self.refused in call.name:
                raise ApiError(400, "BadRequest", f"field label not supported: {self.refused}")
            found = call.send()
            self.calls.append(call)
            self.objects += len(found) if isinstance(found, list) else 1
            return found

        client = MemoryClient(self.server, answer)
        return asyncio.run(LiveDecisions(self.store, client).read(NAMESPACE, "sepsis", URGENT))

    def cached(self) -> Decided:
        """Look at what was heard."""
        return heard(self.store, NAMESPACE, "sepsis", URGENT)


def names(decided: Decided) -> list[str]:
    return [text(one, "metadata", "name") for one in decided.decisions]


each_way = pytest.mark.parametrize("read", [Ward.cached, Ward.live], ids=["heard", "live"])


@each_way
def test_what_stops_comes_first_then_the_oldest_and_what_lasts_is_always_there(
    read: Callable[[Ward], Decided],
) -> None:
    ward = Ward()
    ward.decide("lasts", "Override")
    ward.answer("lasts", "Honoured")
    for phase in ("Honoured", "Ignored"):
        ward.decide(phase.lower(), "Abort", CANDIDATE)
        ward.answer(phase.lower(), phase)
    held: dict[str, Json] = {"metadata.finalizers": ["a.b/c"]}
    ward.decide("withdrawn", "Abort", CANDIDATE, **held)
    ward.server.delete(DECISIONS, "withdrawn", "ada")
    ward.store.hear(DECISIONS, ward.server.get(DECISIONS, "withdrawn"))
    for name in ("z-first", "a-second"):
        ward.decide(name)
    ward.decide("elsewhere", "Abort", "another")
    ward.decide("hold", "Pause", CANDIDATE)
    ward.decide("back", "Rollback", PREVIOUS)
    ward.decide("stop", "Abort", CANDIDATE)

    decided = read(ward)

    waiting = ["z-first", "a-second", "elsewhere"]
    assert names(decided) == ["stop", "back", "hold", *waiting, "lasts"]
    assert not decided.more


@each_way
@pytest.mark.parametrize("many", [AT_ONCE + 1, FEW + 1])
def test_a_stop_is_among_the_few_that_are_read_however_many_were_made_before(
    read: Callable[[Ward], Decided], many: int
) -> None:
    ward = Ward()
    for number in range(many):
        ward.decide(f"flood-{number:03}")
    ward.decide("noted", "Promote", CANDIDATE)
    ward.answer("noted", "Pending", noted={"attempt": 1})
    ward.decide("stop", "Abort", CANDIDATE)

    decided = read(ward)

    oldest = [f"flood-{number:03}" for number in range(AT_ONCE - 1)]
    assert names(decided) == ["stop", *oldest, "noted"]
    assert decided.more


def test_a_stop_that_no_watch_has_told_of_is_read_among_very_many() -> None:
    ward = Ward()
    for number in range(FEW + 1):
        ward.decide(f"flood-{number:03}")
    behind, ward.store = ward.store, Store()
    ward.decide("stop", "Abort", CANDIDATE)
    ward.store = behind
    assert "stop" not in names(ward.cached())
    assert names(ward.live())[0] == "stop"


def test_while_all_are_listed_for_the_first_time_a_few_are_read_and_a_stop_is_among_them() -> None:
    ward = Ward()
    ward.store = Store()
    ward.decide("lasts", "Override")
    ward.answer("lasts", "Honoured")
    for number in range(5 * FEW):
        ward.decide(f"flood-{number:04}")
    ward.decide("stop", "Abort", CANDIDATE)
    decided = ward.live()
    assert names(decided) == ["stop", "lasts"]  # which of the others came first is not known yet
    assert decided.more


def test_while_few_are_listed_for_the_first_time_all_are_read() -> None:
    ward = Ward()
    ward.store = Store()
    for name in ("first", "second"):
        ward.decide(name)
    ward.decide("stop", "Abort", CANDIDATE)
    decided = ward.live()
    assert names(decided) == ["stop", "first", "second"]
    assert not decided.more


def test_of_very_many_answers_only_overrides_that_hold_are_read() -> None:
    ward = Ward()
    ward.decide("lasts", "Override")
    ward.answer("lasts", "Honoured")
    for number in range(FEW):
        ward.decide(f"past-{number:03}", "Pause")
        ward.answer(f"past-{number:03}", "Honoured")
    ward.decide("new")
    assert names(ward.live()) == ["new", "lasts"]
    assert ward.objects == 2


def test_kinds_of_an_earlier_operator_are_asked_by_the_model_alone() -> None:
    ward = Ward()
    ward.refused = "status.phase"
    ward.decide("stop", "Abort", CANDIDATE)
    ward.decide("done")
    ward.answer("done", "Ignored")
    assert names(ward.live()) == ["stop"]
    assert [call.name for call in ward.calls] == ["spec.model=sepsis"]


@contextmanager
def lines() -> Iterator[list[int]]:
    """Counts the operator's lines that run meanwhile; what the garbage collector ends just then is none of them."""
    count, before = [0], sys.gettrace()

    def trace(frame: FrameType, event: str, argument: object) -> "TraceFunction":
        del argument
        count[0] += event == "line" and "/mlhops/" in frame.f_code.co_filename
        return trace

    sys.settrace(trace)
    try:
        yield count
    finally:
        sys.settrace(before)


def work_of_a_pass(pending: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What it takes to read what matters of so many that wait."""
    ward, unpacked = Ward(), [0]
    for number in range(pending):
        ward.decide(f"flood-{number:04}")
    ward.cached()  # what runs only the first time, imports and caches, is no work of a pass
    real = Store.get

    def count(store: Store, kind: Kind, name: Name) -> Manifest | None:
        unpacked[0] += 1
        return real(store, kind, name)

    with monkeypatch.context() as patched, lines() as run:
        patched.setattr(Store, "get", count)
        assert len(ward.cached().decisions) == AT_ONCE
    ward.live()
    assert ward.store.count_decisions(NAMESPACE, "sepsis", Standing.NEW) == pending
    return {
        "lines": run[0],
        "unpacked": unpacked[0],
        "requests": len(ward.calls),
        "objects": ward.objects,
    }


def test_the_work_of_a_pass_is_the_same_with_ten_times_as_many_decisions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = work_of_a_pass(FEW + 1, monkeypatch)
    assert few["unpacked"] == AT_ONCE
    assert few["objects"] <= 2 * AT_ONCE
    assert work_of_a_pass(10 * FEW, monkeypatch) == few
