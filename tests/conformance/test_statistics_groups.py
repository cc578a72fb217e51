"""Gaps between groups against fairlearn and scikit-learn."""

import numpy as np
import pytest
from fairlearn.metrics import (
    demographic_parity_difference,
    demographic_parity_ratio,
    equalized_odds_difference,
    equalized_odds_ratio,
)
from sklearn.metrics import roc_auc_score

from mlhops.measures import binary
from mlhops.statistics.arrays import Bools, Floats
from mlhops.statistics.inference.contrasts import Comparison
from mlhops.statistics.inference.gap import Gap
from testkit.gaps import gaps_of

SEEDS = range(5)
COMPARISONS = ["Difference", "Ratio"]
EACH = np.eye(4, dtype=bool)


def people(seed: int) -> tuple[Bools, Floats, Bools, np.ndarray]:
    """Return labels, scores, calls and groups."""
    random = np.random.default_rng(seed)
    group = random.choice(4, 1500, p=[0.5, 0.3, 0.15, 0.05])
    label = random.random(1500) < 0.3
    score = np.round(random.normal(label * 1.0 + group * 0.1, 1.0), 2)
    return label, score, score > 0.8, group


def largest(gaps: list[Gap], comparison: Comparison) -> float:
    sizes = [gap.gap for gap in gaps]
    return max(sizes) if comparison == "Difference" else min(sizes)


@pytest.mark.parametrize("comparison", COMPARISONS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_largest_gap_to_the_best_is_fairlearns_demographic_parity(
    seed: int, comparison: Comparison
) -> None:
    label, _, called, group = people(seed)
    ours = gaps_of(
        binary.SELECTION_RATE,
        label,
        called,
        group,
        EACH,
        comparison=comparison,
        against="Best",
        seed=[1],
    )
    parity = {"Difference": demographic_parity_difference, "Ratio": demographic_parity_ratio}
    expected = parity[comparison](label, called, sensitive_features=group)
    assert largest(ours, comparison) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_largest_gap_to_the_best_is_fairlearns_equalized_odds_difference(seed: int) -> None:
    label, _, called, group = people(seed)
    ours = gaps_of(binary.EQUALIZED_ODDS, label, called, group, EACH, against="Best", seed=[1])
    expected = equalized_odds_difference(label, called, sensitive_features=group)
    assert largest(ours, "Difference") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_smallest_ratio_to_the_best_is_fairlearns_equalized_odds_ratio(seed: int) -> None:
    label, _, called, group = people(seed)
    ours = gaps_of(
        binary.EQUALIZED_ODDS,
        label,
        called,
        group,
        EACH,
        comparison="Ratio",
        against="Best",
        seed=[1],
    )
    expected = equalized_odds_ratio(label, called, sensitive_features=group)
    assert largest(ours, "Ratio") == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_areas_of_groups_and_of_their_rests_equal_scikit_learns(seed: int) -> None:
    label, score, _, group = people(seed)
    for i, gap in enumerate(gaps_of(binary.AUROC, label, score, group, EACH, seed=[1])):
        here = group == i
        assert gap.rate == pytest.approx(roc_auc_score(label[here], score[here]), abs=1e-12)
        assert gap.rest == pytest.approx(roc_auc_score(label[~here], score[~here]), abs=1e-12)


def test_odds_of_a_group_without_positives_are_undefined_here_and_equal_there() -> None:
    label = np.array([False, False, True, True, False, False])
    called = np.array([True, False, False, False, True, False])
    group = np.array([0, 0, 1, 1, 1, 1])
    found = gaps_of(binary.EQUALIZED_ODDS, label, called, group, np.eye(2, dtype=bool), seed=[1])
    assert equalized_odds_difference(label, called, sensitive_features=group) == 0.0
    assert [gap.defined for gap in found] == [False, False]
    assert all(gap.reason for gap in found)
