"""The area under the ROC curve against scikit-learn, its variance against DeLong's definition."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mlhops.measures import binary
from mlhops.statistics.arrays import Bools, Floats
from mlhops.statistics.inference.estimate import Estimate
from mlhops.statistics.inference.performance import LabelledAnswers, estimate


def auroc(label: Bools, score: Floats, confidence: float) -> Estimate:
    """Return the area under the ROC curve."""
    return estimate(binary.AUROC, LabelledAnswers(label, score, score >= 0.5), confidence)


def drawn(seed: int, ties: bool) -> tuple[Bools, Floats]:
    """Return labels, and scores that are higher for positives."""
    random = np.random.default_rng(seed)
    label = random.random(300) < 0.3
    score = random.normal(label * 1.0, 1.0)
    return label, np.round(score, 1) if ties else score


def delong_by_definition(label: Bools, score: Floats) -> tuple[float, float]:
    """Return area and variance from all pairs of a positive and a negative."""
    positive, negative = score[label][:, None], score[~label][None, :]
    won = (positive > negative) + 0.5 * (positive == negative)
    by_positive, by_negative = won.mean(axis=1), won.mean(axis=0)
    variance = by_positive.var(ddof=1) / len(by_positive)
    return float(won.mean()), float(variance + by_negative.var(ddof=1) / len(by_negative))


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_the_area_equals_scikit_learns(seed: int, ties: bool) -> None:
    label, score = drawn(seed, ties)
    expected = roc_auc_score(label, score)
    assert auroc(label, score, 0.95).estimate == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_the_interval_has_delongs_width_on_the_logit_scale(seed: int, ties: bool) -> None:
    label, score = drawn(seed, ties)
    area, variance = delong_by_definition(label, score)
    half = NormalDist().inv_cdf(0.975) * math.sqrt(variance) / (area * (1 - area))
    found = auroc(label, score, 0.95)
    logit = [math.log(bound / (1 - bound)) for bound in (found.lower, found.upper)]
    assert logit[1] - logit[0] == pytest.approx(2 * half, rel=1e-9)
