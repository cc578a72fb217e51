"""Joint shift: its chance holds, and it sees what no feature shows alone."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from mlhops.api.profile import UNIT, JointProfile
from mlhops.api.summary import FeatureSummary, JointSummary
from mlhops.statistics.arrays import Floats
from mlhops.statistics.drift.binned_tests import Reference, compare
from mlhops.statistics.drift.edges import numeric
from mlhops.statistics.drift.fourier import Fourier
from mlhops.statistics.drift.fourier import profile as joint_profile
from mlhops.statistics.drift.mmd import mmd

Draw = Callable[[np.random.Generator, int], Floats]


def learned(rows: Floats, seed: int = 0) -> JointProfile:
    features = [numeric(f"x{i}", column) for i, column in enumerate(rows.T)]
    found = joint_profile(features, rows, seed)
    assert found is not None
    return found


def summed(profile: JointProfile, rows: Floats) -> JointSummary:
    return JointSummary(n=len(rows), sum=Fourier(profile).sums(rows).tolist())


def correlated(random: np.random.Generator, n: int, by: float = 0.9) -> Floats:
    """Normal numbers in pairs."""
    first = random.normal(size=(n, 2))
    return np.column_stack(
        [first, by * first + math.sqrt(1 - by * by) * random.normal(size=(n, 2))]
    )


SHAPES: dict[str, Draw] = {
    "independent": lambda random, n: random.normal(size=(n, 10)),
    "correlated": correlated,
    "heavy tails": lambda random, n: random.standard_t(1.5, size=(n, 5)),
    "one feature": lambda random, n: random.normal(size=(n, 1)),
    "truths": lambda random, n: (random.random((n, 4)) < 0.3).astype(float),
}


@pytest.mark.thorough
@pytest.mark.parametrize("shape", SHAPES)
def test_false_drift_is_as_frequent_as_the_chance_says(shape: str) -> None:
    draw, random, references, windows = SHAPES[shape], np.random.default_rng(1), 60, 8
    chances: list[float | None] = []
    for seed in range(references):
        profile = learned(draw(random, 1500), seed)
        seen = [summed(profile, draw(random, 200)) for _ in range(windows)]
        chances += [mmd(profile, window).p for window in seen]
    for level in (0.1, 0.02):
        false = sum(p is not None and p <= level for p in chances)
        expected = references * windows * level
        # Windows of one reference are alike a little: hence the wide bounds.
        assert abs(false - expected) <= 4 * math.sqrt(expected)


@pytest.mark.thorough
def test_small_chances_hold_beside_features_that_are_mostly_one_value() -> None:
    random, level, references, windows = np.random.default_rng(7), 0.01, 20, 100

    def draw(n: int) -> Floats:
        rare = np.where(random.random((n, 3)) < 0.98, 0.0, 1 + random.random((n, 3)))
        return np.column_stack([rare, (random.random((n, 2)) < 0.25).astype(float)])

    false = 0
    for seed in range(references):
        profile = learned(draw(3000), seed)
        assert profile.features == ["x3", "x4"]
        for _ in range(windows):
            found = mmd(profile, summed(profile, draw(100)[:, 3:])).p
            false += found is not None and found <= level
    assert false <= references * windows * level + 4 * math.sqrt(references * windows * level)


def test_a_feature_that_is_mostly_missing_is_not_in_the_sketch() -> None:
    rows = np.random.default_rng(8).normal(size=(1000, 2))
    rows[:900, 1] = np.nan
    assert learned(rows).features == ["x0"]


def test_a_changed_dependence_is_seen_that_no_feature_shows_alone() -> None:
    random = np.random.default_rng(2)
    known, seen = correlated(random, 5000), correlated(random, 500, by=0.2)
    profile = learned(known)
    found = mmd(profile, summed(profile, seen))
    assert found.p is not None
    assert found.effect is not None
    assert found.p < 1e-4
    assert found.effect > 0.05
    for i in range(4):
        alone = numeric("x", known[:, i])
        counts = np.bincount(np.searchsorted(alone.edges, seen[:, i]), minlength=64).tolist()
        by_itself = compare(["KS"], Reference(alone), FeatureSummary(counts=counts))[0]
        assert by_itself.p is not None
        assert by_itself.p > 0.01


@pytest.mark.thorough
def test_the_discrepancy_is_that_of_the_kernel() -> None:
    random = np.random.default_rng(3)
    known, seen = random.normal(size=(1500, 2)), random.normal(0.8, 1, size=(1000, 2))
    profile = learned(known).model_copy(update={"frequencies": 64})
    scaled = [(side - profile.centre) / profile.scale for side in (known, seen)]

    def kernel(a: Floats, b: Floats) -> float:
        square = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
        return float(np.exp(-square / (2 * profile.bandwidth**2)).mean())

    known, seen = scaled
    exact = kernel(known, known) + kernel(seen, seen) - 2 * kernel(known, seen)
    estimates = []
    for seed in range(20):
        other = learned(random.permutation(known), seed).model_copy(
            update={"bandwidth": profile.bandwidth, "centre": [0.0, 0.0], "scale": [1.0, 1.0]}
        )
        mean = (Fourier(other).sums(known) / (len(known) * UNIT)).tolist()
        found = mmd(other.model_copy(update={"mean": mean}), summed(other, seen))
        estimates.append(found.statistic or 0.0)
    assert np.mean(estimates) == pytest.approx(exact, rel=0.1)


def test_what_is_as_far_off_as_can_be_is_a_finite_shift() -> None:
    random = np.random.default_rng(4)
    profile = learned(random.normal(size=(1000, 3)))
    found = mmd(profile, summed(profile, np.full((200, 3), 1e308)))
    assert found.p is not None
    assert found.effect is not None
    assert found.p < 1e-9
    assert found.effect > 0.5


def test_without_rows_there_is_nothing_to_say() -> None:
    profile = learned(np.random.default_rng(5).normal(size=(100, 2)))
    found = mmd(profile, summed(profile, np.empty((0, 2))))
    assert (found.rows, found.p, found.effect) == (0, None, None)


def test_sums_of_other_frequencies_are_refused() -> None:
    profile = learned(np.random.default_rng(6).normal(size=(100, 2)))
    with pytest.raises(ValueError, match="not that of its profile"):
        mmd(profile, JointSummary(n=5, sum=[0] * 4))


def test_the_same_seed_gives_the_same_frequencies_for_ever() -> None:
    rows = np.arange(200.0).reshape(100, 2)
    profile = learned(rows, seed=42).model_copy(
        update={"bandwidth": 1.0, "centre": [0.0, 0.0], "scale": [1.0, 1.0]}
    )
    sums = Fourier(profile).sums(np.array([[1.0, 0.0]]))
    # cos of RandomState(42)'s first normal number, which its authors promise not to change
    assert sums[0] / UNIT == pytest.approx(math.cos(0.4967141530112327), abs=1e-6)
