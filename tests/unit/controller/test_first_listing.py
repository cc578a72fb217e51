"""Right after a start, while thousands of Evaluations are listed: what is read of them, and who is woken."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.kube.client import ApiError, Client, Page
from mlhops.controller.kube.reader import CachedReader, EvaluationsRead, LiveReader
from mlhops.controller.kube.relist import Relist
from mlhops.controller.resources import DECISIONS, EVALUATION, EVALUATIONS, MODEL, MODELS, Key, Kind
from testkit.builders import clinical_model, decision

NAMESPACE, NAME = "ward", "sepsis"
EACH_WAY = pytest.mark.parametrize("reader", [CachedReader, LiveReader])


def evaluation(name: str, phase: str = "Successful", version: int = 1, **spec: Json) -> Manifest:
    """An Evaluation of the model."""
    metadata: Manifest = {
        "namespace": NAMESPACE,
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": str(version),
        "labels": {"mlhops.io/model": NAME},
    }
    given: Manifest = {"model": NAME, "revision": "c0ffee", **spec}
    return {"metadata": metadata, "spec": given, "status": {"phase": phase}}


class Server:
    """An API server with some Evaluations, which counts what is asked."""

    def __init__(self, *found: Manifest) -> None:
        self.found = {str(cast(Manifest, one["metadata"])["name"]): one for one in found}
        self.read: list[str] = []
        self.lists = 0

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return one of them."""
        assert (kind, namespace) == (EVALUATIONS, NAMESPACE)
        self.read.append(name)
        return self.found.get(name)

    async def list(self, kind: Kind, namespace: str, labels: str) -> list[Manifest]:
        """Return all of them."""
        assert (kind, namespace, labels) == (EVALUATIONS, NAMESPACE, "mlhops.io/model=sepsis")
        self.lists += 1
        return list(self.found.values())


def evidence(
    reader: type[CachedReader | LiveReader], hearing: Hearing, server: Server, *names: str
) -> EvaluationsRead:
    asked = reader(hearing.store, cast(Client, server)).evaluations(NAMESPACE, NAME, names)
    return asyncio.run(asked)


def known(found: EvaluationsRead) -> set[str]:
    return {record.name for record in found.records}


@EACH_WAY
def test_only_what_is_named_is_read_of_the_evaluations_that_are_being_listed(
    reader: type[CachedReader | LiveReader],
) -> None:
    hearing, server = Hearing(), Server(*(evaluation(name) for name in ("cited", "old", "older")))
    hearing.hear(EVALUATIONS, evaluation("old"))
    found = evidence(reader, hearing, server, "cited")
    assert (known(found), found.complete) == ({"cited", "old"}, False)
    assert found.named == [server.found["cited"]]
    assert (server.read, server.lists) == (["cited"], 0)


@EACH_WAY
def test_where_they_cannot_be_listed_whole_a_pass_lists_those_of_its_model(
    reader: type[CachedReader | LiveReader],
) -> None:
    hearing, server = Hearing(), Server(evaluation("cited"), evaluation("old"))
    hearing.store.doubt(EVALUATIONS)
    found = evidence(reader, hearing, server, "cited")
    assert (known(found), found.complete, server.lists) == ({"cited", "old"}, True, 1)


@EACH_WAY
def test_when_all_are_listed_what_was_heard_is_all_there_is(
    reader: type[CachedReader | LiveReader],
) -> None:
    hearing, server = Hearing(), Server(evaluation("old"))
    hearing.hear(EVALUATIONS, evaluation("old"))
    hearing.store.set_complete(EVALUATIONS)
    found = evidence(reader, hearing, server)
    assert (known(found), found.complete, server.lists) == ({"old"}, True, 0)


def woken(hearing: Hearing) -> set[Key]:
    async def take() -> set[Key]:
        keys = set()
        while len(hearing.queue):
            key = await hearing.queue.get()
            keys.add(key)
            hearing.queue.done(key)
        return keys

    return asyncio.run(take())


def test_what_ended_before_the_operator_began_wakes_nobody() -> None:
    hearing = Hearing()
    hearing.hear(EVALUATIONS, evaluation("past"))
    assert woken(hearing) == set()

    hearing.hear(EVALUATIONS, evaluation("runs", "Running"))
    both = {Key(EVALUATION, NAMESPACE, "runs"), Key(MODEL, NAMESPACE, NAME)}
    assert woken(hearing) == both

    # It has no profile, and may have left an earlier one.
    hearing.hear(EVALUATIONS, evaluation("left", profile=True))
    assert Key(EVALUATION, NAMESPACE, "left") in woken(hearing)


@pytest.mark.parametrize(("action", "wakes"), [("Abort", True), ("Approve", False)])
def test_of_the_decisions_that_are_being_listed_only_what_stops_wakes_its_model(
    action: str, *, wakes: bool
) -> None:
    hearing, model = Hearing(), Key(MODEL, NAMESPACE, NAME)
    metadata: Manifest = {"namespace": NAMESPACE, "name": NAME, "resourceVersion": "1"}
    hearing.hear(MODELS, clinical_model({}) | {"metadata": metadata})
    woken(hearing)
    made = decision({"spec.action": action, "spec.model": NAME}, "one")
    metadata = {"namespace": NAMESPACE, "name": "one", "resourceVersion": "2"}
    hearing.hear(DECISIONS, {**made, "metadata": metadata})
    assert woken(hearing) == ({model} if wakes else set())

    hearing.store.set_complete(DECISIONS)
    hearing.hear(DECISIONS, {**made, "metadata": metadata | {"name": "two"}})
    assert woken(hearing) == {model}


def test_a_decision_on_a_model_that_is_not_there_wakes_whoever_says_so() -> None:
    hearing = Hearing()
    metadata: Manifest = {"namespace": NAMESPACE, "name": "one", "resourceVersion": "1"}
    made = decision({"spec.action": "Approve", "spec.model": NAME}, "one")
    hearing.hear(DECISIONS, {**made, "metadata": metadata})
    assert woken(hearing) == {Key(MODEL, NAMESPACE, NAME)}


def test_what_ends_and_what_is_made_later_wakes_its_model() -> None:
    hearing = Hearing()
    hearing.hear(EVALUATIONS, evaluation("runs", "Running"))
    woken(hearing)
    hearing.hear(EVALUATIONS, evaluation("runs", version=2))
    assert Key(MODEL, NAMESPACE, NAME) in woken(hearing)

    hearing.store.set_complete(EVALUATIONS)
    hearing.hear(EVALUATIONS, evaluation("new", version=3))
    assert Key(MODEL, NAMESPACE, NAME) in woken(hearing)


class Refusing(Client):
    """A cluster that is empty, and does not list Evaluations."""

    def __init__(self) -> None:
        self.kinds: list[Kind] = []
        self.error: Exception = ApiError(500, "InternalError", "out of memory")

    async def pages(
        self, kind: Kind, namespace: str, selector: str = "", *, only_metadata: bool = False
    ) -> AsyncIterator[Page]:
        """Tell that there is nothing."""
        self.kinds.append(kind)
        if kind == EVALUATIONS:
            raise self.error
        yield [], 1


@pytest.mark.parametrize(
    "error", [ApiError(500, "InternalError", "out of memory"), TimeoutError()], ids=str
)
def test_a_list_that_fails_is_not_waited_for(error: Exception) -> None:
    client, hearing = Refusing(), Hearing()
    client.error = error
    assert hearing.store.awaits(EVALUATIONS, NAMESPACE)
    assert asyncio.run(Relist(client, hearing, installed=lambda: None)._look()) is False
    assert not hearing.store.awaits(EVALUATIONS, NAMESPACE)
    assert not hearing.store.covers(EVALUATIONS, NAMESPACE)


def test_all_else_is_listed_before_evaluations() -> None:
    client = Refusing()
    asyncio.run(Relist(client, Hearing(), installed=lambda: None)._look())
    assert client.kinds[-1] == EVALUATIONS
