"""Metrics of models that predict a number.

To add one, register it here: nothing else lists metrics. What it computes with is imported where it computes,
never at the top.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlhops.measures.measure import Measure, MeasureBounds, OfNumbers, register
from mlhops.tasks.task import TaskName

if TYPE_CHECKING:
    from mlhops.statistics.arrays import Indices
    from mlhops.statistics.inference.influence import Piece
    from mlhops.statistics.inference.numeric import NumericAnswers

UNITS = MeasureBounds(
    0.0,
    1e6,
    "limit of MAE, RMSE or Bias is in the unit of the outcome, more than 0 and at most 1000000: write 5 for "
    "five of them",
    open=True,
    margin="of MAE, RMSE or Bias it is in the unit of the outcome: write 2 for two of them",
)
SLOPE = MeasureBounds(
    0.0,
    1.0,
    "limit of CalibrationSlope is how far from 1 a slope may lie, more than 0 and at most 1: write 0.2 for 0.8 to 1.2",
    open=True,
    margin="write 0.05 for a slope that may lie so much farther from 1",
)
_TASKS: tuple[TaskName, ...] = ("Regression",)
_NOBODY = "there is no row"


def _mae(answers: NumericAnswers, rows: Indices, _: float) -> Piece:
    from mlhops.statistics.inference import numeric

    return numeric.mean_absolute_error(answers, rows)


def _rmse(answers: NumericAnswers, rows: Indices, _: float) -> Piece:
    from mlhops.statistics.inference import numeric

    return numeric.root_mean_squared_error(answers, rows)


def _bias(answers: NumericAnswers, rows: Indices, _: float) -> Piece:
    from mlhops.statistics.inference import numeric

    return numeric.bias(answers, rows)


def _r2(answers: NumericAnswers, rows: Indices, _: float) -> Piece:
    from mlhops.statistics.inference import numeric

    return numeric.explained_variance(answers, rows)


def _slope(answers: NumericAnswers, rows: Indices, _: float) -> Piece:
    from mlhops.statistics.inference import numeric

    return numeric.calibration_slope(answers, rows)


def _within(answers: NumericAnswers, rows: Indices, tolerance: float) -> Piece:
    from mlhops.statistics.inference import numeric

    return numeric.within(answers, rows, tolerance)


MAE = register(
    Measure(
        name="MAE",
        gates=("Fairness", "Performance"),
        better="Lower",
        how=OfNumbers(_mae, ratio=True),
        definition="mean absolute error: how far predicted and true values are apart on average, in the unit of the "
        "outcome",
        undefined=_NOBODY,
        bounds=UNITS,
        tasks=_TASKS,
        largest=math.inf,
        in_units=True,
    )
)
RMSE = register(
    Measure(
        name="RMSE",
        gates=("Fairness", "Performance"),
        better="Lower",
        how=OfNumbers(_rmse, ratio=True),
        definition="root mean squared error, in the unit of the outcome: like MAE, but a few large errors weigh more",
        undefined=_NOBODY,
        bounds=UNITS,
        tasks=_TASKS,
        largest=math.inf,
        in_units=True,
    )
)
BIAS = register(
    Measure(
        name="Bias",
        gates=("Fairness", "Performance"),
        better="Lower",
        how=OfNumbers(_bias),
        definition="mean error, predicted less true value, in the unit of the outcome; a Performance gate bounds how "
        "far it lies from 0",
        undefined=_NOBODY,
        bounds=UNITS,
        tasks=_TASKS,
        target=0.0,
        largest=math.inf,
        in_units=True,
    )
)
R2 = register(
    Measure(
        name="R2",
        gates=("Fairness", "Performance"),
        better="Higher",
        how=OfNumbers(_r2),
        definition="the share of the outcome's variance that the model explains; 0 is no better than the mean",
        undefined="the outcome is the same in all rows, or there are fewer than three",
        tasks=_TASKS,
        largest=math.inf,
    )
)
CALIBRATION_SLOPE = register(
    Measure(
        name="CalibrationSlope",
        gates=("Fairness", "Performance"),
        better="Lower",
        how=OfNumbers(_slope),
        definition="slope of the line of true on predicted values; 1 is right, less says that predictions are too "
        "extreme, and a Performance gate bounds how far it lies from 1",
        undefined="the model predicts the same for all rows, or there are fewer than three",
        bounds=SLOPE,
        tasks=_TASKS,
        target=1.0,
        largest=math.inf,
    )
)
WITHIN_TOLERANCE = register(
    Measure(
        name="WithinTolerance",
        gates=("Fairness", "Performance"),
        better="Higher",
        how=OfNumbers(_within, ratio=True),
        definition="the share of people whose predicted value is off by no more than the gate's `tolerance`, in the "
        "unit of the outcome",
        undefined=_NOBODY,
        tasks=_TASKS,
        parameter="tolerance",
    )
)
