"""Marks beside words: a shape and a colour for each state, and never these alone."""

from __future__ import annotations

from dataclasses import dataclass

from mlhops.cli.text.line import Span, Style
from mlhops.cli.views.answer import Answer

_STYLES = {
    "Healthy": Style.GOOD,
    "Successful": Style.GOOD,
    "Serving": Style.GOOD,
    "Honoured": Style.GOOD,
    "True": Style.GOOD,
    "Degraded": Style.BAD,
    "Failed": Style.BAD,
    "Error": Style.BAD,
    "Failing": Style.BAD,
    "Ignored": Style.BAD,
    "Drift": Style.BAD,
    "False": Style.BAD,
    "Paused": Style.WAITS,
    "Progressing": Style.WAITS,
    "Pending": Style.WAITS,
    "Running": Style.WAITS,
    "Inconclusive": Style.WAITS,
    "Overridden": Style.WAITS,
    "GatesChanged": Style.WAITS,
    "OverrideExpired": Style.WAITS,
    "Unknown": Style.WAITS,
}
ANSWERS = {
    Answer.WELL: Style.GOOD,
    Answer.BAD: Style.BAD,
    Answer.UNDECIDED: Style.WAITS,
}


@dataclass(frozen=True)
class Marks:
    """Shapes, for a terminal that shows them all or for one that has ASCII alone."""

    good: str
    bad: str
    waits: str
    now: str
    done: str
    next: str

    def of(self, word: str) -> Span:
        """Return the mark of a state."""
        style = style_of(word)
        shapes = {Style.GOOD: self.good, Style.BAD: self.bad, Style.WAITS: self.waits}
        return Span(shapes.get(style, self.next), style)


UNICODE = Marks("✔", "✖", "◷", "▶", "✔", "·")
ASCII = Marks("+", "x", "o", ">", "+", "-")


def style_of(word: str) -> Style:
    """Return how a word of a status looks."""
    return _STYLES.get(word, Style.PLAIN)


def styled(word: str) -> Span:
    """Return a word of a status in its style."""
    return Span(word, style_of(word))
