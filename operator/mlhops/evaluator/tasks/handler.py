"""What each task does with a model's answers."""

from collections.abc import Sequence
from typing import Protocol

from mlhops.api.interface import Output
from mlhops.evaluator.data.labels import Labels
from mlhops.evaluator.tasks.answers import Values
from mlhops.evaluator.tasks.predictions import AnyPredictions
from mlhops.small_cells import SmallCells
from mlhops.statistics.inference.performance import Answered
from mlhops.tasks.task import CaseKinds, Task


class TaskHandler(Protocol):
    """What a task does; registered in `registry.py`."""

    @property
    def task(self) -> Task:
        """What the task is."""

    def predictions(
        self, values: Values, output: Output, classes: frozenset[str]
    ) -> AnyPredictions:
        """Return what a model says of the rows of a batch.

        Args:
            values: its answers, one for each row.
            output: what the interface says of them.
            classes: the values of the label.

        Raises:
            EvaluationError: an answer is not of the declared type.
        """

    def joined(self, parts: Sequence[AnyPredictions], output: Output) -> AnyPredictions:
        """Return what a model says of all rows, from that of each batch.

        Raises:
            EvaluationError: the answers together cannot be what they are declared to be.
        """

    def cells(self, label: Labels, predictions: AnyPredictions) -> CaseKinds:
        """Return which rows are cases of which kind."""

    def answers(self, label: Labels, predictions: AnyPredictions) -> Answered:
        """Return answers and outcomes as measures take them."""

    def problem(
        self, output: Output, label: Labels, predictions: AnyPredictions, cells: SmallCells
    ) -> str:
        """Return why answers cannot be judged, and the way out; nothing if they can."""


def not_one_each(output: Output) -> str:
    """Return what is said of answers that are not one for each row."""
    return (
        "the model's answers are not one for each row of the data: serve a model that gives "
        f"one {output.type} per row"
    )
