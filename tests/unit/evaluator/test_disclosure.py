"""What is hidden stays hidden from whoever can subtract."""

import itertools

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlhops.evaluator.verdict.disclosure import showable
from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Bools, Counts


def shown(counts: list[int], members: list[list[int]], last: tuple[int, ...] = ()) -> list[bool]:
    sizes, groups = np.array(counts), np.array(members, dtype=bool)
    covered = np.cumsum(groups.sum(axis=1)) - 1
    division = (covered // len(counts)).astype(np.intp)
    return [bool(each) for each in showable(sizes, groups, division, SmallCells(10), last)]


THREE = np.eye(3, dtype=int).tolist()


def test_large_counts_are_all_shown() -> None:
    assert shown([50, 60, 10], THREE) == [True] * 3


def test_a_small_count_takes_another_with_it_lest_it_be_subtracted() -> None:
    assert shown([50, 60, 3], THREE) == [False, True, False]
    assert shown([50, 60, 3], THREE, last=(0,)) == [True, False, False]


def test_two_small_counts_protect_each_other_unless_they_are_small_together() -> None:
    four = np.eye(4, dtype=int).tolist()
    assert shown([50, 60, 7, 8], four) == [True, True, False, False]
    assert shown([50, 60, 2, 3], four) == [False, True, False, False]


def test_a_part_of_a_larger_group_cannot_be_subtracted_from_it() -> None:
    # Young women, old women, young men, old men; and both sexes.
    members = [*np.eye(4, dtype=int).tolist(), [1, 1, 0, 0], [0, 0, 1, 1]]
    found = shown([4, 80, 70, 60], members)
    assert not found[0]
    assert not (found[1] and found[4])


def test_nobody_in_a_group_is_no_secret_that_costs_another_group_its_count() -> None:
    assert shown([50, 60, 0], THREE) == [True, True, False]


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 40), min_size=2, max_size=6),
    st.lists(st.integers(1, 62), min_size=1, max_size=8),
)
def test_no_sum_and_no_difference_of_what_is_shown_is_a_small_group(
    counts: list[int], sets: list[int]
) -> None:
    assume(sum(counts) >= 10)
    sizes: Counts = np.array(counts)
    members: Bools = np.array([[bool(bits >> i & 1) for i in range(len(counts))] for bits in sets])
    found = showable(sizes, members, np.arange(len(sets)), SmallCells(10))
    used = members[:, sizes > 0].astype(int)
    known = [used[i] for i in np.flatnonzero(found)] + [np.ones(used.shape[1], dtype=int)]
    small = [row for row, size in zip(used, members @ sizes, strict=True) if 0 < size < 10]
    for weights in itertools.product((-1, 0, 1), repeat=len(known)):
        made = sum(w * k for w, k in zip(weights, known, strict=True))
        assert not any(np.array_equal(made, secret) for secret in small)
