"""Bad input ends in Error or Inconclusive with the field and the way out, and never in Successful."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GateResult
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Levels
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.evaluator.verdict.judge import phase_of_run
from mlhops.measures.measure import measures_of

from .made_up import fair, good, judged, spec_with

ERROR = EvaluationPhase.ERROR
INCONCLUSIVE = EvaluationPhase.INCONCLUSIVE
SUCCESSFUL = EvaluationPhase.SUCCESSFUL

ALL: list[dict[str, Any]] = [
    *(
        fair(name=f"f-{metric}", metric=str(metric), limit=1.0)
        for metric in measures_of("Fairness", "Binary")
    ),
    *(
        fair(name=f"r-{against}", comparison="Ratio", against=against, limit=0.0)
        for against in ("Rest", "Best")
    ),
    *(
        good(
            name=f"p-{metric}",
            metric=str(metric),
            limit=1.0 if metric.better == "Lower" else 0.0,
            nonInferiority={"margin": 0.99},
            across={"groups": ["sex"]},
        )
        for metric in measures_of("Performance", "Binary")
    ),
]
"""Every gate, each with a limit that anything meets: only doubt can keep it from passing."""
SERVES = {"revision": "bcdfg", "version": "1.0.0", "endpoint": "http://stable"}
WRONG = st.sampled_from([math.nan, math.inf, -math.inf])
OUTSIDE = st.floats(-1e9, -1e-5) | st.floats(1.00001, 1e9)


def people(rows: int, values: list[str], seed: int = 1) -> tuple[LabelledRows, np.ndarray]:
    """Return people of both outcomes in groups of these names, and scores that are about right."""
    random = np.random.default_rng(seed)
    codes = random.integers(len(values), size=rows).astype(np.intp)
    label = random.random(rows) < 0.5
    found = LabelledRows(label, frozenset({"0", "1"}), {"sex": Levels(codes, values)})
    return found, 0.3 * label + 0.7 * random.random(rows)


def every(
    who: LabelledRows, candidate: Predictions, stable: Predictions | None = None, **output: object
) -> list[GateResult]:
    spec = spec_with(*ALL, **({"stable": SERVES} if stable is not None else {}))
    if output:
        interface = spec.interface.model_copy(
            update={"output": spec.interface.output.model_copy(update=output)}
        )
        spec = EvaluationSpec.model_validate(
            spec.model_copy(update={"interface": interface}).to_json()
        )
    return judged(spec, who, Measured(candidate, stable))


def calls(score: np.ndarray) -> Predictions:
    return Predictions(score >= 0.5, score)


def test_sound_input_passes_all_of_these_gates() -> None:
    who, score = people(4000, ["F", "M"])
    assert {result.phase for result in every(who, calls(score), calls(score))} == {SUCCESSFUL}


@given(wrong=WRONG, places=st.sets(st.integers(0, 299), min_size=1, max_size=300))
def test_a_score_that_is_no_number_never_passes(wrong: float, places: set[int]) -> None:
    who, score = people(300, ["F", "M"])
    score[list(places)] = wrong
    for result in every(who, calls(score), calls(people(300, ["F", "M"])[1])):
        assert result.phase is ERROR
        assert "a score must be a finite number" in result.message


@pytest.mark.thorough
@given(wrong=WRONG, places=st.sets(st.integers(0, 299), min_size=1, max_size=300))
def test_a_score_of_stable_that_is_no_number_never_passes(wrong: float, places: set[int]) -> None:
    who, score = people(300, ["F", "M"])
    old = score.copy()
    old[list(places)] = wrong
    for result in every(who, calls(score), calls(old)):
        if result.name.startswith("p-"):
            assert result.phase is ERROR
            assert "1.0.0" in result.message


@given(wrong=OUTSIDE, place=st.integers(0, 299))
def test_a_probability_outside_zero_and_one_never_passes(wrong: float, place: int) -> None:
    who, score = people(300, ["F", "M"])
    score[place] = wrong
    for result in every(who, calls(score)):
        assert result.phase is ERROR
        assert "outside 0..1" in result.message
        assert "set it to Score, or serve probabilities" in result.message


@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_never_passes_what_needs_the_other(outcome: bool) -> None:
    who, score = people(2000, ["F", "M"])
    one = LabelledRows(np.full(2000, outcome), who.classes, who.levels)
    # What is left: rates that are about the one class, or about all rows.
    about = {"SelectionRate", "PositivePredictiveValue", "NegativePredictiveValue", "PPV", "NPV"}
    about |= (
        {"FalseNegativeRate", "TruePositiveRate", "Sensitivity"}
        if outcome
        else {"FalsePositiveRate", "Specificity"}
    )
    for result in every(one, calls(score), calls(score)):
        if result.metric not in about:
            assert result.phase is INCONCLUSIVE, result
            assert "add" in result.message or "needs" in result.message


def test_nobody_at_all_never_passes() -> None:
    nobody = LabelledRows(
        np.zeros(0, dtype=bool), frozenset(), {"sex": Levels(np.zeros(0, int), ["F"])}
    )
    for result in every(nobody, Predictions(np.zeros(0, dtype=bool), np.zeros(0))):
        assert result.phase is INCONCLUSIVE
        assert "name data with people in them in data.uri" in result.message


@given(st.integers(1, 400), st.integers(0, 400))
def test_answers_that_are_not_one_a_row_never_pass(rows: int, answers: int) -> None:
    assume(rows != answers)
    who, _ = people(rows, ["F", "M"])
    for result in every(who, calls(np.full(answers, 0.7))):
        assert result.phase is ERROR
        assert "not one for each row" in result.message


NAMES = st.lists(
    st.text(min_size=1, max_size=80).filter(lambda name: name.strip() != ""),
    min_size=2,
    max_size=5,
    unique=True,
)


@pytest.mark.thorough
@settings(max_examples=60)
@given(NAMES, st.integers(0, 400), st.integers(0, 3))
def test_groups_of_any_name_and_size_are_judged_or_named(
    names: list[str], rows: int, empty: int
) -> None:
    """A group passes only if it is there and large enough, whatever it is called."""
    random = np.random.default_rng(rows)
    seen = names[: max(len(names) - empty, 1)]
    codes = random.integers(len(seen), size=rows).astype(np.intp)
    label = random.random(rows) < 0.5
    who = LabelledRows(label, frozenset({"0", "1"}), {"sex": Levels(codes, names)})
    score = 0.3 * label + 0.7 * random.random(rows)
    sizes = np.bincount(codes, minlength=len(names))
    results = every(who, calls(score))
    for result in results:
        assert all(sign.isprintable() for sign in result.message)
        assert result.phase is not ERROR
        if sizes.min() < 20 and result.name.startswith("f-"):
            assert result.phase is INCONCLUSIVE
            assert result.message
    for result in results:
        # A group may well be called Infinity; no number may.
        json.loads(result.model_dump_json(), parse_constant=pytest.fail)
    assert GateResult.model_validate_json(results[0].model_dump_json()) == results[0]


def test_gates_in_error_decide_the_run_against_any_number_that_passed() -> None:
    who, score = people(4000, ["F", "M"])
    results = every(who, calls(score), Predictions(score >= 0.5, None))
    assert {result.phase for result in results} == {SUCCESSFUL, ERROR}
    assert phase_of_run(results) is ERROR
