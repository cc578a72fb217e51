"""Each task's handler, by its name."""

from typing import assert_never

from mlhops.api.interface import Interface
from mlhops.evaluator.tasks.binary import BinaryHandler
from mlhops.evaluator.tasks.handler import TaskHandler
from mlhops.evaluator.tasks.multiclass import MulticlassHandler
from mlhops.evaluator.tasks.regression import RegressionHandler


def handler_of(interface: Interface) -> TaskHandler:
    """Return what a model's task does with its answers."""
    match interface.task:
        case "Binary":
            return BinaryHandler()
        case "Multiclass":
            return MulticlassHandler(interface.output.classes or ())
        case "Regression":
            return RegressionHandler()
        case other:
            assert_never(other)
