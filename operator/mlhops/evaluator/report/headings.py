"""Headings and notes of the tables below a gate, which are drawn as forest plots."""

from mlhops.evaluator.report import words
from mlhops.evaluator.report.figures import Forest

REPEAT_AXIS_FROM = 15
"""Rows from which on a table has its axis below as well."""


def columns(figure: Forest, confidence: float) -> list[str]:
    """Return the headings of a table, but for the plot's and the verdict's."""
    kinds = ["Rows", "Positives", "Negatives"] if figure.classes else ["Rows"]
    counts = kinds if figure.counted else []
    values = [head for head in (figure.own, figure.other) if head]
    return ["Who", *counts, *values, f"{_what(figure)} ({confidence * 100:g} % interval)"]


def _what(figure: Forest) -> str:
    if figure.ratio:
        return "Ratio"
    if figure.own:
        return "Worse by" if figure.own == "This version" else "Difference"
    return "Estimate"


def labels(figure: Forest) -> str:
    """Return the columns' headings for narrow screens, where rows are not side by side."""
    named = {"own": figure.own, "other": figure.other, "what": _what(figure)}
    return ";".join(f"--{key}:'{text}'" for key, text in named.items() if text)


def note(figure: Forest) -> str:
    """Return what the axis shows and where values are acceptable."""
    more = f"; {figure.left_out:,} more groups are not listed" if figure.left_out else ""
    return f"{figure.quantity}; dashed: limit {words.limits(figure)}; shaded: acceptable{more}"
