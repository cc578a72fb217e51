"""Where numbers are drawn, and the round numbers beside them."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlhops.axis import around, round_numbers

numbers = st.floats(-1, 1, allow_nan=False)
ratios = st.floats(0.0, 100.0) | st.just(math.inf)


@given(st.lists(numbers, min_size=1, max_size=9))
def test_all_numbers_lie_on_the_axis_in_their_order(found: list[float]) -> None:
    axis = around(found)
    places = [axis.place(x) for x in sorted(found)]
    assert places == sorted(places)
    assert all(0 < place < 100 for place in places)
    assert all(axis.holds(x) for x in found)


@given(st.lists(ratios, min_size=1, max_size=9))
def test_a_ratio_of_nought_or_without_bound_lies_at_an_end(found: list[float]) -> None:
    axis = around([1.0, *found], ratio=True)
    assert axis.holds(1.0)
    assert all(0 < axis.place(x) < 100 for x in found)
    assert not axis.holds(0.0)
    assert not axis.holds(math.inf)


def test_a_half_and_twice_are_equally_far_from_one() -> None:
    axis = around([0.5, 2.0], ratio=True)
    assert axis.place(1.0) == pytest.approx((axis.place(0.5) + axis.place(2.0)) / 2)


@given(st.lists(numbers, min_size=1, max_size=9))
@example([5.1070104262500475e-14])
def test_ticks_are_few_and_on_the_axis_with_labels_that_differ(found: list[float]) -> None:
    axis = around(found)
    assert 1 <= len(axis.ticks) <= 6
    assert all(axis.holds(tick) for tick in axis.ticks)
    labels = [axis.text(tick) for tick in axis.ticks]
    assert len(set(labels)) == len(labels)


@given(st.lists(ratios, min_size=1, max_size=9))
def test_ticks_of_ratios_are_few_and_one_is_among_them_on_a_long_axis(found: list[float]) -> None:
    axis = around([1.0, *found], ratio=True)
    assert 1 <= len(axis.ticks) <= 6
    assert all(axis.holds(tick) for tick in axis.ticks)
    labels = [axis.text(tick) for tick in axis.ticks]
    assert len(set(labels)) == len(labels)
    if axis.high / axis.low >= 4:
        assert 1.0 in axis.ticks


def test_steps_are_one_two_or_five() -> None:
    assert round_numbers(0, 1) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert round_numbers(-0.31, 0.33) == [-0.2, 0.0, 0.2]
    assert round_numbers(0.02, 0.04) == [0.02, 0.025, 0.03, 0.035, 0.04]


def test_a_label_has_a_true_minus_and_no_minus_before_nought() -> None:
    axis, minus = around([-0.4, 0.4]), "\N{MINUS SIGN}"
    labels = [axis.text(tick) for tick in axis.ticks]
    assert labels == [f"{minus}0.4", f"{minus}0.2", "0.0", "0.2", "0.4"]
