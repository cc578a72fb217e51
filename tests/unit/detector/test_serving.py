"""Each request counts once: answered with scores that can be used, or failed by a reason, or not known."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlhops.api.serving import ProbeReport, ServingReport
from mlhops.api.summary import TIMES
from mlhops.detector.counters import Note
from mlhops.detector.envelope import LoggedEvent, event
from mlhops.detector.news import HELD, HeldQuestion, News
from mlhops.detector.serving import DAY, HOUR, MINUTE, state
from mlhops.detector.window import Clock
from mlhops.detector.window_counter import Watcher
from testkit.sidecar import Sidecar, config, headers, sidecar

ROWS = b'{"instances": [[1, 2]]}'
SCORE = b'{"predictions": [0.5]}'


@pytest.fixture
def watcher() -> Watcher:
    return watching()


def watching(
    output: Mapping[str, object] | None = None, bounds: Mapping[str, int] | None = None
) -> Watcher:
    found = Watcher(Clock(1_700_000_000.0, 0.0), 0.0)
    given = output or {"name": "risk", "threshold": 0.5}
    found.configure(config(output=given, bounds=bounds or {}), 0.0)
    return found


def request(body: bytes = ROWS, key: str = "a", at: str = "00") -> LoggedEvent:
    return event(headers("request", key, Ce_Time=f"2026-01-01T00:00:{at}Z"), body)


def response(body: bytes = SCORE, key: str = "a", at: str = "00") -> LoggedEvent:
    return event(headers("response", key, Ce_Time=f"2026-01-01T00:00:{at}Z"), body)


def take(watcher: Watcher, now: float, *events: LoggedEvent) -> None:
    for each in events:
        watcher.take(each, watcher.decode(each), now)


def told(watcher: Watcher, now: float = 0.0, seconds: float = HOUR) -> Mapping[str, int]:
    counts = watcher.served.counts(seconds, now)
    failures = {reason.value: n for reason, n in counts.failures.items()}
    return failures | ({"answered": counts.answered} if counts.answered else {})


def test_an_answered_request_counts_once_with_the_time_that_it_took(watcher: Watcher) -> None:
    take(watcher, 1.0, request(), response(at="00.03"))
    watcher.expire(MINUTE)
    counts = watcher.served.counts(HOUR, MINUTE)
    assert told(watcher, MINUTE) == {"answered": 1}
    assert TIMES[counts.times.index(1) - 1] < 0.03 <= TIMES[counts.times.index(1)]


def test_an_answer_that_comes_before_its_request_counts(watcher: Watcher) -> None:
    take(watcher, 0.0, response(at="01"), request())
    assert told(watcher) == {"answered": 1}
    assert sum(watcher.served.counts(HOUR, 0.0).times) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (ROWS, "unanswered"),
        (b'{"instances": [[1, 2, 3]]}', "wrongFeatures"),
        (b'{"instances": [{"weight": 3}]}', "wrongFeatures"),
        (b"{", "unreadable"),
        (b'{"rows": []}', "unreadable"),
        (
            b'{"inputs": [{"name": "x", "shape": [2], "datatype": "FP64", "data": [1]}]}',
            "unreadable",
        ),
        (b"\x1f\x8bgarbage", "unreadable"),
    ],
)
def test_a_request_without_an_answer_fails_after_ten_seconds_by_what_it_was(
    watcher: Watcher, body: bytes, reason: str
) -> None:
    take(watcher, 0.0, request(body))
    watcher.expire(9.9)
    assert told(watcher, 9.9) == {}
    watcher.expire(10.0)
    take(watcher, 11.0, response())
    watcher.expire(MINUTE)
    assert told(watcher, MINUTE) == {reason: 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"predictions": [0.5, 0.5]}', "wrongAnswer"),
        (b'{"predictions": [[0.1, 0.2, 0.7]]}', "wrongAnswer"),
        (b'{"predictions": ["high"]}', "wrongAnswer"),
        (b'{"predictions": []}', "wrongAnswer"),
        (b'{"predictions": 3}', "wrongAnswer"),
        (b'{"error": "no"}', "wrongAnswer"),
        (b"<html>", "wrongAnswer"),
        (b"", "wrongAnswer"),
        (b'{"predictions": [null]}', "notANumber"),
        (b'{"predictions": [NaN]}', "notANumber"),
        (b'{"predictions": [Infinity]}', "notANumber"),
        (b'{"predictions": [{"other": 1}]}', "notANumber"),
        (b'{"predictions": [1' + b"0" * 400 + b", NaN]}", "notANumber"),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_failure_of_the_model(
    watcher: Watcher, body: bytes, reason: str
) -> None:
    take(watcher, 0.0, request(), response(body))
    assert told(watcher) == {reason: 1}


def test_one_bad_score_in_a_batch_fails_the_request(watcher: Watcher) -> None:
    both = b'{"instances": [[1, 2], [3, 4]]}'
    take(watcher, 0.0, request(both), response(b'{"predictions": [0.5, null]}'))
    take(watcher, 0.0, request(both, "b"), response(b'{"predictions": [0.5, 0.1]}', "b"))
    assert told(watcher) == {"notANumber": 1, "answered": 1}


def test_two_columns_are_an_answer_though_nobody_knows_which_one_is_the_score() -> None:
    output = {"name": "risk", "threshold": 0.5, "positiveClass": "death"}
    watcher = watching(output=output)
    take(watcher, 0.0, request(), response(b'{"predictions": [[0.1, 0.9]]}'))
    take(watcher, 0.0, request(key="b"), response(b'{"predictions": [[0.1, NaN]]}', "b"))
    assert told(watcher) == {"answered": 1, "notANumber": 1}
    assert watcher.counters.outcomes["unclearClass"] == 2  # type: ignore[index]


def test_an_answer_to_a_request_in_the_wrong_form_is_an_answer_if_it_can_be_used(
    watcher: Watcher,
) -> None:
    wrong = b'{"instances": [[1, 2, 3]]}'
    take(watcher, 0.0, request(wrong), response())
    take(watcher, 0.0, request(wrong, "b"), response(b'{"error": 1}', "b"))
    assert told(watcher) == {"answered": 1, "wrongFeatures": 1}


def test_what_asks_for_no_prediction_counts_nothing(watcher: Watcher) -> None:
    take(watcher, 0.0, request(b""), response(b'{"name": "sepsis"}'))
    take(watcher, 0.0, request(b"", "b"))
    take(watcher, 0.0, request(b"{}", "c"), response(b'{"unload": true}', "c"))
    take(watcher, 0.0, request(key="mlhops-evaluation-1"))
    watcher.expire(MINUTE)
    assert told(watcher, MINUTE) == {}


def test_only_requests_for_predictions_end_the_quiet(watcher: Watcher) -> None:
    take(watcher, 1.0, request(b""), request(key="mlhops-evaluation-1"))
    assert watcher.requests.last is None
    take(watcher, 2.0, request(b"{"))
    assert watcher.requests.last == 2.0


def test_a_request_that_was_let_go_ends_the_quiet_too(watcher: Watcher) -> None:
    heard: list[float | None] = []
    for key, now in (("mlhops-evaluation-1", 1.0), ("a", 2.0)):
        watcher.requests.lose(request(key=key), now)
        heard.append(watcher.requests.last)
    assert heard == [None, 2.0]
    assert told(watcher, 2.0) == {}


def test_an_id_that_all_requests_share_hides_none_that_fails(watcher: Watcher) -> None:
    take(watcher, 0.0, request())
    take(watcher, 1.0, request(), response())
    take(watcher, 2.0, request(), request(), response())
    for now in (10.0, 12.0):
        watcher.expire(now)
    assert told(watcher, 12.0) == {"answered": 2, "unanswered": 2}
    assert len(watcher.requests) == 0


def test_an_id_that_is_too_long_to_be_joined_by_counts_all_the_same(watcher: Watcher) -> None:
    take(watcher, 0.0, request(key="x" * 1000), response(key="x" * 1000))
    assert told(watcher) == {"answered": 1}
    assert watcher.counters.notes[Note.NO_ID] == 2


def test_of_a_request_whose_answer_was_let_go_nothing_is_known(watcher: Watcher) -> None:
    take(watcher, 0.0, request())
    watcher.requests.lose(response(), 1.0)
    watcher.requests.lose(response(key="b"), 1.0)
    take(watcher, 1.0, request(key="b"))
    watcher.requests.lose(request(key="c"), 1.0)
    take(watcher, 1.0, response(key="c"))
    watcher.expire(MINUTE)
    assert told(watcher, MINUTE) == {}


def test_an_answer_before_there_is_a_configuration_is_not_known() -> None:
    watcher = Watcher(Clock(1_700_000_000.0, 0.0), 0.0)
    take(watcher, 0.0, request(), response())
    watcher.configure(config(), 0.0)
    watcher.expire(MINUTE)
    assert told(watcher, MINUTE) == {}


def test_of_a_flood_that_nobody_answers_as_many_fail_as_there_is_room_for() -> None:
    watcher = watching(bounds={"joinEvents": 100})
    for second in range(30):
        take(watcher, second, *(request(key=f"{second}-{n}") for n in range(200)))
        watcher.expire(second)
        assert len(watcher.requests) <= 200
    assert told(watcher, 29.0) == {"unanswered": 200}


def test_answers_that_nobody_asked_for_take_no_place_from_requests() -> None:
    watcher = watching(bounds={"joinEvents": 100})
    take(watcher, 0.0, *(response(key=f"x{n}") for n in range(1000)))
    take(watcher, 0.0, request(), response())
    assert told(watcher) == {"answered": 1}
    watcher.expire(10.0)
    assert len(watcher.requests) == 0


@pytest.mark.parametrize("seconds", [1.0, 5.0, 7.0, 60.0, 119.0, 121.0, 3600.0, DAY])
def test_a_span_never_has_more_than_was_asked(watcher: Watcher, seconds: float) -> None:
    width = 5.0 if seconds <= 120 else 60.0
    began = 3.0
    for moment in range(200):
        watcher.served.answer(None, began + moment * seconds / 100)
    now = began + 199 * seconds / 100
    counts = watcher.served.counts(seconds, now)
    assert counts.seconds <= seconds
    assert counts.seconds > min(seconds, now) - width
    assert counts.answered <= 101
    assert counts.answered >= 100 - 2 - 100 * width / seconds


def test_a_span_is_no_longer_than_the_sidecar_was_there(watcher: Watcher) -> None:
    take(watcher, 12.0, request(), response())
    assert watcher.served.counts(HOUR, 12.0).seconds == 12.0


def test_what_is_older_than_a_day_is_forgotten(watcher: Watcher) -> None:
    watcher.served.answer(0.1, 1.0)
    assert told(watcher, DAY - 60.0, DAY) == {"answered": 1}
    assert told(watcher, DAY + 60.0, DAY) == {}


def test_news_are_verdicts_and_what_the_probe_says(watcher: Watcher) -> None:
    served, unknown = watcher.served, ProbeReport()
    before = state(served, unknown, 0.0)
    assert before[0] == "Silent"
    for number in range(20):
        served.answer(None, float(number))
    after = state(served, unknown, 20.0)
    assert after[0] == "Serving"
    served.answer(None, 21.0)
    assert state(served, unknown, 22.0) == after
    fails = ProbeReport(state="Fails", reason="timeout")
    assert state(served, fails, 22.0)[0] == "Failing"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"within": "soon"}, "within must be a number of seconds from 1 to 86400"),
        ({"within": "0"}, "within must be"),
        ({"within": "86401"}, "within must be"),
        ({"within": "nan"}, "within must be"),
        ({"within": "1e3"}, "within must be"),
        ({"wait": "61"}, "wait must be a number of seconds from 0 to 60"),
        ({"wait": "-1"}, "wait must be"),
        ({"tag": ""}, "tag must be one that was told"),
        ({"tag": "x" * 65}, "tag must be"),
        ({"since": "1"}, "'since' is not known: ask by within, tag and wait"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_what_would(
    query: Mapping[str, str], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        HeldQuestion.of(query)


def test_of_too_many_who_wait_the_oldest_has_its_answer_at_once() -> None:
    asyncio.run(wait_many())


async def wait_many() -> None:
    news = News()
    asked = HeldQuestion(tag=news.tag, wait=60.0)
    waiting = [asyncio.create_task(news.wait(asked)) for _ in range(HELD + 1)]
    await asyncio.sleep(0.01)
    assert [task.done() for task in waiting] == [True] + [False] * HELD
    news.look("something")
    await asyncio.wait_for(asyncio.gather(*waiting), 1.0)
    assert len(news) == 0


# The process.


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Sidecar]:
    with sidecar(tmp_path, config()) as process:
        yield process


def serving(running: Sidecar, query: str = "") -> ServingReport:
    status, text = running.get(f"/serving{query}")
    assert status == 200, text
    return ServingReport.model_validate_json(text)


@pytest.mark.thorough
def test_malformed_requests_are_named_by_their_reason_within_fifteen_seconds(
    running: Sidecar,
) -> None:
    body = json.dumps({"instances": [[70, 1, 1.2, 1.5, 1]]}).encode()
    began = time.monotonic()
    for number in range(615):
        running.post(body, headers(identity=f"id-{number}"))
    while (found := serving(running)).minute.failed < 615:
        assert time.monotonic() - began < 30
        time.sleep(0.2)
    assert {reason.value: n for reason, n in found.minute.failures.items()} == {
        "wrongFeatures": 615
    }
    assert found.revision == "r1"
    assert found.quiet_seconds is not None
    text = running.get("/metrics")[1]
    assert 'mlhops_detector_request_failures_total{reason="wrongFeatures"} 615.0' in text
    assert "mlhops_detector_requests_total 0.0" in text


@pytest.mark.thorough
def test_who_knows_the_tag_hears_of_news_at_once_and_else_when_its_time_is_over(
    running: Sidecar,
) -> None:
    time.sleep(1.5)
    known = serving(running).tag
    began = time.monotonic()
    assert serving(running, f"?tag={known}&wait=2").tag == known
    assert 1.9 < time.monotonic() - began < 5
    with ThreadPoolExecutor() as pool:
        held = pool.submit(serving, running, f"?tag={known}&wait=60&within=600")
        time.sleep(0.5)
        assert not held.done()
        for number in range(30):
            running.post(ROWS, headers(identity=f"id-{number}"))
            running.post(SCORE, headers("response", identity=f"id-{number}"))
        posted = time.monotonic()
        news = held.result(10)
        assert time.monotonic() - posted < 3
    assert news.tag != known
    assert news.asked is not None
    assert news.asked.seconds <= 600
    assert serving(running, "?tag=of-another-process&wait=60").tag == news.tag


def test_a_bad_question_is_refused_with_what_would_be_right(running: Sidecar) -> None:
    status, text = running.get("/serving?within=soon")
    assert (status, text) == (400, "within must be a number of seconds from 1 to 86400\n")
    assert running.get("/serving?wait=1&wait=2")[0] == 400


@pytest.mark.thorough
def test_who_holds_many_questions_keeps_nobody_from_an_answer(running: Sidecar) -> None:
    time.sleep(1.2)
    known = serving(running).tag
    with ThreadPoolExecutor(40) as pool:
        held = [pool.submit(running.get, f"/serving?tag={known}&wait=4") for _ in range(30)]
        time.sleep(0.5)
        began = time.monotonic()
        assert serving(running).tag == known
        assert time.monotonic() - began < 1
        assert sum(not each.done() for each in held) == HELD
