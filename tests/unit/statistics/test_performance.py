"""Measures of a whole model and the coverage of their intervals."""

import math

import numpy as np
import pytest

from mlhops.measures import binary
from mlhops.measures.measure import Measure, measures_of
from mlhops.statistics.arrays import Bools, Floats
from mlhops.statistics.inference import calibration
from mlhops.statistics.inference.performance import LabelledAnswers, estimate

RUNS = 400
ALL = measures_of("Performance", "Binary")


def people(random: np.random.Generator, rows: int) -> tuple[Bools, Floats]:
    """Return labels, and risks that are true."""
    risk = 1 / (1 + np.exp(-random.normal(-1.5, 1.2, rows)))
    return random.random(rows) < risk, risk


@pytest.mark.thorough
@pytest.mark.parametrize("rows", [100, 1000])
@pytest.mark.parametrize("metric", ALL, ids=str)
def test_the_interval_covers_the_truth(metric: Measure, rows: int) -> None:
    random = np.random.default_rng(rows)
    label, risk = people(random, 1_000_000)
    calibrated = metric is binary.CALIBRATION_ERROR
    truth = (
        0.0
        if calibrated
        else estimate(metric, LabelledAnswers(label, risk, risk > 0.3), 0.95).estimate
    )
    covered = 0
    for _ in range(RUNS):
        label, risk = people(random, rows)
        found = estimate(metric, LabelledAnswers(label, risk, risk > 0.3), 0.95)
        covered += found.lower <= truth <= found.upper
    assert covered / RUNS >= 0.92


@pytest.mark.thorough
@pytest.mark.parametrize("rows", [100, 1000, 5000])
@pytest.mark.parametrize("factor", [1.0, 0.8, 0.5])
def test_the_calibration_error_is_found_without_bias_and_covered(factor: float, rows: int) -> None:
    random = np.random.default_rng(rows)
    squares, covered = [], 0
    for _ in range(RUNS):
        _, risk = people(random, rows)
        label = random.random(rows) < factor * risk
        place = np.searchsorted(calibration.bins(risk, [np.arange(rows)]), risk)
        off = np.bincount(place, (factor - 1) * risk) / np.bincount(place)
        truth = math.sqrt(np.bincount(place) @ off**2 / rows)
        moments = calibration.moments(label, risk, calibration.bins(risk, [np.arange(rows)]))
        squares.append(moments.squares - moments.bias - truth**2)
        lower, upper = moments.limits(1.96)
        covered += lower <= truth <= upper
    assert abs(np.mean(squares)) <= 3 * np.std(squares) / RUNS**0.5
    assert covered / RUNS >= 0.92


def test_the_naive_calibration_error_of_few_rows_is_mostly_noise() -> None:
    random = np.random.default_rng(0)
    label, risk = people(random, 300)
    moments = calibration.moments(label, risk, calibration.bins(risk, [np.arange(300)]))
    assert math.sqrt(moments.squares) > 0.05
    assert moments.error < 0.05


@pytest.mark.parametrize("metric", [each for each in ALL if not each.scored], ids=str)
def test_a_share_needs_no_score(metric: Measure) -> None:
    label = np.arange(40) % 2 == 0
    assert (
        estimate(metric, LabelledAnswers(label, None, np.arange(40) % 4 == 0), 0.95).estimate >= 0.5
    )


@pytest.mark.parametrize("metric", [each for each in ALL if each.scored], ids=str)
def test_a_measure_of_scores_is_refused_where_there_are_none(metric: Measure) -> None:
    label = np.arange(40) % 2 == 0
    with pytest.raises(ValueError, match="no score"):
        estimate(metric, LabelledAnswers(label, None, label), 0.95)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("metric", ALL, ids=str)
def test_a_score_that_is_no_number_is_refused(metric: Measure, bad: float) -> None:
    label = np.arange(40) % 2 == 0
    score = np.where(np.arange(40) == 7, bad, 0.5)
    with pytest.raises(ValueError, match="finite"):
        estimate(metric, LabelledAnswers(label, score, label), 0.95)


@pytest.mark.parametrize("metric", [binary.BRIER, binary.CALIBRATION_ERROR], ids=str)
def test_a_score_that_is_no_risk_cannot_be_held_against_an_outcome(
    metric: Measure,
) -> None:
    label = np.arange(40) % 2 == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        estimate(metric, LabelledAnswers(label, np.linspace(-1, 2, 40), label), 0.95)


@pytest.mark.parametrize("metric", ALL, ids=str)
def test_what_cannot_be_measured_is_undefined_and_says_why(metric: Measure) -> None:
    nobody = np.zeros(0, dtype=bool)
    found = estimate(metric, LabelledAnswers(nobody, np.zeros(0), nobody), 0.95)
    assert np.isnan([found.estimate, found.lower, found.upper]).all()
    assert found.reason


@pytest.mark.parametrize("metric", ALL, ids=str)
def test_a_faultless_model_still_has_an_interval(metric: Measure) -> None:
    label = np.arange(60) % 3 == 0
    found = estimate(metric, LabelledAnswers(label, label.astype(float), label), 0.95)
    assert found.estimate in (0.0, 1.0)
    assert found.upper - found.lower > 0.01
