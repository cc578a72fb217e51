"""Halves are joined in any order, and what never comes costs only so much memory."""

import pytest

from mlhops.detector.correlation import Join
from mlhops.detector.counters import Counters, Note


@pytest.fixture
def counters() -> Counters:
    return Counters()


def joining(counters: Counters, *, events: int = 100, size: int = 10_000) -> Join:
    return Join(counters, events=events, size=size, seconds=60.0)


def test_a_response_finds_its_request_and_tells_how_long_it_took(counters: Counters) -> None:
    join = joining(counters)
    assert join.add("request", "a", 10.0, 0.0) is None
    assert join.add("response", "a", 10.25, 1.0) == 0.25
    assert counters.notes == {Note.JOINED: 1}
    assert (len(join), join.held) == (0, 0)


def test_a_request_finds_a_response_that_came_first(counters: Counters) -> None:
    join = joining(counters)
    assert join.add("response", "a", 10.25, 0.0) is None
    assert join.add("request", "a", 10.0, 1.0) == 0.25
    assert counters.notes == {Note.JOINED: 1}


@pytest.mark.parametrize(("request_time", "response_time"), [(None, 1.0), (1.0, None), (2.0, 1.0)])
def test_times_that_make_no_sense_join_without_a_latency(
    counters: Counters, request_time: float | None, response_time: float | None
) -> None:
    join = joining(counters)
    join.add("request", "a", request_time, 0.0)
    assert join.add("response", "a", response_time, 0.0) is None
    assert counters.notes == {Note.JOINED: 1}


def test_halves_that_stay_alone_are_named_by_kind_when_their_time_is_over(
    counters: Counters,
) -> None:
    join = joining(counters)
    join.add("request", "a", None, 0.0)
    join.add("response", "b", None, 0.0)
    join.add("request", "c", None, 30.0)
    join.expire(60.0)
    assert counters.notes == {Note.UNANSWERED: 1, Note.ORPHANED: 1}
    assert len(join) == 1


def test_a_repeated_id_replaces_the_first_and_is_counted(counters: Counters) -> None:
    join = joining(counters)
    join.add("request", "a", 1.0, 0.0)
    join.add("request", "a", 5.0, 50.0)
    assert counters.notes == {Note.REPEATED_ID: 1}
    join.expire(70.0)
    assert join.add("response", "a", 6.0, 70.0) == 1.0


def test_the_oldest_give_way_when_there_are_too_many(counters: Counters) -> None:
    join = joining(counters, events=2)
    for key in "abc":
        join.add("request", key, None, 0.0)
    join.add("response", "a", None, 0.0)
    assert counters.notes == {Note.EVICTED: 2}
    assert len(join) == 2


def test_long_ids_take_no_more_memory_than_is_allowed(counters: Counters) -> None:
    join = joining(counters, size=3_000)
    for number in range(100):
        join.add("request", f"{number:0250}", None, 0.0)
        assert join.held <= 3_000
    assert counters.notes[Note.EVICTED] == 100 - len(join)
