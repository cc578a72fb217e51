"""Metrics of models that say which of several classes a person is of.

To add one, register it here: nothing else lists metrics. What it computes with is imported where it computes,
never at the top.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlhops.measures.measure import Measure, MeasureBounds, OfClasses, register
from mlhops.tasks.task import TaskName

if TYPE_CHECKING:
    from mlhops.statistics.arrays import Indices
    from mlhops.statistics.inference.influence import Piece
    from mlhops.statistics.inference.multiclass import ClassAnswers

LOSS = MeasureBounds(
    0.0,
    34.0,
    "limit of LogLoss is in nats, more than 0 and at most 34: write 0.69 for a risk of a half of what came true",
    open=True,
    margin="of LogLoss it is in nats: write 0.02",
)
_TASKS: tuple[TaskName, ...] = ("Multiclass",)
_NOBODY = "there is no row"
_FEW = "there are fewer than 20 rows of a class"


def _accuracy(answers: ClassAnswers, rows: Indices) -> Piece:
    from mlhops.statistics.inference import multiclass

    return multiclass.accuracy(answers, rows)


def _balanced(answers: ClassAnswers, rows: Indices) -> Piece:
    from mlhops.statistics.inference import multiclass

    return multiclass.balanced_accuracy(answers, rows)


def _kappa(answers: ClassAnswers, rows: Indices) -> Piece:
    from mlhops.statistics.inference import multiclass

    return multiclass.kappa(answers, rows)


def _log_loss(answers: ClassAnswers, rows: Indices) -> Piece:
    from mlhops.statistics.inference import multiclass

    return multiclass.log_loss(answers, rows)


def _macro_auroc(answers: ClassAnswers, rows: Indices) -> Piece:
    from mlhops.statistics.inference import multiclass

    return multiclass.macro_auroc(answers, rows)


ACCURACY = register(
    Measure(
        name="Accuracy",
        gates=("Fairness", "Performance"),
        better="Higher",
        how=OfClasses(_accuracy, ratio=True),
        definition="the share of people whose class the model says",
        undefined=_NOBODY,
        tasks=_TASKS,
    )
)
BALANCED_ACCURACY = register(
    Measure(
        name="BalancedAccuracy",
        gates=("Fairness", "Performance"),
        better="Higher",
        how=OfClasses(_balanced, ratio=True),
        definition="macro sensitivity: the share of each class's people whom the model finds, averaged over the "
        "classes, so that rare ones count as much",
        undefined=_FEW,
        tasks=_TASKS,
    )
)
KAPPA = register(
    Measure(
        name="Kappa",
        gates=("Fairness", "Performance"),
        better="Higher",
        how=OfClasses(_kappa),
        definition="Cohen's kappa: how much more often the model says the true class than by chance; 1 is always",
        undefined="all are of one class, and the model says so of all",
        tasks=_TASKS,
        largest=2.0,
    )
)
MACRO_AUROC = register(
    Measure(
        name="MacroAUROC",
        gates=("Fairness", "Performance"),
        better="Higher",
        how=OfClasses(_macro_auroc, needs_answer="Probability"),
        definition="how often a person of a class has a higher probability of it than one who is not of it, averaged "
        "over the classes",
        undefined=_FEW,
        tasks=_TASKS,
    )
)
LOG_LOSS = register(
    Measure(
        name="LogLoss",
        gates=("Fairness", "Performance"),
        better="Lower",
        how=OfClasses(_log_loss, needs_answer="Probability", ratio=True),
        definition="the mean of minus the natural logarithm of the probability of the true class; 0 is perfect",
        undefined=_NOBODY,
        bounds=LOSS,
        tasks=_TASKS,
        largest=math.inf,
    )
)
