"""Models that predict a number: their outcomes, answers, gates and what is told of them."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhops.api.base import Json
from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GateResult
from mlhops.api.interface import Output, Range
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.labels import reader
from mlhops.evaluator.data.subgroups import Levels
from mlhops.evaluator.errors import CannotTellError, EvaluationError
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks import answers
from mlhops.evaluator.tasks.binary import BinaryHandler
from mlhops.evaluator.tasks.predictions import NumericPredictions, Predictions
from mlhops.evaluator.tasks.regression import RegressionHandler
from mlhops.measures.measure import measures_of
from mlhops.statistics.arrays import Floats
from mlhops.statistics.inference import numeric

from .made_up import fair, good, judged, spec_with

OUTPUT = Output(name="stay", type="Value", unit="d", range=Range(min=0, max=365))
STABLE = {"revision": "old", "version": "1.0.0", "endpoint": "http://127.0.0.1:1"}
SUCCESSFUL, FAILED = EvaluationPhase.SUCCESSFUL, EvaluationPhase.FAILED
INCONCLUSIVE, ERROR = EvaluationPhase.INCONCLUSIVE, EvaluationPhase.ERROR


def spec_of(*gates: dict[str, Any], **fields: Any) -> EvaluationSpec:  # noqa: ANN401
    """Return the spec of a model of a number with these gates."""
    spec = spec_with(*gates, **fields)
    update = {"task": "Regression", "output": OUTPUT}
    return spec.model_copy(update={"interface": spec.interface.model_copy(update=update)})


def people(rows: int = 1200, seed: int = 1) -> LabelledRows:
    """Return stays in hospital of two sexes."""
    random = np.random.default_rng(seed)
    sex = np.arange(rows) % 3 // 2
    return LabelledRows(
        random.gamma(3, 2, rows), frozenset(), {"sex": Levels(sex.astype(np.intp), ["F", "M"])}
    )


def predicted(who: LabelledRows, noise: float = 1.0, off: float = 0.0) -> NumericPredictions:
    """Return predictions that are right but for noise, and off for men."""
    random = np.random.default_rng(7)
    men = who.levels["sex"].codes == 1
    return NumericPredictions(
        np.asarray(who.label, dtype=np.float64) + random.normal(0, noise, who.rows) + off * men
    )


def verdict(gate: dict[str, Any], noise: float = 1.0, off: float = 0.0) -> GateResult:
    """Return the verdict of one gate."""
    who = people()
    (result,) = judged(spec_of(gate), who, Measured(predicted(who, noise, off)))
    return result


@pytest.mark.parametrize(
    ("gate", "off", "phase"),
    [
        (fair(metric="MAE", limit=1), 0.0, SUCCESSFUL),
        (fair(metric="MAE", limit=1), 3.0, FAILED),
        (fair(metric="RMSE", limit=0.8, comparison="Ratio"), 0.0, SUCCESSFUL),
        (fair(metric="RMSE", limit=0.8, comparison="Ratio"), 3.0, FAILED),
        (fair(metric="Bias", limit=0.5), -1.0, FAILED),
        (fair(metric="Bias", limit=0.5, against="Best"), 1.0, FAILED),
        (fair(metric="R2", limit=0.2), 0.0, SUCCESSFUL),
        (fair(metric="CalibrationSlope", limit=0.2), 0.0, SUCCESSFUL),
        (fair(metric="WithinTolerance", tolerance=1, limit=0.2), 3.0, FAILED),
        (fair(metric="MAE", limit=1, minRows=1000), 0.0, INCONCLUSIVE),
        (good(metric="MAE", limit=1), 0.0, SUCCESSFUL),
        (good(metric="RMSE", limit=0.8), 0.0, FAILED),
        (good(metric="Bias", limit=0.2), 0.0, SUCCESSFUL),
        (good(metric="Bias", limit=0.2), -2.0, FAILED),
        (good(metric="Bias", limit=0.2), 2.0, FAILED),
        (good(metric="CalibrationSlope", limit=0.2), 0.0, SUCCESSFUL),
        (good(metric="R2", limit=0.95), 0.0, FAILED),
        (good(metric="WithinTolerance", tolerance=2, limit=0.9), 0.0, SUCCESSFUL),
        (good(metric="MAE", limit=0.77), 0.0, INCONCLUSIVE),
    ],
)
def test_a_gate_on_numbers_is_decided(
    gate: dict[str, Any], off: float, phase: EvaluationPhase
) -> None:
    assert verdict(gate, off=off).phase is phase


@pytest.mark.parametrize("metric", measures_of("Performance", "Regression"), ids=str)
def test_a_worse_candidate_is_told_from_one_that_is_as_good(metric: Any) -> None:  # noqa: ANN401
    who = people()
    tolerance = {"tolerance": 1.0} if metric.parameter else {}
    margin = {"nonInferiority": {"margin": 0.12}, "across": {"groups": ["sex"]}}
    spec = spec_of(good(metric=metric.name, **tolerance, **margin), stable=STABLE)
    same = predicted(who)
    (equal,) = judged(spec, who, Measured(same, same))
    assert equal.phase is SUCCESSFUL
    worse = NumericPredictions(2.5 * same.value - 5)
    (result,) = judged(spec, who, Measured(worse, same))
    assert result.phase is FAILED
    assert "1.0.0" in result.message


def test_numbers_are_told_with_their_unit_and_a_ratio_without() -> None:
    gap = verdict(fair(metric="MAE", limit=1), off=3.0)
    assert " d for sex=M (rows: 400) and " in gap.message
    assert "limit 1.00 d" in gap.message
    ratio = verdict(fair(metric="MAE", limit=0.8, comparison="Ratio"))
    assert " d " not in ratio.message
    off = verdict(good(metric="Bias", limit=0.2))
    assert " d off 0 (rows: 1,200)" in off.message


def test_an_undecided_gate_says_how_many_rows_would_decide_it() -> None:
    result = verdict(good(metric="MAE", limit=0.77))
    assert result.phase is INCONCLUSIVE
    assert result.needed is not None
    assert result.needed.cases == "rows"
    fairness = verdict(fair(metric="MAE", limit=0.05))
    assert fairness.needed is not None
    assert fairness.needed.each is not None
    assert "more rows" in fairness.message


def test_groups_have_rows_and_no_classes_and_small_ones_no_number() -> None:
    who = people(60)
    codes = np.where(np.arange(60) < 55, 0, 1).astype(np.intp)
    who = LabelledRows(who.label, frozenset(), {"sex": Levels(codes, ["F", "M"])})
    gate = fair(metric="MAE", limit=1, minRows=3)
    (result,) = judged(spec_of(gate), who, Measured(NumericPredictions(np.asarray(who.label))))
    assert [each.positives for each in result.groups] == [None, None]
    few = next(each for each in result.groups if each.group == "sex=M")
    assert (few.rows, few.rate, few.gap) == (None, None, None)


@pytest.mark.parametrize(
    "gate",
    [
        fair(metric="Bias", limit=0.5, minRows=1),
        fair(metric="MAE", limit=0.5, minRows=1, assurance="NotRefuted"),
        good(metric="MAE", nonInferiority={"margin": 1}, minRows=1, across={"groups": ["sex"]}),
    ],
)
def test_no_error_of_fewer_people_than_may_be_told_of_is_told(gate: dict[str, Any]) -> None:
    who = people(300)
    few = LabelledRows(
        who.label, frozenset(), {"sex": Levels((np.arange(300) < 9).astype(np.intp), ["F", "M"])}
    )
    said = predicted(few)
    said.value[:9] += 33
    spec = spec_of(gate, stable=STABLE)
    (result,) = judged(spec, few, Measured(said, predicted(few)))

    assert "3 d" not in result.message
    assert "fewer than 10" in result.message
    assert result.estimate is None or result.estimate < 20
    assert result.phase is not SUCCESSFUL


def test_a_perfect_model_is_not_proven_by_a_handful_of_rows() -> None:
    who = people(90)
    exact = NumericPredictions(np.asarray(who.label))
    (result,) = judged(spec_of(good(metric="MAE", limit=0.05)), who, Measured(exact))
    assert result.phase is INCONCLUSIVE


def test_a_metric_of_another_task_is_an_error_with_the_way_out() -> None:
    (result,) = judged(
        spec_of(good(metric="AUROC", limit=0.7)), people(), Measured(predicted(people()))
    )
    assert result.phase is ERROR
    assert "interface.task" in result.message


def labels(*batches: object, output: Output = OUTPUT) -> Floats:
    """Return what is read of a label column."""
    spec = spec_of(good(metric="MAE", limit=1))
    spec = spec.model_copy(
        update={"interface": spec.interface.model_copy(update={"output": output})}
    )
    found = reader(spec)
    for batch in batches:
        found.add(cast(Any, pa.array(cast(Any, batch))))
    assert found.classes == frozenset()
    return np.asarray(found.result(), dtype=np.float64)


def test_labels_are_numbers_in_each_usual_form() -> None:
    assert labels([1, 2], [3, 4]).tolist() == [1, 2, 3, 4]
    assert labels(["1.5", "2", " 30 "]).tolist() == [1.5, 2, 30]


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        ([[1.0, None, 3.0]], "no value in 1 row of 3: complete the outcomes"),
        ([["1", "long", "3"]], "no finite number in 1 row of 3"),
        ([[1.0, float("inf"), 3.0]], "no finite number in 1 row of 3"),
        ([[True, False]], "interface.task is Regression: set it to Binary"),
        ([[0, 1, 0, 1]], "has two numbers only, but interface.task is Regression"),
        ([[-1.0, 2.0, 400.0]], "beyond interface.output.range in 2 rows of 3"),
        ([], "the data are empty"),
    ],
)
def test_labels_that_are_no_numbers_are_refused(batches: list[object], words: str) -> None:
    with pytest.raises(EvaluationError) as refused:
        labels(*batches)
    assert words in str(refused.value)


def test_labels_that_are_too_large_to_measure_are_refused() -> None:
    boundless = OUTPUT.model_copy(update={"range": None})
    with pytest.raises(EvaluationError, match=r"label column .* beyond 1e\+38 in 1 row of 3"):
        labels([0.5, -1e300, 3.0], output=boundless)


def test_the_same_outcome_of_everybody_tells_nothing() -> None:
    with pytest.raises(CannotTellError, match="the same number"):
        labels([3.0] * 50)


NUMERIC = RegressionHandler()
ROWS = 3


def decoded_v1(predictions: Json) -> Floats:
    """Return what is understood of a v1 answer about three rows."""
    values = answers.of_v1({"predictions": predictions}, OUTPUT, ROWS)
    found = NUMERIC.joined([NUMERIC.predictions(values, OUTPUT, frozenset())], OUTPUT)
    assert isinstance(found, NumericPredictions)
    return found.value


def decoded_v2(shape: list[int], data: list[Json], datatype: str = "FP64") -> Floats:
    """Return what is understood of a v2 answer about three rows."""
    values = answers.of_v2([("output-0", shape, data)], OUTPUT, ROWS, datatypes=[datatype])
    found = NUMERIC.predictions(values, OUTPUT, frozenset())
    assert isinstance(found, NumericPredictions)
    return found.value


@pytest.mark.parametrize(
    "predictions",
    [
        [1, 2.5, -3.0],
        [[1], [2.5], [-3.0]],
        [{"stay": 1}, {"stay": 2.5}, {"stay": -3.0}],
    ],
)
def test_v1_answers_are_numbers(predictions: Json) -> None:
    assert decoded_v1(predictions).tolist() == [1, 2.5, -3]


@pytest.mark.parametrize("shape", [[3], [3, 1], [-1]])
def test_v2_answers_are_numbers(shape: list[int]) -> None:
    assert decoded_v2(shape, [1, 2.5, -3.0]).tolist() == [1, 2.5, -3]


@pytest.mark.parametrize(
    ("predictions", "words"),
    [
        ([1, 2], "[3] or [3, 1] was expected for 3 rows and output type Value"),
        ([1, 2, 3, 4], "[3] or [3, 1] was expected"),
        ([[1, 2]] * 3, "[3] or [3, 1] was expected"),
        ([[[1]], [[2]], [[3]]], "answers with list"),
        ([[1], [2, 3], [4]], "differ in length"),
        ([1, None, 3], "NaN, null or infinity for 1 row"),
        ([1, float("nan"), 3], "a value must be a finite number"),
        ([1, 10**400, 3], "infinity for 1 row"),
        ([1, 10**39, -1e300], "beyond 1e+38 for 2 rows of a batch of 3: correct what it predicts"),
        (["1", "2", "3"], "answers with str, but output.type is Value: serve numbers"),
        ([True, False, True], "answers with bool, but output.type is Value"),
        ([{"length": 1}] * 3, "NaN, null or infinity for 3 rows"),
        ({"stay": [1, 2, 3]}, "no list `predictions`"),
        (None, "no list `predictions`"),
    ],
)
def test_a_v1_answer_that_is_no_number_for_each_row_is_refused(
    predictions: Json, words: str
) -> None:
    with pytest.raises(EvaluationError) as refused:
        decoded_v1(predictions)
    assert words in str(refused.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.just("stay"), inner),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150)
@given(_JSON, st.lists(st.integers(-1, 4), max_size=3))
def test_any_answer_is_numbers_for_all_rows_or_an_error(answer: Json, shape: list[int]) -> None:
    data: list[Json] = answer if isinstance(answer, list) else [answer]
    decoders: list[Callable[[], Floats]] = [
        lambda: decoded_v1(answer),
        lambda: decoded_v2(shape, data),
    ]
    for decode in decoders:
        with suppress(EvaluationError):
            found = decode()
            assert found.shape == (ROWS,)
            assert np.isfinite(found).all()


def test_answers_that_a_client_did_not_refuse_are_refused_by_the_judge() -> None:
    who, gate = people(), good(metric="MAE", limit=1)
    short = NumericPredictions(predicted(who).value[:-1])
    odd = NumericPredictions(np.where(np.arange(who.rows) == 3, np.nan, predicted(who).value))
    for answer, words in ((short, "one for each row"), (odd, "NaN or infinity")):
        (result,) = judged(spec_of(gate), who, Measured(answer))
        assert result.phase is ERROR
        assert words in result.message


@pytest.mark.parametrize("metric", measures_of("Performance", "Regression"), ids=str)
@pytest.mark.parametrize("size", [1e39, 1e160, 1e200, 1e300])
def test_answers_that_are_too_large_to_measure_pass_no_gate(metric: Any, size: float) -> None:  # noqa: ANN401
    who = people()
    tolerance = {"tolerance": 1} if metric.parameter else {}
    gate = good(metric=metric.name, limit=0.5, assurance="NotRefuted", **tolerance)
    for answer in (np.full(who.rows, size), size * predicted(who).value, predicted(who).value):
        answer[0] = size
        (result,) = judged(spec_of(gate), who, Measured(NumericPredictions(answer)))
        assert result.phase is ERROR
        assert "numbers beyond 1e+38" in result.message


@pytest.mark.parametrize("gate", [good(metric="MAE", limit=5), fair(metric="RMSE", limit=5)])
def test_errors_that_the_operator_does_not_believe_are_an_error_with_the_way_out(
    gate: dict[str, Any],
) -> None:
    who = people()
    men = who.levels["sex"].codes == 1
    answer = predicted(who).value + 1e10 * men
    (result,) = judged(spec_of(gate), who, Measured(NumericPredictions(answer)))

    assert result.phase is ERROR
    assert f"{gate['metric']} or its interval is beyond 1e+09: correct" in result.message


def test_a_spread_beyond_all_numbers_leaves_nothing_unrefuted() -> None:
    rows = np.arange(90, dtype=np.intp)
    near = np.arange(90, dtype=np.float64) * 1e-60
    found = numeric.explained_variance(numeric.NumericAnswers(near, near + 1e37), rows)
    assert np.isnan(found.limits(2.0)).all()


@pytest.mark.parametrize("measure", [numeric.explained_variance, numeric.calibration_slope])
def test_numbers_whose_spread_is_no_number_any_more_are_not_measured(measure: Any) -> None:  # noqa: ANN401
    rows = np.arange(90, dtype=np.intp)
    tiny = np.arange(90, dtype=np.float64) * 1e-200
    found = measure(numeric.NumericAnswers(tiny, tiny), rows)
    assert np.isnan(found.estimate)


def test_answers_of_another_task_are_never_measured() -> None:
    calls = Predictions(np.zeros(3, dtype=bool), None)
    with pytest.raises(AssertionError):
        NUMERIC.answers(np.zeros(3), calls)
    with pytest.raises(AssertionError):
        BinaryHandler().cells(np.zeros(3), NumericPredictions(np.zeros(3)))
