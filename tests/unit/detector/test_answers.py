"""Whether and how fast requests were answered, by window."""

import numpy as np
import pytest

from mlhops.api.summary import TIMES, AnswerSummary, merge
from mlhops.detector.envelope import LoggedEvent, event
from mlhops.detector.window import Clock
from mlhops.detector.window_counter import Watcher
from testkit.sidecar import config, headers, profile

MINUTE, HOUR = 60.0, 3600.0


@pytest.fixture
def watcher() -> Watcher:
    found = Watcher(Clock(1_700_000_000.0, 0.0), 0.0)
    found.configure(config(), 0.0)
    return found


def half(kind: str, key: str, time: str = "2026-01-01T00:00:00Z") -> LoggedEvent:
    body = b'{"instances": [[1, 2]]}' if kind == "request" else b'{"predictions": [0.5]}'
    return event(headers(kind, key, Ce_Time=time), body)


def take(watcher: Watcher, now: float, *events: LoggedEvent) -> None:
    for each in events:
        watcher.take(each, watcher.decode(each), now)
    watcher.flush(now)


def told(watcher: Watcher, now: float, window: str = "hour") -> AnswerSummary:
    found = watcher.summaries(now)[window].answers
    assert found is not None
    return found


def test_an_answer_is_counted_by_how_long_it_took(watcher: Watcher) -> None:
    take(watcher, 1.0, half("request", "a"), half("response", "a", "2026-01-01T00:00:00.03Z"))
    answers = told(watcher, 1.0)
    assert (answers.answered, answers.unanswered, answers.timed) == (1, 0, 1)
    assert answers.microseconds == 30_000
    place = answers.times.index(1)
    assert TIMES[place - 1] < 0.03 <= TIMES[place]


def test_a_request_without_a_response_is_counted_when_its_time_is_over(watcher: Watcher) -> None:
    take(watcher, 0.0, half("request", "a"))
    assert told(watcher, 0.0).requests == 0
    watcher.expire(MINUTE)
    watcher.flush(MINUTE)
    answers = told(watcher, MINUTE)
    assert (answers.answered, answers.unanswered) == (0, 1)


def test_answers_leave_a_sliding_window_and_stay_in_a_cumulative_one(watcher: Watcher) -> None:
    take(watcher, 0.0, half("request", "a"), half("response", "a"))
    later = 2 * HOUR
    assert told(watcher, later, "hour").requests == 0
    assert told(watcher, later, "all").answered == 1


def test_an_answer_without_a_time_is_an_answer(watcher: Watcher) -> None:
    take(watcher, 0.0, half("request", "a"), half("response", "a", "soon"))
    answers = told(watcher, 0.0)
    assert (answers.answered, answers.timed, answers.microseconds) == (1, 0, 0)


def test_a_clock_that_was_set_makes_no_answer_outweigh_all_others(watcher: Watcher) -> None:
    take(watcher, 0.0, half("request", "a"), half("response", "a", "9026-01-01T00:00:00Z"))
    assert told(watcher, 0.0).microseconds == 86_400 * 10**6


def test_a_profile_takes_no_answers_away(watcher: Watcher) -> None:
    take(watcher, 0.0, half("request", "a"), half("response", "a"))
    watcher.profile(profile(), 1.0)
    assert told(watcher, 1.0).answered == 1


def test_what_replicas_tell_adds_up(watcher: Watcher) -> None:
    take(watcher, 0.0, half("request", "a"), half("response", "a", "2026-01-01T00:00:01Z"))
    one = watcher.summaries(0.0)["hour"]
    both = merge(one, one).answers
    assert both is not None
    assert (both.answered, both.microseconds, sum(both.times)) == (2, 2_000_000, 2)


def test_what_one_replica_does_not_tell_is_not_known_of_both(watcher: Watcher) -> None:
    take(watcher, 0.0, half("request", "a"), half("response", "a"))
    one = watcher.summaries(0.0)["hour"]
    assert merge(one, one.model_copy(update={"answers": None})).answers is None


def test_times_are_a_fifth_apart_and_reach_beyond_a_minute() -> None:
    assert np.allclose(np.diff(np.log2(TIMES)), 0.25)
    assert TIMES[0] == 0.001
    assert TIMES[-1] > MINUTE
