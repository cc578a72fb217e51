"""One of several classes as outcome: a probability of each, or the class itself."""

from collections.abc import Sequence

import numpy as np

from mlhops.api.interface import Output
from mlhops.evaluator.data.labels import Labels
from mlhops.evaluator.tasks import answers
from mlhops.evaluator.tasks.handler import not_one_each
from mlhops.evaluator.tasks.predictions import AnyPredictions, ClassPredictions
from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Indices
from mlhops.statistics.inference.multiclass import ClassAnswers
from mlhops.tasks.multiclass import MULTICLASS
from mlhops.tasks.task import AllRows, Task


class MulticlassHandler:
    """What is done with the answers of a model of several classes."""

    def __init__(self, classes: Sequence[str]) -> None:
        """Take the classes in the order in which answers have them."""
        self._classes = tuple(classes)

    @property
    def task(self) -> Task:
        """What the task is."""
        return MULTICLASS

    def predictions(
        self, values: answers.Values, output: Output, _: frozenset[str]
    ) -> ClassPredictions:
        """Return the classes of a batch, the most probable ones where there are probabilities."""
        if output.type == "Class":
            return ClassPredictions(answers.places(values, self._classes), None, self._classes)
        probability = answers.probabilities(values, len(self._classes))
        chosen = np.asarray(probability.argmax(axis=1), dtype=np.intp)
        return ClassPredictions(chosen, probability, self._classes)

    def joined(self, parts: Sequence[AnyPredictions], _: Output) -> ClassPredictions:
        """Return the classes of all rows."""
        own = [_own(part) for part in parts]
        chosen = np.concatenate([part.chosen for part in own])
        risks = [part.probability for part in own if part.probability is not None]
        return ClassPredictions(chosen, np.concatenate(risks) if risks else None, self._classes)

    def cells(self, label: Labels, _: AnyPredictions) -> AllRows:
        """Return that each row is a case."""
        return AllRows(np.ones(len(label), dtype=np.bool_))

    def answers(self, label: Labels, predictions: AnyPredictions) -> ClassAnswers:
        """Return the model's classes with the true ones."""
        own = _own(predictions)
        return ClassAnswers(places_of(label), own.chosen, own.probability, len(self._classes))

    def problem(
        self, output: Output, label: Labels, predictions: AnyPredictions, _: SmallCells
    ) -> str:
        """Return why answers cannot be judged: the client refuses such ones, and so do we."""
        own = _own(predictions)
        risk = own.probability
        if len(own.chosen) != len(label) or (risk is not None and len(risk) != len(label)):
            return not_one_each(output)
        if risk is not None and not ((risk >= 0) & (risk <= 1)).all():
            return (
                "the model answers with numbers that are no probabilities, but interface.output.type is Probability: "
                "serve a probability of each class, or set it to Class"
            )
        return ""


def places_of(label: Labels) -> Indices:
    """Return labels as the number of each row's class."""
    return np.asarray(label, dtype=np.intp)


def _own(predictions: AnyPredictions) -> ClassPredictions:
    if not isinstance(predictions, ClassPredictions):
        raise AssertionError("these are no answers of a Multiclass model")
    return predictions
