"""What the evaluator sends is what a caller sends who has read the same file."""

import json
import math
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kserve.utils.utils import get_predict_input

from mlhops.api.interface import Feature, Interface, Request
from mlhops.evaluator.data.read import Batch, Table
from mlhops.evaluator.data.typed import refuse_unclear
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.scoring.features import inputs, payload

from . import callers
from .conftest import Bench, changed, columns

LARGE = 9_007_199_254_740_993  # one more than the whole numbers that a float can tell apart
CODE = Feature(name="code", type="Categorical")
AGE = Feature(name="age")


def sent(
    columns: dict[str, Any],
    *features: Feature,
    request: Request | None = None,
    typeless: bool = False,
) -> list[tuple[str, list[int], Any]]:
    """Datatype, shape and data of each tensor."""
    body: dict[str, Any] = payload(inputs(columns, features, request, typeless=typeless), "v2")
    return [(each["datatype"], each["shape"], each["data"]) for each in body["inputs"]]


@pytest.mark.parametrize(
    ("values", "datatype", "data"),
    [
        (pa.array([1, None, 3]), "INT64", [1, None, 3]),
        (pa.array([LARGE, -LARGE]), "INT64", [LARGE, -LARGE]),
        (pa.array([2**64 - 1], pa.uint64()), "UINT64", [2**64 - 1]),
        (pa.array([1, 2], pa.int8()), "INT64", [1, 2]),
        (pa.array([1.0, None, 2.5]), "FP64", [1.0, None, 2.5]),
        (pa.array([True, None]), "BOOL", [True, None]),
        (pa.array(["1", " ", None]), "BYTES", ["1", None, None]),
        (pa.array([1, 2, 1]).dictionary_encode(), "INT64", [1, 2, 1]),
        (pa.array(["01", "2"]).dictionary_encode(), "BYTES", ["01", "2"]),
    ],
)
@pytest.mark.parametrize("type_", ["Categorical", "Binary"])
def test_a_column_goes_out_as_what_it_is(
    values: pa.Array, datatype: str, data: list[Any], type_: str
) -> None:
    feature = Feature.model_validate({"name": "code", "type": type_})
    other = Feature(name="word", type="Categorical")
    given_ = {"code": values, "word": pa.array(["x"] * len(values))}
    [found, _] = sent(given_, feature, other)
    assert found == (datatype, [len(values)], data)
    assert [type(value) for value in found[2]] == [type(value) for value in data]


def test_a_whole_number_arrives_to_the_last_digit_in_either_protocol() -> None:
    batch: Batch = {"code": pa.array([LARGE])}
    read = inputs(batch, [CODE])
    frame = get_predict_input(callers.as_kserve_reads(payload(read, "v2")))
    assert frame["code"].tolist() == [LARGE]
    assert get_predict_input(payload(read, "v1"))["code"].tolist() == [LARGE]


@pytest.mark.parametrize(
    ("datatype", "values", "data"),
    [
        ("INT64", pa.array([1.0, math.nan, None, 3.0]), [1, None, None, 3]),
        ("INT64", pa.array([str(LARGE), "2.0", "", "-3"]), [LARGE, 2, None, -3]),
        ("INT8", pa.array([-128, 127]), [-128, 127]),
        ("UINT8", pa.array([True, False]), [1, 0]),
        ("BYTES", pa.array([LARGE, None]), [str(LARGE), None]),
        ("BYTES", pa.array([1.0, None, 2.5]), ["1", None, "2.5"]),
        ("BYTES", pa.array([0.1, math.nan], pa.float32()), ["0.1", None]),
        ("BOOL", pa.array([1, 0, None]), [True, False, None]),
        ("BOOL", pa.array(["True", "0", "false"]), [True, False, False]),
        ("FP64", pa.array([1, None]), [1.0, None]),
        ("FP32", pa.array([0.1]), [float(np.float32(0.1))]),
    ],
)
def test_a_declared_datatype_is_kept(datatype: str, values: pa.Array, data: list[Any]) -> None:
    feature = CODE.model_copy(update={"datatype": datatype})
    [found] = sent({"code": values}, feature)
    assert (found[0], found[2]) == (datatype, data)
    assert [type(value) for value in found[2]] == [type(value) for value in data]


@pytest.mark.parametrize(
    ("datatype", "values", "count"),
    [
        ("INT64", pa.array([1.5, 2.0, 2.5]), "2 values"),
        ("INT64", pa.array([2**63], pa.uint64()), "1 value"),
        ("INT64", pa.array(["1e3", "0x1", "1_0", "x"]), "4 values"),
        ("INT8", pa.array([128, 0, -129]), "2 values"),
        ("UINT16", pa.array([-1]), "1 value"),
        ("BOOL", pa.array([2, 1]), "1 value"),
        ("BOOL", pa.array(["yes"]), "1 value"),
        ("FP32", pa.array([2**24 + 1, 1]), "1 value"),
        ("FP32", pa.array([1e39]), "1 value"),
        ("FP16", pa.array([65536.0]), "1 value"),
        ("FP64", pa.array([LARGE]), "1 value"),
        ("FP64", pa.array([str(LARGE)]), "1 value"),
        ("FP64", pa.array([Decimal(LARGE), None], pa.decimal128(20)), "1 value"),
        ("BYTES", pa.array([math.inf, 1.5]), "1 value"),
    ],
)
def test_a_value_that_does_not_fit_its_datatype_is_an_error_that_counts_it(
    datatype: str, values: pa.Array, count: str
) -> None:
    feature = CODE.model_copy(update={"datatype": datatype})
    with pytest.raises(EvaluationError, match=rf"column code has {count} .* as {datatype}"):
        sent({"code": values}, feature)


def test_booleans_are_not_written_as_text_by_guess() -> None:
    with pytest.raises(EvaluationError, match="column code holds booleans"):
        sent({"code": pa.array([True])}, CODE.model_copy(update={"datatype": "BYTES"}))


def test_numbers_alone_are_one_matrix_as_before() -> None:
    given_ = {"age": pa.array([63, None]), "crp": pa.array(["1.5", "2"])}
    found = sent(given_, AGE, Feature(name="crp"))
    assert found == [("FP64", [2, 2], [63.0, 1.5, None, 2.0])]
    body = payload(inputs(given_, [AGE, Feature(name="crp")]), "v2")
    assert body == {
        "inputs": [
            {"name": "input-0", "shape": [2, 2], "datatype": "FP64", "data": [63.0, 1.5, None, 2.0]}
        ]
    }


def test_numbers_are_named_columns_where_the_interface_says_so() -> None:
    asked = Request(encoding="Columns")
    given_: Batch = {"age": pa.array([63]), "crp": pa.array([1.5])}
    features = [AGE, Feature(name="crp")]
    body = payload(inputs(given_, features, asked), "v2")
    assert body == callers.columns_v2(pd.DataFrame({"age": [63], "crp": [1.5]}))
    assert payload(inputs(given_, features, asked), "v1") == {
        "instances": [{"age": [63], "crp": [1.5]}]
    }


def test_a_matrix_has_the_name_and_the_datatype_that_the_server_knows() -> None:
    asked = Request(encoding="Matrix", name="float_input", datatype="FP32")
    body = payload(inputs({"age": pa.array([63, 64])}, [AGE], asked), "v2")
    assert body == {
        "inputs": [
            {"name": "float_input", "shape": [2, 1], "datatype": "FP32", "data": [63.0, 64.0]}
        ]
    }


def test_tensors_are_one_for_each_feature_with_a_column_each() -> None:
    asked = Request(encoding="Tensors")
    given_: Batch = {"age": pa.array([63.0, 64.0]), "code": pa.array([1, 2])}
    body = payload(inputs(given_, [AGE, CODE], asked), "v2")
    assert body == {
        "inputs": [
            {"name": "age", "shape": [2, 1], "datatype": "FP64", "data": [63.0, 64.0]},
            {"name": "code", "shape": [2, 1], "datatype": "INT64", "data": [1, 2]},
        ]
    }
    assert payload(inputs(given_, [AGE, CODE], asked), "v1") == {
        "instances": [{"age": 63.0, "code": 1}, {"age": 64.0, "code": 2}]
    }


@pytest.mark.parametrize(
    ("request_", "feature"),
    [
        (Request(encoding="Matrix", datatype="INT64"), AGE),
        (Request(encoding="Matrix", datatype="BOOL"), AGE),
        (Request(encoding="Tensors"), CODE),
    ],
)
def test_a_gap_that_an_array_cannot_hold_is_an_error(request_: Request, feature: Feature) -> None:
    with pytest.raises(EvaluationError, match="has no value in 1 row, and a tensor of"):
        sent({feature.name: pa.array([1, None])}, feature, request=request_)


CELLS: dict[str, tuple[st.SearchStrategy[Any], str]] = {
    "Int64": (st.integers(-(2**63), 2**63 - 1), "INT64"),
    "Float64": (st.floats(allow_nan=False, allow_infinity=False), "FP64"),
    "boolean": (st.booleans(), "BOOL"),
    "string": (st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip), "BYTES"),
}


@st.composite
def tables(draw: Callable[[st.SearchStrategy[Any]], Any]) -> pd.DataFrame:
    """A table of a few columns of any type, with gaps."""
    rows = draw(st.integers(1, 6))
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=5))
    return pd.DataFrame(
        {
            f"c{place}": pd.Series(
                draw(st.lists(st.none() | CELLS[kind][0], min_size=rows, max_size=rows)), dtype=kind
            )
            for place, kind in enumerate(kinds)
        }
    )


def as_a_caller(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """What somebody sends who goes by the types of pandas alone."""
    return [
        {
            "name": str(name),
            "shape": [len(frame)],
            "datatype": CELLS[str(frame[name].dtype)][1],
            "data": frame[name].astype(object).where(frame[name].notna(), None).tolist(),
        }
        for name in frame
    ]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frame=tables(), data=st.data())
def test_any_table_is_sent_as_a_caller_sends_it(
    tmp_path: Path, frame: pd.DataFrame, data: st.DataObject
) -> None:
    path = tmp_path / "any.parquet"
    frame.to_parquet(path, index=False)
    features = [
        Feature.model_validate(
            {
                "name": name,
                "type": data.draw(st.sampled_from(["Categorical", "Binary"]))
                if frame[name].dtype == "string"
                else data.draw(st.sampled_from(["Numeric", "Categorical", "Binary"])),
            }
        )
        for name in frame
    ]
    (batch,) = Table(path, "parquet").batches(list(frame), 100)
    read = inputs(batch, features, Request(encoding="Columns"))

    body, wanted = payload(read, "v2"), as_a_caller(frame)

    # As JSON, since 1, 1.0 and true are the same to Python.
    assert json.dumps(body["inputs"]) == json.dumps(wanted)
    named = {each["name"]: each["data"] for each in wanted}
    assert json.dumps(payload(read, "v1")) == json.dumps({"instances": [named]})
    live = {"parameters": {"content_type": "pd"}, "inputs": wanted}
    pd.testing.assert_frame_equal(
        get_predict_input(callers.as_kserve_reads(body)),
        get_predict_input(callers.as_kserve_reads(live)),
    )


@given(frame=tables())
def test_in_pieces_a_table_is_the_same(frame: pd.DataFrame) -> None:
    columns = dict(pa.Table.from_pandas(frame, preserve_index=False).to_pydict())
    batch = {name: pa.array(frame[name], from_pandas=True) for name in columns}
    features = [Feature(name=name, type="Categorical") for name in batch]
    whole = inputs(batch, features)
    rows = [whole.row(row) for row in range(whole.rows)]
    joined = [value for each in rows for value in each.columns[0].json()]
    assert json.dumps(joined) == json.dumps(whole.columns[0].json())


def csv(folder: Path, text: str) -> Table:
    path = folder / "data.csv"
    path.write_text(text)
    return Table(path, "csv")


@pytest.mark.parametrize(
    "values", ["1\n2\n3\n", "1.5\n\n2\n", ".5\n-.5e1\n", "-1\n1e3\n", "True\nfalse\n"]
)
def test_codes_of_a_file_without_types_are_refused_until_somebody_says_what_they_are(
    tmp_path: Path, values: str
) -> None:
    table = csv(tmp_path, f"code\n{values}")
    with pytest.raises(EvaluationError, match=r"column code of the csv file .* set datatype"):
        refuse_unclear(table, [CODE])
    refuse_unclear(table, [CODE.model_copy(update={"datatype": "INT64"})])
    refuse_unclear(table, [AGE.model_copy(update={"name": "code"})])


@pytest.mark.parametrize("values", ["01\n02\n", "1\nicu\n", "\n\n", "er\n"])
def test_codes_that_can_only_be_text_are_text(tmp_path: Path, values: str) -> None:
    refuse_unclear(csv(tmp_path, f"code,x\n{values.replace(chr(10), ',1' + chr(10))}"), [CODE])


def test_a_declared_word_makes_the_others_text(tmp_path: Path) -> None:
    feature = CODE.model_copy(update={"categories": ["1", "2", "unknown"]})
    refuse_unclear(csv(tmp_path, "code\n1\n2\n"), [feature])


def test_two_codes_of_a_file_without_types_are_refused_as_more_of_them_are(tmp_path: Path) -> None:
    feature = Feature(name="sex", type="Binary", categories=["1", "2"])
    table = csv(tmp_path, "sex,code\n1,a\n2,b\n")
    with pytest.raises(EvaluationError, match=r"column sex of the csv file .* set datatype"):
        refuse_unclear(table, [feature, CODE])
    refuse_unclear(table, [feature.model_copy(update={"datatype": "INT64"}), CODE])
    refuse_unclear(table, [feature.model_copy(update={"categories": ["0", "1"]}), CODE])
    refuse_unclear(table, [feature.model_copy(update={"categories": ["F", "M"]}), CODE])


def test_the_zeros_and_ones_of_a_file_without_types_are_numbers() -> None:
    feature = Feature(name="mgus", type="Binary")
    given_ = {"mgus": pa.array(["1", "0"]), "code": pa.array(["a", "b"])}
    [found, _] = sent(given_, feature, CODE, typeless=True)
    assert found == ("FP64", [2], [1.0, 0.0])
    [found, _] = sent(given_, feature, CODE)
    assert found == ("BYTES", [2], ["1", "0"]), "parquet has types"


def test_codes_of_a_csv_file_end_an_evaluation_with_the_way_out(bench: Bench) -> None:
    data = pa.table(columns()).to_pandas().assign(triage=1)
    path = bench.folder / "data.csv"
    data.to_csv(path, index=False)
    spec = changed("interface.features.1", {"name": "triage", "type": "Categorical"})
    spec["data"] |= {"uri": path.as_uri(), "format": "csv"}
    result = bench.run(spec)
    assert result.phase == "Error"
    assert "column triage of the csv file may hold numbers or booleans, or text" in result.message
    assert "set datatype of the feature to INT64, FP64, BOOL or BYTES" in result.message


def test_the_new_fields_change_no_hash_of_an_interface_that_has_none_of_them() -> None:
    given_ = {
        "features": [{"name": "age"}],
        "output": {"threshold": 0.4},
        "groups": [{"name": "sex", "feature": "sex"}],
    }
    told = Interface.model_validate(given_).to_json()
    assert {"request"}.isdisjoint(told)
    assert {"classes"}.isdisjoint(told["output"])  # type: ignore[arg-type]
    assert {"datatype"}.isdisjoint(told["features"][0])  # type: ignore[index,arg-type]


@pytest.mark.parametrize(
    ("kind", "protocol", "request_"),
    [
        ("matrix32", "v2", {"encoding": "Matrix", "name": "float_input", "datatype": "FP32"}),
        ("tensors", "v2", {"encoding": "Tensors"}),
        ("tensors", "v1", {"encoding": "Tensors"}),
    ],
)
def test_a_server_that_knows_its_inputs_by_name_and_type_can_be_asked(
    bench: Bench, kind: str, protocol: str, request_: dict[str, str]
) -> None:
    spec = changed("interface.request", request_)
    result = bench.run({**spec, "protocolVersion": protocol}, model_name=kind)
    assert result.phase == "Successful", result.message
    plain = bench.run()
    assert result.gates[1].estimate == pytest.approx(plain.gates[1].estimate, abs=1e-4)
    if protocol == "v2":
        assert bench.run(model_name=kind).phase == "Error", "by default it is asked otherwise"


def test_a_patients_whole_number_is_kept_out_of_messages() -> None:
    read = inputs({"code": pa.array([LARGE, None]), "flag": pa.array([True, None])},
                  [CODE, Feature(name="flag", type="Binary")])  # fmt: skip
    assert str(LARGE) in read.whole_numbers()
    assert read.words() == set()
