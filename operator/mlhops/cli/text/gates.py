"""Gates and groups for people: estimates with their intervals against the limit."""

from __future__ import annotations

from collections.abc import Sequence

from mlhops.cli.text.line import Line, Span, Style, table
from mlhops.cli.text.marks import Marks, styled
from mlhops.cli.views.gates import GateView, GroupView

_UNTOLD = "untold"
"""In place of a number that would tell of too few people."""


def gate_lines(gates: Sequence[GateView], marks: Marks) -> list[Line]:
    """Return a line for each gate, in columns."""
    rows = [_gate(gate, marks) for gate in gates]
    found = table(("",) * 8, rows, header=False)
    return [Line((Span("  "), *each.spans)) for each in found]


def group_lines(gate: GateView) -> list[Line]:
    """Return a table of what a gate measured for each group."""
    titles = ("GROUP", "VERDICT", "ROWS", "POSITIVES", "RATE", "REST", "GAP", "INTERVAL")
    return table(titles, [_group(group, classes=gate.has_classes) for group in gate.groups])


def interval(lower: float | None, upper: float | None) -> str:
    """Return an interval, empty where there is none."""
    return f"[{lower:.3g}, {upper:.3g}]" if lower is not None and upper is not None else ""


def _gate(gate: GateView, marks: Marks) -> tuple[str | Span, ...]:
    notes = [
        "overridden" if gate.overridden else "",
        "" if gate.required else "informs only",
        gate.needed,
    ]
    return (
        marks.of(gate.phase),
        gate.name,
        styled(gate.phase),
        gate.metric,
        gate.group,
        _number(gate.estimate, gate.lower, gate.upper),
        f"limit {gate.limit:g}" if gate.limit is not None else "",
        Span(", ".join(filter(None, notes)), Style.WAITS),
    )


def _number(estimate: float | None, lower: float | None, upper: float | None) -> str:
    if estimate is None:
        return "not measured"
    return f"{estimate:.3g} {interval(lower, upper)}".rstrip()


def _group(group: GroupView, *, classes: bool) -> tuple[str | Span, ...]:
    return (
        group.group,
        styled(group.phase),
        _count(group.rows),
        _count(group.positives) if classes else "",
        _share(group.rate),
        _share(group.rest),
        _share(group.gap),
        interval(group.lower, group.upper),
    )


def _count(value: int | None) -> str:
    return _UNTOLD if value is None else f"{value:,}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
