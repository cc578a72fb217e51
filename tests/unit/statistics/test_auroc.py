"""The area under the ROC curve and its interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.measures import binary
from mlhops.statistics.arrays import Bools, Floats
from mlhops.statistics.inference.estimate import Estimate
from mlhops.statistics.inference.performance import LabelledAnswers, estimate


def auroc(label: Bools, score: Floats, confidence: float) -> Estimate:
    """Return the area under the ROC curve."""
    return estimate(binary.AUROC, LabelledAnswers(label, score, score >= 0.5), confidence)


SCORES = st.lists(st.integers(min_value=0, max_value=20), min_size=2, max_size=200)


def labelled(scores: list[int]) -> tuple[Bools, Floats]:
    """Every second row is positive."""
    return np.arange(len(scores)) % 2 == 0, np.array(scores, dtype=np.float64)


@given(SCORES)
def test_the_interval_contains_the_area_and_stays_between_zero_and_one(scores: list[int]) -> None:
    area = auroc(*labelled(scores), 0.95)
    assert 0 <= area.lower <= area.estimate + 1e-9
    assert area.estimate - 1e-9 <= area.upper <= 1


@given(SCORES)
def test_the_order_of_rows_does_not_matter(scores: list[int]) -> None:
    label, score = labelled(scores)
    order = np.random.default_rng(len(scores)).permutation(len(scores))
    first, second = auroc(label, score, 0.95), auroc(label[order], score[order], 0.95)
    assert second.estimate == pytest.approx(first.estimate, abs=1e-12)
    assert second.lower == pytest.approx(first.lower, abs=1e-12)


def test_a_model_that_separates_the_classes_still_has_a_lower_bound_below_one() -> None:
    label, score = np.arange(40) >= 20, np.arange(40, dtype=np.float64)
    area = auroc(label, score, 0.95)
    assert area.estimate == 1.0
    assert 0.75 < area.lower < 0.95
    assert area.upper == 1.0


def test_a_constant_score_tells_nothing() -> None:
    area = auroc(np.arange(100) % 2 == 0, np.full(100, 0.3), 0.95)
    assert area.estimate == 0.5
    assert area.lower < 0.45
    assert area.upper > 0.55


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_finite_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        auroc(np.array([True, False]), np.array([bad, 0.5]), 0.95)


def test_one_class_alone_has_no_area() -> None:
    area = auroc(np.ones(5, dtype=bool), np.arange(5.0), 0.95)
    assert np.isnan([area.estimate, area.lower, area.upper]).all()
    assert "both classes" in area.reason


@pytest.mark.parametrize(("positives", "shift"), [(15, 2.5), (60, 1.0), (200, 0.0)])
def test_the_interval_covers_the_true_area(positives: int, shift: float) -> None:
    random = np.random.default_rng(positives)
    # Of two normals a shift apart, one is above the other with this probability.
    truth = np.mean(random.normal(shift, 1, 400_000) > random.normal(0, 1, 400_000))
    label = np.arange(positives * 4) < positives
    covered = 0
    for _ in range(400):
        area = auroc(label, random.normal(0, 1, len(label)) + shift * label, 0.95)
        covered += int(area.lower <= truth <= area.upper)
    assert 0.92 <= covered / 400 <= 0.995
