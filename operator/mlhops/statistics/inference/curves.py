"""Points of curves for people to look at, none of which tells about a handful of patients."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Bools, Counts, Floats
from mlhops.statistics.inference import calibration
from mlhops.statistics.inference.estimate import critical_of
from mlhops.statistics.inference.proportions import wilson

MOST_POINTS = 100
_MOST_BINS = 10
_LEAST_OF_A_BIN = 10
"""Rows of a bin of numbers, whatever cells are small: of fewer a mean says little."""


@dataclass(frozen=True)
class RocPoint:
    """What calling everybody above some score positive comes to."""

    false_positive_rate: float
    true_positive_rate: float


@dataclass(frozen=True)
class ReliabilityPoint:
    """Predicted risk against observed rate, or a predicted against a true number, in one bin."""

    predicted: float
    observed: float
    lower: float
    """Lower bound of the observed rate."""
    upper: float
    """Upper bound of the observed rate."""


@dataclass(frozen=True)
class Bar:
    """A stretch of scores and the share of a class that lies in it."""

    lower: float
    upper: float
    share: float


def roc(label: Bools, score: Floats, cells: SmallCells) -> list[RocPoint]:
    """Return the ROC curve from (0, 0) to (1, 1); nothing where a class has too few rows.

    Args:
        label: the true outcome of each row.
        score: the score of each row.
        cells: between two points lie so many rows of each class that they are no small cell.
    """
    level = np.unique(-score, return_inverse=True)[1]
    step = max(cells.smallest, -(-int(min(label.sum(), (~label).sum())) // MOST_POINTS))
    parts = _merged([np.bincount(level[label]), np.bincount(level[~label])], SmallCells(step))
    if not parts:
        return []
    positives, negatives = np.cumsum(parts, axis=0).T / np.sum(parts, axis=0)[:, None]
    points = zip(negatives.tolist(), positives.tolist(), strict=True)
    return [RocPoint(0.0, 0.0), *(RocPoint(*point) for point in points)]


def reliability(
    label: Bools, score: Floats, cells: SmallCells, confidence: float = 0.95
) -> list[ReliabilityPoint]:
    """Return the reliability diagram; nothing where a class has too few rows.

    Args:
        label: the true outcome of each row.
        score: the predicted risk of each row, 0 to 1.
        cells: each bin has so many rows of each class that they are no small cell.
        confidence: of each point's interval, alone.

    Raises:
        ValueError: a score is not between 0 and 1.
    """
    rows = np.arange(len(label))
    place = np.searchsorted(calibration.bins(score, [rows]), score)
    bins = int(place.max(initial=0)) + 1
    positives = np.bincount(place[label], minlength=bins)
    negatives = np.bincount(place[~label], minlength=bins)
    risks = np.bincount(place, score, bins)
    parts = _merged([positives, negatives, risks], cells)
    points = []
    for events, others, risk in parts:
        size = events + others
        limits = wilson(np.array([events]), np.array([size]), critical_of(confidence))
        low, high = float(limits[0][0]), float(limits[1][0])
        points.append(ReliabilityPoint(risk / size, events / size, low, high))
    return points


def numeric_reliability(
    label: Floats, value: Floats, cells: SmallCells, confidence: float = 0.95
) -> list[ReliabilityPoint]:
    """Return mean true against mean predicted numbers; nothing where there are too few rows.

    Args:
        label: the true number of each row.
        value: the predicted number of each row.
        cells: each bin has so many rows that they are no small cell.
        confidence: of each point's interval, alone.
    """
    size = max(cells.smallest, _LEAST_OF_A_BIN)
    bins = min(len(value) // size, _MOST_BINS)
    if bins == 0:
        return []
    points = []
    for rows in np.array_split(np.argsort(value, kind="stable"), bins):
        true = label[rows]
        mean = float(true.mean())
        reach = critical_of(confidence) * float(true.std(ddof=1)) / len(rows) ** 0.5
        points.append(ReliabilityPoint(float(value[rows].mean()), mean, mean - reach, mean + reach))
    return points


def distribution(score: Floats, edges: Floats, cells: SmallCells) -> list[Bar]:
    """Return how scores are spread; nothing where there are too few.

    Args:
        score: the score of each row of a class; those beyond the edges count into the outermost bar.
        edges: ascending bounds of the bars; a bar has what is at its lower bound.
        cells: neighbours are joined until no bar is a small cell.
    """
    place = np.clip(np.searchsorted(edges, score, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(place, minlength=len(edges) - 1).tolist()
    bars: list[tuple[float, float, int]] = []
    begun, size = 0, 0
    for i, count in enumerate(counts):
        size += count
        if not cells.hides(size):
            bars.append((float(edges[begun]), float(edges[i + 1]), size))
            begun, size = i + 1, 0
    if not bars:
        return []
    low, _, last = bars[-1]
    bars[-1] = (low, float(edges[-1]), last + size)
    return [Bar(low, high, number / len(score)) for low, high, number in bars]


def _merged(counts: Sequence[Counts | Floats], cells: SmallCells) -> list[list[float]]:
    """Return neighbours added up until the first two sums are large enough, the last among them."""
    size = max(len(each) for each in counts)
    columns = [np.pad(each, (0, size - len(each))) for each in counts]
    parts: list[list[float]] = []
    open_part = [0.0] * len(columns)
    for line in zip(*(column.tolist() for column in columns), strict=True):
        open_part = [a + b for a, b in zip(open_part, line, strict=True)]
        if not cells.hides(int(min(open_part[:2]))):
            parts.append(open_part)
            open_part = [0.0] * len(columns)
    if parts:
        parts[-1] = [a + b for a, b in zip(parts[-1], open_part, strict=True)]
    return parts
