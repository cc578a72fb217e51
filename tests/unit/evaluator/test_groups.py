"""Who belongs to which group."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.interface import Group
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.groups import Levels, bin_names, coder, cohorts


def names_of(group: Group, *batches: pa.Array) -> list[str]:
    """Return the group of each person."""
    each = coder(group, 10)
    for batch in batches:
        each.add(batch)
    levels = each.levels()
    return [levels.values[code] for code in levels.codes]


def test_bins_have_readable_names_and_a_cut_belongs_above() -> None:
    assert bin_names([40, 65]) == ["<40", "40-65", ">=65"]
    ages = pa.array([39.9, 40.0, 64.0, 65.0, None, float("nan")])
    expected = ["<40", "40-65", "40-65", ">=65", "Unknown", "Unknown"]
    assert names_of(Group(name="age", feature="age", bins=[40, 65]), ages) == expected


def test_bins_of_a_text_column_put_what_is_no_number_under_unknown() -> None:
    ages = pa.array(["39", "70.5", "old", "", "inf"])
    expected = ["<40", ">=40", "Unknown", "Unknown", "Unknown"]
    assert names_of(Group(name="age", feature="age", bins=[40]), ages) == expected


def test_values_match_as_text_number_or_truth_and_a_missing_one_is_unknown() -> None:
    group = Group(name="smoker", feature="smoker", values=["1", "0"])
    assert names_of(group, pa.array([1, 0, None, float("nan")])) == ["1", "0", *["Unknown"] * 2]
    assert names_of(group, pa.array(["1", "", " ", None])) == ["1", *["Unknown"] * 3]
    assert names_of(group, pa.array([True, False])) == ["1", "0"]
    assert names_of(group, pa.array(["1.0", " 0 "])) == ["1", "0"]


def test_a_declared_value_keeps_its_spelling_and_its_place_without_anybody() -> None:
    each = coder(Group(name="site", feature="site", values=["007", "Zürich"]), 10)
    each.add(pa.array(["Zürich"]))
    levels = each.levels()
    assert list(levels.values) == ["007", "Zürich"]
    assert levels.codes.tolist() == [1]


@given(st.lists(st.sampled_from(["a", "b", "ß", None, ""]), min_size=1), st.integers(1, 5))
def test_undeclared_values_do_not_depend_on_batches_and_nobody_is_lost(
    people: list[str | None], size: int
) -> None:
    group = Group(name="site", feature="site")
    parts = [pa.array(people[i : i + size], pa.string()) for i in range(0, len(people), size)]
    expected = [person or "Unknown" for person in people]
    assert names_of(group, *parts) == expected


def test_too_many_values_are_refused_with_the_way_out() -> None:
    with pytest.raises(EvaluationError, match=r"column site .* more than 64 values: set values"):
        names_of(Group(name="g", feature="site"), pa.array([f"s{i}" for i in range(65)]))


SITE = Group(name="ward", feature="site", values=["a"])


def complaint(*batches: pa.Array) -> str:
    """Return what is said of people whose values are not declared."""
    with pytest.raises(EvaluationError) as told:
        names_of(SITE, *batches)
    return str(told.value)


def test_an_undeclared_value_is_not_a_missing_one() -> None:
    assert complaint(pa.array(["a"] * 9 + ["b"] * 9 + [None]), pa.array(["b"] * 9 + ["c"])) == (
        "column site (group ward) has undeclared values in 19 rows ('b', 'c'): declare them in "
        "interface.groups[].values, or correct them in the data; only a value that is missing "
        "counts as Unknown"
    )


def test_few_people_with_undeclared_values_are_not_counted() -> None:
    assert "in fewer than 10 rows ('b')" in complaint(pa.array(["b"] * 9))
    assert "in 10 rows ('b')" in complaint(pa.array(["b"] * 10))


def test_of_many_undeclared_values_the_five_most_frequent_are_named() -> None:
    many = [f"s{i}" for i in range(64) for _ in range(i + 1)]
    assert "('s63', 's62', 's61', 's60', 's59', and 59 more)" in complaint(pa.array(many))


def test_a_column_of_names_is_not_quoted() -> None:
    said = complaint(pa.array([f"Mrs Smith {i}" for i in range(65)]))
    assert "in 65 rows (more than 64 different ones)" in said
    assert "Smith" not in said


def test_an_undeclared_value_cannot_break_a_line_or_fill_it() -> None:
    said = complaint(pa.array(["b\nMrs" + "x" * 999]))
    assert "\n" not in said
    assert "x" * 63 not in said


def test_intersections_are_the_combinations_that_somebody_has() -> None:
    levels = {
        "sex": Levels(np.array([0, 0, 1]), ["F", "M"]),
        "age": Levels(np.array([0, 1, 1]), ["<40", ">=40"]),
    }
    found = cohorts(levels, [("sex",), ("sex", "age")])
    expected = ["sex=F", "sex=M", "sex=F,age=<40", "sex=F,age=>=40", "sex=M,age=>=40"]
    assert list(found.names) == expected
    belongs = found.members[:, found.atom]
    assert belongs.sum(axis=1).tolist() == [2, 1, 1, 1, 1]
    assert list(found.absent) == []


def test_a_name_from_foreign_data_cannot_break_a_line() -> None:
    levels = {"sex": Levels(np.array([0]), ["F\nMrs" + "x" * 99])}
    (name,) = cohorts(levels, [("sex",)]).names
    assert "\n" not in name
    assert len(name) <= len("sex=") + 63
