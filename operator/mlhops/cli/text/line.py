"""Lines and tables of text with styles, which end as ANSI codes or as nothing."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Style(StrEnum):
    """What a span means; the ANSI code of how it looks."""

    PLAIN = ""
    GOOD = "32"
    BAD = "31"
    WAITS = "33"
    TITLE = "1"
    FAINT = "2"


@dataclass(frozen=True)
class Span:
    """Some words in one style."""

    text: str
    style: Style = Style.PLAIN


@dataclass(frozen=True)
class Line:
    """A line, made of spans."""

    spans: tuple[Span, ...] = ()

    def written(self, *, color: bool) -> str:
        """Return the line for a terminal, with its styles where it shows colours."""
        return "".join(_codes(span) if color else span.text for span in self.spans).rstrip(" ")


def line(*parts: str | Span) -> Line:
    """Return a line of words that may come from anywhere: what could move a terminal's cursor is taken out."""
    spans = [part if isinstance(part, Span) else Span(part) for part in parts]
    return Line(tuple(Span(harmless(span.text), span.style) for span in spans))


def harmless(text: str) -> str:
    """Return a text in one line, with a sign in place of each character that is not printed."""
    if text.isprintable():
        return text
    return "".join(_shown(sign) for sign in text)


def _shown(sign: str) -> str:
    if sign.isprintable():
        return sign
    return (
        " " if sign in "\n\t" or unicodedata.category(sign) == "Zs" else "\N{REPLACEMENT CHARACTER}"
    )


def table(
    titles: Sequence[str], rows: Iterable[Sequence[str | Span]], *, header: bool = True
) -> list[Line]:
    """Return rows below titles, in columns as wide as what stands in them, as kubectl writes them."""
    cells = [[_cell(each) for each in row] for row in rows]
    head = [[Span(title) for title in titles]] if header else []
    widths = [
        max((_width(row[column].text) for row in (*head, *cells)), default=0)
        for column in range(len(titles))
    ]
    return [_padded(row, widths) for row in (*head, *cells)]


def wrapped(text: str, width: int, indent: str) -> list[Line]:
    """Return a sentence in lines of that width, each begun with an indent; as it is where the width is 0."""
    clean = harmless(text)
    if width <= len(indent) + 20:
        return [line(indent + clean)]
    parts = textwrap.wrap(
        clean, width - len(indent), break_long_words=False, break_on_hyphens=False
    )
    return [line(indent + part) for part in parts]


def _cell(value: str | Span) -> Span:
    span = value if isinstance(value, Span) else Span(value)
    return Span(harmless(span.text), span.style)


def _padded(row: Sequence[Span], widths: Sequence[int]) -> Line:
    spans: list[Span] = []
    for span, width in zip(row, widths, strict=True):
        spans += [span, Span(" " * (width - _width(span.text) + 3))]
    return Line(tuple(spans[:-1]))


def _width(text: str) -> int:
    """Return how many columns a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(unicodedata.combining(sign) != 0 for sign in text)


def _codes(span: Span) -> str:
    return f"\x1b[{span.style}m{span.text}\x1b[0m" if span.style and span.text else span.text
