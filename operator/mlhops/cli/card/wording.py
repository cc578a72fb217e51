"""How every rendering says numbers, groups and foreign text."""

from __future__ import annotations

from mlhops.cli.card.entries import CardEntry, GateFinding
from mlhops.cli.views.gates import GroupView

HIDDEN = "hidden"
"""Stands in the place of a count that may not be told."""
NONE = "\N{EN DASH}"


def printable(value: str) -> str:
    """Return foreign text without signs that show nothing or turn the line around; lines stay."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in value)


def one_line(value: str) -> str:
    """Return foreign text in one line."""
    return " ".join(printable(value).split())


def number(value: float | None, unit: str = "") -> str:
    """Return a number to three places, a dash where there is none."""
    if value is None:
        return NONE
    return f"{value:.3f} {unit}".strip()


def count(value: int | None) -> str:
    """Return a count, or that it may not be told."""
    return HIDDEN if value is None else f"{value:,}"


def positives(of: GroupView, task: str) -> str:
    """Return how many positive cases a group has; only an outcome of yes or no has any."""
    return count(of.positives) if task == "Binary" else NONE


def interval(lower: float | None, upper: float | None) -> str:
    """Return an interval, a dash where neither end is known."""
    if lower is None and upper is None:
        return NONE
    return f"{number(lower)} to {number(upper)}"


def verdict(of: GateFinding) -> str:
    """Return what became of a gate; that a person let it pass is never left out."""
    return f"{of.phase}, let pass by a person" if of.overridden else of.phase


def weight(of: GateFinding) -> str:
    """Return what a gate's verdict is for."""
    if of.primary:
        return "required, primary"
    return "required" if of.required else "advisory"


def whence(entry: CardEntry) -> str:
    """Return how the value of an entry came about; of what is not stated, where it could be."""
    if not entry.stated:
        return f"may come from {entry.origin}"
    return f"{entry.source}: {entry.origin}"


def measured_rate(of: GroupView) -> float | None:
    """Return the group's own value, or else the gap that the gate compares."""
    return of.rate if of.rate is not None else of.gap
