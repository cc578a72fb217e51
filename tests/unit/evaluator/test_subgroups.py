"""Who belongs to which group."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.interface import Group
from mlhops.evaluator.data.subgroups import Levels, bin_names, coder, cohorts
from mlhops.evaluator.errors import EvaluationError
from mlhops.small_cells import SmallCells


def names_of(group: Group, *batches: pa.Array) -> list[str]:
    """Return the group of each person."""
    each = coder(group, SmallCells(10))
    for batch in batches:
        each.add(batch)
    levels = each.levels()
    return [levels.values[code] for code in levels.codes]


def test_bins_have_readable_names_and_a_cut_belongs_above() -> None:
    assert bin_names([40, 65]) == ["<40", "40-65", ">=65"]
    ages = pa.array([39.9, 40.0, 64.0, 65.0, None, float("nan")])
    expected = ["<40", "40-65", "40-65", ">=65", "Unknown", "Unknown"]
    assert names_of(Group(name="age", feature="age", bins=[40, 65]), ages) == expected


def test_names_of_bins_keep_all_digits() -> None:
    cuts = [20240108, 20240115, 20240122.0]
    names = ["<20240108", "20240108-20240115", "20240115-20240122", ">=20240122"]
    assert bin_names(cuts) == names
    assert bin_names([0.1, 1e6, 0.1 + 1e6]) == [
        "<0.1",
        "0.1-1000000",
        "1000000-1000000.1",
        ">=1000000.1",
    ]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, unique=True))
def test_no_two_bins_share_a_name(cuts: list[float]) -> None:
    names = bin_names(sorted(cuts))
    assert len(set(names)) == len(names)


AGE = Group(name="ageBand", feature="age", bins=[40])


def test_bins_of_a_text_column_read_numbers_and_leave_what_is_missing_unknown() -> None:
    ages = pa.array(["39", " 70.5 ", "", None, "NaN"])
    assert names_of(AGE, ages) == ["<40", ">=40", *["Unknown"] * 3]


@pytest.mark.parametrize(
    ("ages", "looks"),
    [
        (pa.array(["39"] * 5 + ["> 89"] * 12 + ["?"]), "13 rows, such as '> 99'"),
        (pa.array(["39", *["Mrs Smith 1950"] * 12]), "12 rows, such as 'aaa aaaaa 9999'"),
        (pa.array(["39", *["\u0930\u093e\u092e \u2163"] * 12]), "12 rows, such as 'aaa 9'"),
        (pa.array([39.0, *[float("inf")] * 12]), "12 rows, such as 'infinity'"),
        (pa.array(["39", "> 89"]), "fewer than 10 rows, such as '> 99'"),
        (pa.array(["x" * 99 + "\n"] * 10), f"10 rows, such as '{'a' * 24}…'"),
    ],
)
def test_what_is_no_number_is_not_a_missing_age(ages: pa.Array, looks: str) -> None:
    with pytest.raises(EvaluationError, match=r"column age .group ageBand. is cut") as told:
        names_of(AGE, ages[:3], ages[3:])
    assert looks in str(told.value)
    assert "Smith" not in str(told.value)
    assert "89" not in str(told.value)


DX = Group(name="dx", feature="dx")


@pytest.mark.parametrize(
    "codes",
    [
        ["01882", "1882", "4280"],
        ["1.10", "1.1"],
        ["2E01", "20"],
        ["042", "0042", "42"],
        ["1E90", "1e90"],
        ["900000000000000031", "900000000000000030"],
        ["icu", "ICU"],
    ],
)
def test_texts_that_would_be_one_number_stay_different_groups(codes: list[str]) -> None:
    column = pa.array(codes * 10)
    assert names_of(DX, column) == codes * 10
    declared = Group(name="dx", feature="dx", values=codes)
    assert names_of(declared, column) == codes * 10
    with pytest.raises(EvaluationError, match="undeclared values in"):
        names_of(Group(name="dx", feature="dx", values=codes[:1]), column)


def test_blanks_that_are_part_of_a_value_are_shown_where_it_is_there_without_them() -> None:
    padded = pa.array(["icu  ", "er   "] * 10)
    assert names_of(DX, padded) == ["icu", "er"] * 10
    assert names_of(Group(name="dx", feature="dx", values=["icu", "er"]), padded)[0] == "icu"
    both = pa.array(["icu  ", "icu"] * 10)
    assert names_of(DX, both) == ["icu␣␣", "icu"] * 10
    with pytest.raises(EvaluationError, match=r"10 rows .'icu␣␣'.: .* only in blanks or spelling"):
        names_of(Group(name="dx", feature="dx", values=["icu"]), both)


@pytest.mark.parametrize(
    ("column", "names"),
    [
        (pa.array([2**53 + 1, 2**53] * 10), ["9007199254740993", "9007199254740992"]),
        (pa.array([2**63 - 1, 2**63 - 2] * 10), ["9223372036854775807", "9223372036854775806"]),
        (
            pa.array([Decimal(f"{10**30 + i}.10") for i in (0, 1)] * 10),
            [f"{10**30}.1", f"{10**30 + 1}.1"],
        ),
        (pa.array([0.1, 2.0] * 10, pa.float32()), ["0.1", "2"]),
    ],
)
def test_numbers_keep_their_last_digit(column: pa.Array, names: list[str]) -> None:
    assert names_of(DX, column) == names * 10
    assert names_of(Group(name="dx", feature="dx", values=names), column) == names * 10


def test_declared_values_that_are_one_number_are_refused_in_a_column_of_numbers_alone() -> None:
    group = Group(name="dx", feature="dx", values=["01882", "1882"])
    assert names_of(group, pa.array(["1882", "01882"])) == ["1882", "01882"]
    with pytest.raises(EvaluationError, match="group dx declares '01882' and '1882', which are"):
        names_of(group, pa.array([1882, 1882]))
    truth = Group(name="dx", feature="dx", values=["true", "1"])
    with pytest.raises(EvaluationError, match="'true' and '1', which are the same in column dx"):
        names_of(truth, pa.array([True]))


def test_values_match_as_text_number_or_truth_and_a_missing_one_is_unknown() -> None:
    group = Group(name="smoker", feature="smoker", values=["1", "0"])
    assert names_of(group, pa.array([1, 0, None, float("nan")])) == ["1", "0", *["Unknown"] * 2]
    assert names_of(group, pa.array(["1", "", " ", None])) == ["1", *["Unknown"] * 3]
    assert names_of(group, pa.array([True, False])) == ["1", "0"]
    assert names_of(group, pa.array(["1.0", " 0 "])) == ["1", "0"]
    assert names_of(group, pa.array(["TRUE", "False"])) == ["1", "0"]
    anything = Group(name="smoker", feature="smoker")
    for column in (
        [1, 0],
        [1.0, 0.0],
        [True, False],
        ["1", "0"],
        ["1.0", "0.0"],
        ["True", "False"],
    ):
        assert names_of(anything, pa.array(column)) == ["1", "0"]


def test_a_declared_value_keeps_its_spelling_and_its_place_without_anybody() -> None:
    each = coder(Group(name="site", feature="site", values=["007", "Zürich"]), SmallCells(10))
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
        "column site (group ward) has undeclared values in 19 rows ('b', and 1 more): declare them in "
        "interface.groups[].values, or correct them in the data; only a value that is missing "
        "counts as Unknown"
    )


def test_few_people_with_undeclared_values_are_not_counted() -> None:
    said = complaint(pa.array(["b"] * 9))
    assert "in fewer than 10 rows (1 value, which fewer than 10 rows each have)" in said
    assert "in 10 rows ('b')" in complaint(pa.array(["b"] * 10))


def test_of_many_undeclared_values_the_five_most_frequent_are_named() -> None:
    many = [f"s{i}" for i in range(64) for _ in range(i + 1)]
    assert "('s63', 's62', 's61', 's60', 's59', and 59 more)" in complaint(pa.array(many))


def test_a_column_of_names_is_not_quoted() -> None:
    said = complaint(pa.array([f"Mrs Smith {i}" for i in range(65)]))
    assert "in 65 rows (more than 64 different ones)" in said
    assert "Smith" not in said


def test_an_undeclared_value_cannot_break_a_line_or_fill_it() -> None:
    said = complaint(pa.array(["b\nMrs" + "x" * 999] * 10))
    assert "'b?Mrsxxx" in said
    assert "\n" not in said
    assert "x" * 63 not in said


def test_values_that_few_rows_have_are_told_by_nobody_and_stay_different_groups() -> None:
    each = coder(Group(name="who", feature="who"), SmallCells(10))
    each.add(pa.array(["common"] * 10 + ["Mrs Smith"] * 9 + ["Mr Jones", None]))
    levels = {"who": each.levels()}
    assert list(cohorts(levels, [("who",)]).names) == [
        "who=common",
        "who=(fewer than 10 rows)",
        "who=(fewer than 10 rows, no. 2)",
        "who=Unknown",
    ]
    with pytest.raises(EvaluationError) as told:
        cohorts(levels, [("who",)], {"who": "nobody"})
    assert "to one of common, Unknown" in str(told.value)
    named = cohorts(levels, [("who",)], {"who": "Mrs Smith"})
    assert named.reference.tolist() == [2] * 4


def test_declared_values_are_told_however_few_have_them() -> None:
    group = Group(name="site", feature="site", values=["a", "b"])
    assert names_of(group, pa.array(["a"])) == ["a"]


def test_a_reference_that_could_be_either_of_two_long_values_is_refused() -> None:
    values = ["x" * 70 + "a", "x" * 70 + "b", "y"]
    levels = {"site": Levels(np.array([0, 1, 2], dtype=np.intp), values)}
    with pytest.raises(EvaluationError, match=r"set gates.*reference"):
        cohorts(levels, [("site",)], {"site": "x" * 62 + "…"})
    assert cohorts(levels, [("site",)], {"site": "y"}).reference.tolist() == [2, 2, 2]


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
