"""Draws small charts with two logarithmic axes as one SVG, with no library."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 430, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 16, 46, 46
_HEAD = 44
_COLOURS = ("#0b6e99", "#d1495b", "#66a182", "#7d5ba6")
_GRID, _TEXT, _SOFT = "#e3e6ea", "#1f2933", "#5f6b7a"
_MOST_TICKS = 7


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
    width, height = columns * _WIDTH, _HEAD + rows * _HEIGHT
    body = "\n".join(
        f'<g transform="translate({index % columns * _WIDTH},'
        f'{_HEAD + index // columns * _HEIGHT})">\n{_panel(panel, x_title, xs)}\n</g>'
        for index, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="system-ui, sans-serif" '
        f'font-size="12" fill="{_TEXT}">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        f'<text x="{width / 2:g}" y="28" text-anchor="middle" font-size="17" '
        f'font-weight="600">{escape(title)}</text>\n{body}\n</svg>\n'
    )


def _panel(panel: Panel, x_title: str, xs: Sequence[float]) -> str:
    heading = (
        f'<text x="{_LEFT}" y="18" font-size="14" font-weight="600">{escape(panel.title)} '
        f'<tspan fill="{_SOFT}" font-weight="400">({escape(panel.unit)})</tspan></text>'
    )
    tops: dict[float, float] = {}
    for line in panel.series:
        for x, y in line.points:
            tops[x] = max(y, tops.get(x, y))
    if not tops:
        nothing = f'<text x="{_LEFT}" y="{_HEIGHT / 2:g}" fill="{_SOFT}">not measured</text>'
        return f"{heading}\n{nothing}"
    across = _Axis(min(xs) / 1.25, max(xs) * 1.25, _LEFT, _WIDTH - _RIGHT)
    low, high = _around(min(y for line in panel.series for _, y in line.points), max(tops.values()))
    up = _Axis(low, high, _HEIGHT - _BOTTOM, _TOP)
    below = (
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:g}" y="{_HEIGHT - 10}" text-anchor="middle" '
        f'fill="{_SOFT}">{escape(x_title)}</text>'
    )
    drawn = [
        part
        for number, line in enumerate(panel.series)
        for part in _line(line, number, across, up, tops)
    ]
    return "\n".join((heading, *_grid(across, up, xs), *_legend(panel.series), *drawn, below))


@dataclass(frozen=True)
class _Axis:
    """A logarithmic scale from values to pixels."""

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(self.begin + share * (self.end - self.begin), 1)

    def ticks(self) -> list[float]:
        """Round values within: 1, 2 and 5 of each decade, or fewer where that is too many."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        powers = [10.0**decade for decade in decades]
        found = self._within(step * power for power in powers for step in (1, 2, 5))
        return found if len(found) <= _MOST_TICKS else self._within(powers)

    def _within(self, values: Iterable[float]) -> list[float]:
        return [value for value in values if self.low <= value <= self.high]


def _around(low: float, high: float) -> tuple[float, float]:
    """Limits with some room, and never so near to each other that noise looks like growth."""
    middle = math.sqrt(low * high)
    room = max(math.sqrt(high / low) ** 1.2 * 1.1, 4.0)
    return middle / room, middle * room


def _grid(across: _Axis, up: _Axis, xs: Sequence[float]) -> Iterator[str]:
    for value in up.ticks():
        y = up.at(value)
        yield f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="{_GRID}"/>'
        yield (
            f'<text x="{_LEFT - 8}" y="{y + 4:g}" text-anchor="end" fill="{_SOFT}">{value:,g}</text>'
        )
    for value in xs:
        x = across.at(value)
        yield f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{_HEIGHT - _BOTTOM}" stroke="{_GRID}"/>'
        yield (
            f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle" '
            f'fill="{_SOFT}">{value:,g}</text>'
        )


def _legend(series: Sequence[Series]) -> Iterator[str]:
    x = _LEFT
    for number, line in enumerate(series):
        colour = _COLOURS[number]
        yield f'<line x1="{x}" y1="33" x2="{x + 18}" y2="33" stroke="{colour}" stroke-width="2.5"/>'
        yield f'<text x="{x + 23}" y="37">{escape(line.name)}</text>'
        x += 40 + 7 * len(line.name)


def _line(
    line: Series, number: int, across: _Axis, up: _Axis, tops: Mapping[float, float]
) -> Iterator[str]:
    """A line and its values: above the points where it is the highest line, below otherwise."""
    colour = _COLOURS[number]
    path = " ".join(f"{across.at(x)},{up.at(y)}" for x, y in line.points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
    for x, y in line.points:
        shift = -9 if y >= tops[x] else 18
        yield f'<circle cx="{across.at(x)}" cy="{up.at(y)}" r="3.5" fill="{colour}"/>'
        yield (
            f'<text x="{across.at(x)}" y="{up.at(y) + shift:g}" text-anchor="middle" '
            f'font-size="11" fill="{colour}" stroke="#ffffff" stroke-width="3" '
            f'paint-order="stroke">{_short(y)}</text>'
        )


def _short(value: float) -> str:
    """Three digits at most."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
