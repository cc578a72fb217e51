"""Is the score that of the other class? A model that ranks worse than chance mostly is not bad."""

import numpy as np

from mlhops.api.gate import PerformanceMetric
from mlhops.api.interface import Output
from mlhops.statistics.performance import estimate
from mlhops.statistics.rates import Bools, Floats

CONFIDENCE = 0.95
_CHANCE = 0.5
_FEWEST = 10
"""With fewer cases of either outcome an interval says little."""
_MOST = 200_000
"""Of more rows every so-manyth is looked at: enough to tell, in little memory."""


def reversed_order(output: Output, label: Bools, score: Floats | None, smallest: int = 0) -> str:
    """Return why scores cannot be those of the positive class, nothing if they can.

    No gate on rates alone would notice: a threshold on the wrong column gives rates, too.

    Args:
        output: what the interface says of the answer.
        label: the true outcome of each row.
        score: the score of each row; None where the model answers with classes.
        smallest: of fewer cases no number may be told.
    """
    if score is None:
        return ""
    step = -(-len(label) // _MOST) or 1
    label, score = label[::step], score[::step]
    fewest = min(int(label.sum()), int((~label).sum()))
    if fewest < max(_FEWEST, smallest):
        return ""
    found = estimate(
        PerformanceMetric.AUROC, label, score, np.zeros(len(label), dtype=bool), CONFIDENCE
    )
    if not found.upper < _CHANCE:
        return ""
    return (
        f"AUROC is {found.estimate:.2f} (95% interval {found.lower:.2f} to {found.upper:.2f}), "
        "below 0.5: the model's scores rank those who are positive lower, so they may be those of "
        "the other class. Compare interface.output.classes with the order of the server's classes, "
        f"and output.positiveClass ({output.positive_class}) with the label's positive value; if "
        "the score is right and lower means more positive, serve its opposite"
    )
