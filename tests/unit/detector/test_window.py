"""Windows count each row once, for as long as they reach, whatever the wall clock does."""

from dataclasses import dataclass
from typing import Self

from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.detector import Window
from mlhops.detector.window import Clock, Windows

HOUR, DAY = 3600.0, 86400.0
HOURLY = Window(name="hour", length="1h")
WEEKLY = Window(name="week", length="7d")
GROWING = Window(name="all", length="2h", mode="Cumulative")


@dataclass
class Number:
    value: int = 0

    def add(self, other: Self) -> None:
        self.value += other.value


def windows(*chosen: Window, now: float = 0.0) -> Windows[Number]:
    return Windows(chosen, Number, now)


def counted(of: Windows[Number], now: float) -> dict[str, int]:
    return {name: span.counts.value for name, span in of.spans(now).items()}


def test_a_sliding_window_forgets_what_is_older_than_it_reaches() -> None:
    of = windows(HOURLY, WEEKLY)
    of.add(Number(1), 30.0)
    of.add(Number(10), 1800.0)
    assert counted(of, HOUR) == {"hour": 11, "week": 11}
    assert counted(of, HOUR + 120) == {"hour": 10, "week": 11}
    assert counted(of, 7 * DAY + 2 * HOUR) == {"hour": 0, "week": 0}


def test_a_window_says_since_when_it_counts() -> None:
    of = windows(HOURLY, now=100.0)
    assert of.spans(1000.0)["hour"].start == 100.0
    assert of.spans(100.0 + HOUR + 90)["hour"].start == 180.0


@given(
    times=st.lists(st.floats(0, 3 * HOUR), min_size=1, max_size=50).map(sorted),
    later=st.floats(0, HOUR),
)
def test_a_sliding_window_covers_its_length_and_at_most_one_bucket_more(
    times: list[float], later: float
) -> None:
    of = windows(HOURLY)
    for moment in times:
        of.add(Number(1), moment)
    now = times[-1] + later
    found = counted(of, now)["hour"]
    assert sum(moment > now - HOUR for moment in times) <= found
    assert found <= sum(moment >= now - HOUR - 60 for moment in times)


def test_a_cumulative_window_grows_and_then_starts_over() -> None:
    of = windows(GROWING)
    of.add(Number(1), 0.0)
    of.add(Number(1), 2 * HOUR - 1)
    assert counted(of, 2 * HOUR - 1) == {"all": 2}
    of.add(Number(5), 2 * HOUR)
    assert counted(of, 2 * HOUR) == {"all": 5}
    assert of.spans(2 * HOUR)["all"].start == 2 * HOUR
    assert counted(of, 9 * HOUR) == {"all": 0}


def test_memory_does_not_grow_with_time() -> None:
    of = windows(HOURLY, WEEKLY, Window(name="year", length="365d"))
    for minute in range(0, 30 * 24 * 60, 7):
        of.add(Number(1), minute * 60.0)
    kept = {tier.width: len(tier._buckets) for tier in of._tiers.values()}
    assert kept[60.0] <= 61
    assert kept[HOUR] <= 7 * 24 + 1
    assert kept[DAY] <= 366


def test_another_configuration_keeps_what_was_counted() -> None:
    of = windows(HOURLY, GROWING)
    of.add(Number(3), 60.0)
    of.configure([GROWING, WEEKLY, Window(name="half", length="30m")], 120.0)
    of.add(Number(1), 120.0)
    assert counted(of, 120.0) == {"all": 4, "week": 1, "half": 4}


def test_a_jump_of_the_wall_clock_is_noticed_once_and_moves_labels_only() -> None:
    clock = Clock(wall=1_000_000.0, steady=50.0)
    assert not clock.look(1_000_060.0, 110.0)
    assert clock.look(1_000_120.0 - 7200, 170.0)
    assert not clock.look(1_000_180.0 - 7200, 230.0)
    assert clock.label(170.0) == 1_000_120.0 - 7200
    assert clock.look(2_000_000.0, 240.0)
