"""Gaps of groups to everybody else and their intervals."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlhops.statistics.inference.comparisons import compare
from mlhops.statistics.inference.contrasts import Comparison
from mlhops.statistics.inference.gap import absolute, smaller_over_larger
from mlhops.statistics.inference.question import Against, Question
from mlhops.statistics.inference.rates import Trials, count, rate

ANY = st.integers(min_value=0, max_value=300)
KINDS = st.sampled_from(["Difference", "Ratio"])
AGAINST = st.sampled_from(["Rest", "Best", "Reference"])


def trials_of(events: list[int], others: list[int]) -> Trials:
    """Groups that do not overlap."""
    failures = np.array(others, dtype=np.int64)
    happened = np.array(events, dtype=np.int64)
    return Trials(happened, happened + failures, np.eye(len(events), dtype=bool))


@st.composite
def counted(draw: st.DrawFn, cell: st.SearchStrategy[int] = ANY) -> Trials:
    """Two to six groups, each with at least one trial."""
    size = draw(st.integers(min_value=2, max_value=6))
    cells = st.lists(cell, min_size=size, max_size=size)
    result = trials_of(draw(cells), draw(cells))
    assume(bool((result.trials > 0).all()))
    return result


def test_a_rate_without_trials_is_undefined_and_not_zero() -> None:
    assert np.isnan(rate(np.array([0]), np.array([0]))[0])


def test_a_false_negative_rate_counts_missed_cases_among_cases() -> None:
    label = np.array([True, True, True, False, False])
    called = np.array([True, False, False, True, False])
    atom = np.array([0, 0, 1, 1, 1])
    counts = count(label, ~called, atom, np.eye(2, dtype=bool))
    assert counts.trials.tolist() == [2, 1]
    assert counts.events.tolist() == [1, 1]


def test_the_rest_of_a_group_is_everybody_else_also_where_groups_overlap() -> None:
    members = np.array([[True, True, False], [True, False, False]])
    counts = Trials(np.array([1, 2, 4]), np.array([10, 20, 40]), members)
    assert [part.tolist() for part in counts.of_rest()] == [[4, 6], [40, 60]]


@given(counted(), KINDS, AGAINST)
def test_an_interval_contains_its_estimate_and_stays_between_zero_and_one(
    counts: Trials, comparison: Comparison, against: Against
) -> None:
    first = np.zeros(len(counts.trials), dtype=np.intp)
    for gap in compare(
        counts, Question(comparison=comparison, against=against, reference=first, seed=[1])
    ):
        assert 0 <= gap.lower <= gap.upper <= 1
        if gap.defined:
            assert gap.lower - 1e-12 <= gap.gap <= gap.upper + 1e-12


@given(counted(), AGAINST)
def test_the_same_seed_gives_the_same_intervals_to_the_last_bit(
    counts: Trials, against: Against
) -> None:
    first = np.zeros(len(counts.trials), dtype=np.intp)
    once, again = (
        repr(compare(counts, Question(against=against, reference=first, seed=[7, 1])))
        for _ in range(2)
    )
    assert once == again


@given(counted())
def test_more_confidence_never_makes_an_interval_narrower(counts: Trials) -> None:
    sure = compare(counts, Question(confidence=0.99, seed=[3]))
    for wide, narrow in zip(sure, compare(counts, Question(confidence=0.9, seed=[3])), strict=True):
        assert wide.upper >= narrow.upper
        assert wide.lower <= narrow.lower


def test_another_seed_moves_the_bounds_by_little() -> None:
    counts = trials_of([200, 100, 60], [800, 300, 240])
    first, second = compare(counts, Question(seed=[1]))[0], compare(counts, Question(seed=[2]))[0]
    assert first.upper != second.upper
    assert first.upper == pytest.approx(second.upper, rel=0.02)


def test_where_no_event_was_seen_the_interval_still_has_a_width() -> None:
    gap = compare(trials_of([0, 0], [25, 400]), Question(seed=[1]))[0]
    assert gap.lower == 0.0
    assert gap.upper > 0.05


def test_two_groups_that_are_each_others_rest_are_one_comparison() -> None:
    both = compare(trials_of([5, 5], [5, 5]), Question(seed=[1]))
    assert both[0].critical == pytest.approx(1.959964, abs=1e-6)
    assert compare(trials_of([5, 5, 5], [5, 5, 5]), Question(seed=[1]))[0].critical > 2.2


def test_one_comparison_has_newcombes_published_interval() -> None:
    # R. G. Newcombe 1998, table II, example (a): 56/70 against 48/80, method 10.
    gap = compare(trials_of([56, 48], [14, 32]), Question(seed=[1]))[0]
    assert gap.lower == pytest.approx(0.0524, abs=5e-5)
    assert gap.upper == pytest.approx(0.3339, abs=5e-5)


def test_a_group_without_trials_is_undefined_and_leaves_the_others_alone() -> None:
    with_it = compare(trials_of([5, 0, 9], [20, 0, 30]), Question(seed=[1]))
    without = compare(trials_of([5, 9], [20, 30]), Question(seed=[1]))
    assert math.isnan(with_it[1].rate)
    assert math.isnan(with_it[1].gap)
    assert "no case" in with_it[1].reason
    assert [with_it[0].upper, with_it[2].upper] == [gap.upper for gap in without]


def test_a_group_is_compared_with_the_reference_that_it_is_given() -> None:
    counts = trials_of([10, 30, 60], [90, 70, 140])
    found = compare(counts, Question(against="Reference", reference=np.array([2, 2, 2]), seed=[1]))
    assert [gap.rest for gap in found] == pytest.approx([0.3, 0.3, 0.3])
    assert [gap.versus for gap in found] == [2, 2, 2]
    assert (found[2].lower, found[2].gap, found[2].upper) == (0.0, 0.0, 0.0)
    assert found[2].reason == "the group is its own reference"


def test_without_a_reference_for_each_group_nothing_is_compared() -> None:
    with pytest.raises(ValueError, match="reference of each group"):
        compare(trials_of([1, 2], [3, 4]), Question(against="Reference", seed=[1]))


def test_the_best_group_is_the_lowest_or_the_highest_of_its_family() -> None:
    counts = trials_of([10, 30, 5, 60], [90, 70, 95, 40])
    family = np.array([0, 0, 1, 1])
    low = compare(counts, Question(against="Best", family=family, seed=[1]))
    high = compare(counts, Question(against="Best", family=family, better="Higher", seed=[1]))
    assert [gap.versus for gap in low] == [0, 0, 2, 2]
    assert [gap.versus for gap in high] == [1, 1, 3, 3]
    assert [gap.gap for gap in low] == pytest.approx([0, 0.2, 0, 0.55])


def test_a_group_that_only_looks_best_may_be_behind_another_that_is() -> None:
    found = compare(trials_of([10, 11], [90, 89]), Question(against="Best", seed=[1]))
    assert found[0].gap == 0.0
    assert found[0].upper > 0.05


def test_a_ratio_is_the_smaller_rate_over_the_larger_from_either_side() -> None:
    found = compare(trials_of([30, 60], [70, 40]), Question(comparison="Ratio", seed=[1]))
    assert [gap.gap for gap in found] == pytest.approx([0.5, 0.5])
    assert found[0].lower == pytest.approx(found[1].lower)


def test_a_ratio_of_two_rates_of_zero_is_undefined() -> None:
    gap = compare(trials_of([0, 0], [50, 50]), Question(comparison="Ratio", seed=[1]))[0]
    assert math.isnan(gap.gap)
    assert (gap.lower, gap.upper) == (0.0, 1.0)
    assert "no ratio" in gap.reason


@pytest.mark.parametrize(
    ("signed", "expected"),
    [
        ((0.5, 0.8), (0.5, 0.8)),
        ((1.25, 2.0), (0.5, 0.8)),
        ((0.5, 1.6), (0.5, 1.0)),
        ((0.8, 4.0), (0.25, 1.0)),
        ((0.0, math.inf), (0.0, 1.0)),
        ((2.0, math.inf), (0.0, 0.5)),
    ],
)
def test_the_interval_of_the_smaller_over_the_larger_follows_from_that_of_either(
    signed: tuple[float, float], expected: tuple[float, float]
) -> None:
    assert smaller_over_larger(*signed) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("signed", "expected"),
    [
        ((-0.1, 0.2), (0.0, 0.2)),
        ((-0.3, 0.2), (0.0, 0.3)),
        ((0.1, 0.2), (0.1, 0.2)),
        ((-0.2, -0.1), (0.1, 0.2)),
        ((-1.5, 0.5), (0.0, 1.0)),
    ],
)
def test_the_interval_of_an_absolute_gap_follows_from_the_signed_one(
    signed: tuple[float, float], expected: tuple[float, float]
) -> None:
    assert absolute(*signed) == expected


def test_a_bound_that_is_not_a_number_stays_none() -> None:
    assert all(math.isnan(bound) for bound in absolute(float("nan"), 0.1))
