"""Values of foreign origin as text: labels, answers, and what servers say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.base import Json
from mlhops.api.interface import Feature, Output
from mlhops.evaluator.data.convert import canonical
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.scoring.redact import quote
from mlhops.evaluator.tasks import answers
from mlhops.inputs.request import words_for

PROBABILITY = Output(threshold=0.5)


@pytest.mark.parametrize("one", [1, 1.0, True, "1", "1.0", " 1 ", "true", "True", "1e0"])
def test_one_is_the_same_in_every_dress(one: object) -> None:
    assert canonical(one) == "1"


@pytest.mark.parametrize(
    ("value", "text"),
    [("yes", "yes"), ("0.5", "0.5"), ("1_0", "1_0"), ("nan", "nan"), (False, "0"), (-3.0, "-3")],
)
def test_other_values_keep_their_text(value: object, text: str) -> None:
    assert canonical(value) == text


@given(st.text(max_size=15), st.integers(10000, 10**9))
def test_a_server_cannot_repeat_text_or_long_numbers_that_it_was_sent(
    text: str, number: int
) -> None:
    said = quote(f"cannot use '{text}' or {number}: Smith", set(), {"Smith"}, set())
    assert "Smith" not in said
    assert str(number) not in said
    assert len(said) <= 200


@pytest.mark.parametrize("word", ["Smith ", " Smith", "Jo  Smith", "Jo\tSmith\n"])
def test_blanks_in_what_was_sent_do_not_let_a_server_repeat_it(word: str) -> None:
    for text in (f"bad value {word} in column ward", f"bad value: {word}"):
        assert "Smith" not in quote(text, {"ward"}, {word}, set())


def test_what_explains_a_mistake_stays() -> None:
    said = "X has 3 features, but Pipeline is expecting 6 features as input for 'age'"
    assert quote(said, {"age"}, set(), {"3", "6"}) == said


@pytest.mark.parametrize(
    "said",
    [
        "columns are missing: {'HbA1c (%)', 'glucose [mg/dL]'}",
        "Feature names unseen at fit time: - FEV1.0 - admission type",
        'cannot read "Na+, serum"',
    ],
)
def test_names_as_data_have_them_stay_whole(said: str) -> None:
    names = {"HbA1c (%)", "glucose [mg/dL]", "FEV1.0", "admission type", "Na+, serum"}
    assert quote(said, names, {"type", "serum"}, {"1"}) == said


def test_a_name_lets_no_value_through() -> None:
    names = {"HbA1c (%)", "1", "1650.5"}
    said = "got HbA1c (%) Smith, '1' and 1650.5"
    assert quote(said, names, {"HbA1c (%) Smith"}, {"1"}) == "got …, '…' and …"


@pytest.mark.parametrize("body", [None, [], {}, {"predictions": 3}, {"outputs": []}])
def test_a_body_that_is_not_of_the_v1_protocol_is_refused(body: object) -> None:
    with pytest.raises(EvaluationError, match="`predictions`"):
        answers.of_v1(body, PROBABILITY, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rows", [[0.1, 0.9], [[0.1], [0.9]], [[0.9, 0.1], [0.1, 0.9]], [{"p": 0.1}, {"p": 0.9}]]
)
def test_v1_rows_are_read_in_each_usual_form(rows: list[Json]) -> None:
    output = Output(name="p", threshold=0.5)
    values = answers.of_v1({"predictions": rows}, output, 2)
    assert answers.scores(values, output).tolist() == [0.1, 0.9]


@pytest.mark.parametrize(
    "rows", [[0.1], [0.1, 0.2, 0.3], [[0.1, 0.2, 0.3]] * 2, [[0.1], [0.1, 0.2]]]
)
def test_v1_rows_of_another_shape_are_refused(rows: list[Json]) -> None:
    with pytest.raises(EvaluationError, match=r"shape|length"):
        answers.of_v1({"predictions": rows}, PROBABILITY, 2)


def test_of_several_v2_tensors_the_one_with_the_outputs_name_counts() -> None:
    tensors: list[tuple[str, list[int], list[Json]]] = [
        ("label", [2], [0, 1]),
        ("probability", [2], [0.1, 0.9]),
    ]
    values = answers.of_v2(tensors, PROBABILITY, 2)
    assert answers.scores(values, PROBABILITY).tolist() == [0.1, 0.9]
    with pytest.raises(EvaluationError, match=r"set interface\.output\.name"):
        answers.of_v2(tensors, Output(name="risk", threshold=0.5), 2)


def test_a_v2_tensor_that_contradicts_its_own_shape_is_refused() -> None:
    with pytest.raises(EvaluationError, match=r"does not fit its own shape \[2\]"):
        answers.of_v2([("output-0", [2], [0.1, 0.2, 0.3])], PROBABILITY, 2)


@given(st.floats().filter(lambda value: not 0 <= value <= 1))
def test_no_probability_outside_zero_and_one_gets_through(value: float) -> None:
    values = answers.of_v1({"predictions": [0.5, value]}, PROBABILITY, 2)
    if -1e-6 <= value <= 1 + 1e-6:
        assert 0 <= answers.scores(values, PROBABILITY)[1] <= 1
    else:
        with pytest.raises(EvaluationError, match=r"outside 0\.\.1|NaN"):
            answers.scores(values, PROBABILITY)


@pytest.mark.parametrize("other", [0.0, 1.0])
def test_fifty_probabilities_of_nothing_but_0_and_1_are_refused(other: float) -> None:
    with pytest.raises(EvaluationError, match="nothing but 0 and 1 in 50 rows"):
        answers.refuse_classes(np.array([other] * 49 + [1.0]), PROBABILITY)


@pytest.mark.parametrize(
    ("score", "output"),
    [
        ([0.0, 1.0] * 24 + [1.0], PROBABILITY),
        ([0.0, 1.0] * 500 + [0.999], PROBABILITY),
        ([0.5] * 50, PROBABILITY),
        ([0.0, 1.0] * 25, Output(type="Score", threshold=0.5)),
    ],
)
def test_few_rows_one_fraction_or_a_score_are_not_refused(
    score: list[float], output: Output
) -> None:
    answers.refuse_classes(np.array(score), output)


def test_a_score_may_be_any_finite_number() -> None:
    output = Output(type="Score", threshold=0.0)
    values = answers.of_v1({"predictions": [-3.5, 12]}, output, 2)
    assert answers.scores(values, output).tolist() == [-3.5, 12.0]


def test_binary_features_go_out_as_numbers_unless_their_categories_are_words() -> None:
    assert not words_for(Feature(name="mgus", type="Binary"))
    assert not words_for(Feature(name="mgus", type="Binary", categories=["0", "1"]))
    assert words_for(Feature(name="sex", type="Binary", categories=["F", "M"]))


def test_a_server_may_name_types_unless_they_were_sent() -> None:
    said = "unhashable type: 'list'"
    assert quote(said, set(), set(), set()) == said
    assert "list" not in quote(said, set(), {"list"}, set())
