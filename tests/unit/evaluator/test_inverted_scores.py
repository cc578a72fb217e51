"""Scores that rank the wrong way round are an Error whatever the gates ask."""

from typing import Any

import numpy as np
import pytest

from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.interface import Output
from mlhops.evaluator.tasks.inverted_scores import reversed_order
from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Bools, Floats

from .conftest import SPEC, Bench, columns

OUTPUT = Output(threshold=0.5, positive_class="died")


def people(rows: int, strength: float, seed: int = 3) -> tuple[Bools, Floats]:
    random = np.random.default_rng(seed)
    label = random.random(rows) < 0.4
    return label, random.normal(size=rows) + strength * label


def in_words(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    output = {"threshold": 0.5, "positiveClass": "died", **more}
    return {
        **SPEC,
        "interface": {**SPEC["interface"], "output": output},
        "gates": SPEC["gates"][:1],
    }


def with_words() -> dict[str, Any]:
    given = columns()
    return given | {"death": np.where(given["death"] == 1, "died", "survived")}


@pytest.mark.parametrize("strength", [-0.5, -3.0])
def test_an_interval_wholly_below_a_half_asks_about_the_order_of_classes(strength: float) -> None:
    told = reversed_order(OUTPUT, *people(2000, strength))
    assert "below 0.5" in told
    assert "interface.output.classes" in told
    assert "output.positiveClass (died)" in told


@pytest.mark.parametrize("strength", [0.0, 0.5])
def test_chance_and_skill_are_left_to_the_gates(strength: float) -> None:
    assert reversed_order(OUTPUT, *people(2000, strength)) == ""


def test_few_cases_and_classes_are_left_to_the_gates() -> None:
    label, score = people(2000, -3.0)
    assert reversed_order(OUTPUT, label, None) == ""
    few = np.flatnonzero(label)[:9]
    rows = np.concatenate([few, np.flatnonzero(~label)])
    assert reversed_order(OUTPUT, label[rows], score[rows]) == ""
    assert reversed_order(OUTPUT, label[label], score[label]) == ""


def test_of_cases_that_may_not_be_counted_it_is_told_without_numbers() -> None:
    told = reversed_order(OUTPUT, *people(100, -3.0), cells=SmallCells(10**6))
    assert told.startswith("AUROC is below 0.5 with all of its 95% interval: ")


def test_of_very_many_rows_some_are_enough() -> None:
    assert "below 0.5" in reversed_order(OUTPUT, *people(450_000, -1.0))


def test_very_many_cases_and_controls_in_turns_are_looked_at_alike() -> None:
    label = np.tile([True, False], 200_000)
    assert "below 0.5" in reversed_order(OUTPUT, label, 1.0 - label)


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_two_columns_of_which_either_could_be_the_score_are_refused(
    bench: Bench, protocol: str
) -> None:
    result = bench.run(
        {**in_words(), "protocolVersion": protocol}, with_words(), model_name="first"
    )
    assert result.phase == "Error"
    assert "not certain which is the score of output.positiveClass 'died'" in result.message
    assert "interface.output.classes" in result.message


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_the_score_is_the_column_that_classes_name(bench: Bench, protocol: str) -> None:
    plain = bench.run({**SPEC, "gates": SPEC["gates"][:1]})
    spec = {**in_words(classes=["died", "survived"]), "protocolVersion": protocol}
    assert bench.run(spec, with_words(), model_name="first").gates == plain.gates
    three = in_words(classes=["survived", "died", "lost"])
    assert bench.run(three, with_words(), model_name="wide").gates == plain.gates


def test_a_declared_order_that_is_the_wrong_one_is_an_error_of_every_gate(bench: Bench) -> None:
    spec = in_words(classes=["survived", "died"])
    result = bench.run(spec, with_words(), model_name="first")
    assert result.phase == "Error"
    assert [gate.phase for gate in result.gates] == [EvaluationPhase.ERROR]
    assert "below 0.5" in result.message
    assert "Compare interface.output.classes" in result.message


def test_an_answer_of_another_type_than_declared_is_refused(bench: Bench) -> None:
    good = {**SPEC["interface"], "output": {"threshold": 0.5, "datatype": "FP64"}}
    assert bench.run({**SPEC, "interface": good}).phase == "Successful"
    bad = {**good, "output": {"threshold": 0.5, "datatype": "FP32"}}
    result = bench.run({**SPEC, "interface": bad})
    assert result.phase == "Error"
    assert "a tensor of FP64, but interface.output.datatype is FP32" in result.message


def test_columns_that_are_not_as_many_as_the_classes_are_refused(bench: Bench) -> None:
    spec = in_words(classes=["died", "survived"])
    result = bench.run(spec, with_words(), model_name="wide")
    assert result.phase == "Error"
    assert "shape [500, 3]" in result.message
    assert "as many classes in interface.output.classes as it has columns" in result.message
