"""Bodies in every shape that KServe's servers take become rows and scores; others are named."""

import gzip
import json
import struct
from typing import Literal

import numpy as np
import pytest

from mlhops.api.interface import Feature, Output
from mlhops.detector.counters import Note, RequestOutcome
from mlhops.detector.decode import OUTCOMES, Decoded, Decoder
from mlhops.detector.envelope import event
from mlhops.inputs.flaws import Flaw
from mlhops.inputs.rows import Oddity, RowForm

FEATURES = [
    Feature(name="age"),
    Feature(name="creatinine"),
    Feature(name="sex", type="Categorical", categories=["F", "M"]),
]
LIMIT = 100_000
ROWS = [[61, 1.2, "F"], [47, None, "M"]]


def decoder(output: Output | None = None, features: list[Feature] | None = None) -> Decoder:
    chosen = output or Output(name="risk", threshold=0.5)
    return Decoder(features or FEATURES, chosen, LIMIT)


def of(body: object, kind: str = "request", **headers: str) -> Decoded:
    """What the decoder makes of a JSON or raw body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Ce-Type": f"org.kubeflow.serving.inference.{kind}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return decoder().decode(event(given, raw))


def rows(decoded: Decoded) -> list[list[object]]:
    assert decoded.outcome == RequestOutcome.ROWS, decoded
    return [list(row) for row in decoded.rows]


def tensor(name: str, shape: list[int], datatype: str, data: object) -> dict[str, object]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def test_v1_lists_are_rows_in_the_models_order() -> None:
    assert rows(of({"instances": ROWS})) == ROWS
    assert rows(of({"inputs": ROWS})) == ROWS


def test_v1_dicts_are_rows_by_name_in_any_order() -> None:
    given = [
        {"sex": "F", "age": 61, "creatinine": 1.2},
        {"creatinine": None, "sex": "M", "age": 47},
    ]
    assert rows(of({"instances": given})) == ROWS


def test_v1_columns_are_rows_too() -> None:
    columns = {"sex": ["F", "M"], "age": [61, 47], "creatinine": [1.2, None]}
    assert rows(of({"instances": [columns]})) == ROWS
    assert rows(of({"inputs": columns})) == ROWS


def test_a_feature_that_nobody_mentions_is_missing_and_noted() -> None:
    decoded = of({"instances": [{"age": 61, "ward": 3}]})
    assert rows(decoded) == [[61, None, None]]
    assert decoded.notes == {Note.MISSING_FEATURE, Note.UNKNOWN_FEATURE}


def test_bare_values_are_rows_of_a_model_with_one_feature() -> None:
    body = json.dumps({"instances": [1, None, 3]}).encode()
    given = event({"Ce-Type": "org.kubeflow.serving.inference.request"}, body)
    assert rows(decoder(features=FEATURES[:1]).decode(given)) == [[1], [None], [3]]
    assert decoder().decode(given).outcome == RequestOutcome.WRONG_FEATURES


@pytest.mark.parametrize("data", [[61, 1.2, 0, 47, 2, 1], [[61, 1.2, 0], [47, 2, 1]]])
def test_v2_one_tensor_with_all_features_flat_or_nested(data: object) -> None:
    decoded = of({"inputs": [tensor("input-0", [2, 3], "FP64", data)]})
    assert rows(decoded) == [[61, 1.2, 0], [47, 2, 1]]


def test_v2_named_tensors_are_columns() -> None:
    inputs = [
        tensor("sex", [2, 1], "BYTES", [["F"], ["M"]]),
        tensor("age", [2], "FP64", [61, 47]),
        tensor("creatinine", [2], "FP64", [1.2, None]),
    ]
    assert rows(of({"parameters": {"content_type": "pd"}, "inputs": inputs})) == ROWS


def binary(parts: dict[str, tuple[list[int], str, bytes]]) -> tuple[bytes, int]:
    """A body with tensors behind its JSON, and the length of the JSON."""
    inputs = [
        {"name": name, "shape": shape, "datatype": kind}
        | {"parameters": {"binary_data_size": len(data)}}
        for name, (shape, kind, data) in parts.items()
    ]
    head = json.dumps({"inputs": inputs}).encode()
    return head + b"".join(data for _, _, data in parts.values()), len(head)


def texts(*values: str) -> bytes:
    return b"".join(struct.pack("<I", len(v.encode())) + v.encode() for v in values)


COLUMNS = {
    "age": ([2], "INT32", np.array([61, 47], "<i4").tobytes()),
    "creatinine": ([2], "BF16", b"\x80\x3f\x00\x40"),  # 1.0 and 2.0
    "sex": ([2], "BYTES", texts("F", "Ж")),
}


def metadata(length: object) -> str:
    return json.dumps({"Inference-Header-Content-Length": [length]})


def test_v2_binary_tensors_are_read_by_the_header_of_their_length() -> None:
    body, length = binary(COLUMNS)
    decoded = of(body, Ce_Metadata=metadata(str(length)))
    assert rows(decoded) == [[61, 1.0, "F"], [47, 2.0, "Ж"]]
    assert decoded.notes == {Note.BINARY}


def test_v2_binary_without_the_header_is_read_where_all_lengths_agree_and_noted() -> None:
    body, _ = binary(COLUMNS)
    decoded = of(body)
    assert rows(decoded) == [[61, 1.0, "F"], [47, 2.0, "Ж"]]
    assert decoded.notes == {Note.BINARY, Note.BINARY_WITHOUT_LENGTH}
    assert of(body + b"\0").outcome == RequestOutcome.BAD_TENSOR
    assert of(body[:-1]).outcome == RequestOutcome.BAD_TENSOR


@pytest.mark.parametrize("length", ["-1", "99999999", "9" * 40, "x", None, 7])
def test_a_false_length_of_the_header_is_counted_and_nothing_worse(length: object) -> None:
    body, _ = binary(COLUMNS)
    assert of(body, Ce_Metadata=metadata(length)).outcome in (
        RequestOutcome.ROWS,
        RequestOutcome.BAD_TENSOR,
    )


def test_the_length_of_the_requests_header_does_not_cut_the_response() -> None:
    body = {"outputs": [tensor("risk", [2], "FP64", [0.1, 0.9])]}
    assert list(of(body, "response", Ce_Metadata=metadata("20")).scores) == [0.1, 0.9]


def test_v2_binary_outputs_are_scores_though_no_header_tells_their_length() -> None:
    data = np.array([0.25, 0.75], "<f4").tobytes()
    output = {"name": "risk", "shape": [2], "datatype": "FP32"}
    head = {"outputs": [output | {"parameters": {"binary_data_size": len(data)}}]}
    decoded = of(json.dumps(head).encode() + data, "response")
    assert list(decoded.scores) == [0.25, 0.75]
    assert decoded.notes == {Note.BINARY}


@pytest.mark.parametrize(
    ("body", "scores"),
    [
        ({"predictions": [0.1, None]}, [0.1, None]),
        ({"predictions": [[0.1], [0.9]]}, [0.1, 0.9]),
        ({"predictions": [[0.9, 0.1], [0.2, 0.8]]}, [0.1, 0.8]),
        ({"predictions": [{"risk": 0.1}, {"risk": 0.8}]}, [0.1, 0.8]),
        ({"outputs": [tensor("x", [2, 1], "FP64", [0.1, 0.8])]}, [0.1, 0.8]),
        ({"outputs": [tensor("x", [2, 2], "FP64", [[0.9, 0.1], [0.2, 0.8]])]}, [0.1, 0.8]),
        (
            {"outputs": [tensor("y", [1], "FP64", [7]), tensor("risk", [1], "FP64", [0.1])]},
            [0.1],
        ),
    ],
)
def test_scores_are_one_per_row(body: object, scores: list[float]) -> None:
    decoded = of(body, "response")
    assert decoded.outcome == RequestOutcome.SCORES
    assert list(decoded.scores) == scores


PAIRS = {"predictions": [[0.9, 0.1], [0.2, 0.8]]}


def scored(
    output: Output, body: object = PAIRS, positive: int | None = None
) -> tuple[RequestOutcome, list[object]]:
    given = event({"Ce-Type": "org.kubeflow.serving.inference.response"}, json.dumps(body).encode())
    decoded = Decoder(FEATURES, output, LIMIT, positive).decode(given)
    return decoded.outcome, list(decoded.scores)


def test_of_a_model_of_a_number_the_number_is_the_score() -> None:
    stay = Output(name="days", type="Value", unit="d")
    one = {"outputs": [tensor("output-0", [2], "FP64", [3.5, 120])]}
    assert scored(stay, one) == (RequestOutcome.SCORES, [3.5, 120])
    assert scored(stay, {"predictions": [[3.5], [-1]]}) == (RequestOutcome.SCORES, [3.5, -1])
    two = {"outputs": [tensor("output-0", [2, 2], "FP64", [1, 2, 3, 4])]}
    assert scored(stay, two)[0] is RequestOutcome.WRONG_OUTPUT


@pytest.mark.parametrize(
    ("body", "output", "said"),
    [
        ({"predictions": [[0.2, 0.3, 0.5], [0.9, 0.1, 0]]}, "Probability", ["3", "red"]),
        ({"predictions": [[0.2, None, 0.5], [0.9, 0.1, 0]]}, "Probability", [None, "red"]),
        ({"predictions": [3, "red"]}, "Class", ["3", "red"]),
        ({"outputs": [tensor("o", [1, 3], "FP64", [0, 1, 0])]}, "Probability", ["yellow"]),
        ({"outputs": [tensor("o", [1, 2], "FP64", [0, 1])]}, "Probability", None),
        ({"predictions": [0.5]}, "Probability", None),
        ({"predictions": [["red", "red"]]}, "Class", None),
    ],
)
def test_of_several_classes_the_one_that_the_model_says_is_counted(
    body: object, output: Literal["Probability", "Class"], said: list[object] | None
) -> None:
    declared = Output(type=output, classes=["red", "yellow", "3"])
    given = event({"Ce-Type": "org.kubeflow.serving.inference.response"}, json.dumps(body).encode())
    found = Decoder(FEATURES, declared, LIMIT, multiclass=True).decode(given)
    if said is None:
        assert found.outcome is RequestOutcome.WRONG_OUTPUT
    else:
        assert list(found.scores) == said


def test_of_two_columns_the_one_that_classes_name_is_the_score() -> None:
    output = Output(threshold=0.5, positive_class="died", classes=["died", "survived"])
    assert scored(output) == (RequestOutcome.SCORES, [0.9, 0.2])
    assert scored(output, positive=1) == (RequestOutcome.SCORES, [0.9, 0.2])
    three = {"outputs": [tensor("x", [1, 3], "FP64", [0.7, 0.2, 0.1])]}
    assert scored(output, three)[0] == RequestOutcome.WRONG_OUTPUT
    named = Output(threshold=0.5, positive_class="b", classes=["a", "b", "c"])
    assert scored(named, three) == (RequestOutcome.SCORES, [0.2])


def test_two_columns_of_which_either_could_be_the_score_are_counted_as_unclear() -> None:
    output = Output(threshold=0.5, positive_class="survived")
    assert scored(output) == (RequestOutcome.UNCLEAR_CLASS, [])
    assert scored(output, positive=1) == (RequestOutcome.SCORES, [0.1, 0.8]), (
        "as the evaluation found"
    )
    assert scored(output, {"predictions": [0.3]}) == (RequestOutcome.SCORES, [0.3])


COLUMNS_V2 = [
    tensor("age", [1], "FP64", [61]),
    tensor("creatinine", [1], "FP64", [1.2]),
    tensor("sex", [1], "BYTES", ["F"]),
]
PD = {"parameters": {"content_type": "pd"}}
FRAME = {"age": [61], "creatinine": [1.2], "sex": ["F"]}
ROW = {"age": 61, "creatinine": 1.2, "sex": "F"}


@pytest.mark.parametrize(
    ("body", "form"),
    [
        ({"instances": ROWS}, RowForm("v1", "Matrix")),
        ({"instances": [FRAME]}, RowForm("v1", "Columns")),
        ({"inputs": FRAME}, RowForm("v1", "Columns")),
        ({"instances": [ROW, ROW]}, RowForm("v1", "Tensors")),
        (
            {"instances": [ROW, dict(reversed(ROW.items()))]},
            RowForm("v1", "Tensors", reordered=1),
        ),
        ({"instances": [ROW | {"x": 1}]}, RowForm("v1", "Tensors", misnamed=1)),
        ({"instances": [{"sex": ["F"], "age": [1]}]},
         RowForm("v1", "Columns", reordered=1, misnamed=1)),
        ({"inputs": [tensor("x", [1, 3], "FP64", [1, 2, 3])]}, RowForm("v2", "Matrix")),
        (PD | {"inputs": COLUMNS_V2}, RowForm("v2", "Columns")),
        (PD | {"inputs": COLUMNS_V2[::-1]}, RowForm("v2", "Columns", reordered=1)),
        ({"inputs": COLUMNS_V2}, RowForm("v2", "Tensors")),
        (PD | {"inputs": COLUMNS_V2[:2]}, RowForm("v2", "Columns", misnamed=1)),
    ],
)  # fmt: skip
def test_how_a_request_asks_is_told(body: object, form: RowForm) -> None:
    assert of(body).form == form


@pytest.mark.parametrize(
    ("positive", "answers", "scores"),
    [
        ("died", ["died", " died", "alive", None, [1]], [1, 1, 0, None, [1]]),
        ("2", [2, 1, 2.0, "2"], [1, 0, 1, 1]),
        ("0", [0, 1, False], [1, 0, 1]),
        ("1", [1, True, 0], [1, 1, 0]),
    ],
)
def test_an_answer_of_classes_counts_as_in_the_profile(
    positive: str, answers: list[object], scores: list[object]
) -> None:
    output = Output(type="Class", positive_class=positive)
    plain = [value for value in answers if not isinstance(value, list)]
    v2 = {"outputs": [tensor("probability", [len(answers)], "BYTES", answers)]}
    for body, wanted in (({"predictions": plain}, scores[: len(plain)]), (v2, scores)):
        given = event(
            {"Ce-Type": "org.kubeflow.serving.inference.response"}, json.dumps(body).encode()
        )
        assert decoder(output).decode(given).scores == wanted


def test_a_pair_of_classes_is_no_score() -> None:
    body = json.dumps({"predictions": [["a", "b"]]}).encode()
    given = event({"Ce-Type": "org.kubeflow.serving.inference.response"}, body)
    assert decoder(Output(type="Class")).decode(given).outcome == RequestOutcome.WRONG_OUTPUT


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", RequestOutcome.EMPTY),
        (b" \n", RequestOutcome.EMPTY),
        ({"instances": []}, RequestOutcome.EMPTY),
        (b"\xff\xfe\x00", RequestOutcome.NOT_JSON),
        (b"<html>NaN</html>", RequestOutcome.NOT_JSON),
        (b"[" * 50_000, RequestOutcome.NOT_JSON),
        (b"[NaN," * 10_000, RequestOutcome.NOT_JSON),
        (b'{"instances":[[' + b"9" * 9_000 + b",NaN]]}", RequestOutcome.NOT_JSON),
        ([1, 2], RequestOutcome.NOT_A_PREDICTION),
        ({"ready": True}, RequestOutcome.NOT_A_PREDICTION),
        ({"instances": 3}, RequestOutcome.NOT_A_PREDICTION),
        ({"instances": [["a"]]}, RequestOutcome.WRONG_FEATURES),
        ({"instances": [[1, 2, 3], [1, 2]]}, RequestOutcome.WRONG_FEATURES),
        ({"instances": [[1, 2, 3], {"age": 1}]}, RequestOutcome.WRONG_FEATURES),
        ({"instances": [{"agf": 1}]}, RequestOutcome.WRONG_FEATURES),
        ({"instances": {"age": [1, 2], "sex": ["F"]}}, RequestOutcome.WRONG_FEATURES),
        ({"inputs": [tensor("x", [1, 4], "FP64", [1, 2, 3, 4])]}, RequestOutcome.WRONG_FEATURES),
        ({"inputs": [tensor("x", [3], "FP64", [1, 2, 3])]}, RequestOutcome.WRONG_FEATURES),
        ({"inputs": [tensor("x", [2, 3], "FP64", [1, 2, 3])]}, RequestOutcome.BAD_TENSOR),
        ({"inputs": [tensor("x", [1, 3], "FP64", [1, [2], 3])]}, RequestOutcome.ROWS),
        ({"inputs": [tensor("x", [1, 3], "FP64", [[1, 2, 3], 4])]}, RequestOutcome.BAD_TENSOR),
        ({"inputs": [tensor("x", [-1, 3], "FP64", [])]}, RequestOutcome.BAD_TENSOR),
        ({"inputs": [tensor("x", [2**31 - 1] * 5_000, "FP64", [])]}, RequestOutcome.BAD_TENSOR),
        ({"inputs": [tensor("x", [1, 3, *[1] * 6], "FP64", [1, 2, 3])]}, RequestOutcome.ROWS),
        ({"inputs": [tensor("x", [1, 3, *[1] * 7], "FP64", [1, 2, 3])]}, RequestOutcome.BAD_TENSOR),
        ({"inputs": [{"name": "x", "shape": [1], "datatype": 3}, None]}, RequestOutcome.BAD_TENSOR),
        (gzip.compress(b'{"ready":true}', mtime=0), RequestOutcome.NOT_A_PREDICTION),
        (gzip.compress(b"{}", mtime=0)[:-2], RequestOutcome.BAD_GZIP),
        (gzip.compress(b"{}", mtime=0) + b"more", RequestOutcome.BAD_GZIP),
        (b"\x1f\x8bnot gzip", RequestOutcome.BAD_GZIP),
        (gzip.compress(b"0" * 50_000_000), RequestOutcome.INFLATED_TOO_LARGE),
        ({"instances": [{"age": 1}] * 40_000}, RequestOutcome.TOO_MANY_ROWS),
        ({"instances": [{"age": [1] * 40_000}]}, RequestOutcome.TOO_MANY_ROWS),
    ],
)
def test_what_cannot_be_counted_has_a_name(body: object, outcome: RequestOutcome) -> None:
    assert of(body).outcome == outcome


def test_an_event_of_somebody_else_is_no_event() -> None:
    assert decoder().decode(event({}, b"{}")).outcome == RequestOutcome.NOT_AN_EVENT
    assert of({}, "feedback").outcome == RequestOutcome.NOT_AN_EVENT


def test_nan_in_a_body_is_a_value_of_its_row_and_noted() -> None:
    decoded = of(b'{"instances": [[NaN, -Infinity, "F"]]}')
    assert decoded.notes == {Note.NOT_A_NUMBER}
    assert str(rows(decoded)) == "[[nan, -inf, 'F']]"


def test_a_form_with_json_in_it_is_json() -> None:
    decoded = of({"instances": ROWS}, Content_Type="application/x-www-form-urlencoded")
    assert rows(decoded) == ROWS
    assert decoded.notes == {Note.FORM_CONTENT_TYPE}


def test_gzip_is_opened_though_no_header_says_so() -> None:
    decoded = of(gzip.compress(json.dumps({"instances": ROWS}).encode()))
    assert rows(decoded) == ROWS
    assert decoded.notes == {Note.GZIP}


def test_of_a_repeated_key_the_last_counts() -> None:
    assert rows(of(b'{"instances": [], "instances": [[1, 2, "F"]]}')) == [[1, 2, "F"]]


def test_each_flaw_and_each_oddity_is_counted_under_a_name_of_the_detector() -> None:
    assert OUTCOMES.keys() == set(Flaw)
    assert {Note(each.value) for each in Oddity} == {Note.MISSING_FEATURE, Note.UNKNOWN_FEATURE}
