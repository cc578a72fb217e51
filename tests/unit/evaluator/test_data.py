"""Held-out data that cannot be judged: each ends in a message that names the way out."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from .conftest import SPEC, Bench, changed, columns


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in columns().items() if key != name}


def having(name: str, values: object) -> dict[str, Any]:
    return {**columns(), name: values}


def first_missing(name: str, rows: int) -> dict[str, Any]:
    values = pa.array(columns()[name]).to_pylist()
    return having(name, pa.array([None] * rows + values[rows:]))


def texts(first: str) -> pa.Array:
    return pa.array([first] + ["1.5"] * 1499)


BAD = [
    (without("creatinine"), "lack the column creatinine (feature)"),
    (without("death"), "lack the column death (data.labelColumn)"),
    (without("sex"), "lack the column sex (group sex)"),
    (without("id"), "lack the column id (data.idColumn)"),
    ({key: value[:0] for key, value in columns().items()}, "the data are empty"),
    (first_missing("death", 3), "label column death has no value in 3 rows of 1,500"),
    (having("death", np.arange(1500) % 3), "label column death has more than two values"),
    (having("death", np.where(columns()["death"], "yes", "no")), "equals output.positiveClass '1'"),
    (having("id", np.arange(1500) // 2), "id column id repeats ids in 750 rows"),
    (first_missing("id", 1), "id column id has no value in 1 row"),
    (having("age", texts("Mrs Smith")), "column age has 1 value that is not a number"),
    (having("age", np.where(np.arange(1500) < 2, np.inf, 50.0)), "age has 2 infinite values"),
    (having("age", pa.array([0] * 1500, pa.date32())), "column age holds dates"),
    (having("age", pa.array([[1.0]] * 1500)), "column age holds lists or records"),
    (having("death", pa.array([[1]] * 1500)), "column death holds lists or records"),
]


@pytest.mark.parametrize(("data", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_data_end_in_an_error_before_anything_is_scored(
    offline: Bench, data: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlhops.evaluator.scoring.client._FIRST_WAIT", 0.01)
    result = offline.run(data=data)
    assert result.phase == "Error"
    assert message in result.message
    assert ": " in result.message
    assert "Smith" not in result.message + "".join(offline.said)


@pytest.mark.parametrize(("value", "absent"), [(0, "positive"), (1, "negative")])
def test_one_class_only_leaves_every_gate_inconclusive(
    offline: Bench, value: int, absent: str
) -> None:
    result = offline.run(data=having("death", np.full(1500, value)))
    assert result.phase == "Inconclusive"
    assert f"add rows with a {absent} outcome" in result.message
    assert [gate.phase for gate in result.gates] == ["Inconclusive", "Inconclusive"]


def test_a_group_with_thousands_of_values_is_refused(offline: Bench) -> None:
    spec = changed("interface.groups.0", {"name": "sex", "feature": "sex"})
    result = offline.run(spec, having("sex", [f"person {i}" for i in range(1500)]))
    assert result.phase == "Error"
    assert "column sex (group sex) has more than 64 values: set values or bins" in result.message


def test_people_of_an_undeclared_value_cannot_hide_under_unknown(offline: Bench) -> None:
    result = offline.run(changed("interface.groups.0.values", ["F"]))
    men = int((columns()["sex"] == "M").sum())
    assert result.phase == "Error"
    assert f"column sex (group sex) has undeclared values in {men} rows ('M')" in result.message
    assert "declare them in interface.groups[].values" in result.message


def test_people_without_a_value_are_the_group_unknown(bench: Bench) -> None:
    sex = pa.array([None if i % 3 == 0 else value for i, value in enumerate(columns()["sex"])])
    result = bench.run(data=having("sex", sex))
    assert "sex=Unknown" in [group.group for group in result.gates[0].groups]
    assert result.phase != "Error"


def test_the_minimum_cell_size_of_the_spec_holds_for_undeclared_values(offline: Bench) -> None:
    sex = columns()["sex"].astype(object)
    sex[:15] = "X"
    told = {}
    for smallest in (15, 16):
        told[smallest] = offline.run(changed("minCellSize", smallest), having("sex", sex)).message
    assert "in 15 rows ('X')" in told[15]
    assert "in fewer than 16 rows (1 value, which" in told[16]


def test_a_gate_over_an_undeclared_group_is_an_error(offline: Bench) -> None:
    result = offline.run(changed("gates.0.across.groups", ["race"]))
    assert result.phase == "Error"
    assert "gate missed names the group race" in result.message


def test_a_required_feature_without_a_value_is_an_error(offline: Bench) -> None:
    result = offline.run(changed("interface.features.1.required", True))
    assert result.phase == "Error"
    assert "column creatinine has no value in" in result.message
    assert "the feature is required" in result.message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["<5"] * 1500, "column age has 1,500 values that are not a number"),
        (["50"] * 700 + ["<5"] * 800, "column age has 800 values that are not a number"),
        ([np.inf] * 1500, "column age has 1,500 infinite values"),
        ([None] * 1500, "column age has no value in 1,500 rows"),
    ],
)
def test_wrong_values_are_counted_in_the_whole_column(
    bench: Bench, values: list[Any], message: str
) -> None:
    result = bench.run(changed("interface.features.0.required", True), having("age", values))
    assert result.phase == "Error"
    assert message in result.message


def test_a_threshold_left_out_is_an_error(offline: Bench) -> None:
    result = offline.run(changed("interface.output", {"type": "Probability"}))
    assert result.phase == "Error"
    assert "threshold is missing" in result.message


def test_a_digest_that_does_not_match_is_an_error_and_one_that_does_is_not(bench: Bench) -> None:
    uri = bench.write()
    content = Path(uri.removeprefix("file://")).read_bytes()
    right = f"sha256:{hashlib.sha256(content).hexdigest()}"
    spec = changed("data", {**SPEC["data"], "uri": uri, "digest": f"sha256:{'0' * 64}"})
    wrong = bench.run(spec)
    assert wrong.phase == "Error"
    assert f"have the digest {right}" in wrong.message
    spec["data"]["digest"] = right
    assert bench.run(spec).data_digest == right


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("file:///nowhere/data.parquet", "there is no file at file:///nowhere/data.parquet"),
        ("pvc://claim/missing.parquet", "there is no file at pvc://claim/missing.parquet"),
        ("pvc://claim/../claim/data.parquet", "must not contain '..'"),
        ("pvc://../claim/data.parquet", "is incomplete"),
        ("pvc://claim", "is incomplete"),
        ("pvc://claim/outside.parquet", "leaves its claim by a symbolic link"),
        ("pvc://claim/folder", "is a folder"),
        ("https://127.0.0.1:1/data.parquet", "its server cannot be reached"),
        ("ftp://host/data.parquet", "has the scheme 'ftp'"),
    ],
)
def test_a_uri_that_leads_nowhere_is_an_error(offline: Bench, uri: str, message: str) -> None:
    claim = offline.folder / "claim"
    (claim / "folder").mkdir(parents=True)
    offline.write(name="secret.parquet")
    (claim / "outside.parquet").symlink_to(offline.folder / "secret.parquet")
    result = offline.run(changed("data.uri", uri))
    assert result.phase == "Error"
    assert message in result.message


def test_a_claim_is_read_from_its_folder(bench: Bench) -> None:
    (bench.folder / "claim" / "deep").mkdir(parents=True)
    bench.write(name="claim/deep/data.parquet")
    result = bench.run(changed("data.uri", "pvc://claim/deep/data.parquet"))
    assert result.phase == "Successful", result.message


@pytest.mark.parametrize("size", [0, 10, 5000])
def test_a_truncated_parquet_file_is_an_error(offline: Bench, size: int) -> None:
    uri = offline.write()
    path = offline.folder / "data.parquet"
    path.write_bytes(path.read_bytes()[:size])
    result = offline.run(changed("data.uri", uri))
    assert result.phase == "Error"
    assert "no bytes" in result.message or "cut off, damaged" in result.message


def test_csv_gives_the_same_verdict_as_parquet(bench: Bench) -> None:
    plain = bench.run()
    path = bench.folder / "data.csv"
    pyarrow.csv.write_csv(pa.table(columns()), path)
    spec = changed("data", {**SPEC["data"], "uri": path.as_uri(), "format": "csv"})
    assert bench.run(spec).gates == plain.gates


def test_a_broken_line_of_csv_is_an_error_that_does_not_quote_it(offline: Bench) -> None:
    path = offline.folder / "data.csv"
    path.write_text("id,age,creatinine,sex,death\n1,50,1.0,F,1\n2,Mrs,Smith,60,1.0,M,0\n")
    result = offline.run(changed("data", {**SPEC["data"], "uri": path.as_uri(), "format": "csv"}))
    assert result.phase == "Error"
    assert "cannot be read as csv" in result.message
    assert "Smith" not in result.message


def test_a_repeated_column_is_an_error(offline: Bench) -> None:
    path = offline.folder / "data.csv"
    path.write_text("id,age,creatinine,sex,death,age\n1,50,1.0,F,1,50\n")
    result = offline.run(changed("data", {**SPEC["data"], "uri": path.as_uri(), "format": "csv"}))
    assert result.phase == "Error"
    assert "more than one column age" in result.message
