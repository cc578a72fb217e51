"""Is the score that of the other class? A model that ranks worse than chance mostly is not bad."""

import numpy as np

from mlhops.api.interface import Output
from mlhops.measures.binary import AUROC
from mlhops.small_cells import DEFAULT, SmallCells
from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.statistics.inference.performance import LabelledAnswers, estimate

CONFIDENCE = 0.95
_CHANCE = 0.5
_FEWEST = 10
"""With fewer cases of either outcome an interval says little."""
_MOST = 200_000
"""Of more rows one of each so many is looked at: enough to tell, in little memory."""


def reversed_order(
    output: Output, label: Bools, score: Floats | None, cells: SmallCells = DEFAULT
) -> str:
    """Return why scores cannot be those of the positive class, nothing if they can.

    No gate on rates alone would notice: a threshold on the wrong column gives rates, too.

    Args:
        output: what the interface says of the answer.
        label: the true outcome of each row.
        score: the score of each row; None where the model answers with classes.
        cells: of how few cases no number is told.
    """
    if score is None:
        return ""
    rows = _some(len(label))
    label, score = label[rows], score[rows]
    fewest = min(int(label.sum()), int((~label).sum()))
    if fewest < _FEWEST:
        return ""
    found = estimate(
        AUROC, LabelledAnswers(label, score, np.zeros(len(label), dtype=bool)), CONFIDENCE
    )
    if not found.upper < _CHANCE:
        return ""
    span = f"{found.estimate:.2f} (95% interval {found.lower:.2f} to {found.upper:.2f}), below 0.5"
    if cells.hides(fewest):
        span = "below 0.5 with all of its 95% interval"
    return (
        f"AUROC is {span}: the model's scores rank those who are positive lower, so they may be those of "
        "the other class. Compare interface.output.classes with the order of the server's classes, "
        f"and output.positiveClass ({output.positive_class}) with the label's positive value; if "
        "the score is right and lower means more positive, serve its opposite"
    )


def _some(rows: int) -> Indices:
    """Return which rows are looked at, drawn since cases and controls may come in turns."""
    step = -(-rows // _MOST) or 1
    starts = np.arange(0, rows, step, dtype=np.intp)
    drawn = np.random.default_rng(0).integers(0, step, len(starts))
    found: Indices = np.minimum(starts + drawn, rows - 1)
    return found
