"""How callers ask is counted from closed sets, by window, whatever they send."""

import json

import pytest

from mlhops.api.detector import DetectorConfig
from mlhops.api.profile import AskedProfile, Profile
from mlhops.api.summary import RequestSummary
from mlhops.detector.counters import RequestOutcome
from mlhops.detector.envelope import event
from mlhops.detector.requests import RequestCount
from mlhops.detector.window import Clock
from mlhops.detector.window_counter import Watcher
from testkit.sidecar import config, headers, profile

PAIR = {"predictions": [[0.9, 0.1]]}


def watcher(given: DetectorConfig | None = None) -> Watcher:
    made = Watcher(Clock(0.0, 0.0), 0.0)
    made.configure(given or config(), 0.0)
    return made


def take(to: Watcher, body: object, kind: str = "request", **more: str) -> None:
    happened = event(headers(kind, **more), json.dumps(body).encode())
    to.take(happened, to.decode(happened), 0.0)
    to.flush(0.0)


def told(of: Watcher, window: str = "hour", now: float = 0.0) -> RequestSummary:
    found = of.summaries(now)[window].requests
    assert found is not None
    return found


def test_rows_are_counted_by_how_they_are_asked_about_with_a_profile_or_without() -> None:
    watched = watcher()
    take(watched, {"instances": [[1, 2.5], [3, None]]})
    watched.profile(profile(), 0.0)
    take(watched, {"instances": [{"creatinine": ["1"], "age": [True]}]})
    assert told(watched) == RequestSummary(
        protocols={"v1": 3},
        encodings={"Matrix": 2, "Columns": 1},
        reordered=1,
        kinds=[[2, 0, 1], [1, 1, 0]],
    )
    assert told(watched) == told(watched, "all")
    assert watched.counters.flat()["asked.v1.Matrix"] == 2
    assert watched.counters.flat()["asked.v2.Columns"] == 0
    assert watched.counters.flat()["note.otherOrder"] == 1


def test_what_has_left_a_window_is_no_longer_told() -> None:
    watched = watcher()
    take(watched, {"instances": [[1, 2]]})
    assert told(watched, now=7300.0).rows == 0
    assert told(watched, "all", now=7300.0).rows == 1


def test_an_evaluator_is_no_caller() -> None:
    watched = watcher()
    take(watched, {"instances": [[1, 2]]}, identity="mlhops-evaluation-1")
    assert told(watched).rows == 0


def test_names_that_callers_make_up_take_no_memory() -> None:
    watched = watcher()
    for number in range(300):
        take(watched, {"instances": [{f"name-{number}": 1, "age": 1, "creatinine": 2}]})
    found = told(watched)
    assert (found.rows, found.misnamed) == (300, 300)
    assert "name-" not in found.model_dump_json()
    assert len(watched.counters.flat()) < 256, "as many as a report may have"


def test_rows_are_counted_by_their_own_names_not_by_those_of_the_rows_beside_them() -> None:
    watched = watcher()
    whole, less = {"age": 1, "creatinine": 2}, {"age": 1}
    turned = {"creatinine": [2, 3, 4], "age": [1, 1, 1]}
    take(watched, {"instances": [*[whole] * 98, less, turned]})
    found = told(watched)
    assert (found.rows, found.misnamed, found.reordered) == (102, 1, 3)


def test_other_features_begin_anew() -> None:
    watched = watcher()
    take(watched, {"instances": [[1, 2]]})
    watched.configure(config(("age", "creatinine", "crp")), 0.0)
    assert told(watched) == RequestSummary(kinds=[[0, 0, 0]] * 3)
    take(watched, {"instances": [[1, 2, 3]]})
    assert told(watched).rows == 1


def test_the_same_features_with_other_windows_keep_their_counts() -> None:
    watched = watcher()
    take(watched, {"instances": [[1, 2]]})
    watched.configure(config(windows=[{"name": "day", "length": "6h"}]), 0.0)
    assert told(watched, "day").rows == 1


@pytest.mark.parametrize(("column", "scores"), [(None, 0), (0, 1), (1, 1)])
def test_the_column_of_the_score_is_the_one_that_the_evaluation_found(
    column: int | None, scores: int
) -> None:
    given = config(output={"name": "risk", "threshold": 0.5, "positiveClass": "yes"})
    watched = watcher(given)
    take(watched, PAIR, "response")
    assert watched.counters.outcomes[RequestOutcome.UNCLEAR_CLASS] == 1
    watched.profile(profile().model_copy(update={"positive_column": column}), 0.0)
    take(watched, PAIR, "response", identity="b")
    assert watched.counters.scores == scores


def test_a_profile_that_only_says_more_of_how_it_was_asked_loses_no_counts() -> None:
    watched = watcher(config(output={"threshold": 0.5, "positiveClass": "yes"}))
    watched.profile(profile(), 0.0)
    take(watched, {"instances": [[1, 2]]})
    asked = AskedProfile(protocol="v2", encoding="Matrix", kinds=["Number", "Number"])
    more = profile().model_copy(update={"asked": asked, "positive_column": 1})
    assert more.digest() != profile().digest()
    watched.profile(Profile.model_validate_json(more.to_text()), 0.0)
    assert watched.summaries(0.0)["hour"].rows == 1
    assert watched.summaries(0.0)["hour"].profile_digest == more.digest()
    take(watched, PAIR, "response", identity="b")
    assert watched.counters.scores == 1


def test_counts_add_up_in_any_order() -> None:
    first, second = RequestCount(1), RequestCount(1)
    assert not first
    second.valued(0, {int: 2, str: 1, list: 5})
    first.add(second)
    assert first
    assert first.summary().kinds == [[2, 1, 0]]
