"""Which classes a model takes for which, as far as it may be told."""

import numpy as np

from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.report.figures import ConfusionMatrix
from mlhops.evaluator.tasks.multiclass import places_of
from mlhops.evaluator.tasks.predictions import AnyPredictions, ClassPredictions
from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Counts


def confusion(
    people: LabelledRows, predictions: AnyPredictions, cells: SmallCells
) -> ConfusionMatrix | None:
    """Return the confusion matrix; None of other outcomes."""
    if not isinstance(predictions, ClassPredictions) or predictions.rows != people.rows:
        return None
    size = len(predictions.classes)
    place = places_of(people.label) * size + predictions.chosen
    counts = np.bincount(place, minlength=size * size).reshape(size, size)
    return ConfusionMatrix(predictions.classes, [_shares(row, cells) for row in counts])


def _shares(counts: Counts, cells: SmallCells) -> list[float | None]:
    """Return the shares of a class; the shares of all add up, so that nothing small is hidden alone."""
    total = int(counts.sum())
    if cells.hides(total):
        return [None] * len(counts)
    hidden = {i for i, count in enumerate(counts.tolist()) if cells.exposes(count)}
    order = sorted(set(range(len(counts))) - hidden, key=lambda i: (counts[i] == 0, int(counts[i])))
    while hidden and (len(hidden) == 1 or cells.hides(int(counts[list(hidden)].sum()))) and order:
        hidden.add(order.pop(0))
    return [None if i in hidden else count / total for i, count in enumerate(counts.tolist())]
