"""Which counts may be told."""

import numpy as np

from mlhops.api.evaluation import EvaluationSpec
from mlhops.api.model import EvaluationSettings
from mlhops.api.policy import Privacy
from mlhops.small_cells import MIN_CELL_SIZE, SmallCells


def test_a_count_below_the_smallest_is_hidden_in_words() -> None:
    cells = SmallCells(10)
    assert [cells.text(number, "row") for number in (0, 9, 10, 7874)] == [
        "fewer than 10 rows",
        "fewer than 10 rows",
        "10 rows",
        "7,874 rows",
    ]
    assert cells.hides(np.array([9, 10])).tolist() == [True, False]
    assert SmallCells(1).text(1, "row") == "1 row"


def test_a_count_of_nobody_tells_about_nobody() -> None:
    assert [SmallCells(10).exposes(number) for number in (0, 1, 9, 10)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_total_that_leaves_few_is_not_told() -> None:
    cells = SmallCells(10)
    assert [cells.total_text(number, 100) for number in (9, 80, 95, 100)] == [
        "fewer than 10",
        "80",
        "at least 10",
        "100",
    ]


def test_every_default_is_the_same_one() -> None:
    fields = [
        kind.model_fields["min_cell_size"] for kind in (EvaluationSettings, EvaluationSpec, Privacy)
    ]
    assert {field.default for field in fields} == {MIN_CELL_SIZE}
