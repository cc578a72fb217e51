"""Points for people to look at."""

from itertools import pairwise

import numpy as np
import pytest

from mlhops.small_cells import SmallCells
from mlhops.statistics.inference.curves import distribution, reliability, roc

ROWS = 3000
TEN = SmallCells(10)


def people(rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    risk = random.beta(1, 4, rows)
    return random.random(rows) < risk, risk


def test_between_two_points_of_the_roc_lie_enough_rows_of_each_class() -> None:
    label, score = people()
    points = roc(label, score, TEN)
    assert (points[0].false_positive_rate, points[0].true_positive_rate) == (0.0, 0.0)
    assert (points[-1].false_positive_rate, points[-1].true_positive_rate) == (1.0, 1.0)
    hits = np.array([point.true_positive_rate for point in points])
    alarms = np.array([point.false_positive_rate for point in points])
    assert np.diff(hits).min() * label.sum() >= 10 - 1e-6
    assert np.diff(alarms).min() * (~label).sum() >= 10 - 1e-6
    assert 20 < len(points) <= 102


def test_a_point_of_the_roc_is_what_some_threshold_comes_to() -> None:
    label, score = people()
    reached = [score >= threshold for threshold in score]
    exact = np.array([(called[~label].mean(), called[label].mean()) for called in reached])
    for point in roc(label, score, TEN)[1:-1]:
        found = np.abs(exact - (point.false_positive_rate, point.true_positive_rate))
        assert found.max(axis=1).min() < 1e-9


def test_a_bin_of_the_reliability_diagram_holds_enough_of_each_outcome() -> None:
    label, score = people(400)
    points = reliability(label, score, SmallCells(20))
    assert 1 <= len(points) <= label.sum() // 20
    for point in points:
        assert point.lower <= point.observed <= point.upper
        assert point.predicted == pytest.approx(point.observed, abs=0.15)


def test_too_few_of_a_class_make_no_curve() -> None:
    label = np.arange(100) < 9
    score = np.linspace(0, 1, 100)
    assert roc(label, score, TEN) == []
    assert reliability(label, score, TEN) == []


def test_the_two_curves_of_nobody_are_empty() -> None:
    nobody = np.zeros(0, dtype=bool)
    assert roc(nobody, np.zeros(0), TEN) == []
    assert reliability(nobody, np.zeros(0), TEN) == []


def test_bars_join_neighbours_until_enough_rows_are_in_each_and_all_rows_are_in_some() -> None:
    _, score = people()
    bars = distribution(score, np.linspace(0, 1, 41), TEN)
    assert (bars[0].lower, bars[-1].upper) == (0.0, 1.0)
    assert sum(bar.share for bar in bars) == pytest.approx(1.0)
    assert min(bar.share for bar in bars) * len(score) >= 10 - 1e-6
    for left, right in pairwise(bars):
        assert left.upper == right.lower
    for bar in bars[:-1]:
        inside = (score >= bar.lower) & (score < bar.upper)
        assert inside.mean() == pytest.approx(bar.share)
    assert 10 < len(bars) < 41


def test_scores_beyond_the_edges_count_into_the_outermost_bars() -> None:
    bars = distribution(
        np.array([-5.0, 0.1, 0.6, 1.0, 7.0]), np.array([0.0, 0.5, 1.0]), SmallCells(1)
    )
    assert [bar.share for bar in bars] == [0.4, 0.6]


def test_too_few_scores_have_no_bars() -> None:
    assert distribution(np.full(9, 0.5), np.linspace(0, 1, 11), TEN) == []
