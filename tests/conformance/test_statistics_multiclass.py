"""Measures of several classes against scikit-learn, and the influence of rows against derivatives."""

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    log_loss,
    roc_auc_score,
)

from mlhops.measures import multiclass
from mlhops.measures.measure import Measure
from mlhops.statistics.arrays import Floats, Indices
from mlhops.statistics.inference.multiclass import ClassAnswers

ALL = [
    multiclass.ACCURACY,
    multiclass.BALANCED_ACCURACY,
    multiclass.KAPPA,
    multiclass.MACRO_AUROC,
    multiclass.LOG_LOSS,
]
CLASSES = 4


def answers(seed: int, rows: int = 600) -> tuple[ClassAnswers, Indices, Floats]:
    """Return answers of four classes of which some are rare, their labels and their probabilities."""
    random = np.random.default_rng(seed)
    label = random.choice(CLASSES, rows, p=[0.45, 0.3, 0.13, 0.12]).astype(np.intp)
    logit = random.normal(0, 1, (rows, CLASSES)) + 1.2 * np.eye(CLASSES)[label]
    risk = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
    return ClassAnswers(label, risk.argmax(axis=1), risk, CLASSES), label, risk


def theirs(metric: Measure, label: Indices, risk: Floats, weight: Floats | None = None) -> float:
    """Return a measure as scikit-learn has it."""
    chosen = risk.argmax(axis=1)
    match metric.name:
        case "Accuracy":
            return float(accuracy_score(label, chosen, sample_weight=weight))
        case "BalancedAccuracy":
            return float(balanced_accuracy_score(label, chosen, sample_weight=weight))
        case "Kappa":
            return float(cohen_kappa_score(label, chosen, sample_weight=weight))
        case "LogLoss":
            return float(log_loss(label, risk, sample_weight=weight))
        case _:
            # scikit-learn weighs no rows in a mean over several classes.
            return float(
                np.mean(
                    [
                        roc_auc_score(label == each, risk[:, each], sample_weight=weight)
                        for each in range(CLASSES)
                    ]
                )
            )


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("metric", ALL, ids=str)
def test_a_measure_of_several_classes_equals_scikit_learns(metric: Measure, seed: int) -> None:
    given, label, risk = answers(seed)
    rows = np.flatnonzero(np.random.default_rng([seed, 9]).random(600) < 0.7)
    found = metric.piece(given, rows)
    assert found.estimate == pytest.approx(theirs(metric, label[rows], risk[rows]), abs=1e-9)
    low, high = found.limits(1.96)
    assert low < found.estimate < high


@pytest.mark.parametrize("metric", ALL, ids=str)
def test_the_influence_of_a_row_is_the_derivative_by_its_weight(metric: Measure) -> None:
    given, label, risk = answers(4)
    found = metric.piece(given, np.arange(600))
    step = 1e-5
    for row in (0, 11, 300):
        more, less = np.ones(600), np.ones(600)
        more[row], less[row] = 1 + step, 1 - step
        change = theirs(metric, label, risk, more) - theirs(metric, label, risk, less)
        assert found.influence[row] == pytest.approx(change / (2 * step), rel=1e-3, abs=1e-8)


def test_the_macro_auroc_is_scikit_learns_one_against_the_rest() -> None:
    given, label, risk = answers(5)
    found = multiclass.MACRO_AUROC.piece(given, np.arange(600))
    theirs = roc_auc_score(label, risk, multi_class="ovr", average="macro")
    assert found.estimate == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("metric", ALL, ids=str)
def test_the_variance_of_a_measure_is_that_of_the_bootstrap(metric: Measure) -> None:
    given, label, risk = answers(6)
    found = metric.piece(given, np.arange(600))
    random = np.random.default_rng(1)
    drawn = [random.integers(0, 600, 600) for _ in range(200)]
    spread = np.std([theirs(metric, label[rows], risk[rows]) for rows in drawn])
    assert np.sqrt(found.variance) == pytest.approx(spread, rel=0.15)


def test_classes_with_few_rows_leave_means_over_classes_undefined() -> None:
    given, label, _ = answers(7)
    rows = np.concatenate([np.flatnonzero(label != 3), np.flatnonzero(label == 3)[:19]])
    assert np.isnan(multiclass.BALANCED_ACCURACY.piece(given, rows).estimate)
    assert np.isnan(multiclass.MACRO_AUROC.piece(given, rows).estimate)
    assert not np.isnan(multiclass.ACCURACY.piece(given, rows).estimate)
