"""A yes/no outcome: scores with a threshold, or classes."""

from collections.abc import Sequence

import numpy as np

from mlhops.api.interface import Output
from mlhops.evaluator.data.labels import Labels
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.tasks import answers
from mlhops.evaluator.tasks.handler import not_one_each
from mlhops.evaluator.tasks.inverted_scores import reversed_order
from mlhops.evaluator.tasks.predictions import AnyPredictions, Predictions
from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Bools
from mlhops.statistics.inference.performance import LabelledAnswers
from mlhops.tasks.binary import BINARY, Cells
from mlhops.tasks.task import Task


class BinaryHandler:
    """What is done with the answers of a model of a yes/no outcome."""

    @property
    def task(self) -> Task:
        """What the task is."""
        return BINARY

    def predictions(
        self, values: answers.Values, output: Output, classes: frozenset[str]
    ) -> Predictions:
        """Return scores and calls of a batch."""
        if output.type == "Class":
            return Predictions(answers.classes(values, output, classes), None)
        if output.threshold is None:
            raise EvaluationError(
                "spec.interface.output.threshold is missing: set the operating point at which a case "
                "is called positive"
            )
        score = answers.scores(values, output)
        return Predictions(score >= output.threshold, score)

    def joined(self, parts: Sequence[AnyPredictions], output: Output) -> Predictions:
        """Return scores and calls of all rows."""
        own = [_own(part) for part in parts]
        called = np.concatenate([part.called for part in own])
        scored = [part.score for part in own if part.score is not None]
        if not scored:
            return Predictions(called, None)
        score = np.concatenate(scored)
        answers.refuse_classes(score, output)
        return Predictions(called, score)

    def cells(self, label: Labels, predictions: AnyPredictions) -> Cells:
        """Return which rows are positive and negative, and called so."""
        return Cells(outcome(label), _own(predictions).called)

    def answers(self, label: Labels, predictions: AnyPredictions) -> LabelledAnswers:
        """Return scores and calls with the outcomes."""
        own = _own(predictions)
        return LabelledAnswers(outcome(label), own.score, own.called)

    def problem(
        self, output: Output, label: Labels, predictions: AnyPredictions, cells: SmallCells
    ) -> str:
        """Return why answers cannot be judged: the client refuses such ones, and so do we."""
        own = _own(predictions)
        score = own.score
        if len(own.called) != len(label) or (score is not None and len(score) != len(label)):
            return not_one_each(output)
        if score is None:
            return ""
        if not np.isfinite(score).all():
            return (
                "the model answers NaN or infinity for some rows: a score must be a finite number for "
                "every patient; correct how the model treats missing values"
            )
        if output.type == "Probability" and ((score < 0) | (score > 1)).any():
            return (
                "the model answers with numbers outside 0..1, but interface.output.type is "
                "Probability: set it to Score, or serve probabilities"
            )
        return reversed_order(output, outcome(label), score, cells)


def outcome(label: Labels) -> Bools:
    """Return labels as whether each row is positive."""
    return np.asarray(label, dtype=np.bool_)


def _own(predictions: AnyPredictions) -> Predictions:
    if not isinstance(predictions, Predictions):
        raise AssertionError("these are no answers of a Binary model")
    return predictions
