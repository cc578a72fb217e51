"""Forest plots: a strip of SVG for each row of a table, all on one axis.

Coordinates are per cent of the width and sizes are pixels, so that a strip fits every screen while
marks and letters keep their size. What a strip shows stands in the cells beside it, too.
"""

import math

from mlhops.api.evaluation import EvaluationPhase
from mlhops.axis import Axis, around
from mlhops.evaluator.report.figures import Forest, PlotSpan
from mlhops.evaluator.report.words import verdict


def axis_of(forest: Forest) -> Axis:
    """Return the axis that holds all of a figure."""
    numbers = [*forest.limits, *([] if forest.neutral is None else [forest.neutral])]
    for row in forest.rows:
        if row.span is not None:
            numbers += [row.span.estimate, row.span.lower, row.span.upper]
    return around(numbers, ratio=forest.ratio)


def backdrop(forest: Forest, axis: Axis, name: str) -> str:
    """Return what lies behind every row: where values are acceptable, no difference, the limits."""
    places = sorted(axis.place(limit) for limit in forest.limits if not math.isnan(limit))
    parts = []
    if places:
        low = 0.0 if forest.good == "below" else places[0]
        high = 100.0 if forest.good == "above" else places[-1]
        parts.append(f'<rect class="z" x="{low:.1f}%" width="{high - low:.1f}%" height="100%"/>')
    if forest.neutral is not None:
        parts.append(_vertical("y", axis.place(forest.neutral)))
    parts += [_vertical("l", place) for place in places]
    return (
        f'<svg class="b" aria-hidden="true"><defs><g id="{name}">{"".join(parts)}</g></defs></svg>'
    )


def scale(axis: Axis) -> str:
    """Return the axis with its ticks."""
    marks = []
    for tick in axis.ticks:
        place = f"{axis.place(tick):.1f}%"
        marks.append(
            f'<line class="t" x1="{place}" x2="{place}" y1="20" y2="26"/>'
            f'<text x="{place}" y="15">{axis.text(tick)}</text>'
        )
    return (
        f'<svg class="x" aria-hidden="true"><line class="t" x1="0" x2="100%" y1="26" y2="26"/>'
        f"{''.join(marks)}</svg>"
    )


def strip(span: PlotSpan | None, phase: EvaluationPhase, axis: Axis, name: str) -> str:
    """Return the plot of one row."""
    use = f'<use href="#{name}"/>'
    if span is None:
        return f'<svg class="s" aria-hidden="true">{use}</svg>'
    low, high, at = (axis.place(x) for x in (span.lower, span.upper, span.estimate))
    style = verdict(phase)[0]
    ends = "".join(
        _arrow(place, side)
        for bound, place, side in ((span.lower, low, -1), (span.upper, high, 1))
        if not axis.holds(bound)
    )
    line = f'<line class="i" x1="{low:.1f}%" x2="{high:.1f}%" y1="50%" y2="50%"/>'
    mark = _mark(at, phase) if axis.holds(span.estimate) else ""
    return f'<svg class="s {style}" aria-hidden="true">{use}{line}{ends}{mark}</svg>'


def _vertical(style: str, place: float) -> str:
    return f'<line class="{style}" x1="{place:.1f}%" x2="{place:.1f}%" y1="0" y2="100%"/>'


def _mark(place: float, phase: EvaluationPhase) -> str:
    """Return the estimate: verdicts differ by shape as well as by colour."""
    if phase is EvaluationPhase.FAILED:
        return (
            f'<svg class="o" x="{place:.1f}%" y="50%">'
            '<path class="m" d="M-6 0L0-6L6 0L0 6Z"/></svg>'
        )
    style = "m" if phase is EvaluationPhase.SUCCESSFUL else "h"
    return f'<circle class="{style}" cx="{place:.1f}%" cy="50%" r="4.5"/>'


def _arrow(place: float, side: int) -> str:
    """Return that an interval goes on beyond the axis."""
    tip = 5 * side
    return f'<svg class="o" x="{place:.1f}%" y="50%"><path class="m" d="M0-4L{tip} 0L0 4Z"/></svg>'
