"""Durations and moments: what a person writes is what is waited for."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from mlhops.api.base import GivenTime, Time, later, seconds

MOMENT = datetime(2030, 1, 31, 12, tzinfo=UTC)
LENGTHS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("7d", 604_800),
        ("0s", 0),
        ("007m", 420),
        ("1d1h1m1s", 90_061),
        ("1m1m", 120),
    ],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, length: float) -> None:
    assert seconds(text) == length


@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from("smhd")), min_size=1, max_size=5))
def test_any_parts_add_up(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{count}{unit}" for count, unit in parts)

    assert seconds(text) == sum(count * LENGTHS[unit] for count, unit in parts)


@pytest.mark.parametrize(
    "text", ["", "10", "m", "-5m", "1.5h", "1 h", "2w", "10M", "\u0661m", "10m\n", "1e3s", "inf"]
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 90s, 10m, 1h30m or 7d"):
        seconds(text)


def test_later_adds_the_duration() -> None:
    assert later(MOMENT, "1h30m") == MOMENT + timedelta(minutes=90)


@pytest.mark.parametrize("duration", ["9999999d", "9" * 31 + "d"])
def test_what_lies_beyond_the_calendar_is_its_end(duration: str) -> None:
    assert later(MOMENT, duration) == datetime.max.replace(tzinfo=UTC)


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_a_moment_survives_being_written_and_read(moment: datetime) -> None:
    adapter = TypeAdapter(Time)

    assert adapter.validate_json(adapter.dump_json(moment)) == moment


def test_a_moment_is_written_in_utc_with_microseconds() -> None:
    moment = datetime(2030, 1, 31, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert TypeAdapter(Time).dump_json(moment) == b'"2030-01-31T06:30:00.000000Z"'


@pytest.mark.parametrize("adapter", [TypeAdapter(Time), TypeAdapter(GivenTime)])
@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00"])
def test_a_moment_beyond_the_calendar_is_refused(adapter: TypeAdapter[datetime], text: str) -> None:
    with pytest.raises(ValueError, match="beyond the calendar"):
        adapter.validate_python(text)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        TypeAdapter(Time).validate_python("2030-01-31T12:00:00")
