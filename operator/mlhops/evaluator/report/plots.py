"""Charts of scores: ROC, calibration, and how scores are spread."""

from collections.abc import Sequence
from html import escape

from mlhops.axis import Axis, round_numbers
from mlhops.evaluator.report.figures import Curves, ScoreFigures
from mlhops.evaluator.report.words import number, percent, printable
from mlhops.statistics.inference.curves import Bar, ReliabilityPoint

_SIDE = 180
_LEFT, _TOP, _SIZE = 34.0, 6.0, 140.0
_HALF = 92
_HEAD = 26


def picture(kind: str, title: str, description: str, name: str, box: str, body: str) -> str:
    """Return a chart with its name and description for those who do not see it."""
    return (
        f'<svg class="{kind}"{box} role="img" aria-labelledby="{name}t {name}d">'
        f'<title id="{name}t">{escape(printable(title))}</title>'
        f'<desc id="{name}d">{escape(printable(description))}</desc>'
        f"{body}</svg>"
    )


def roc(curves: Curves, name: str, behind: str) -> str:
    """Return the ROC curve of a group.

    Args:
        curves: of the group.
        name: for the picture's ids.
        behind: the id of the curve of everybody, drawn behind it; empty if there is none.
    """
    path = _path([(p.false_positive_rate, p.true_positive_rate) for p in curves.roc], 1.0)
    area = curves.area
    told = "" if area is None else f"AUROC {number(area.estimate)}. "
    description = f"{told}True positive rate by false positive rate, from 0 to 1 each; the diagonal is chance."
    body = (
        _square(1.0, "false positive rate", "true positive rate")
        + (f'<use class="e" href="#{behind}"/>' if behind else "")
        + f'<path id="{name}c" class="c" d="{path}"/>'
    )
    return picture("q", f"ROC curve, {curves.name}", description, name, _BOX, body)


def reliability(curves: Curves, name: str, top: float, behind: str) -> str:
    """Return the calibration diagram of a group, both axes from 0 to the top."""
    points = curves.reliability
    path = _path([(p.predicted, p.observed) for p in points], top)
    marks = "".join(_point(point, top) for point in points)
    pairs = ", ".join(f"{percent(p.predicted)}: {percent(p.observed)}" for p in points)
    description = f"Predicted risk and the rate that was observed: {pairs}."
    body = (
        _square(top, "predicted risk", "observed rate")
        + (f'<use class="e" href="#{behind}"/>' if behind else "")
        + f'<path id="{name}c" class="c" d="{path}"/>{marks}'
    )
    return picture("q", f"Calibration, {curves.name}", description, name, _BOX, body)


def top_of(curves: Sequence[Curves]) -> float:
    """Return the end of the axes of all calibration diagrams."""
    highest = max(
        (max(p.predicted, p.upper) for each in curves for p in each.reliability), default=1.0
    )
    return next((top for top in (0.1, 0.2, 0.3, 0.4, 0.5) if highest <= top), 1.0)


_BOX = f' viewBox="0 0 {_SIDE} {_SIDE}"'


def _at(x: float, y: float, top: float) -> tuple[float, float]:
    return _LEFT + _SIZE * min(x / top, 1.0), _TOP + _SIZE * (1 - min(y / top, 1.0))


def _path(points: Sequence[tuple[float, float]], top: float) -> str:
    places = [_at(x, y, top) for x, y in points]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _point(point: ReliabilityPoint, top: float) -> str:
    x, y = _at(point.predicted, point.observed, top)
    low, high = _at(0, point.lower, top)[1], _at(0, point.upper, top)[1]
    return (
        f'<line class="w" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
        f'<circle class="m" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>'
    )


def _square(top: float, x_title: str, y_title: str) -> str:
    right, bottom = _LEFT + _SIZE, _TOP + _SIZE
    middle, half = _LEFT + _SIZE / 2, _TOP + _SIZE / 2
    ticks = []
    for value in (0.0, top / 2, top):
        x, y = _at(value, value, top)
        label = f"{value:g}"
        ticks.append(
            f'<text x="{x:.1f}" y="{bottom + 12:g}">{label}</text>'
            f'<text class="en" x="{_LEFT - 4:g}" y="{y + 3.5:.1f}">{label}</text>'
        )
    return (
        f'<rect class="f" x="{_LEFT:g}" y="{_TOP:g}" width="{_SIZE:g}" height="{_SIZE:g}"/>'
        f'<path class="g" d="M{_LEFT:g} {bottom:g}L{right:g} {_TOP:g}"/>{"".join(ticks)}'
        f'<text x="{middle:g}" y="{bottom + 26:g}">{x_title}</text>'
        f'<text transform="translate(10 {half:g})rotate(-90)">{y_title}</text>'
    )


def spread(scores: ScoreFigures) -> str:
    """Return how the scores of both classes are spread, one above and one below the axis."""
    axis = Axis(scores.low, scores.high)
    above, below = _bars(scores.positives, axis, 1), _bars(scores.negatives, axis, -1)
    middle = _HEAD + _HALF
    foot = middle + _HALF
    ticks = "".join(_tick(tick, axis, foot) for tick in round_numbers(scores.low, scores.high))
    body = (
        f'{above}{below}<line class="t" x1="0" x2="100%" y1="{middle}" '
        f'y2="{middle}"/>{ticks}{_threshold(scores, axis, foot)}'
    )
    description = _told(scores)
    return picture(
        "d", "Scores of people with and without the outcome", description, "sp", "", body
    )


def _density(bar: Bar) -> float:
    return bar.share / (bar.upper - bar.lower)


def _bars(bars: Sequence[Bar], axis: Axis, side: int) -> str:
    tallest = max(_density(bar) for bar in bars)
    return "".join(_bar(bar, axis, tallest, side) for bar in bars)


def _bar(bar: Bar, axis: Axis, tallest: float, side: int) -> str:
    x, end = axis.place(bar.lower), axis.place(bar.upper)
    height = (_HALF - 4) * _density(bar) / tallest
    y = _HEAD + _HALF - (height if side > 0 else 0)
    style = "u" if side > 0 else "n"
    return (
        f'<rect class="{style}" x="{x:.2f}%" y="{y:.1f}" width="{end - x:.2f}%" '
        f'height="{height:.1f}"/>'
    )


def _tick(tick: float, axis: Axis, foot: int) -> str:
    place = f"{axis.place(tick):.1f}%"
    return (
        f'<line class="t" x1="{place}" x2="{place}" y1="{foot}" y2="{foot + 5}"/>'
        f'<text x="{place}" y="{foot + 18}">{axis.text(tick)}</text>'
    )


def _threshold(scores: ScoreFigures, axis: Axis, foot: int) -> str:
    if scores.threshold is None or not axis.holds(scores.threshold):
        return ""
    place = axis.place(scores.threshold)
    style, dx = ("st", 5) if place < 50 else ("en", -5)
    return (
        f'<line class="l" x1="{place:.1f}%" x2="{place:.1f}%" y1="4" y2="{foot}"/>'
        f'<text class="{style}" x="{place:.1f}%" dx="{dx}" y="14">'
        f"called positive from {scores.threshold:g}</text>"
    )


def _told(scores: ScoreFigures) -> str:
    """Return the chart in words: between which scores the middle half of each class lies."""
    parts = []
    for name, bars in (("with", scores.positives), ("without", scores.negatives)):
        low, high = _quantile(bars, 0.25), _quantile(bars, 0.75)
        parts.append(
            f"half of the people {name} the outcome score between about {low:.2g} and {high:.2g}"
        )
    return f"{parts[0].capitalize()}, {parts[1]}."


def _quantile(bars: Sequence[Bar], share: float) -> float:
    reached = 0.0
    for bar in bars:
        if reached + bar.share >= share:
            return bar.lower + (bar.upper - bar.lower) * (share - reached) / bar.share
        reached += bar.share
    return bars[-1].upper
