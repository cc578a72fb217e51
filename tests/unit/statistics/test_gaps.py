"""Gaps of groups to everybody else and their intervals."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlhops.api.gate import FairnessMetric
from mlhops.statistics import newcombe
from mlhops.statistics.gaps import absolute, choose, comparisons, gaps
from mlhops.statistics.rates import Trials, count, rate

LARGE = st.integers(min_value=40, max_value=5000)
ANY = st.integers(min_value=0, max_value=300)


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
    counts = count(FairnessMetric.FALSE_NEGATIVE_RATE, label, called, atom, np.eye(2, dtype=bool))
    assert counts.trials.tolist() == [2, 1]
    assert counts.events.tolist() == [1, 1]


def test_the_rest_of_a_group_is_everybody_else_also_where_groups_overlap() -> None:
    members = np.array([[True, True, False], [True, False, False]])
    counts = Trials(np.array([1, 2, 4]), np.array([10, 20, 40]), members)
    assert [part.tolist() for part in counts.of_rest()] == [[4, 6], [40, 60]]


@given(counted())
def test_an_interval_contains_its_estimate_and_stays_between_zero_and_one(counts: Trials) -> None:
    for gap in gaps(counts, 0.95, [1]):
        assert 0 <= gap.lower <= gap.gap + 1e-12
        assert gap.gap - 1e-12 <= gap.upper <= 1


@given(counted(LARGE))
def test_the_same_seed_gives_the_same_intervals_to_the_last_bit(counts: Trials) -> None:
    assert choose(counts) == "bootstrap"
    assert gaps(counts, 0.95, [7, 1]) == gaps(counts, 0.95, [7, 1])


@given(counted(LARGE))
def test_more_confidence_never_makes_an_interval_narrower(counts: Trials) -> None:
    sure = gaps(counts, 0.99, [3])
    for wide, narrow in zip(sure, gaps(counts, 0.9, [3]), strict=True):
        assert wide.upper >= narrow.upper
        assert wide.lower <= narrow.lower


def test_another_seed_moves_the_bounds_by_little() -> None:
    counts = trials_of([200, 100, 60], [800, 300, 240])
    first, second = gaps(counts, 0.95, [1])[0], gaps(counts, 0.95, [2])[0]
    assert first.upper != second.upper
    assert first.upper == pytest.approx(second.upper, rel=0.05)


def test_small_cells_take_newcombes_interval_which_has_a_width_where_no_event_was_seen() -> None:
    gap = gaps(trials_of([0, 0], [25, 400]), 0.95, [1])[0]
    assert gap.method == "newcombe"
    assert gap.lower == 0.0
    assert gap.upper > 0.05


def test_two_groups_that_are_each_others_rest_are_one_comparison() -> None:
    assert comparisons(trials_of([5, 5], [5, 5])) == 1
    assert comparisons(trials_of([5, 5, 5], [5, 5, 5])) == 3


def test_newcombes_interval_is_the_published_one() -> None:
    # R. G. Newcombe 1998, table II, example (a): 56/70 against 48/80, method 10.
    lower, upper = newcombe.difference(
        np.array([56]), np.array([70]), np.array([48]), np.array([80]), 0.95
    )
    assert float(lower[0]) == pytest.approx(0.0524, abs=5e-5)
    assert float(upper[0]) == pytest.approx(0.3339, abs=5e-5)


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
