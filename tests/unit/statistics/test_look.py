"""One look at a window."""

from datetime import UTC, datetime

import numpy as np
import pytest

from mlhops.api.interface import Feature
from mlhops.api.summary import Summary
from mlhops.evaluator.profile.build import profile
from mlhops.statistics.arrays import Floats
from mlhops.statistics.drift.budget import EffectLimit, Verdict, judge
from mlhops.statistics.drift.look import EFFECTS, Suite, Watch, WindowSeen
from mlhops.statistics.drift.sketch import Column, Sketch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FEATURES = [
    Feature(name="creatinine"),
    Feature(name="age"),
    Feature(name="ward", type="Categorical", categories=["icu", "er"]),
]


def rows(seed: int, n: int) -> dict[str, Column]:
    random = np.random.default_rng(seed)
    return {
        "creatinine": np.round(random.lognormal(0, 0.4, n), 2),
        "age": random.integers(18, 95, n).astype(float),
        "ward": random.choice(["icu", "er"], n).tolist(),
    }


def scores(seed: int, n: int) -> Floats:
    return np.random.default_rng(seed).beta(2, 5, n)


KNOWN = profile(
    FEATURES,
    rows(0, 5000),
    ("probability", scores(0, 5000)),
    revision="sepsis-1",
    created_from="sha256:" + "1" * 64,
)
SKETCH, WATCH = Sketch(KNOWN), Watch(KNOWN)


def window(columns: dict[str, Column], n: int = 500, scored: bool = True) -> Summary:
    tally = SKETCH.requests(columns, n)
    if scored:
        tally.add(SKETCH.scores(scores(2, n)))
    return tally.summary(NOW, NOW)


def verdicts(seen: list[WindowSeen]) -> dict[str, Verdict]:
    shifts = [each.shift for each in seen]
    limits = [EffectLimit(EFFECTS.get(shift.test, 0.05), rows=100) for shift in shifts]
    judged = judge(shifts, limits, 0.001, "Bonferroni")
    return {each.of: of.verdict for each, of in zip(seen, judged, strict=True)}


def test_what_has_not_shifted_is_found_so_everywhere() -> None:
    assert verdicts(WATCH.look(window(rows(1, 500)), Suite())) == {
        "creatinine": "NoDrift",
        "age": "NoDrift",
        "ward": "NoDrift",
        "probability": "NoDrift",
        "joint": "NoDrift",
    }


def test_another_unit_names_the_feature_and_shows_in_the_joint_shift() -> None:
    columns = rows(1, 500)
    columns["creatinine"] = np.asarray(columns["creatinine"], dtype=np.float64) * 88.4
    found = verdicts(WATCH.look(window(columns), Suite()))
    assert found["creatinine"] == found["joint"] == "Drift"
    assert found["age"] == found["ward"] == found["probability"] == "NoDrift"


def test_a_feature_that_is_not_sent_is_insufficient_and_its_missing_values_are_drift() -> None:
    columns = rows(1, 500)
    del columns["age"]
    looked = window(columns)
    assert verdicts(WATCH.look(looked, Suite(joint=False)))["age"] == "Insufficient"
    missing = verdicts(WATCH.missing(looked))
    assert missing == {"creatinine": "NoDrift", "age": "Drift", "ward": "NoDrift"}


def test_no_answers_at_all_are_insufficient_for_the_score() -> None:
    found = verdicts(WATCH.look(window(rows(1, 500), scored=False), Suite()))
    assert found["probability"] == "Insufficient"


def test_how_many_tests_there_are_does_not_depend_on_the_window() -> None:
    empty, full = window({}, 0, scored=False), window(rows(1, 500))
    tests = Suite(numeric=("KS", "Wasserstein"), categorical=("ChiSquare", "PSI"))
    assert len(WATCH.look(empty, tests)) == len(WATCH.look(full, tests)) == 9


def test_a_window_of_another_profile_is_refused() -> None:
    other = window(rows(1, 500)).model_copy(update={"profile_digest": "sha256:" + "2" * 64})
    with pytest.raises(ValueError, match="of another profile"):
        WATCH.look(other, Suite())
    with pytest.raises(ValueError, match="of another profile"):
        WATCH.missing(other)
