"""People whose labels, calls and groups are known, and the verdict of gates on them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from mlhops.api.evaluation import EvaluationSpec, GateResult
from mlhops.api.result import Result, decode, encode
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Levels
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.evaluator.verdict.judge import judge, phase_of_run
from mlhops.rollout.evaluation.last_words import problem
from testkit.last_words import DIGEST

from .conftest import changed

# For each group: missed cases, found cases, false alarms, true negatives.
Cells = dict[str, tuple[int, int, int, int]]

EQUAL: Cells = {"F": (400, 1600, 200, 800), "M": (400, 1600, 200, 800)}
UNEQUAL: Cells = {"F": (800, 1200, 200, 800), "M": (400, 1600, 200, 800)}
NARROW: Cells = {"F": (40, 100, 20, 80), "M": (40, 100, 20, 80)}


def people_of(
    cells: Cells, declared: Sequence[str] | None = None
) -> tuple[LabelledRows, Predictions]:
    """Return people in the groups of `sex`, and what the model says of them."""
    values = list(declared or cells)
    codes, label, called = [], [], []
    for name, counts in cells.items():
        kinds = zip(counts, [(1, 0), (1, 1), (0, 1), (0, 0)], strict=True)
        for number, (truth, call) in kinds:
            codes += [values.index(name)] * number
            label += [truth] * number
            called += [call] * number
    levels = {"sex": Levels(np.array(codes, dtype=np.intp), values)}
    people = LabelledRows(np.array(label, dtype=bool), frozenset({"0", "1"}), levels)
    return people, Predictions(np.array(called, dtype=bool), np.array(called, dtype=np.float64))


def spec_with(*gates: dict[str, Any], **fields: Any) -> EvaluationSpec:  # noqa: ANN401
    """Return a spec with these gates."""
    base = {**changed("seed", 1), "gates": list(gates), **fields}
    base["data"]["uri"] = "file:///data.parquet"
    return EvaluationSpec.model_validate(base)


def fair(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a fairness gate over `sex`."""
    gate = {
        "name": "missed",
        "type": "Fairness",
        "metric": "FalseNegativeRate",
        "across": {"groups": ["sex"]},
        "limit": 0.1,
    }
    return {**gate, **fields}


def good(**fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a performance gate."""
    return {"name": "good", "type": "Performance", "metric": "Sensitivity", **fields}


def verdict(cells: Cells, declared: Sequence[str] | None = None, **gate: Any) -> GateResult:  # noqa: ANN401
    """Return the verdict of one fairness gate over `sex`, on a model that answers with classes.

    Scores that rank the wrong way round would be refused whatever the gate says.
    """
    people, predictions = people_of(cells, declared)
    classes = replace(predictions, score=None)
    (result,) = judged(spec_with(fair(**gate)), people, Measured(classes))
    return result


def judged(spec: EvaluationSpec, people: LabelledRows, measured: Measured) -> list[GateResult]:
    """Return the verdicts of all gates, which the operator must be able to believe."""
    gates = judge(spec, people, measured)
    told = Result(
        phase=cast(Any, phase_of_run(gates).value),
        gates=gates,
        rows=people.rows,
        data_digest=spec.data.digest or DIGEST,
        seed=spec.seed,
    )
    assert problem(spec, told) == ""
    assert problem(spec, decode(encode(told))) == ""
    return gates
