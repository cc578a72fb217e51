"""Measures of a model on some of the rows, and on all of them with an interval."""

import numpy as np

from mlhops.api.gate import PerformanceMetric
from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.statistics.inference import auroc, average_precision, calibration, influence
from mlhops.statistics.inference.auroc import Ranked
from mlhops.statistics.inference.calibration import risks
from mlhops.statistics.inference.estimate import Estimate, critical_of, undefined
from mlhops.statistics.inference.influence import Piece
from mlhops.statistics.inference.proportions import effective_limits

LOWER_IS_BETTER = frozenset({PerformanceMetric.BRIER, PerformanceMetric.CALIBRATION_ERROR})
FROM_CALLS = frozenset(
    {
        PerformanceMetric.SENSITIVITY,
        PerformanceMetric.SPECIFICITY,
        PerformanceMetric.PPV,
        PerformanceMetric.NPV,
    }
)
"""Metrics that need no score."""
UNDEFINED = {
    PerformanceMetric.AUROC: "the area under the ROC curve needs both classes",
    PerformanceMetric.AUPRC: "average precision needs a positive",
    PerformanceMetric.SENSITIVITY: "there is no positive",
    PerformanceMetric.SPECIFICITY: "there is no negative",
    PerformanceMetric.PPV: "the model calls nobody positive",
    PerformanceMetric.NPV: "the model calls nobody negative",
    PerformanceMetric.BRIER: "there is no row",
    PerformanceMetric.CALIBRATION_ERROR: calibration.TOO_FEW,
}


class Measured:
    """A model's answers on labelled rows, of which any part can be measured."""

    def __init__(self, label: Bools, score: Floats | None, called: Bools) -> None:
        """Take the answers.

        Args:
            label: the true outcome of each row.
            score: the score of each row; None where the model answers with classes.
            called: whether the model calls the row positive.

        Raises:
            ValueError: a score is not finite.
        """
        if score is not None and not np.isfinite(score).all():
            raise ValueError("a score is not a finite number")
        self.label, self.called = label, called
        self._score = score
        self._ranked: Ranked | None = None

    @property
    def score(self) -> Floats:
        """The scores.

        Raises:
            ValueError: there are none.
        """
        if self._score is None:
            raise ValueError("the model answers with classes, so there is no score to measure")
        return self._score

    @property
    def ranked(self) -> Ranked:
        """The ranks of the scores, which are found only once."""
        if self._ranked is None:
            self._ranked = auroc.rank(self.label, self.score)
        return self._ranked

    def piece(self, metric: PerformanceMetric, rows: Indices, edges: Floats | None = None) -> Piece:
        """Return a measure of some of the rows; NaN where it is undefined.

        Args:
            metric: what is measured.
            rows: which rows.
            edges: the bins of a calibration error; by default those that fit the rows.

        Raises:
            ValueError: there is no score, or it is no risk.
        """
        match metric:
            case PerformanceMetric.AUROC:
                return auroc.piece(self.ranked, rows)
            case PerformanceMetric.AUPRC:
                return average_precision.piece(self.ranked, rows)
            case PerformanceMetric.CALIBRATION_ERROR:
                fit = calibration.bins(self.score, [rows]) if edges is None else edges
                return calibration.piece(self.label, self.score, rows, fit)
            case PerformanceMetric.BRIER:
                return _mean((risks(self.score[rows]) - self.label[rows]) ** 2, rows)
            case PerformanceMetric.SENSITIVITY:
                return self._share(rows[self.label[rows]], self.called)
            case PerformanceMetric.SPECIFICITY:
                return self._share(rows[~self.label[rows]], ~self.called)
            case PerformanceMetric.PPV:
                return self._share(rows[self.called[rows]], self.label)
            case PerformanceMetric.NPV:
                return self._share(rows[~self.called[rows]], ~self.label)

    def _share(self, rows: Indices, event: Bools) -> Piece:
        return _mean(event[rows].astype(np.float64), rows)


def estimate(
    metric: PerformanceMetric,
    label: Bools,
    score: Floats | None,
    called: Bools,
    confidence: float,
) -> Estimate:
    """Return a measure of the whole model with its interval; no chance is involved.

    Args:
        metric: what is measured.
        label: the true outcome of each row.
        score: the score of each row; None where the model answers with classes.
        called: whether the model calls the row positive.
        confidence: of the interval.

    Raises:
        ValueError: the metric needs a score and there is none, or it is not finite, or no risk.
    """
    found = Measured(label, score, called).piece(metric, np.arange(len(label)))
    if np.isnan(found.estimate):
        return undefined(UNDEFINED[metric], found.cases)
    lower, upper = found.limits(critical_of(confidence))
    return Estimate(found.estimate, lower, upper, found.cases, limits=found.limits)


def _mean(values: Floats, rows: Indices) -> Piece:
    n = len(rows)
    if n == 0:
        return influence.undefined()
    mean = float(values.mean())
    effect = (values - mean) / n
    # Of a proportion the variance is binomial, as Wilson has it; of other values nearly the sample's.
    limits, variance = effective_limits(mean, float(effect @ effect), n)
    return Piece(mean, variance, limits, rows, effect, n, 1 / n)
