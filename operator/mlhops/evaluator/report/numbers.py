"""Predicted against true numbers, as far as it may be told."""

import math

import numpy as np

from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.report.figures import NumericCalibration, NumericFigures
from mlhops.evaluator.report.people import MOST_PANELS, told
from mlhops.evaluator.tasks.predictions import AnyPredictions, NumericPredictions
from mlhops.evaluator.verdict.cell_counts import Disclosure
from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Floats
from mlhops.statistics.inference.curves import (
    Bar,
    ReliabilityPoint,
    distribution,
    numeric_reliability,
)

_BARS = 40


def figures(
    people: LabelledRows, predictions: AnyPredictions, disclosure: Disclosure, spec: EvaluationSpec
) -> tuple[NumericFigures | None, int]:
    """Return the figures of predicted numbers, and how many groups have no panel; None of other outcomes."""
    if not isinstance(predictions, NumericPredictions):
        return None, 0
    value, label = predictions.value, np.asarray(people.label, dtype=np.float64)
    if len(value) != people.rows or not np.isfinite(value).all():
        return None, 0
    cells = spec.cells
    bars, low, high = _errors(value - label, cells)
    groups, left_out = _groups(value, label, disclosure, cells)
    panels = [NumericCalibration("everybody", numeric_reliability(label, value, cells)), *groups]
    unit = spec.interface.output.unit or ""
    return NumericFigures(bars, low, high, panels, _ends(panels), unit), left_out


def _groups(
    value: Floats, label: Floats, disclosure: Disclosure, cells: SmallCells
) -> tuple[list[NumericCalibration], int]:
    """Return the diagram of every group whose number of rows may be told."""
    tallies = disclosure.tallies
    if tallies is None:
        return [], 0
    found: list[NumericCalibration] = []
    groups = told(tallies, disclosure)
    for i, (name, counts) in enumerate(groups[:MOST_PANELS]):
        chosen = tallies.who.members[i][tallies.who.atom]
        points: list[ReliabilityPoint] = []
        if counts.rows is not None:
            points = numeric_reliability(label[chosen], value[chosen], cells)
        found.append(NumericCalibration(name, points, "" if points else "not shown: too few cases"))
    return found, max(len(groups) - MOST_PANELS, 0)


def _errors(error: Floats, cells: SmallCells) -> tuple[list[Bar], float, float]:
    """Return how errors are spread, between bounds that are no single person's."""
    if len(error) < 2 * cells.smallest + 2:
        return [], 0.0, 0.0
    ordered = np.sort(error)
    low, high = float(ordered[cells.smallest]), float(ordered[-cells.smallest - 1])
    if high <= low:
        return [], 0.0, 0.0
    step = 10 ** math.floor(math.log10(high - low)) / 2
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return distribution(error, np.linspace(low, high, _BARS + 1), cells), low, high


def _ends(panels: list[NumericCalibration]) -> tuple[float, float]:
    """Return between which numbers all points lie; their intervals may reach beyond."""
    numbers = [x for each in panels for p in each.points for x in (p.predicted, p.observed)]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    room = (high - low) * 0.08 or 1.0
    return low - room, high + room
