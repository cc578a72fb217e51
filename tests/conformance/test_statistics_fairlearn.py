"""Rates per group against fairlearn, and where fairlearn's number misleads."""

import numpy as np
import pytest
from fairlearn.metrics import (
    MetricFrame,
    false_negative_rate,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from sklearn.metrics import precision_score

from mlhops.evaluator.verdict.fairness_measures import trials
from mlhops.measures import binary
from mlhops.measures.measure import Measure
from mlhops.statistics.arrays import Bools, Floats
from mlhops.statistics.inference.performance import LabelledAnswers
from mlhops.statistics.inference.rates import rate


def negative_predictive_value(label: Bools, called: Bools) -> float:
    """Return scikit-learn's precision of the calls that are negative."""
    return float(precision_score(label, called, pos_label=False))


THEIRS = {
    binary.FALSE_NEGATIVE_RATE: false_negative_rate,
    binary.FALSE_POSITIVE_RATE: false_positive_rate,
    binary.TRUE_POSITIVE_RATE: true_positive_rate,
    binary.SELECTION_RATE: selection_rate,
    binary.POSITIVE_PREDICTIVE_VALUE: precision_score,
    binary.NEGATIVE_PREDICTIVE_VALUE: negative_predictive_value,
}


def ours(metric: Measure, label: Bools, called: Bools, group: np.ndarray) -> Floats:
    """Return the rate of each group."""
    members = np.eye(int(group.max()) + 1, dtype=bool)
    return rate(
        *trials(
            metric, LabelledAnswers(label, None, called), group.astype(np.intp), members
        ).of_groups()
    )


@pytest.mark.parametrize("metric", THEIRS, ids=str)
@pytest.mark.parametrize("seed", range(5))
def test_rates_per_group_equal_fairlearns(metric: Measure, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = 2000
    group = random.choice(6, rows, p=[0.5, 0.2, 0.15, 0.1, 0.03, 0.02])
    label, called = random.random(rows) < 0.3, random.random(rows) < 0.4
    frame = MetricFrame(
        metrics=THEIRS[metric], y_true=label, y_pred=called, sensitive_features=group
    )
    assert ours(metric, label, called, group) == pytest.approx(
        frame.by_group.to_numpy(dtype=float), abs=1e-12
    )


def test_a_group_without_positives_is_undefined_here_and_perfect_there() -> None:
    label = np.array([True, True, False, False])
    called = np.array([False, True, True, False])
    group = np.array([0, 0, 1, 1])
    frame = MetricFrame(
        metrics=false_negative_rate, y_true=label, y_pred=called, sensitive_features=group
    )
    assert frame.by_group.tolist() == [0.5, 0.0]
    found = ours(binary.FALSE_NEGATIVE_RATE, label, called, group)
    assert found[0] == 0.5
    assert np.isnan(found[1])
