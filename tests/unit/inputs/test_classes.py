"""Which of two columns is the score: certain, or nobody's."""

import pytest

from mlhops.api.interface import Output
from mlhops.inputs.classes import column_of


@pytest.mark.parametrize(
    ("positive", "labels", "column"),
    [
        ("1", ("0", "1"), 1),
        ("1.0", ("0", "1"), 1),
        ("True", ("0", "1"), 1),
        ("true", ("false", "true"), 1),
        ("1", ("False", "True"), 1),
        ("true", ("0.0", "1.0"), 1),
        ("2", ("1", "2"), 1),
        ("survived", ("died", "survived"), 1),
        ("died", ("died", "survived"), None),
        ("0", ("0", "1"), None),
        ("1", ("1", "2"), None),
        ("10", ("10", "9"), None),  # as numbers the second, as text the first
        ("Yes", ("Yes", "no"), None),
        ("1", ("1",), None),
        ("1", ("no", "yes"), None),
        ("1", (), 1),
        ("true", (), 1),
        ("yes", (), None),
        ("0", (), None),
    ],
)
def test_the_second_of_two_is_the_score_only_where_no_order_says_otherwise(
    positive: str, labels: tuple[str, ...], column: int | None
) -> None:
    output = Output(threshold=0.5, positive_class=positive)
    assert column_of(output, 2, labels) == column


@pytest.mark.parametrize(("width", "column"), [(2, None), (3, 1), (4, None)])
def test_declared_classes_say_which_column_it_is(width: int, column: int | None) -> None:
    output = Output(threshold=0.5, positive_class="died", classes=["alive", "died", "lost"])
    assert column_of(output, width, ("alive", "died")) == column
    assert column_of(output, width) == column


def test_three_columns_without_names_are_no_score() -> None:
    assert column_of(Output(threshold=0.5), 3, ("0", "1")) is None
