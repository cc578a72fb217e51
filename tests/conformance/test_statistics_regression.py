"""Measures of predicted numbers against scikit-learn and SciPy, and their variances against other derivations."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from mlhops.measures import regression
from mlhops.measures.measure import Measure
from mlhops.statistics.arrays import Floats, Indices
from mlhops.statistics.inference.influence import Piece
from mlhops.statistics.inference.numeric import NumericAnswers, student

SEEDS = [1, 2, 3]
TOLERANCE = 6.0
ALL = [
    regression.MAE,
    regression.RMSE,
    regression.BIAS,
    regression.R2,
    regression.CALIBRATION_SLOPE,
    regression.WITHIN_TOLERANCE.with_parameter(TOLERANCE),
]


def numbers(seed: int, rows: int = 400) -> tuple[Floats, Floats, Indices]:
    """Return true and predicted numbers with errors that are skewed and differ in spread, and some of the rows."""
    random = np.random.default_rng(seed)
    label = random.gamma(3, 10, rows)
    value = 5 + 0.8 * label + random.gamma(2, 1 + label / 20, rows)
    return label, value, np.flatnonzero(random.random(rows) < 0.5)


def theirs(metric: Measure, label: Floats, value: Floats) -> float:
    """Return a measure as scikit-learn or SciPy has it."""
    match metric.name:
        case "MAE":
            return float(mean_absolute_error(label, value))
        case "RMSE":
            return float(np.sqrt(mean_squared_error(label, value)))
        case "R2":
            return float(r2_score(label, value))
        case "CalibrationSlope":
            return float(stats.linregress(value, label).slope)
        case "Bias":
            return float(np.mean(value - label))
        case _:
            return float((np.abs(value - label) <= TOLERANCE).mean())


def weighted(metric: Measure, label: Floats, value: Floats, weight: Floats) -> float:
    """Return a measure of weighted rows from its definition, for its derivative."""
    w = weight / weight.sum()
    error = value - label
    match metric.name:
        case "MAE":
            return float(w @ np.abs(error))
        case "RMSE":
            return float(np.sqrt(w @ error**2))
        case "Bias":
            return float(w @ error)
        case "R2":
            return 1 - float(w @ error**2) / float(w @ (label - w @ label) ** 2)
        case "CalibrationSlope":
            across = value - w @ value
            return float((w * across) @ (label - w @ label)) / float(w @ across**2)
        case _:
            return float(w @ (np.abs(error) <= TOLERANCE))


def piece(metric: Measure, seed: int) -> tuple[Piece, Floats, Floats]:
    """Return a measure of some rows, and their true and predicted numbers."""
    label, value, rows = numbers(seed)
    return metric.piece(NumericAnswers(label, value), rows), label[rows], value[rows]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("metric", ALL, ids=str)
def test_a_measure_of_numbers_equals_theirs(metric: Measure, seed: int) -> None:
    found, label, value = piece(metric, seed)
    assert found.estimate == pytest.approx(theirs(metric, label, value), abs=1e-9, rel=1e-12)
    low, high = found.limits(1.96)
    assert low < found.estimate < high


@pytest.mark.parametrize("metric", ALL, ids=str)
def test_the_influence_of_a_row_is_the_derivative_by_its_weight(metric: Measure) -> None:
    found, label, value = piece(metric, 1)
    step = 1e-5
    for row in (0, 7, 50):
        more, less = np.ones(len(label)), np.ones(len(label))
        more[row], less[row] = 1 + step, 1 - step
        up, down = (weighted(metric, label, value, each) for each in (more, less))
        assert found.influence[row] == pytest.approx((up - down) / (2 * step), rel=1e-4, abs=1e-9)


def test_the_variance_of_the_slope_is_whites_with_its_degrees_of_freedom() -> None:
    found, label, value = piece(regression.CALIBRATION_SLOPE, 2)
    n = len(label)
    design = np.column_stack([np.ones(n), value])
    bread = np.linalg.inv(design.T @ design)
    residual = label - design @ (bread @ design.T @ label)
    meat = design.T @ (design * (residual**2)[:, None])
    variance = (bread @ meat @ bread)[1, 1] * n / (n - 2)
    assert found.variance == pytest.approx(variance, rel=1e-9)


def test_the_interval_of_the_bias_is_that_of_a_mean() -> None:
    found, label, value = piece(regression.BIAS, 3)
    error = value - label
    reach = stats.t.ppf(0.975, len(error) - 1) * stats.sem(error)
    assert found.limits(stats.norm.ppf(0.975)) == pytest.approx(
        (error.mean() - reach, error.mean() + reach), rel=1e-7
    )


def test_the_interval_of_the_mean_absolute_error_is_symmetric_in_its_logarithm() -> None:
    found, label, value = piece(regression.MAE, 1)
    size = np.abs(value - label)
    reach = stats.t.ppf(0.975, len(size) - 1) * stats.sem(size) / size.mean()
    assert found.limits(stats.norm.ppf(0.975)) == pytest.approx(
        (size.mean() * math.exp(-reach), size.mean() * math.exp(reach)), rel=1e-7
    )


def test_the_share_within_a_tolerance_has_wilsons_interval() -> None:
    found, label, value = piece(regression.WITHIN_TOLERANCE.with_parameter(TOLERANCE), 2)
    hits = int((np.abs(value - label) <= TOLERANCE).sum())
    theirs = stats.binomtest(hits, len(label)).proportion_ci(0.95, method="wilson")
    assert found.limits(stats.norm.ppf(0.975)) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize("freedom", [39, 100, 5000])
@pytest.mark.parametrize("critical", [0.5, 1.96, 2.6, 3.5])
def test_limits_reach_as_far_as_students_t(critical: float, freedom: int) -> None:
    theirs = stats.t.isf(stats.norm.sf(critical), freedom)
    assert student(critical, freedom) == pytest.approx(theirs, abs=0.002)
