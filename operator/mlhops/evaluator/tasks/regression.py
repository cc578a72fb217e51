"""A number as outcome: the answer is the number itself."""

from collections.abc import Sequence

import numpy as np

from mlhops.api.interface import Output
from mlhops.evaluator.data.labels import Labels
from mlhops.evaluator.tasks import answers
from mlhops.evaluator.tasks.handler import not_one_each
from mlhops.evaluator.tasks.predictions import AnyPredictions, NumericPredictions
from mlhops.small_cells import SmallCells
from mlhops.statistics.inference.numeric import NumericAnswers
from mlhops.tasks.regression import REGRESSION
from mlhops.tasks.task import AllRows, Task


class RegressionHandler:
    """What is done with the answers of a model of a number."""

    @property
    def task(self) -> Task:
        """What the task is."""
        return REGRESSION

    def predictions(
        self, values: answers.Values, output: Output, _: frozenset[str]
    ) -> NumericPredictions:
        """Return the numbers of a batch."""
        return NumericPredictions(answers.scores(values, output))

    def joined(self, parts: Sequence[AnyPredictions], _: Output) -> NumericPredictions:
        """Return the numbers of all rows."""
        return NumericPredictions(np.concatenate([_own(part).value for part in parts]))

    def cells(self, label: Labels, _: AnyPredictions) -> AllRows:
        """Return that each row is a case."""
        return AllRows(np.ones(len(label), dtype=np.bool_))

    def answers(self, label: Labels, predictions: AnyPredictions) -> NumericAnswers:
        """Return the model's numbers with the true ones."""
        return NumericAnswers(np.asarray(label, dtype=np.float64), _own(predictions).value)

    def problem(
        self, output: Output, label: Labels, predictions: AnyPredictions, _: SmallCells
    ) -> str:
        """Return why answers cannot be judged: the client refuses such ones, and so do we."""
        value = _own(predictions).value
        if len(value) != len(label):
            return not_one_each(output)
        if not np.isfinite(value).all():
            return (
                "the model answers NaN or infinity for some rows: a value must be a finite number for "
                "every patient; correct how the model treats missing values"
            )
        return ""


def _own(predictions: AnyPredictions) -> NumericPredictions:
    if not isinstance(predictions, NumericPredictions):
        raise AssertionError("these are no answers of a Regression model")
    return predictions
