"""Charts of predicted numbers: calibration, and how errors are spread."""

from mlhops.axis import Axis, round_numbers
from mlhops.evaluator.report.figures import NumericCalibration, NumericFigures
from mlhops.evaluator.report.plots import picture
from mlhops.evaluator.report.words import number
from mlhops.statistics.inference.curves import Bar, ReliabilityPoint

_SIDE = 180
_LEFT, _TOP, _SIZE = 40.0, 6.0, 134.0
_HEIGHT = 92
_HEAD = 8
_BOX = f' viewBox="0 0 {_SIDE} {_SIDE}"'
_MOST_TICKS = 3
_Ends = tuple[float, float]


def calibration(figure: NumericCalibration, name: str, ends: _Ends, behind: str) -> str:
    """Return the calibration diagram of a group.

    Args:
        figure: of the group.
        name: for the picture's ids.
        ends: of both axes.
        behind: the id of the curve of everybody, drawn behind it; empty if there is none.
    """
    places = [_at(point.predicted, point.observed, ends) for point in figure.points]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    pairs = ", ".join(f"{number(p.predicted)}: {number(p.observed)}" for p in figure.points)
    body = (
        _square(ends)
        + (f'<use class="e" href="#{behind}"/>' if behind else "")
        + f'<path id="{name}c" class="c" d="{path}"/>'
        + "".join(_point(point, ends) for point in figure.points)
    )
    description = f"Mean predicted value and the mean of the true ones: {pairs}."
    return picture("q", f"Calibration, {figure.name}", description, name, _BOX, body)


def errors(figure: NumericFigures) -> str:
    """Return how errors are spread; the line in the middle is no error."""
    axis = Axis(figure.low, figure.high)
    foot = _HEAD + _HEIGHT
    tallest = max(_density(bar) for bar in figure.errors)
    bars = "".join(_bar(bar, axis, tallest, foot) for bar in figure.errors)
    ticks = "".join(_tick(tick, axis, foot) for tick in round_numbers(figure.low, figure.high))
    none = f"{axis.place(0.0):.1f}%" if axis.holds(0.0) else ""
    line = f'<line class="l" x1="{none}" x2="{none}" y1="4" y2="{foot}"/>' if none else ""
    body = f'{bars}<line class="t" x1="0" x2="100%" y1="{foot}" y2="{foot}"/>{ticks}{line}'
    told = ", ".join(
        f"{number(bar.lower)} to {number(bar.upper)}: {100 * bar.share:.0f} %"
        for bar in figure.errors
    )
    return picture(
        "d", "Errors of predicted values", f"Share of people by error: {told}.", "er", "", body
    )


def _at(x: float, y: float, ends: _Ends) -> tuple[float, float]:
    low, high = ends
    across, up = (min(max((value - low) / (high - low), 0.0), 1.0) for value in (x, y))
    return _LEFT + _SIZE * across, _TOP + _SIZE * (1 - up)


def _point(point: ReliabilityPoint, ends: _Ends) -> str:
    x, y = _at(point.predicted, point.observed, ends)
    low, high = _at(0, point.lower, ends)[1], _at(0, point.upper, ends)[1]
    return (
        f'<line class="w" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
        f'<circle class="m" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>'
    )


def _square(ends: _Ends) -> str:
    right, bottom = _LEFT + _SIZE, _TOP + _SIZE
    middle, half = _LEFT + _SIZE / 2, _TOP + _SIZE / 2
    axis = Axis(*ends)
    ticks = []
    for value in round_numbers(*ends, most=_MOST_TICKS):
        x, y = _at(value, value, ends)
        ticks.append(
            f'<text x="{x:.1f}" y="{bottom + 12:g}">{axis.text(value)}</text>'
            f'<text class="en" x="{_LEFT - 4:g}" y="{y + 3.5:.1f}">{axis.text(value)}</text>'
        )
    return (
        f'<rect class="f" x="{_LEFT:g}" y="{_TOP:g}" width="{_SIZE:g}" height="{_SIZE:g}"/>'
        f'<path class="g" d="M{_LEFT:g} {bottom:g}L{right:g} {_TOP:g}"/>{"".join(ticks)}'
        f'<text x="{middle:g}" y="{bottom + 26:g}">predicted value</text>'
        f'<text transform="translate(10 {half:g})rotate(-90)">true value</text>'
    )


def _density(bar: Bar) -> float:
    return bar.share / (bar.upper - bar.lower)


def _bar(bar: Bar, axis: Axis, tallest: float, foot: int) -> str:
    x, end = axis.place(bar.lower), axis.place(bar.upper)
    height = (_HEIGHT - 4) * _density(bar) / tallest
    return f'<rect class="u" x="{x:.2f}%" y="{foot - height:.1f}" width="{end - x:.2f}%" height="{height:.1f}"/>'


def _tick(tick: float, axis: Axis, foot: int) -> str:
    place = f"{axis.place(tick):.1f}%"
    return (
        f'<line class="t" x1="{place}" x2="{place}" y1="{foot}" y2="{foot + 5}"/>'
        f'<text x="{place}" y="{foot + 18}">{axis.text(tick)}</text>'
    )
