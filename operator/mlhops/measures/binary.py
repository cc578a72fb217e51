"""Metrics of models that predict a yes/no outcome.

To add one, register it here: nothing else lists metrics. What it computes with is imported where it computes,
never at the top.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlhops.measures.measure import LargerGap, Measure, OfScores, Share, register
from mlhops.tasks.binary import CALLED, NEGATIVES, NOT_CALLED, POSITIVES
from mlhops.tasks.task import ROWS

if TYPE_CHECKING:
    from mlhops.statistics.arrays import Floats, Indices
    from mlhops.statistics.inference.influence import Piece
    from mlhops.statistics.inference.performance import LabelledAnswers


def _auroc(answers: LabelledAnswers, rows: Indices, _: Floats | None) -> Piece:
    from mlhops.statistics.inference import auroc

    return auroc.piece(answers.ranked, rows)


def _average_precision(answers: LabelledAnswers, rows: Indices, _: Floats | None) -> Piece:
    from mlhops.statistics.inference import average_precision

    return average_precision.piece(answers.ranked, rows)


def _brier(answers: LabelledAnswers, rows: Indices, _: Floats | None) -> Piece:
    from mlhops.statistics.inference import calibration, performance

    risks = calibration.risks(answers.score[rows])
    return performance.mean((risks - answers.label[rows]) ** 2, rows)


def _calibration_error(answers: LabelledAnswers, rows: Indices, bins: Floats | None) -> Piece:
    from mlhops.statistics.inference import calibration

    fit = calibration.bins(answers.score, [rows]) if bins is None else bins
    return calibration.piece(answers.label, answers.score, rows, fit)


FALSE_NEGATIVE_RATE = register(
    Measure(
        name="FalseNegativeRate",
        gates=("Fairness",),
        better="Lower",
        how=Share(POSITIVES, events=NOT_CALLED),
        definition="the share of people with the outcome whom the model misses",
    )
)
FALSE_POSITIVE_RATE = register(
    Measure(
        name="FalsePositiveRate",
        gates=("Fairness",),
        better="Lower",
        how=Share(NEGATIVES, events=CALLED),
        definition="the share of people without the outcome for whom the model raises an alarm",
    )
)
TRUE_POSITIVE_RATE = register(
    Measure(
        name="TruePositiveRate",
        gates=("Fairness",),
        better="Higher",
        how=Share(POSITIVES, events=CALLED),
        definition="the share of people with the outcome whom the model finds",
    )
)
SELECTION_RATE = register(
    Measure(
        name="SelectionRate",
        gates=("Fairness",),
        better="Higher",
        how=Share(ROWS, events=CALLED),
        definition="the share of all people whom the model calls positive",
    )
)
POSITIVE_PREDICTIVE_VALUE = register(
    Measure(
        name="PositivePredictiveValue",
        gates=("Fairness",),
        better="Higher",
        how=Share(CALLED, events=POSITIVES),
        definition="of the people called positive, the share who have the outcome",
    )
)
NEGATIVE_PREDICTIVE_VALUE = register(
    Measure(
        name="NegativePredictiveValue",
        gates=("Fairness",),
        better="Higher",
        how=Share(NOT_CALLED, events=NEGATIVES),
        definition="of the people called negative, the share who do not have the outcome",
    )
)
EQUALIZED_ODDS = register(
    Measure(
        name="EqualizedOdds",
        gates=("Fairness",),
        better="Lower",
        how=LargerGap((TRUE_POSITIVE_RATE, FALSE_POSITIVE_RATE)),
        definition="hits and false alarms together: the larger of the gaps in the true and in the "
        "false positive rate",
    )
)
AUROC = register(
    Measure(
        name="AUROC",
        gates=("Fairness", "Performance"),
        better="Higher",
        how=OfScores(_auroc),
        definition="how often the model ranks a person with the outcome above one without; 0.5 is chance, "
        "1 is always",
        undefined="the area under the ROC curve needs both classes",
    )
)
AUPRC = register(
    Measure(
        name="AUPRC",
        gates=("Performance",),
        better="Higher",
        how=OfScores(_average_precision),
        definition="average precision: how pure the highest ranked people are, averaged over all those "
        "with the outcome",
        undefined="average precision needs a positive",
    )
)
SENSITIVITY = register(
    Measure(
        name="Sensitivity",
        gates=("Performance",),
        better="Higher",
        how=Share(POSITIVES, events=CALLED),
        definition="the share of people with the outcome whom the model finds",
        undefined="there is no positive",
    )
)
SPECIFICITY = register(
    Measure(
        name="Specificity",
        gates=("Performance",),
        better="Higher",
        how=Share(NEGATIVES, events=NOT_CALLED),
        definition="the share of people without the outcome whom the model leaves alone",
        undefined="there is no negative",
    )
)
PPV = register(
    Measure(
        name="PPV",
        gates=("Performance",),
        better="Higher",
        how=Share(CALLED, events=POSITIVES),
        definition="of the people called positive, the share who have the outcome",
        undefined="the model calls nobody positive",
    )
)
NPV = register(
    Measure(
        name="NPV",
        gates=("Performance",),
        better="Higher",
        how=Share(NOT_CALLED, events=NEGATIVES),
        definition="of the people called negative, the share who do not have the outcome",
        undefined="the model calls nobody negative",
    )
)
BRIER = register(
    Measure(
        name="Brier",
        gates=("Performance",),
        better="Lower",
        how=OfScores(_brier, needs_answer="Probability"),
        definition="the mean squared distance between predicted risk and outcome; 0 is perfect",
        undefined="there is no row",
    )
)
CALIBRATION_ERROR = register(
    Measure(
        name="CalibrationError",
        gates=("Fairness", "Performance"),
        better="Lower",
        # Near no error it varies in no normal way: a plan was right in 56 to 99 %.
        how=OfScores(_calibration_error, needs_answer="Probability", binned=True, planned=False),
        definition="how far predicted risks lie from the rates that came true, on average",
        undefined="there are fewer than 20 rows",
    )
)
