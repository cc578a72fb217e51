"""Small charts with two logarithmic axes side by side, as one SVG."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import StringIO

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

_INCHES = 5.0, 3.5
_COLOURS = ("#0b6e99", "#d1495b", "#66a182", "#7d5ba6")
_ABOVE, _BELOW = 6, -14
_ROOM = 1.5


@dataclass(frozen=True)
class Series:
    """One line: points from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """One chart."""

    title: str
    unit: str
    series: Sequence[Series]


def svg(title: str, x_title: str, panels: Sequence[Panel], columns: int = 2) -> str:
    """Return the charts side by side."""
    rows = math.ceil(len(panels) / columns)
    xs = sorted({x for panel in panels for line in panel.series for x, _ in line.points})
    written = StringIO()
    with _style():
        size = columns * _INCHES[0], rows * _INCHES[1]
        figure = Figure(figsize=size, layout="constrained")
        figure.suptitle(title, fontweight="bold")
        places = figure.subplots(rows, columns, squeeze=False)
        for axes, panel in zip(places.flat, panels, strict=False):
            axes.set_title(f"{panel.title} ({panel.unit})")
            axes.set_xlabel(x_title)
            _draw(axes, panel, xs)
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()


def _style() -> AbstractContextManager[None]:
    return rc_context(
        {
            # Text stays text, and the same numbers are the same bytes.
            "svg.fonttype": "none",
            "svg.hashsalt": "bench",
            "text.parse_math": False,
            "font.size": 9,
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "grid.color": "#e3e6ea",
            "legend.frameon": False,
        }
    )


def _draw(axes: Axes, panel: Panel, xs: Sequence[float]) -> None:
    tops: dict[float, float] = {}
    for line in panel.series:
        for x, y in line.points:
            tops[x] = max(y, tops.get(x, y))
    if not tops:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center")
        return
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(min(xs) / _ROOM, max(xs) * _ROOM)
    axes.set_ylim(
        *limits(min(y for line in panel.series for _, y in line.points), max(tops.values()))
    )
    axes.set_xticks(xs)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    for line, colour in zip(panel.series, _COLOURS, strict=False):
        axes.plot(*zip(*line.points, strict=True), "o-", color=colour, label=line.name)
        for x, y in line.points:
            # Above the points where it is the highest line, below otherwise.
            shift = _ABOVE if y >= tops[x] else _BELOW
            axes.annotate(
                _short(y), (x, y), (0, shift), textcoords="offset points", ha="center", color=colour
            )
    axes.legend()


def limits(low: float, high: float) -> tuple[float, float]:
    """Ends of an axis: with some room, and never so near to each other that noise looks like growth."""
    middle = math.sqrt(low * high)
    room = max(math.sqrt(high / low) ** 1.2 * 1.1, 4.0)
    return middle / room, middle * room


def _short(value: float) -> str:
    """Three digits at most."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
