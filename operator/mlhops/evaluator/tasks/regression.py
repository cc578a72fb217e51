"""A number as outcome: the answer is the number itself."""

from collections.abc import Sequence

import numpy as np

from mlhops.api.interface import Output
from mlhops.evaluator.data.labels import Labels
from mlhops.evaluator.errors import EvaluationError, counted
from mlhops.evaluator.tasks import answers
from mlhops.evaluator.tasks.handler import not_one_each
from mlhops.evaluator.tasks.predictions import AnyPredictions, NumericPredictions
from mlhops.small_cells import SmallCells
from mlhops.statistics.inference.numeric import MOST, NumericAnswers, is_measurable
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
        """Return the numbers of a batch.

        Raises:
            EvaluationError: an answer is not a finite number, or too large to measure.
        """
        value = answers.scores(values, output)
        beyond = int((~is_measurable(value)).sum())
        if beyond:
            raise EvaluationError(
                f"the model answers with numbers beyond {MOST:g} for {counted(beyond, 'row')} of a batch of "
                f"{len(value):,}: correct what it predicts, or the unit in which it does (interface.output.unit)"
            )
        return NumericPredictions(value)

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
        if not is_measurable(value).all():
            return (
                f"the model answers NaN or infinity, or numbers beyond {MOST:g}, for some rows: a value must be a "
                "finite number for every patient; correct how the model treats missing values"
            )
        return ""


def _own(predictions: AnyPredictions) -> NumericPredictions:
    if not isinstance(predictions, NumericPredictions):
        raise AssertionError("these are no answers of a Regression model")
    return predictions
