"""Models of several classes: their outcomes, answers, gates and what is told of them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhops.api.base import Json
from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GateResult
from mlhops.api.interface import Output
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.labels import reader
from mlhops.evaluator.data.subgroups import Levels
from mlhops.evaluator.errors import CannotTellError, EvaluationError
from mlhops.evaluator.report.classes import confusion
from mlhops.evaluator.report.collect import Evaluated, collect
from mlhops.evaluator.report.page import page
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks import answers
from mlhops.evaluator.tasks.multiclass import MulticlassHandler
from mlhops.evaluator.tasks.predictions import ClassPredictions
from mlhops.evaluator.verdict.judge import judgement, phase_of_run
from mlhops.measures.measure import measures_of
from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Floats, Indices

from .made_up import fair, good, judged, spec_with

NAMES = ("red", "yellow", "green")
OUTPUT = Output(name="triage", type="Probability", classes=list(NAMES))
SAID = OUTPUT.model_copy(update={"type": "Class"})
STABLE = {"revision": "old", "version": "1.0.0", "endpoint": "http://127.0.0.1:1"}
SUCCESSFUL, FAILED = EvaluationPhase.SUCCESSFUL, EvaluationPhase.FAILED
INCONCLUSIVE, ERROR = EvaluationPhase.INCONCLUSIVE, EvaluationPhase.ERROR
HANDLER = MulticlassHandler(NAMES)
ROWS = 2


def spec_of(*gates: dict[str, Any], output: Output = OUTPUT, **fields: Any) -> EvaluationSpec:  # noqa: ANN401
    """Return the spec of a model of three classes with these gates."""
    spec = spec_with(*gates, **fields)
    update = {"task": "Multiclass", "output": output}
    return spec.model_copy(update={"interface": spec.interface.model_copy(update=update)})


def people(rows: int = 3000) -> LabelledRows:
    """Return triage levels of two sexes."""
    random = np.random.default_rng(2)
    label = random.choice(3, rows, p=[0.2, 0.3, 0.5]).astype(np.intp)
    sex = (np.arange(rows) % 3 // 2).astype(np.intp)
    return LabelledRows(label, frozenset(NAMES), {"sex": Levels(sex, ["F", "M"])})


def predicted(who: LabelledRows, skill: float = 3.0, men: float = 3.0) -> ClassPredictions:
    """Return probabilities that tell the classes so well, of men otherwise."""
    random = np.random.default_rng(5)
    strength = np.where(who.levels["sex"].codes == 1, men, skill)
    own = np.eye(3)[np.asarray(who.label, dtype=np.intp)]
    logit = random.normal(0, 1, (who.rows, 3)) + strength[:, None] * own
    risk = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
    return ClassPredictions(np.asarray(risk.argmax(axis=1), dtype=np.intp), risk, NAMES)


def verdict(gate: dict[str, Any], men: float = 3.0) -> GateResult:
    """Return the verdict of one gate."""
    who = people()
    (result,) = judged(spec_of(gate), who, Measured(predicted(who, men=men)))
    return result


@pytest.mark.parametrize(
    ("gate", "men", "phase"),
    [
        (fair(metric="Accuracy", limit=0.1), 3.0, SUCCESSFUL),
        (fair(metric="Accuracy", limit=0.1), 1.0, FAILED),
        (fair(metric="BalancedAccuracy", limit=0.8, comparison="Ratio"), 3.0, SUCCESSFUL),
        (fair(metric="BalancedAccuracy", limit=0.8, comparison="Ratio"), 1.0, FAILED),
        (fair(metric="Kappa", limit=0.1, against="Best"), 1.0, FAILED),
        (fair(metric="MacroAUROC", limit=0.1), 3.0, SUCCESSFUL),
        (fair(metric="LogLoss", limit=0.1), 1.0, FAILED),
        (good(metric="Accuracy", limit=0.8), 3.0, SUCCESSFUL),
        (good(metric="Kappa", limit=0.98), 3.0, FAILED),
        (good(metric="LogLoss", limit=1.0), 3.0, SUCCESSFUL),
        (good(metric="MacroAUROC", limit=0.9), 3.0, SUCCESSFUL),
        (good(metric="BalancedAccuracy", limit=0.967), 3.0, INCONCLUSIVE),
    ],
)
def test_a_gate_on_several_classes_is_decided(
    gate: dict[str, Any], men: float, phase: EvaluationPhase
) -> None:
    found = verdict(gate, men)
    assert found.phase is phase, found.message


@pytest.mark.parametrize("metric", measures_of("Performance", "Multiclass"), ids=str)
def test_a_worse_candidate_is_told_from_one_that_is_as_good(metric: Any) -> None:  # noqa: ANN401
    who = people()
    margin = {"nonInferiority": {"margin": 0.05}, "across": {"groups": ["sex"]}}
    spec = spec_of(good(metric=metric.name, **margin), stable=STABLE)
    same = predicted(who)
    (equal,) = judged(spec, who, Measured(same, same))
    assert equal.phase is SUCCESSFUL
    (result,) = judged(spec, who, Measured(predicted(who, 1.0, 1.0), same))
    assert result.phase is FAILED


def test_a_group_without_enough_of_a_class_leaves_the_gate_undecided() -> None:
    who = people()
    rare = np.where(who.levels["sex"].codes == 1, np.asarray(who.label) % 2, who.label)
    some = LabelledRows(rare.astype(np.intp), who.classes, who.levels)
    gate = fair(metric="BalancedAccuracy", limit=0.2)
    (result,) = judged(spec_of(gate), some, Measured(predicted(some)))
    assert result.phase is INCONCLUSIVE


@pytest.mark.parametrize(
    ("others", "phase"), [(1, INCONCLUSIVE), (2, INCONCLUSIVE), (50, SUCCESSFUL)]
)
def test_agreement_is_not_proven_by_a_few_rows_of_another_class(
    others: int, phase: EvaluationPhase
) -> None:
    label = (np.arange(200) < others).astype(np.intp)
    sex = (np.arange(200) % 2).astype(np.intp)
    who = LabelledRows(label, frozenset(NAMES), {"sex": Levels(sex, ["F", "M"])})
    right = ClassPredictions(label, np.eye(3)[label], NAMES)
    (result,) = judged(spec_of(good(metric="Kappa", limit=0.6)), who, Measured(right))
    assert result.phase is phase


def test_no_loss_in_a_handful_of_rows_does_not_prove_a_small_one() -> None:
    label = np.repeat(np.arange(3), 20).astype(np.intp)
    who = LabelledRows(label, frozenset(NAMES), people(60).levels)
    certain = ClassPredictions(label, np.eye(3)[label], NAMES)
    (result,) = judged(spec_of(good(metric="LogLoss", limit=0.2)), who, Measured(certain))
    assert result.phase is INCONCLUSIVE


def test_a_model_without_probabilities_has_no_loss_of_them() -> None:
    who = people()
    said = ClassPredictions(predicted(who).chosen, None, NAMES)
    gates = (good(metric="LogLoss", limit=1), good(name="said", metric="Accuracy", limit=0.5))
    loss, accuracy = judged(spec_of(*gates, output=SAID), who, Measured(said))
    assert (loss.phase, accuracy.phase) == (ERROR, SUCCESSFUL)


def labels(*batches: object, classes: tuple[str, ...] = NAMES) -> Indices:
    """Return what is read of a label column."""
    output = OUTPUT.model_copy(update={"classes": list(classes)})
    found = reader(spec_of(good(metric="Accuracy", limit=0.5), output=output))
    for batch in batches:
        found.add(cast(Any, pa.array(cast(Any, batch))))
    return np.asarray(found.result(), dtype=np.intp)


def test_labels_are_the_places_of_classes() -> None:
    assert labels(["red", "green"], ["yellow"]).tolist() == [0, 2, 1]
    assert labels([1, 3, 2], classes=("1", "2", "3")).tolist() == [0, 2, 1]
    assert labels([1.0, 3.0], classes=("1", "2", "3")).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        ([["red", None]], "no value in 1 row of 2: complete the outcomes"),
        ([["red", "blue"]], "a value that interface.output.classes does not list in 1 row of 2"),
        ([], "the data are empty"),
    ],
)
def test_labels_of_no_class_are_refused(batches: list[object], words: str) -> None:
    with pytest.raises(EvaluationError) as refused:
        labels(*batches)
    assert words in str(refused.value)


def test_one_class_of_everybody_tells_nothing() -> None:
    with pytest.raises(CannotTellError, match="only one class"):
        labels(["red"] * 30)


def decoded(answer: Json, output: Output = OUTPUT) -> ClassPredictions:
    """Return what is understood of a v1 answer about two rows."""
    values = answers.of_v1({"predictions": answer}, output, ROWS, task="Multiclass")
    return HANDLER.joined([HANDLER.predictions(values, output, frozenset())], output)


def decoded_v2(shape: list[int], data: list[Json], output: Output = OUTPUT) -> ClassPredictions:
    """Return what is understood of a v2 answer about two rows."""
    tensors = [("output-0", shape, data)]
    values = answers.of_v2(tensors, output, ROWS, datatypes=["FP32"], task="Multiclass")
    return HANDLER.predictions(values, output, frozenset())


def test_answers_are_probabilities_or_classes() -> None:
    risks: list[Json] = [0.2, 0.3, 0.5, 0.9, 0.05, 0.05]
    for found in (decoded([risks[:3], risks[3:]]), decoded_v2([2, 3], risks)):
        assert found.chosen.tolist() == [2, 0]
        assert found.probability is not None
        assert found.probability.tolist() == [risks[:3], risks[3:]]
    for said in (decoded(["green", "red"], SAID), decoded_v2([2, 1], ["green", "red"], SAID)):
        assert said.chosen.tolist() == [2, 0]
        assert said.probability is None


@pytest.mark.parametrize(
    ("answer", "output", "words"),
    [
        ([0.2, 0.3], OUTPUT, "[2, 3] was expected for 2 rows and 3 classes"),
        ([[0.5, 0.5]] * 2, OUTPUT, "list all of them in the server's order"),
        ([[0.2, 0.3, 0.5]] * 3, OUTPUT, "[2, 3] was expected"),
        ([[0.2, 0.3, 0.9]] * 2, OUTPUT, "of 2 rows of a batch of 2 do not add up to 1"),
        ([[2, -1, 0]] * 2, OUTPUT, "outside 0..1"),
        ([[0.2, None, 0.8]] * 2, OUTPUT, "NaN, null or infinity"),
        ([["a", "b", "c"]] * 2, OUTPUT, "serve numbers"),
        ([[0.2, 0.8], [1]], OUTPUT, "differ in length"),
        (["red", "blue"], SAID, "classes that interface.output.classes does not list for 1 row"),
        ([None, "red"], SAID, "does not list for 1 row"),
        ([[0.2, 0.3, 0.5]] * 2, SAID, "serve a model that gives one Class per row"),
        ({"a": 1}, OUTPUT, "no list `predictions`"),
    ],
)
def test_an_answer_that_is_no_class_for_each_row_is_refused(
    answer: Json, output: Output, words: str
) -> None:
    with pytest.raises(EvaluationError) as refused:
        decoded(answer, output)
    assert words in str(refused.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.floats() | st.sampled_from(["red", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("triage"), inner),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150)
@given(_JSON, st.lists(st.integers(-1, 4), max_size=3), st.sampled_from([OUTPUT, SAID]))
def test_any_answer_is_a_class_for_each_row_or_an_error(
    answer: Json, shape: list[int], output: Output
) -> None:
    data: list[Json] = answer if isinstance(answer, list) else [answer]
    decoders: list[Callable[[], ClassPredictions]] = [
        lambda: decoded(answer, output),
        lambda: decoded_v2(shape, data, output),
    ]
    for decode in decoders:
        with suppress(EvaluationError):
            found = decode()
            assert found.rows == ROWS
            assert (found.chosen < len(NAMES)).all()


def matrix(counts: list[list[int]]) -> list[list[float | None]]:
    """Return the confusion matrix of so many people of each kind."""
    table = np.array(counts)
    label, chosen = (np.repeat(each.ravel(), table.ravel()) for each in np.indices(table.shape))
    who = LabelledRows(label.astype(np.intp), frozenset(NAMES), {})
    said = ClassPredictions(chosen.astype(np.intp), None, NAMES)
    found = confusion(who, said, SmallCells(10))
    assert found is not None
    return [list(row) for row in found.rows]


def test_no_small_number_is_told_by_a_confusion_matrix_nor_follows_from_it() -> None:
    assert matrix([[50, 30, 20], [0, 90, 10], [0, 0, 40]]) == [
        [0.5, 0.3, 0.2],
        [0.0, 0.9, 0.1],
        [0.0, 0.0, 1.0],
    ]
    # 4 of 100 would follow from the other two.
    assert matrix([[66, 30, 4], [10, 10, 10], [3, 3, 3]]) == [
        [0.66, None, None],
        [1 / 3, 1 / 3, 1 / 3],
        [None, None, None],
    ]


def test_a_report_has_a_confusion_matrix_and_nothing_of_two_classes() -> None:
    who = people()
    spec, measured = spec_of(fair(metric="Accuracy", limit=0.1)), Measured(predicted(who))
    found = judgement(spec, who, measured)
    now, phase = datetime(2026, 1, 1, tzinfo=UTC), phase_of_run(found.gates)
    run = Evaluated(spec, phase, "", "sha256:0", now, "0", found.gates, found, who, measured)
    text = page(collect(run)).decode()
    assert "Which class the model says" in text
    assert "said yellow" in text
    assert ">Positives<" not in text
    risk: Floats = cast(Any, measured.candidate).probability
    share = (risk.argmax(axis=1) == 0)[np.asarray(who.label) == 0].mean()
    assert f"{100 * share:.1f} %" in text
