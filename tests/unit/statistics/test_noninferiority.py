"""Non-inferiority on the same rows."""

import math

import numpy as np
import pytest

from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.verdict import of_noninferiority
from mlhops.measures import binary
from mlhops.measures.measure import Measure, measures_of
from mlhops.statistics.arrays import Bools, Floats
from mlhops.statistics.inference.noninferiority import PairedDifference, noninferiority
from mlhops.statistics.inference.performance import LabelledAnswers
from mlhops.statistics.inference.proportions import wilson

TWO = np.eye(2, dtype=bool)


def compared(
    metric: Measure,
    label: Bools,
    group: np.ndarray,
    candidate: Floats,
    stable: Floats,
) -> list[PairedDifference]:
    """Compare two models by their scores, which call from 0.5."""
    new, old = (LabelledAnswers(label, score, score >= 0.5) for score in (candidate, stable))
    return noninferiority(metric, new, old, group, TWO, 0.95, [1])


def scores(random: np.random.Generator, label: Bools, skill: Floats | float) -> Floats:
    """Return risks between 0 and 1 that know the label as well as the skill is large."""
    return np.asarray(1 / (1 + np.exp(-random.normal((2 * label - 1) * skill, 1))))


def people(seed: int, rows: int = 4000) -> tuple[np.random.Generator, Bools, np.ndarray]:
    random = np.random.default_rng(seed)
    return random, random.random(rows) < 0.4, (random.random(rows) < 0.3).astype(np.intp)


def verdicts(found: list[PairedDifference], margin: float = 0.05) -> list[EvaluationPhase]:
    return [of_noninferiority(each.lower, each.upper, margin, "Proven") for each in found]


SKILLFUL = [
    each for each in measures_of("Performance", "Binary") if each is not binary.CALIBRATION_ERROR
]


@pytest.mark.parametrize("metric", SKILLFUL, ids=str)
def test_a_candidate_that_is_better_overall_but_worse_for_one_group_is_found_out(
    metric: Measure,
) -> None:
    random, label, group = people(1)
    stable = scores(random, label, 1.0)
    candidate = scores(random, label, np.where(group == 1, 0.3, 2.5))
    found = compared(metric, label, group, candidate, stable)
    assert found[0].better > 0
    assert verdicts(found) == [
        EvaluationPhase.SUCCESSFUL,
        EvaluationPhase.SUCCESSFUL,
        EvaluationPhase.FAILED,
    ]


def test_a_candidate_that_is_worse_calibrated_for_one_group_is_found_out() -> None:
    random, _, group = people(1)
    risk = random.beta(2, 3, 4000)
    label = random.random(4000) < risk
    stable = np.clip(risk + 0.15, 0, 1)
    found = compared(
        binary.CALIBRATION_ERROR,
        label,
        group,
        np.where(group == 1, np.clip(risk + 0.35, 0, 1), risk),
        stable,
    )
    assert found[0].stable == pytest.approx(0.15, abs=0.03)
    assert verdicts(found)[1:] == [EvaluationPhase.SUCCESSFUL, EvaluationPhase.FAILED]


@pytest.mark.parametrize("metric", measures_of("Performance", "Binary"), ids=str)
def test_better_is_above_zero_whichever_way_the_metric_points(metric: Measure) -> None:
    random, label, group = people(2)
    found = compared(metric, label, group, scores(random, label, 2.0), scores(random, label, 0.7))
    # Written out, since the entry itself may point the wrong way.
    sign = -1 if metric.name in ("Brier", "CalibrationError") else 1
    assert found[0].better == pytest.approx(sign * (found[0].candidate - found[0].stable))


@pytest.mark.parametrize("metric", SKILLFUL, ids=str)
def test_pairing_makes_the_interval_of_nearly_the_same_model_narrow(
    metric: Measure,
) -> None:
    random, label, group = people(3)
    stable = scores(random, label, 1.0)
    near = np.clip(stable + random.normal(0, 0.01, len(stable)), 0, 1)
    other = scores(random, label, 1.0)
    narrow = compared(metric, label, group, near, stable)[0]
    wide = compared(metric, label, group, other, stable)[0]
    assert narrow.upper - narrow.lower < 0.5 * (wide.upper - wide.lower)


@pytest.mark.parametrize("metric", measures_of("Performance", "Binary"), ids=str)
def test_the_same_answers_on_few_rows_prove_no_equality(metric: Measure) -> None:
    random, label, group = people(4, rows=60)
    stable = scores(random, label, 1.0)
    found = compared(metric, label, group, stable, stable)
    assert found[0].better == 0.0
    assert found[0].lower < -0.01


@pytest.mark.thorough
@pytest.mark.parametrize("metric", SKILLFUL, ids=str)
@pytest.mark.parametrize("rows", [200, 2000])
def test_no_interval_misses_the_truth_more_often_than_promised(metric: Measure, rows: int) -> None:
    # Both models are equally good by design, in both groups.
    runs, covered = 300, 0
    for seed in range(runs):
        random, label, group = people(seed + 100, rows)
        common = random.normal((2 * label - 1) * 1.0, 1)
        candidate, stable = (
            1 / (1 + np.exp(-(common + random.normal(0, 0.7, rows)))) for _ in range(2)
        )
        found = compared(metric, label, group, candidate, stable)
        covered += all(each.lower <= 0 <= each.upper for each in found)
    assert covered / runs >= 0.95 - 2 * (0.05 * 0.95 / runs) ** 0.5


def test_a_group_without_positives_is_undefined_and_cannot_pass() -> None:
    random, label, group = people(5)
    label = label & (group == 0)
    found = compared(
        binary.SENSITIVITY,
        label,
        group,
        scores(random, label, 1.0),
        scores(random, label, 1.0),
    )
    assert math.isnan(found[2].better)
    assert found[2].reason == "there is no positive"
    assert verdicts(found)[2] is EvaluationPhase.INCONCLUSIVE


def test_without_groups_only_everybody_is_compared() -> None:
    random, label, group = people(6)
    new, old = (
        LabelledAnswers(label, s, s >= 0.5)
        for s in (scores(random, label, 1), scores(random, label, 1))
    )
    none = np.zeros((0, 2), dtype=bool)
    found = noninferiority(binary.AUROC, new, old, group, none, 0.95, [1])
    assert len(found) == 1
    assert found[0].critical == pytest.approx(1.96, abs=0.001)


def newcombes(a: int, b: int, c: int, d: int) -> tuple[float, float]:
    """Return R. G. Newcombe's interval for paired proportions (Statistics in Medicine
    1998;17:2635-2650, method 10) from its definition: both right, first, second, none."""
    n = a + b + c + d
    p, q = (a + b) / n, (a + c) / n
    (p_low, q_low), (p_high, q_high) = wilson(np.array([a + b, a + c]), np.array([n, n]), 1.96)
    margins = ((a + b) * (c + d) * (a + c) * (b + d)) ** 0.5
    excess = a * d - b * c
    phi = (max(excess - n / 2, 0) if excess > 0 else excess) / margins
    below = (p - p_low) ** 2 - 2 * phi * (p - p_low) * (q_high - q) + (q_high - q) ** 2
    above = (q - q_low) ** 2 - 2 * phi * (q - q_low) * (p_high - p) + (p_high - p) ** 2
    return p - q - below**0.5, p - q + above**0.5


@pytest.mark.parametrize(
    "cells", [(36, 12, 2, 0), (80, 12, 5, 40), (20, 3, 3, 24), (300, 9, 20, 90)]
)
def test_the_paired_difference_of_proportions_is_close_to_newcombes(
    cells: tuple[int, int, int, int],
) -> None:
    size = sum(cells)
    label, atom = np.ones(size, dtype=bool), np.zeros(size, dtype=np.intp)
    candidate = LabelledAnswers(label, None, np.repeat([True, True, False, False], cells))
    stable = LabelledAnswers(label, None, np.repeat([True, False, True, False], cells))
    none, metric = np.zeros((0, 1), dtype=bool), binary.SENSITIVITY
    found = noninferiority(metric, candidate, stable, atom, none, 0.95, [1])[0]
    assert (found.lower, found.upper) == pytest.approx(newcombes(*cells), abs=0.01)
