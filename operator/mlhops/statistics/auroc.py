"""The former name of `performance.estimate` for an area, for as long as the judge asks for it."""

from dataclasses import dataclass

import numpy as np

from mlhops.statistics import areas
from mlhops.statistics.estimate import critical_of
from mlhops.statistics.rates import Bools, Floats


@dataclass(frozen=True)
class Area:
    """The area and its interval."""

    estimate: float
    lower: float
    upper: float
    positives: int
    negatives: int


def auroc(label: Bools, score: Floats, confidence: float) -> Area:
    """Return the area under the ROC curve.

    Raises:
        ValueError: a score is not finite, or one of the classes has no row.
    """
    found = areas.piece(areas.rank(label, score), np.arange(len(label)))
    if np.isnan(found.estimate):
        raise ValueError("the area under the ROC curve needs both classes")
    positives = int(label.sum())
    limits = found.limits(critical_of(confidence))
    return Area(found.estimate, *limits, positives, len(label) - positives)
