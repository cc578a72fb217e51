"""Scoring through real KServe servers, and through failing ones."""

import resource
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlhops.api.evaluation import EvaluationPhase

from .conftest import ROWS, SPEC, Bench, changed, columns


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_a_fair_model_passes_through_either_protocol(bench: Bench, protocol: str) -> None:
    result = bench.run(changed("protocolVersion", protocol))
    assert result.phase == "Successful", result.message
    assert result.rows == 1500
    assert result.data_digest is not None
    assert result.seed == 11
    assert result.message == "2 of 2 required gates passed"


def test_both_protocols_and_all_batch_sizes_give_the_same_verdict(bench: Bench) -> None:
    uri = bench.write()
    runs = [
        bench.run({**changed("protocolVersion", protocol), "data": {**SPEC["data"], "uri": uri}},
                  batch_size=size)
        for protocol, size in [("v1", 500), ("v2", 500), ("v2", 97)]
    ]  # fmt: skip
    assert runs[0] == runs[1] == runs[2]


def test_the_order_of_rows_does_not_matter(bench: Bench) -> None:
    table = pa.table(columns())
    order = np.random.default_rng(1).permutation(table.num_rows)
    shuffled = table.take(pa.array(order))
    first = bench.run(data={name: table[name] for name in table.column_names})
    second = bench.run(data={name: shuffled[name] for name in table.column_names})
    assert first.gates[0] == second.gates[0]


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_the_second_of_two_probabilities_is_the_positive_class(bench: Bench, protocol: str) -> None:
    plain = bench.run(changed("protocolVersion", protocol))
    other = bench.run(changed("protocolVersion", protocol), model_name="pairs")
    assert other.gates == plain.gates


@pytest.mark.parametrize(
    ("protocol", "kind", "positive"),
    [
        ("v1", "class", "1"),
        ("v2", "class", "1.0"),
        ("v2", "class", "True"),
        ("v1", "truth", "1"),
        ("v2", "truth", "1"),
    ],
)
def test_classes_are_recognised_as_text_number_or_truth(
    bench: Bench, kind: str, protocol: str, positive: str
) -> None:
    spec = changed("interface.output", {"type": "Class", "positiveClass": positive})
    spec["protocolVersion"] = protocol
    spec["gates"] = spec["gates"][:1]
    result = bench.run(spec, model_name=kind)
    assert result.phase == "Successful", result.message
    assert result.gates[0] == bench.run().gates[0]


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_text_features_go_out_as_named_columns(bench: Bench, protocol: str) -> None:
    data = columns()
    late = np.random.default_rng(2).random(1500) < 0.5
    data["stage"] = pa.array([None if i % 9 == 0 else "late" if s else "early"
                              for i, s in enumerate(late)])  # fmt: skip
    data["death"] = np.where(np.random.default_rng(3).random(1500) < 0.9, late, ~late)
    spec = changed("protocolVersion", protocol)
    spec["interface"]["features"] = [{"name": "age"}, {"name": "stage", "type": "Categorical"}]
    result = bench.run(spec, data)
    assert result.gates[1].estimate is not None
    assert 0.8 < result.gates[1].estimate < 0.9


def test_a_model_with_classes_only_cannot_be_measured_by_its_scores(bench: Bench) -> None:
    result = bench.run(changed("interface.output", {"type": "Class"}), model_name="class")
    assert result.phase == "Error"
    assert result.gates[0].phase is EvaluationPhase.SUCCESSFUL
    assert "needs a score" in result.gates[1].message


@pytest.mark.parametrize("protocol", ["v1", "v2"])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("wide", "shape [500, 3]"),
        ("short", "shape [499]"),
        ("nan", "NaN, null or infinity for 1 row"),
        ("inf", "NaN, null or infinity for 1 row"),
        ("large", "outside 0..1"),
    ],
)
def test_a_strange_answer_is_an_error_with_a_way_out(
    bench: Bench, kind: str, message: str, protocol: str
) -> None:
    result = bench.run(changed("protocolVersion", protocol), model_name=kind)
    assert result.phase == "Error"
    assert message in result.message
    assert ": serve" in result.message or "correct" in result.message or "set" in result.message


@pytest.mark.parametrize("protocol", ["v1", "v2"])
@pytest.mark.parametrize("kind", ["class", "truth"])
def test_decisions_that_are_served_as_probabilities_are_an_error(
    bench: Bench, kind: str, protocol: str
) -> None:
    result = bench.run(changed("protocolVersion", protocol), model_name=kind)
    assert result.phase == "Error"
    assert "nothing but 0 and 1 in 1,500 rows, but interface.output.type is" in result.message
    assert "PREDICT_PROBA=true in predictor.env" in result.message
    assert "set output.type to Class" in result.message


def test_a_class_that_the_labels_do_not_have_is_an_error(bench: Bench) -> None:
    result = bench.run(changed("interface.output", {"type": "Class"}), model_name="foreign")
    assert result.phase == "Error"
    assert "classes that the label column does not have" in result.message


def test_a_model_that_is_not_there_is_an_error_with_the_servers_words(bench: Bench) -> None:
    result = bench.run(model_name="elsewhere")
    assert result.phase == "Error"
    assert "404" in result.message
    assert "elsewhere" in result.message


def test_a_servers_error_is_quoted_without_the_patients_values(bench: Bench) -> None:
    result = bench.run(model_name="echo")
    assert result.phase == "Error"
    assert "bad row […] with age …" in result.message


def test_a_server_that_fails_for_a_moment_is_asked_again(
    bench: Bench, faults: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlhops.evaluator.scoring.client._FIRST_WAIT", 0.01)
    plain = bench.run()
    assert bench.run(endpoint=f"{faults}/flaky").gates == plain.gates


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ("down", "failed 5 times at"),
        ("down", "503 Service Unavailable (no healthy upstream)"),
        ("echo", "400 Bad Request (cannot score […])"),
        ("garbage", "not of the v2 protocol"),
    ],
)
def test_a_failing_server_is_an_error_with_its_own_words(
    bench: Bench, faults: str, monkeypatch: pytest.MonkeyPatch, way: str, message: str
) -> None:
    monkeypatch.setattr("mlhops.evaluator.scoring.client._FIRST_WAIT", 0.01)
    result = bench.run(endpoint=f"{faults}/{way}")
    assert result.phase == "Error"
    assert message in result.message


def test_a_server_that_never_answers_is_an_error(
    bench: Bench, faults: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlhops.evaluator.scoring.client._FIRST_WAIT", 0.01)
    result = bench.run(endpoint=f"{faults}/hang", request_timeout=0.1)
    assert result.phase == "Error"
    assert "no answer within 0.1 s" in result.message


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("endless", "answer to 500 rows has more than 9,240,576 bytes, and a score takes some"),
        ("squeezed", "the model server compresses an answer though it was asked not to"),
    ],
)
def test_of_an_answer_no_more_is_read_than_the_rows_can_need(
    bench: Bench, faults: str, way: str, told: str
) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = bench.run(endpoint=f"{faults}/{way}")
    assert result.phase == "Error"
    assert told in result.message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


def test_nobody_listening_is_an_error(offline: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlhops.evaluator.scoring.client._FIRST_WAIT", 0.01)
    result = offline.run()
    assert result.phase == "Error"
    assert "no connection (ConnectError)" in result.message


@pytest.mark.thorough
def test_scoring_that_takes_too_long_is_an_error_that_says_how_far_it_came(bench: Bench) -> None:
    result = bench.run(model_name="slow", timeout=1.5, batch_size=300)
    assert result.phase == "Error"
    assert "longer than 1.5 s, after" in result.message
    assert "of 1,500 rows" in result.message


@pytest.mark.thorough
def test_requests_go_through_the_proxy_of_the_environment(
    bench: Bench, faults: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = bench.run()
    monkeypatch.setenv("http_proxy", faults)
    monkeypatch.setenv("no_proxy", "")
    assert bench.run(endpoint="http://model.invalid").gates == plain.gates


def test_progress_tells_rows_and_never_a_value(bench: Bench) -> None:
    bench.run()
    assert any(line.startswith("scored 1,500 of 1,500 rows") for line in bench.said)
    ages = {str(age) for age in columns()["age"]}
    assert not any(age in line for line in bench.said for age in ages)


NO_WORSE: dict[str, Any] = {
    "name": "no-worse",
    "type": "Performance",
    "metric": "AUROC",
    "across": {"groups": ["sex"]},
    "nonInferiority": {"margin": 0.05},
}


def beside(stable: dict[str, Any], *gates: dict[str, Any]) -> dict[str, Any]:
    """Return the spec with stable beside the candidate."""
    return {**changed("stable", stable), "gates": [*SPEC["gates"], *(gates or [NO_WORSE])]}


def test_the_candidate_is_held_against_stable_on_the_same_rows(bench: Bench) -> None:
    stable = {"revision": "old", "version": "0.9.0", "endpoint": bench.endpoint}
    result = bench.run(beside(stable))
    assert result.phase == "Successful", result.message
    paired = {gate.name: gate for gate in result.gates}["no-worse"]
    assert paired.estimate == 0.0
    assert "with 0.9.0: 0.000 worse, 95 % interval" in paired.message
    assert bench.said.count("asking 0.9.0, which serves, about the same rows") == 1


def test_stable_is_asked_in_its_own_protocol_for_its_own_features(bench: Bench) -> None:
    interface = {**SPEC["interface"], "output": {"type": "Probability", "threshold": 0.9}}
    stable = {
        "revision": "old",
        "version": "0.9.0",
        "endpoint": bench.endpoint,
        "protocolVersion": "v1",
        "interface": interface,
    }
    gates = [{**NO_WORSE, "name": f"g-{m}", "metric": m} for m in ("AUROC", "Sensitivity")]
    result = bench.run(beside(stable, *gates))
    found = {gate.name: gate for gate in result.gates}
    assert found["g-AUROC"].estimate == 0.0
    assert found["g-Sensitivity"].estimate is not None
    assert found["g-Sensitivity"].estimate < -0.1, "stable calls fewer at its own threshold"


def test_stable_is_sent_codes_as_it_is_declared_since(bench: Bench) -> None:
    data = columns()
    data["stage"] = np.where(data["age"] > 60, "late", "early")
    data["code"] = np.ones(ROWS, dtype=np.int64)
    path = bench.folder / "data.csv"
    pa.table(data).to_pandas().to_csv(path, index=False)
    old = [{"name": "age"}, *({"name": each, "type": "Categorical"} for each in ("stage", "code"))]
    stable = {
        "revision": "old",
        "version": "0.9.0",
        "endpoint": bench.endpoint,
        "interface": {**SPEC["interface"], "features": old},
    }
    spec = beside(stable)
    spec["data"] = {**SPEC["data"], "uri": path.as_uri(), "format": "csv"}
    spec["gates"] = [SPEC["gates"][0], NO_WORSE]
    spec["interface"] = {
        **SPEC["interface"],
        "features": [*old[:2], {**old[2], "datatype": "INT64"}],
    }
    result = bench.run(spec)
    assert result.phase == "Successful", result.message
    spec["interface"] = SPEC["interface"]
    refused = bench.run(spec)
    assert "set datatype of the feature" in refused.message
    assert "decide Override for this gate" in refused.message


@pytest.mark.parametrize(
    ("stable", "why"),
    [
        ({}, "it has no address"),
        ({"endpoint": "{faults}/down"}, "503 Service Unavailable"),
        ({"endpoint": "{faults}/garbage"}, "not of the v2 protocol"),
        (
            {
                "endpoint": "{models}",
                "interface": {
                    **SPEC["interface"],
                    "features": [{"name": "age"}, {"name": "lactate"}],
                },
            },
            "the data lack the column lactate (a feature of 0.9.0)",
        ),
        (
            {
                "endpoint": "{models}",
                "interface": {
                    **SPEC["interface"],
                    "output": {"threshold": 0.5, "positiveClass": "0"},
                },
            },
            "output.positiveClass is another one",
        ),
    ],
    ids=["unknown", "down", "garbage", "features", "meaning"],
)
def test_stable_that_cannot_be_asked_costs_only_the_gates_that_need_it(
    bench: Bench,
    faults: str,
    models: str,
    monkeypatch: pytest.MonkeyPatch,
    stable: dict[str, Any],
    why: str,
) -> None:
    monkeypatch.setattr("mlhops.evaluator.scoring.client._FIRST_WAIT", 0.01)
    places = {"faults": faults, "models": models}
    given = {k: v.format(**places) if isinstance(v, str) else v for k, v in stable.items()}
    result = bench.run(beside({"revision": "old", "version": "0.9.0", **given}))
    assert result.phase == "Error"
    assert {gate.name: gate.phase for gate in result.gates} == {
        "missed": EvaluationPhase.SUCCESSFUL,
        "discrimination": EvaluationPhase.SUCCESSFUL,
        "no-worse": EvaluationPhase.ERROR,
    }
    assert "0.9.0, which serves, cannot be compared with: " in result.message
    assert why in result.message


@pytest.mark.thorough
def test_the_time_of_an_answer_is_taken_from_requests_for_one_row(bench: Bench) -> None:
    quick = {"name": "quick", "type": "Latency", "metric": "P99", "limit": 30}
    result = bench.run(changed("gates", [*SPEC["gates"], quick]))
    assert result.phase == "Successful", result.message
    timed = {gate.name: gate for gate in result.gates}["quick"]
    assert "(1,000 requests, one after the other)" in timed.message
    assert timed.lower is not None
    assert timed.upper is not None
    assert timed.estimate is not None
    assert 0 < timed.lower <= timed.estimate <= timed.upper < 30


@pytest.mark.thorough
def test_a_slow_model_fails_its_time_and_the_time_is_bounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlhops.evaluator.scoring.timing.MOST_SECONDS", 6.0)
    usual = {"name": "usual", "type": "Latency", "metric": "P50", "limit": 0.5}
    result = bench.run(changed("gates", [*SPEC["gates"], usual]), model_name="slow")
    assert result.phase == "Failed"
    assert "the whole interval is beyond the limit" in result.message


def test_an_answer_that_is_refused_while_it_is_timed_is_an_error_of_that_gate(
    bench: Bench, faults: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlhops.evaluator.scoring.client._FIRST_WAIT", 0.01)
    quick = {"name": "quick", "type": "Latency", "metric": "P50", "limit": 30}
    result = bench.run(changed("gates", [*SPEC["gates"], quick]), endpoint=f"{faults}/batches")
    assert {gate.name: gate.phase for gate in result.gates} == {
        "missed": EvaluationPhase.SUCCESSFUL,
        "discrimination": EvaluationPhase.SUCCESSFUL,
        "quick": EvaluationPhase.ERROR,
    }
    assert "the time that an answer takes cannot be measured" in result.message
