"""Shift tests of counts in bins: their chances hold, and they see what they must."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.profile import FeatureProfile
from mlhops.api.summary import FeatureSummary
from mlhops.statistics.arrays import Counts, Floats
from mlhops.statistics.drift.binned_tests import (
    ORDERED,
    FeatureTest,
    Reference,
    Shift,
    compare,
    pearson,
    proportion,
)
from mlhops.statistics.drift.edges import categorical, numeric

Draw = Callable[[np.random.Generator, int], Floats]
ALL: tuple[FeatureTest, ...] = ("KS", "CVM", "ChiSquare", "PSI", "JensenShannon", "Wasserstein")
WITH_P: tuple[FeatureTest, ...] = ("KS", "CVM", "ChiSquare")
EVERY = pytest.mark.parametrize("test", ALL)


def binned(profile: FeatureProfile, values: Floats) -> Counts:
    return np.bincount(np.searchsorted(profile.edges, values), minlength=len(profile.counts))


def shift(test: FeatureTest, profile: FeatureProfile, counts: Counts) -> Shift:
    return compare([test], Reference(profile), FeatureSummary(counts=counts.tolist()))[0]


def between(test: FeatureTest, reference: Floats, window: Floats) -> tuple[float, float]:
    """Return p and effect of two samples."""
    profile = numeric("x", reference)
    found = shift(test, profile, binned(profile, window))
    assert found.p is not None
    assert found.effect is not None
    return found.p, found.effect


def spike(share: float) -> Draw:
    """One value of many rows, the others spread."""
    return lambda random, n: np.where(random.random(n) < share, 0.0, 1 + random.random(n))


SHAPES: dict[str, Draw] = {
    "continuous": lambda random, n: random.lognormal(size=n),
    "rounded": lambda random, n: np.round(random.normal(size=n), 1),
    "a few whole numbers": lambda random, n: random.geometric(0.4, n).astype(float),
    "two values": lambda random, n: (random.random(n) < 0.5).astype(float),
    "mostly one value": spike(0.95),
    "hardly ever another value": spike(0.998),
}


@pytest.mark.thorough
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("reference", "window"), [(500, 200), (2000, 100), (400, 2000)])
def test_false_drift_is_no_more_frequent_than_the_chance_says(
    shape: str, reference: int, window: int
) -> None:
    draw, random, runs = SHAPES[shape], np.random.default_rng(1), 400
    chances: dict[FeatureTest, list[float]] = {test: [] for test in WITH_P}
    for _ in range(runs):
        known, seen = draw(random, reference), draw(random, window)
        for test, found in chances.items():
            found.append(between(test, known, seen)[0])
    for test, found in chances.items():
        for level in (0.05, 0.01):
            false = sum(p <= level for p in found)
            error = math.sqrt(runs * level * (1 - level))
            assert false <= runs * level + 3 * error, (test, level)


@pytest.mark.thorough
def test_the_chances_of_continuous_values_are_not_far_too_large_either() -> None:
    random, runs = np.random.default_rng(2), 1000
    draw = SHAPES["continuous"]
    for test in WITH_P:
        found = [between(test, draw(random, 5000), draw(random, 500))[0] for _ in range(runs)]
        assert sum(p <= 0.1 for p in found) >= 50, test


@pytest.mark.thorough
def test_small_chances_hold_where_few_rows_are_expected_and_pearsons_alone_do_not() -> None:
    random, runs, level = np.random.default_rng(3), 20_000, 0.001
    shares = np.array([0.5, 0.46, 0.015, 0.01, 0.01, 0.005])
    ours = of_pearson = 0
    names = list("abcdef")
    for _ in range(runs // 100):
        known = random.multinomial(20_000, shares)
        profile = FeatureProfile(name="x", type="Categorical", categories=names, counts=[*known, 0])
        reference = Reference(profile)
        for seen in random.multinomial(300, shares, size=100):
            found = compare(["ChiSquare"], reference, FeatureSummary(counts=[*seen.tolist(), 0]))[0]
            ours += found.p is not None and found.p <= level
            of_pearson += pearson(known, seen)[1] <= level
    assert ours <= runs * level + 3 * math.sqrt(runs * level)
    assert of_pearson > 2 * runs * level


@EVERY
def test_a_window_with_the_shares_of_the_reference_has_not_shifted(test: FeatureTest) -> None:
    profile = numeric("x", np.random.default_rng(4).normal(size=6400))
    found = shift(test, profile, np.array(profile.counts) // 10)
    assert found.p == pytest.approx(1.0)
    assert found.effect == pytest.approx(0.0, abs=0.001)


@EVERY
@pytest.mark.parametrize("change", [lambda x: x * 88.4, lambda x: x / 88.4, lambda x: x + 3])
def test_another_unit_is_seen_by_every_test(
    test: FeatureTest, change: Callable[[Floats], Floats]
) -> None:
    random = np.random.default_rng(5)
    creatinine = np.round(random.lognormal(0.0, 0.5, size=5000), 2)
    p, effect = between(test, creatinine[:4800], change(creatinine[4800:]))
    assert p < 1e-9
    assert effect > (0.5 if test == "CVM" else 0.8)  # CVM's is 0.577 at most


@EVERY
@pytest.mark.parametrize("other", [-1.0, 1.0, 0.001])
def test_a_constant_that_becomes_another_is_seen_by_every_test(
    test: FeatureTest, other: float
) -> None:
    p, effect = between(test, np.zeros(500), np.full(100, other))
    assert p < 1e-6
    assert effect > (0.5 if test == "CVM" else 0.9)


@EVERY
def test_a_constant_that_stays_has_not_shifted(test: FeatureTest) -> None:
    p, effect = between(test, np.full(500, 7.3), np.full(100, 7.3))
    assert p > 0.3
    assert effect == pytest.approx(0.0, abs=0.02)


@EVERY
def test_a_frequent_value_that_moves_a_little_is_seen(test: FeatureTest) -> None:
    random = np.random.default_rng(6)
    known = np.where(random.random(4000) < 0.5, 0.0, random.normal(10, 5, size=4000))
    seen = np.where(random.random(500) < 0.5, 0.3, random.normal(10, 5, size=500))
    p, effect = between(test, known, seen)
    assert p < 1e-6
    assert effect > (0.02 if test == "Wasserstein" else 0.2)


@pytest.mark.parametrize("test", sorted(set(ALL) - ORDERED))
def test_a_new_category_is_seen_by_tests_of_categories(test: FeatureTest) -> None:
    profile = categorical("ward", ["icu"] * 600 + ["er"] * 400)
    found = shift(test, profile, np.array([90, 60, 50]))
    assert found.p is not None
    assert found.effect is not None
    assert found.p < 1e-9
    assert found.effect > 0.2


def test_one_row_of_a_new_category_is_not_yet_a_shift() -> None:
    profile = categorical("ward", ["icu"] * 600 + ["er"] * 400)
    found = shift("ChiSquare", profile, np.array([599, 400, 1]))
    assert found.p is not None
    assert found.p > 0.3


@pytest.mark.parametrize("counts", [[0, 0, 1000], [1000, 0, 0]])
def test_psi_is_finite_with_empty_bins(counts: list[int]) -> None:
    profile = categorical("ward", ["icu"] * 500 + ["er"] * 500)
    found = shift("PSI", profile, np.array(counts))
    assert found.effect is not None
    assert 1 < found.effect < 20


def test_psi_is_its_definition_where_no_bin_is_empty() -> None:
    profile = categorical(
        "ward", ["icu"] * 50_000 + ["er"] * 30_000 + ["or"] * 20_000, ["icu", "er", "or"]
    )
    found = shift("PSI", profile, np.array([30_000, 50_000, 20_000, 0]))
    assert found.effect == pytest.approx(2 * 0.2 * math.log(5 / 3), abs=0.001)


@EVERY
def test_without_rows_on_either_side_there_is_nothing_to_say(test: FeatureTest) -> None:
    profile = numeric("x", np.arange(100.0))
    empty = shift(test, profile, np.zeros(len(profile.counts), dtype=np.int64))
    assert (empty.statistic, empty.p, empty.effect) == (None, None, None)
    unknown = shift(test, numeric("x", np.full(9, np.nan)), np.array([50]))
    assert (unknown.rows, unknown.p, unknown.effect) == (50, None, None)


@pytest.mark.thorough
@EVERY
@given(
    counts=st.lists(
        st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=64
    )
)
def test_whatever_is_counted_makes_a_chance_and_an_effect(
    test: FeatureTest, counts: list[tuple[int, int]]
) -> None:
    known, seen = (np.array(side) for side in zip(*counts, strict=True))
    bins = len(counts)
    profile = FeatureProfile(
        name="x",
        edges=[float(i) for i in range(bins - 1)],
        centres=[i - 0.5 for i in range(bins)],
        counts=known.tolist(),
        scale=1.0 if bins > 1 else None,
    )
    found = shift(test, profile, seen)
    if known.sum() == 0 or seen.sum() == 0:
        assert found.p is None
        return
    assert found.p is not None
    assert found.effect is not None
    assert 0 <= found.p <= 1
    assert math.isfinite(found.effect)
    assert found.effect >= 0


def test_other_bins_than_the_profiles_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="other bins of lactate"):
        shift("KS", numeric("lactate", np.arange(100.0)), np.array([1]))


@pytest.mark.parametrize("test", sorted(ORDERED))
def test_categories_have_no_order_to_test(test: FeatureTest) -> None:
    with pytest.raises(ValueError, match=f"{test} needs numbers, but ward"):
        shift(test, categorical("ward", ["icu"] * 20), np.array([1, 0]))


def test_values_that_go_missing_are_a_shift_of_a_proportion() -> None:
    found = proportion(1000, 100_000, 100, 1000)
    assert found.p is not None
    assert found.p < 1e-9
    assert found.effect == pytest.approx(0.09)
    assert proportion(0, 100_000, 0, 1000).p == 1.0
    assert proportion(0, 0, 0, 1000).p is None


@pytest.mark.thorough
@pytest.mark.parametrize("share", [0.0005, 0.01, 0.5])
def test_false_shifts_of_a_proportion_keep_to_the_chance(share: float) -> None:
    random, runs = np.random.default_rng(7), 4000
    known, seen = random.binomial(5000, share, runs), random.binomial(500, share, runs)
    chances = [proportion(int(k), 5000, int(s), 500).p for k, s in zip(known, seen, strict=True)]
    for level in (0.05, 0.01):
        false = sum(p is not None and p <= level for p in chances)
        assert false <= runs * level + 3 * math.sqrt(runs * level)
