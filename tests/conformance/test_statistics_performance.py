"""Every measure of a whole model against scikit-learn, and its influence against its definition."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from mlhops.measures import binary
from mlhops.measures.measure import Measure, measures_of
from mlhops.statistics.arrays import Bools, Floats
from mlhops.statistics.inference import calibration
from mlhops.statistics.inference.performance import LabelledAnswers, estimate

CONFIDENCE = 0.95
SEEDS = range(5)


def answers(seed: int, ties: bool = False) -> tuple[Bools, Floats, Bools]:
    """Return labels, risks and calls."""
    random = np.random.default_rng(seed)
    risk = random.beta(1, 3, 600)
    label = random.random(600) < risk
    score = np.round(risk, 1) if ties else risk
    return label, score, score >= 0.35


def theirs(metric: Measure, label: Bools, score: Floats, called: Bools) -> float:
    match metric:
        case binary.AUROC:
            return float(roc_auc_score(label, score))
        case binary.AUPRC:
            return float(average_precision_score(label, score))
        case binary.BRIER:
            return float(brier_score_loss(label, score))
        case binary.SENSITIVITY:
            return float(recall_score(label, called))
        case binary.SPECIFICITY:
            return float(recall_score(label, called, pos_label=False))
        case binary.PPV:
            return float(precision_score(label, called))
        case binary.NPV:
            return float(precision_score(label, called, pos_label=False))
        case _:
            raise ValueError(f"scikit-learn has no {metric}")


DEFINED_THERE = [
    each for each in measures_of("Performance", "Binary") if each is not binary.CALIBRATION_ERROR
]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("metric", DEFINED_THERE, ids=str)
def test_a_measure_equals_scikit_learns(metric: Measure, seed: int, ties: bool) -> None:
    label, score, called = answers(seed, ties)
    found = estimate(metric, LabelledAnswers(label, score, called), CONFIDENCE)
    assert found.estimate == pytest.approx(theirs(metric, label, score, called), abs=1e-12)
    assert found.lower < found.estimate < found.upper


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("metric", DEFINED_THERE, ids=str)
def test_the_influence_of_a_row_is_what_a_little_more_weight_on_it_does(
    metric: Measure, ties: bool
) -> None:
    label, score, called = answers(3, ties)
    rows = np.arange(len(label))
    found = metric.piece(LabelledAnswers(label, score, called), rows)
    influence = np.zeros(len(label))
    influence[found.rows] = found.influence
    assert influence.sum() == pytest.approx(0.0, abs=1e-9)
    # Every row ten times is the same measure; one of them eleven times moves it by a tenth's weight.
    for row in (0, 17, 300, 599):
        repeats = np.full(len(label), 1000)
        repeats[row] += 1
        again = np.repeat(rows, repeats)
        moved = LabelledAnswers(label[again], score[again], called[again])
        change = metric.piece(moved, np.arange(len(again))).estimate - found.estimate
        assert change == pytest.approx(influence[row] / 1000, abs=2e-8)


@pytest.mark.parametrize("metric", [binary.PPV, binary.SENSITIVITY], ids=str)
def test_what_nobody_was_called_for_is_undefined_here_and_zero_there(
    metric: Measure,
) -> None:
    label = np.array([False, False, metric is binary.PPV])
    called = np.array([False, metric is binary.SENSITIVITY, False])
    with pytest.warns(UserWarning, match="ill-defined"):
        assert theirs(metric, label, label.astype(float), called) == 0.0
    found = estimate(metric, LabelledAnswers(label, None, called), CONFIDENCE)
    assert np.isnan([found.estimate, found.lower, found.upper]).all()
    assert found.reason


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bins_of_the_calibration_error_are_scikit_learns(seed: int) -> None:
    label, score, _ = answers(seed)
    rows = np.arange(len(label))
    edges = calibration.bins(score, [rows])
    observed, predicted = calibration_curve(label, score, n_bins=10, strategy="quantile")
    place = np.searchsorted(edges, score)
    size = np.bincount(place)
    # Edges of theirs are interpolated, so a row at an edge may lie on the other side.
    assert np.bincount(place, label) / size == pytest.approx(observed, abs=2 / size.min())
    assert np.bincount(place, score) / size == pytest.approx(predicted, abs=2 / size.min())


def test_the_calibration_error_is_that_of_its_definition_by_pairs() -> None:
    label, score, _ = answers(1)
    rows = np.arange(len(label))
    place = np.searchsorted(calibration.bins(score, [rows]), score)
    off = label - score
    total = 0.0
    for each in range(place.max() + 1):
        here = off[place == each]
        # The mean product of two different rows is the square of the mean without its noise.
        products = np.outer(here, here)
        pairs = (products.sum() - np.trace(products)) / (len(here) * (len(here) - 1))
        total += len(here) / len(label) * pairs
    found = estimate(
        binary.CALIBRATION_ERROR, LabelledAnswers(label, score, score >= 0.35), CONFIDENCE
    )
    assert found.estimate == pytest.approx(np.sqrt(max(total, 0.0)), abs=1e-12)
