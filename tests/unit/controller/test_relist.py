import asyncio
from collections.abc import AsyncIterator

import pytest

from mlhops.api.base import Manifest
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.kube.client import Client, NotInstalled, Page
from mlhops.controller.kube.relist import Relist, back_off, pause
from mlhops.controller.resources import CLUSTER_RUNTIMES, PODS, ROUTES, SERVICES, Kind


@pytest.mark.parametrize(
    ("cost", "seconds"),
    [(0.01, 30.0), (0.15, 30.0), (1.0, 200.0), (60.0, 600.0)],
    ids=["a few models", "some hundred", "thousands", "too many"],
)
def test_the_more_a_look_costs_the_rarer_it_is_up_to_ten_minutes(
    cost: float, seconds: float
) -> None:
    assert pause(cost) == pytest.approx(seconds)


def test_an_api_server_that_cannot_be_asked_is_asked_ever_more_rarely() -> None:
    waits = [back_off(failures) for failures in (1, 2, 3, 4, 5, 60)]
    usual = [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert all(0.7 * each <= wait <= 1.3 * each for wait, each in zip(waits, usual, strict=True))


class Empty(Client):
    """A cluster without objects, and without some kinds."""

    def __init__(self) -> None:
        self.missing = {SERVICES, ROUTES}

    async def pages(
        self, kind: Kind, namespace: str, selector: str = "", *, only_metadata: bool = False
    ) -> AsyncIterator[Page]:
        """Tell that there is nothing."""
        if kind in self.missing:
            raise NotInstalled(kind.plural)
        yield [], 1


def test_each_kind_that_is_there_later_is_told_once_and_none_that_was_there() -> None:
    client, told = Empty(), list[str]()
    relist = Relist(client, Hearing(), installed=lambda: told.append("installed"))
    seen = []

    async def look(missing: set[Kind]) -> None:
        client.missing = missing
        await relist._look()
        seen.append(len(told))

    async def story() -> None:
        for missing in ({SERVICES, ROUTES}, {ROUTES}, {ROUTES}, {SERVICES}, set[Kind](), set()):
            await look(missing)

    asyncio.run(story())
    assert seen == [0, 1, 1, 2, 3, 3]


class Listed(Empty):
    """A cluster with one pod behind a model's Service that has no label of a model."""

    def __init__(self, pods: list[Manifest]) -> None:
        super().__init__()
        self.missing = set()
        self.pods = pods
        self.asked: list[tuple[str, str]] = []

    async def pages(
        self, kind: Kind, namespace: str, selector: str = "", *, only_metadata: bool = False
    ) -> AsyncIterator[Page]:
        """Tell of the pod to whoever asks for it."""
        stray = kind == PODS and selector.startswith("app in ")
        if stray:
            self.asked.append((namespace, selector))
        yield (self.pods if stray else []), 9


def test_pods_behind_the_services_are_listed_though_no_watch_tells_of_them() -> None:
    labels: Manifest = {"app": "isvc.sepsis-b-predictor"}
    metadata: Manifest = {"name": "rogue", "namespace": "ward", "labels": labels}
    rogue: Manifest = {"metadata": {**metadata, "uid": "1", "resourceVersion": "5"}}
    client, hearing = Listed([rogue]), Hearing()
    relist = Relist(client, hearing, installed=lambda: None)
    known = []
    service: Manifest = {"namespace": "ward", "name": "sepsis-b", "resourceVersion": "1"}

    async def story() -> None:
        hearing.hear(SERVICES, {"metadata": {**service, "labels": {"mlhops.io/model": "sepsis"}}})
        await relist._compare(PODS)
        known.append(hearing.store.names(PODS))
        client.pods = []
        await relist._compare(PODS)
        known.append(hearing.store.names(PODS))

    asyncio.run(story())
    assert client.asked[0] == ("ward", "app in (isvc.sepsis-b-predictor),!mlhops.io/model")
    assert known == [[Name("ward", "rogue")], []]


def test_of_some_namespaces_no_kind_of_the_cluster_is_listed() -> None:
    asked: list[Kind] = []

    class Asked(Empty):
        async def pages(
            self, kind: Kind, namespace: str, selector: str = "", *, only_metadata: bool = False
        ) -> AsyncIterator[Page]:
            asked.append(kind)
            yield [], 1

    for namespaces, listed in ((("ward",), False), ((), True)):
        asked.clear()
        relist = Relist(Asked(), Hearing(namespaces), installed=lambda: None)
        asyncio.run(relist._look())
        assert (CLUSTER_RUNTIMES in asked) is listed
