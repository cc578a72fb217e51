"""Bins of reference values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlhops.api.interface import Range
from mlhops.api.profile import EDGES, FeatureProfile
from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Floats
from mlhops.statistics.drift.edges import categorical, numeric

ANY = arrays(
    np.float64,
    st.integers(0, 400),
    elements=st.one_of(
        st.floats(allow_infinity=False, allow_nan=True),
        st.integers(-3, 3).map(float),  # ties
    ),
)


def shares(profile: FeatureProfile) -> Floats:
    return np.array(profile.counts) / profile.rows


@pytest.mark.thorough
@given(ANY)
def test_every_value_is_counted_once_and_edges_go_up(values: Floats) -> None:
    profile = numeric("x", values)
    assert profile.rows + profile.missing == len(values)
    assert len(profile.edges) <= EDGES
    again = np.bincount(
        np.searchsorted(profile.edges, values[~np.isnan(values)]), minlength=len(profile.counts)
    )
    assert again.tolist() == profile.counts


def test_bins_of_a_continuous_feature_hold_about_equally_much() -> None:
    profile = numeric("x", np.random.default_rng(0).normal(size=64_000))
    assert len(profile.edges) == 63
    assert profile.counts == pytest.approx([1000] * 64, abs=1)


@pytest.mark.parametrize("value", [0.0, 7.0, -1e-9, 1e12, 1e300])
def test_a_constant_has_bins_on_both_sides_that_only_another_value_reaches(value: float) -> None:
    profile = numeric("x", np.full(500, value))
    assert profile.counts == [0, 500, 0]
    assert profile.scale is None
    near = [value, float(np.float32(value))] if value < 1e30 else [value]
    assert set(np.searchsorted(profile.edges, near)) == {1}
    step = max(abs(value), 1e-6) * 1e-5
    assert np.searchsorted(profile.edges, [value - step, value + step]).tolist() == [0, 2]


def test_a_frequent_value_has_a_bin_to_itself() -> None:
    random = np.random.default_rng(1)
    values = np.concatenate([np.zeros(6000), random.exponential(size=4000)])
    profile = numeric("x", values)
    bin_of_zero = int(np.searchsorted(profile.edges, 0.0))
    assert profile.counts[bin_of_zero] == 6000
    assert profile.counts[0] == 0
    assert np.searchsorted(profile.edges, -0.01) == 0


def test_rounding_to_32_bits_moves_no_measurement_over_an_edge() -> None:
    random = np.random.default_rng(2)
    values = np.round(random.lognormal(size=20_000), 2)  # as laboratories report them
    profile = numeric("x", values)
    narrow = values.astype(np.float32).astype(np.float64)
    assert (np.searchsorted(profile.edges, narrow) == np.searchsorted(profile.edges, values)).all()


def test_no_bin_of_few_values_points_at_a_person() -> None:
    profile = numeric("x", np.random.default_rng(3).normal(size=95))
    assert min(profile.counts) >= 10


def test_one_value_that_is_wildly_off_hardly_changes_the_scale() -> None:
    values = np.random.default_rng(4).normal(size=1000)
    wild = numeric("x", np.append(values, 1e9))
    assert wild.scale == pytest.approx(numeric("x", values).scale, rel=0.01)


def test_an_infinite_reference_value_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="creatinine are infinite: correct them"):
        numeric("creatinine", np.array([1.0, np.inf]))


def test_a_feature_without_any_value_has_a_profile_without_rows() -> None:
    profile = numeric("x", np.full(5, np.nan), Range(min=0))
    assert (profile.rows, profile.missing, profile.counts) == (0, 5, [0])


def test_declared_categories_keep_their_order_and_the_rest_is_anything_else() -> None:
    profile = categorical("ward", ["icu", "er", None, "icu", " ", "moon"], ["er", "icu", "or"])
    assert profile.categories == ["er", "icu", "or"]
    assert profile.counts == [1, 2, 0, 1]
    assert profile.missing == 2


def test_categories_that_nobody_declared_are_learned_unless_they_are_rare() -> None:
    profile = categorical("ward", ["b"] * 20 + ["a"] * 30 + ["Mrs Miller's room"] * 2)
    assert profile.categories == ["a", "b"]
    assert profile.counts == [30, 20, 2]


def test_a_binary_feature_knows_truth_in_any_spelling() -> None:
    profile = categorical("sex", [1, 1.0, "1", True, 0, "false", "0.0", 2], binary=True)
    assert profile.categories == ["0", "1"]
    assert profile.counts == [3, 4, 1]


def test_text_is_profiled_as_it_stands_and_numbers_as_numbers() -> None:
    sites = categorical("site", ["01", "1", "1 ", "icu", "ICU", "true"] * 20)
    assert sites.text
    assert sorted(sites.categories) == ["01", "1", "1 ", "ICU", "icu", "true"]
    assert categorical("site", ["01"] * 20, ["1", "01"]).counts == [0, 20, 0]
    stages = categorical("stage", [1, 2.0] * 20, ["01", "2"])
    assert not stages.text
    assert (stages.categories, stages.counts) == (["1", "2"], [20, 20, 0])


def test_large_whole_numbers_stay_different_categories() -> None:
    profile = categorical("code", [2**53, 2**53 + 1] * 20)
    assert profile.categories == ["9007199254740992", "9007199254740993"]


def test_a_category_is_told_where_as_many_rows_as_are_asked_for_have_it() -> None:
    assert categorical("ward", ["a"] * 20 + ["b"] * 30, cells=SmallCells(25)).categories == ["b"]
