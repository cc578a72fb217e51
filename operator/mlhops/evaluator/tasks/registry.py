"""Each task's handler, by its name."""

from typing import assert_never

from mlhops.evaluator.tasks.binary import BinaryHandler
from mlhops.evaluator.tasks.handler import TaskHandler
from mlhops.evaluator.tasks.regression import RegressionHandler
from mlhops.tasks.task import TaskName


def handler_of(task: TaskName) -> TaskHandler:
    """Return what a task does with a model's answers."""
    match task:
        case "Binary":
            return BinaryHandler()
        case "Regression":
            return RegressionHandler()
        case other:
            assert_never(other)
