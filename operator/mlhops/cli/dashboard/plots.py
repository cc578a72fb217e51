"""Plots as SVG: estimates with their intervals against a limit; a table beside each has its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from mlhops.axis import Axis, around
from mlhops.cli.text.line import harmless
from mlhops.cli.views.gates import GateView, GroupView
from mlhops.cli.views.watch_history import GateTrend, TrendPoint

_HEIGHT = 28
_MIDDLE = 14
_CAP = 5
_WIDE, _HIGH, _FOOT, _LEFT = 640.0, 200.0, 24.0, 46.0


@dataclass(frozen=True)
class PlotRow:
    """An estimate with its interval; of what has none nothing is drawn."""

    words: str
    """The same for who does not see it."""
    style: str
    estimate: float | None
    lower: float | None
    upper: float | None


def axis_of(rows: Iterable[GateView | GroupView | TrendPoint], limit: float | None) -> Axis | None:
    """Return an axis that holds estimates, intervals and limit; None where nothing was measured."""
    numbers: list[float] = []
    for each in rows:
        middle = each.gap if isinstance(each, GroupView) else each.estimate
        numbers += [x for x in (middle, each.lower, each.upper) if x is not None]
    if not numbers:
        return None
    return around([*numbers, *([limit] if limit is not None else [])])


def forest(row: PlotRow, axis: Axis, limit: float | None) -> Markup:
    """Return one row of a forest plot."""
    parts = [_line(axis.place(limit), "limit")] if limit is not None else []
    if row.lower is not None and row.upper is not None:
        left, right = axis.place(row.lower), axis.place(row.upper)
        parts.append(
            f'<line class="interval" x1="{left:.2f}%" x2="{right:.2f}%" y1="{_MIDDLE}" y2="{_MIDDLE}"/>'
        )
        parts += [
            f'<line class="interval" x1="{x:.2f}%" x2="{x:.2f}%" y1="{_MIDDLE - _CAP}" y2="{_MIDDLE + _CAP}"/>'
            for x, end in ((left, row.lower), (right, row.upper))
            if axis.holds(end)
        ]
    if row.estimate is not None:
        parts.append(
            f'<circle class="estimate" cx="{axis.place(row.estimate):.2f}%" cy="{_MIDDLE}" r="4"/>'
        )
    label = escape(harmless(row.words))
    # All that is put in is escaped or a number.
    return Markup(  # noqa: S704
        f'<svg class="forest {escape(row.style)}" role="img" aria-label="{label}" width="100%" '
        f'height="{_HEIGHT}">{"".join(parts)}</svg>'
    )


def scale(axis: Axis) -> Markup:
    """Return the axis below the rows of a forest plot; its numbers stand in the table as well."""
    parts = []
    for tick in axis.ticks:
        place = axis.place(tick)
        parts.append(f'<line class="tick" x1="{place:.2f}%" x2="{place:.2f}%" y1="0" y2="4"/>')
        parts.append(f'<text x="{place:.2f}%" y="17">{escape(axis.text(tick))}</text>')
    body = "".join(parts)
    return Markup(  # noqa: S704
        f'<svg class="scale" aria-hidden="true" width="100%" height="20">{body}</svg>'
    )


def trend(of: GateTrend, styles: Sequence[str]) -> Markup:
    """Return a gate over its Evaluations, the oldest to the left; empty where nothing was measured.

    Args:
        of: the gate.
        styles: the class of each point.
    """
    limits = [point.limit for point in of.points if point.limit is not None]
    axis = axis_of(of.points, limits[-1] if limits else None)
    if axis is None:
        return Markup("")
    body = [*_grid(axis), *_limits(of.points, axis)]
    for i, (point, style) in enumerate(zip(of.points, styles, strict=True)):
        body += _point(point, style, _column(i, len(of.points)), axis)
    words = f"{of.name} in {len(of.points)} Evaluations, the oldest to the left; the table has the numbers"
    label = escape(harmless(words))
    return Markup(  # noqa: S704
        f'<svg class="trend" role="img" aria-label="{label}" viewBox="0 0 {_WIDE:g} {_HIGH:g}" '
        f'width="100%">{"".join(body)}</svg>'
    )


def _grid(axis: Axis) -> list[str]:
    parts = []
    for tick in axis.ticks:
        y = _row(tick, axis)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDE}" y1="{y:.1f}" y2="{y:.1f}"/>')
        said = escape(axis.text(tick))
        parts.append(f'<text class="end" x="{_LEFT - 6}" y="{y + 4:.1f}">{said}</text>')
    return parts


def _limits(points: Sequence[TrendPoint], axis: Axis) -> list[str]:
    """Return the limit below each point that has one, since it may have been changed between two."""
    half = (_WIDE - _LEFT) / len(points) / 2
    parts = []
    for i, point in enumerate(points):
        if point.limit is not None:
            x, y = _column(i, len(points)), _row(point.limit, axis)
            parts.append(
                f'<line class="limit" x1="{x - half:.1f}" x2="{x + half:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            )
    return parts


def _point(point: TrendPoint, style: str, x: float, axis: Axis) -> list[str]:
    parts = [f'<g class="{escape(style)}">']
    if point.lower is not None and point.upper is not None:
        low, high = _row(point.lower, axis), _row(point.upper, axis)
        parts.append(
            f'<line class="interval" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
        )
    if point.estimate is not None:
        y = _row(point.estimate, axis)
        parts.append(f'<circle class="estimate" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
    said = escape(harmless(point.version))
    parts.append(f'</g><text x="{x:.1f}" y="{_HIGH - 6}">{said}</text>')
    return parts


def _column(i: int, many: int) -> float:
    return _LEFT + (_WIDE - _LEFT) * (i + 0.5) / many


def _row(number: float, axis: Axis) -> float:
    return (_HIGH - _FOOT) * (100 - axis.place(number)) / 100


def _line(place: float, style: str) -> str:
    return f'<line class="{style}" x1="{place:.2f}%" x2="{place:.2f}%" y1="0" y2="{_HEIGHT}"/>'
