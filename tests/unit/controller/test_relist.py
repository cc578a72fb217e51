import asyncio
from collections.abc import AsyncIterator

import pytest

from mlhops.controller.client import Client, NotInstalled, Page
from mlhops.controller.kinds import ROUTES, SERVICES, Kind
from mlhops.controller.relist import Relist, back_off, pause
from mlhops.controller.store import Store


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
    relist = Relist(
        client,
        Store(()),
        (),
        hear=lambda *_: None,
        hear_gone=lambda *_: None,
        kind_came_or_went=lambda: None,
    )
    relist.installed = lambda: told.append("installed")
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
