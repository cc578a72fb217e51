"""Whole rows: which are the baseline, which are compared with it, and on what scale."""

import json

import numpy as np
import pytest

from mlhops.alibi.planned import NEEDS_TORCH, PlannedTest, planned
from mlhops.alibi.sidecar.baseline import Baseline
from mlhops.alibi.sidecar.engine import Engine
from mlhops.alibi.sidecar.job import Job
from mlhops.alibi.sidecar.multivariate import bandwidth, compared, scaled
from mlhops.api.alibi import JOINT_ROWS, AlibiDetector, AlibiType
from mlhops.api.detector import DetectorConfig
from mlhops.api.profile import Profile
from mlhops.detector.envelope import event
from mlhops.detector.window import Clock
from mlhops.detector.window_counter import Watcher
from mlhops.statistics.arrays import Floats
from mlhops.statistics.drift import edges
from testkit.sidecar import config, headers, profile

NAN = float("nan")
NOTHING = np.empty((0, 1))


def asking(*detectors: str, **more: object) -> DetectorConfig:
    told = {"detectors": [{"type": each} for each in detectors], "rows": 100}
    return DetectorConfig.model_validate(config().to_json() | {"alibi": told} | more)


def watcher(given: DetectorConfig, beside: Engine) -> Watcher:
    made = Watcher(Clock(0.0, 0.0), 0.0, beside)
    made.configure(given, 0.0)
    made.profile(profile(), 0.0)
    return made


def take(to: Watcher, rows: list[list[object]]) -> None:
    happened = event(headers(), json.dumps({"instances": rows}).encode())
    to.take(happened, to.decode(happened), 0.0)
    to.flush(0.0)


def marked(of: Engine) -> list[list[float]]:
    """The rows of the last hour, each with whether it is in the baseline."""
    assert of.raw is not None
    whole = of.raw.nothing()
    for part in of.raw.parts(0.0)["hour"]:
        whole.add(part)
    return sorted(np.nan_to_num(whole.rows.values, nan=-1.0).tolist())


def test_the_baseline_is_the_first_complete_rows_and_stays() -> None:
    baseline = Baseline(3, 2)
    first = np.array([[1.0, 1.0], [NAN, 2.0], [3.0, 3.0]])
    assert baseline.take(first).tolist() == [True, False, True]
    assert baseline.rows.shape == (0, 2), "it is none before it is full"
    assert baseline.take(np.array([[4.0, 4.0], [5.0, 5.0]])).tolist() == [True, False]
    assert baseline.take(np.array([[6.0, 6.0]])).tolist() == [False]
    assert baseline.rows[:, 0].tolist() == [1.0, 3.0, 4.0]


def test_rows_of_the_baseline_are_marked_and_no_others() -> None:
    beside = Engine()
    made = watcher(asking("KSDrift", "ClassifierDrift"), beside)
    many: list[list[object]] = [[2.0, 2.0]] * 98
    take(made, [[1.0, None], *many])
    take(made, [[3.0, 3.0], [4.0, 4.0], [5.0, 5.0]])
    expected = [[1.0, -1.0, 0.0], [3.0, 3.0, 1.0], [4.0, 4.0, 1.0], [5.0, 5.0, 0.0]]
    held = [row for row in marked(beside) if row[0] != 2.0]
    assert [row for row in held if row in expected] == held
    assert beside.raw is not None
    assert beside.raw.baseline.rows.shape == (100, 2)


def test_no_baseline_is_held_for_detectors_that_compare_with_the_profile() -> None:
    beside = Engine()
    made = watcher(asking("TabularDrift"), beside)
    take(made, [[1.0, 1.0]])
    assert beside.raw is not None
    assert beside.raw.baseline.most == 0
    assert marked(beside) == [[1.0, 1.0, 0.0]]


def test_other_windows_keep_the_baseline_and_another_profile_does_not() -> None:
    beside = Engine()
    made = watcher(asking("KSDrift", "ClassifierDrift"), beside)
    assert beside.raw is not None
    before = beside.raw.baseline
    shorter = [{"name": "hour", "length": "2h"}]
    made.configure(asking("KSDrift", "ClassifierDrift", windows=shorter), 1.0)
    assert beside.raw.baseline is before
    made.profile(profile().model_copy(update={"rows": 4999}), 2.0)
    assert beside.raw.baseline is not before


def job(rows: Floats, baseline: Floats, detector: AlibiType = "ClassifierDrift") -> Job:
    return Job([AlibiDetector(type=detector)], profile(), 100, baseline, {"hour": (rows, NOTHING)})


def only(asked: Job) -> PlannedTest:
    (test,) = planned(asked.detectors, asked.profile)
    return test


@pytest.mark.parametrize(
    ("others", "baseline", "rows"),
    [(99, 100, 99), (500, 0, 500), (JOINT_ROWS + 50, 0, JOINT_ROWS)],
    ids=["few rows after the baseline", "no baseline yet", "more rows than are compared"],
)
def test_rows_in_the_baseline_and_incomplete_ones_are_not_compared(
    others: int, baseline: int, rows: int
) -> None:
    window = np.zeros((others + 200, 3))
    window[:100, 2] = 1.0
    window[100:200, 0] = NAN
    asked = job(window, np.zeros((baseline, 2)))
    told = compared(asked, only(asked), "hour")
    assert (told.kind, told.of, told.rows, told.reference) == ("Joint", "joint", rows, baseline)
    assert (told.statistic, told.p, told.effect, told.problem) == (None, None, None, "")


def test_mmd_says_that_it_needs_torch_before_there_are_rows() -> None:
    asked = job(np.zeros((0, 3)), np.zeros((0, 2)), "MMDDrift")
    assert compared(asked, only(asked), "hour").problem == NEEDS_TORCH


def test_the_kernel_is_as_wide_as_rows_that_differ_are_apart() -> None:
    rows = np.zeros((100, 2))
    assert bandwidth(rows) == 1.0
    rows[:20, 0] = 3.0
    assert bandwidth(rows) == pytest.approx(3 / np.sqrt(2))


def test_numbers_are_ranks_whatever_their_unit_and_categories_have_places() -> None:
    random = np.random.default_rng(5)
    values, wards = random.lognormal(0.0, 2.0, 4000), random.integers(0, 12, 4000) ** 2 // 13
    names = [str(i) for i in range(10)]
    told = Profile(
        revision="r1",
        created_from=f"sha256:{'0' * 64}",
        rows=4000,
        features=[
            edges.numeric("creatinine", values),
            edges.categorical("ward", [str(ward) for ward in wards], names),
        ],
    )
    rows = scaled(told, np.column_stack([values, wards]).astype(float))
    assert rows.shape == (4000, 1 + 8)
    assert rows[:, 0].mean() == pytest.approx(0.0, abs=0.01)
    assert rows[:, 0].std() == pytest.approx(1.0, abs=0.02)
    assert abs(scaled(told, np.array([[1e9, 10.0]]))[0, 0]) < np.sqrt(3.0) + 0.01
    np.testing.assert_allclose(rows[:, 1:].sum(axis=1), 1 / np.sqrt(2), rtol=1e-6)
    assert scaled(told, np.array([[1.0, 10.0]]))[0, -1] > 0, "what is in no category is an other"
