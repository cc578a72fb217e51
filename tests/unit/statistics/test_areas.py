"""Areas of groups against their rests, and the coverage of the intervals."""

import math
from functools import partial

import numpy as np
import pytest

from mlhops.measures import binary
from mlhops.statistics.arrays import Bools, Floats
from testkit.gaps import gaps_of

auroc_gaps = partial(gaps_of, binary.AUROC)
error_gaps = partial(gaps_of, binary.CALIBRATION_ERROR)
THREE = np.eye(3, dtype=bool)
RUNS = 300


def people(random: np.random.Generator, rows: int) -> tuple[Bools, Floats, np.ndarray]:
    """Return labels, risks that are true in every group, and groups."""
    risk = 1 / (1 + np.exp(-random.normal(-1.0, 1.5, rows)))
    return random.random(rows) < risk, risk, random.choice(3, rows, p=[0.6, 0.3, 0.1])


@pytest.mark.thorough
@pytest.mark.parametrize("rows", [500, 3000])
def test_the_intervals_of_equal_areas_hold_together(rows: int) -> None:
    covered = 0
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        found = auroc_gaps(*people(random, rows), THREE, seed=[seed])
        covered += all(gap.lower == 0 for gap in found)
    assert 0.92 <= covered / RUNS <= 0.985


@pytest.mark.thorough
@pytest.mark.parametrize("rows", [500, 3000])
def test_the_intervals_of_equal_calibration_hold_together(rows: int) -> None:
    covered = 0
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        found = error_gaps(*people(random, rows), THREE, seed=[seed])
        covered += all(gap.lower == 0 for gap in found)
    assert covered / RUNS >= 0.92


def test_a_group_that_is_ranked_worse_has_a_gap() -> None:
    random = np.random.default_rng(1)
    label, score, group = people(random, 6000)
    score = np.where(group == 1, random.random(6000), score)
    gap = auroc_gaps(label, score, group, THREE, seed=[1])[1]
    assert gap.signed < -0.2
    assert gap.lower > 0.15


def test_a_group_that_is_worse_calibrated_has_a_gap() -> None:
    random = np.random.default_rng(1)
    label, score, group = people(random, 6000)
    score = np.where(group == 1, np.minimum(score + 0.2, 1), score)
    gap = error_gaps(label, score, group, THREE, seed=[1])[1]
    assert gap.signed > 0.15
    assert gap.lower > 0.1


@pytest.mark.parametrize("against", ["Best", "Reference"])
def test_areas_are_compared_with_the_best_or_a_reference_too(against: str) -> None:
    label, score, group = people(np.random.default_rng(3), 3000)
    reference = np.array([1, 1, 1])
    if against == "Best":
        found = auroc_gaps(label, score, group, THREE, against="Best", seed=[1])
        best = int(np.argmax([gap.rate for gap in found]))
        assert {gap.versus for gap in found} == {best}
    else:
        found = auroc_gaps(
            label, score, group, THREE, against="Reference", reference=reference, seed=[1]
        )
        assert [gap.rest for gap in found] == [found[1].rate] * 3


@pytest.mark.parametrize("against", ["Best", "Reference"])
def test_calibration_is_compared_with_the_best_or_a_reference_too(against: str) -> None:
    label, score, group = people(np.random.default_rng(3), 3000)
    score = np.where(group == 2, np.minimum(score + 0.3, 1), score)
    if against == "Best":
        found = error_gaps(label, score, group, THREE, against="Best", seed=[1])
    else:
        reference = np.array([1, 1, 1])
        found = error_gaps(
            label, score, group, THREE, against="Reference", reference=reference, seed=[1]
        )
        assert (found[1].gap, found[1].upper) == (0.0, 0.0)
    assert found[2].lower > 0.1
    assert found[2].versus in (0, 1)


def test_a_group_of_one_class_has_no_area_and_leaves_the_others_theirs() -> None:
    label, score, group = people(np.random.default_rng(4), 900)
    found = auroc_gaps(label & (group != 2), score, group, THREE, seed=[1])
    assert math.isnan(found[2].gap)
    assert found[2].reason
    assert found[0].defined


def test_a_group_of_a_few_rows_has_no_calibration() -> None:
    label, score, group = people(np.random.default_rng(4), 900)
    few = np.where(np.arange(900) < 19, 2, np.minimum(group, 1))
    found = error_gaps(label, score, few, THREE, seed=[1])
    assert math.isnan(found[2].gap)
    assert found[2].reason


def test_a_score_that_is_no_number_is_refused() -> None:
    label, score, group = people(np.random.default_rng(4), 900)
    with pytest.raises(ValueError, match="finite"):
        auroc_gaps(label, np.where(group == 2, np.nan, score), group, THREE, seed=[1])
