"""The people in the data and how the model scores them, as far as it may be told."""

import math

import numpy as np

from mlhops.api.evaluation import EvaluationSpec
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.labels import Labels
from mlhops.evaluator.report.figures import Area, Cohort, Counts, Curves, ScoreFigures
from mlhops.evaluator.tasks.binary import outcome
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.evaluator.verdict.cell_counts import Disclosure, Tallies
from mlhops.measures.binary import AUROC
from mlhops.small_cells import SmallCells
from mlhops.statistics.arrays import Bools, Floats
from mlhops.statistics.inference.curves import Bar, distribution, reliability, roc
from mlhops.statistics.inference.performance import LabelledAnswers, estimate
from mlhops.tasks.binary import NEGATIVES, POSITIVES
from mlhops.tasks.task import ROWS

MOST_GROUPS = 128
"""More are not described one by one."""
MOST_PANELS = 64
_BARS = 40
_CONFIDENCE = 0.95


def cohort(people: LabelledRows, disclosure: Disclosure, cells: SmallCells) -> Cohort:
    """Return who is in the data."""
    tallies, classes = disclosure.tallies, people.label.dtype == np.bool_
    if tallies is None:
        return Cohort(total(people.label, cells), [], 0, [], classes=classes)
    groups = told(tallies, disclosure)
    left_out = max(len(groups) - MOST_GROUPS, 0)
    shown = groups[:MOST_GROUPS]
    return Cohort(total(people.label, cells), shown, left_out, tallies.who.absent, classes=classes)


def told(tallies: Tallies, disclosure: Disclosure) -> list[tuple[str, Counts]]:
    """Return the counts of every group that may be told."""
    return [
        (name, Counts(found.get(ROWS), found.get(POSITIVES), found.get(NEGATIVES)))
        for name, found in zip(tallies.who.names, disclosure.counts(tallies), strict=True)
    ]


def total(label: Labels, cells: SmallCells) -> Counts:
    """Return how many people there are; neither class where the other one is small, or there are none."""
    if label.dtype != np.bool_:
        return Counts(None if cells.hides(len(label)) else len(label), None, None)
    positives = int(label.sum())
    negatives = len(label) - positives
    known = not cells.hides(min(positives, negatives))
    rows = None if cells.hides(len(label)) else len(label)
    return Counts(rows, positives if known else None, negatives if known else None)


def usable(people: LabelledRows, predictions: Predictions, *, risks: bool) -> Floats | None:
    """Return the scores if curves can be drawn of them."""
    score = predictions.score
    if score is None or len(score) != people.rows or not np.isfinite(score).all():
        return None
    if risks and ((score < 0) | (score > 1)).any():
        return None
    return score


def scores(people: LabelledRows, score: Floats, spec: EvaluationSpec) -> ScoreFigures | None:
    """Return how the scores of both classes are spread."""
    cells, threshold = spec.cells, spec.interface.output.threshold
    label = outcome(people.label)
    low, high = _range(score, spec)
    if low >= high:
        return None
    spread = [_bars(score[chosen], (low, high), threshold, cells) for chosen in (label, ~label)]
    return ScoreFigures(spread[0], spread[1], threshold, low, high) if all(spread) else None


def _range(score: Floats, spec: EvaluationSpec) -> tuple[float, float]:
    """Return bounds that are no single person's score."""
    if spec.interface.output.type == "Probability":
        return 0.0, 1.0
    if len(score) < 2 * spec.min_cell_size + 2:
        return 0.0, 0.0
    ordered = np.sort(score)
    low, high = float(ordered[spec.min_cell_size]), float(ordered[-spec.min_cell_size - 1])
    threshold = spec.interface.output.threshold
    if threshold is not None:
        low, high = min(low, threshold), max(high, threshold)
    if high <= low:
        return 0.0, 0.0
    step = 10 ** math.floor(math.log10(high - low)) / 2
    return math.floor(low / step) * step, math.ceil(high / step) * step


def _bars(
    score: Floats, bounds: tuple[float, float], threshold: float | None, cells: SmallCells
) -> list[Bar]:
    """Return bars that do not cross the threshold: how many lie to either side is known anyway."""
    edges = np.linspace(*bounds, _BARS + 1)
    if threshold is None or not bounds[0] < threshold < bounds[1]:
        return distribution(score, edges, cells)
    sides = [
        distribution(score[score < threshold], _cut(edges, bounds[0], threshold), cells),
        distribution(score[score >= threshold], _cut(edges, threshold, bounds[1]), cells),
    ]
    if not all(sides):
        return distribution(score, edges, cells)
    below = float((score < threshold).mean())
    parts = zip((below, 1 - below), sides, strict=True)
    return [Bar(b.lower, b.upper, b.share * part) for part, side in parts for b in side]


def _cut(edges: Floats, low: float, high: float) -> Floats:
    inner = edges[(edges > low) & (edges < high)]
    return np.concatenate([[low], inner, [high]])


def curves(
    people: LabelledRows, score: Floats, disclosure: Disclosure, cells: SmallCells, *, risks: bool
) -> tuple[list[Curves], int]:
    """Return the curves of everybody and of every group, and how many groups have no panel.

    A curve goes in steps of one over the number of cases, so that a group whose number may not be
    told has none.
    """
    label = outcome(people.label)
    everybody = np.ones(people.rows, dtype=bool)
    counts = total(people.label, cells)
    found = [_curve("everybody", counts, (label, score), everybody, cells, risks=risks)]
    tallies = disclosure.tallies
    if tallies is None:
        return found, 0
    groups = told(tallies, disclosure)
    for i, (name, counts) in enumerate(groups[:MOST_PANELS]):
        chosen = tallies.who.members[i][tallies.who.atom]
        found.append(_curve(name, counts, (label, score), chosen, cells, risks=risks))
    return found, max(len(groups) - MOST_PANELS, 0)


def _curve(
    name: str,
    counts: Counts,
    data: tuple[Bools, Floats],
    chosen: Bools,
    cells: SmallCells,
    *,
    risks: bool,
) -> Curves:
    if counts.positives is None or counts.negatives is None:
        return Curves(name, None, [], [], "not shown: too few cases")
    label, score = data[0][chosen], data[1][chosen]
    points = roc(label, score, cells)
    if not points:
        return Curves(name, None, [], [], "not shown: too few cases")
    found = estimate(AUROC, LabelledAnswers(label, score, score > np.inf), _CONFIDENCE)
    return Curves(
        name,
        Area(found.estimate, found.lower, found.upper),
        points,
        reliability(label, score, cells) if risks else [],
    )
