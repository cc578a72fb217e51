"""Held-out rows that the interface does not foresee are told, and change no verdict."""

import copy

import numpy as np

from mlhops.api.result import Result

from .conftest import SPEC, Bench, columns


def evaluated(bench: Bench, **feature: object) -> Result:
    spec = copy.deepcopy(SPEC)
    spec["interface"]["features"] = [{"name": "age", **feature}, {"name": "creatinine"}]
    return bench.run(spec)


def test_values_beyond_a_range_are_told_with_their_number(bench: Bench) -> None:
    ages = columns()["age"]
    over = int((ages > 70).sum())
    result = evaluated(bench, range={"max": 70})
    assert result.message.endswith(
        f"Not as spec.interface.features declares: age is outside its range in {over} rows"
    )
    assert result.gates == evaluated(bench).gates


def test_a_few_are_told_without_their_number(bench: Bench) -> None:
    most = float(np.sort(columns()["age"])[-3])
    assert (
        "age is outside its range in fewer than 10 rows"
        in evaluated(bench, range={"max": most}).message
    )


def test_rows_that_are_as_declared_are_no_news(bench: Bench) -> None:
    assert "declares" not in evaluated(bench, range={"min": -1000, "max": 1000}).message


def test_other_categories_are_told(bench: Bench) -> None:
    data = columns()
    data["stage"] = np.where(np.arange(len(data["age"])) % 3 == 0, "III", "late").tolist()
    spec = copy.deepcopy(SPEC)
    stage = {"name": "stage", "type": "Categorical", "categories": ["late", "early"]}
    spec["interface"]["features"] = [{"name": "age"}, stage]
    result = bench.run(spec, data)
    assert "stage is outside its categories in 500 rows" in result.message, result.message
    assert "III" not in result.message


def test_a_file_named_csv_is_read_as_csv_where_no_format_is_given(bench: Bench) -> None:
    data = columns()
    path = bench.folder / "people.csv"
    names = list(data)
    rows = zip(*(list(np.asarray(data[name])) for name in names), strict=True)
    lines = [",".join("" if value != value else str(value) for value in row) for row in rows]
    path.write_text("\n".join([",".join(names), *lines]) + "\n")
    spec = copy.deepcopy(SPEC)
    spec["data"]["uri"] = path.as_uri()
    spec["data"].pop("format", None)
    assert bench.run(spec).phase == bench.run().phase
