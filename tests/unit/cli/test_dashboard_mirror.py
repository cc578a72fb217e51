"""What the dashboard keeps of a fleet is what a watch has told, and is listed anew where that ends."""

import queue
from collections.abc import Iterator
from itertools import islice

import pytest

from mlhops.api.base import Manifest
from mlhops.cli.dashboard.cluster import ApiRefusal, Changes, Expired
from mlhops.cli.dashboard.mirror import Mirror
from mlhops.cli.exits import Trouble
from mlhops.cli.kubectl import WatchEvent
from mlhops.cli.refusals import ApiRequest
from mlhops.json_access import text


def model(name: str, version: str) -> Manifest:
    """A model as a watch tells of it."""
    metadata: Manifest = {"namespace": "ward", "name": name, "resourceVersion": version}
    return {"metadata": {**metadata, "managedFields": [{"manager": "kubectl"}]}}


class Script:
    """An API server that lists one model, and whose watch tells what a test says."""

    def __init__(self) -> None:
        self.said: queue.SimpleQueue[WatchEvent | Exception | None] = queue.SimpleQueue()
        self.lists = 0
        self.forbidden = False

    def get(self, path: str, asked: ApiRequest) -> Manifest:
        """Return the list."""
        self.lists += 1
        if self.forbidden:
            raise ApiRefusal(403, Trouble("you may not"))
        return {"metadata": {"resourceVersion": "10"}, "items": [model("a", "3")]}

    def watch(self, path: str, asked: ApiRequest) -> Changes:
        """Return the watch."""
        assert "resourceVersion=10" in path
        return self

    def __iter__(self) -> Iterator[WatchEvent]:
        """Return what the test says."""
        while (event := self.said.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    def close(self) -> None:
        """End it."""


@pytest.fixture
def script() -> Iterator[Script]:
    """An API server, whose watch ends with the test."""
    found = Script()
    yield found
    found.said.put(None)


def names(mirror: Mirror) -> list[str]:
    """The models that a mirror has."""
    return [text(each, "metadata", "name") for each in mirror.read().objects]


def test_a_fleet_is_listed_once_and_then_as_the_watch_tells(script: Script) -> None:
    mirror = Mirror(script, "")
    assert names(mirror) == ["a"]
    heard = iter(mirror.changes("10"))

    script.said.put(WatchEvent("ADDED", model("b", "11")))
    script.said.put(WatchEvent("DELETED", model("a", "12")))

    assert [each.type for each in islice(heard, 2)] == ["ADDED", "DELETED"]
    assert names(mirror) == ["b"]
    assert (mirror.read().version, script.lists) == ("12", 1)
    assert "managedFields" not in str(mirror.read().objects)


def test_what_has_changed_since_a_page_was_made_is_told_at_once(script: Script) -> None:
    event = next(iter(Mirror(script, "").changes("9")))

    assert text(event.object, "metadata", "resourceVersion") == "10"


@pytest.mark.parametrize("end", [None, Expired()])
def test_where_the_watch_ends_all_are_told_and_who_reads_next_has_it_listed_anew(
    script: Script, end: Exception | None
) -> None:
    mirror = Mirror(script, "")
    listener = mirror.changes("10")

    script.said.put(end)

    assert list(listener) == []
    assert names(mirror) == ["a"]
    assert script.lists == 2


def test_rights_are_asked_for_again_after_a_watch(script: Script) -> None:
    mirror = Mirror(script, "")
    listener = mirror.changes("10")
    script.forbidden = True

    script.said.put(None)
    assert list(listener) == []

    with pytest.raises(ApiRefusal):
        mirror.read()


def test_who_leaves_is_told_no_more(script: Script) -> None:
    mirror = Mirror(script, "")
    listener = mirror.changes("10")

    listener.close()
    script.said.put(WatchEvent("ADDED", model("b", "11")))

    assert list(listener) == []
