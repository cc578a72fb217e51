"""The terminal: its colours, its width, and whether a person sits before it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

from mlhops.cli.text.line import Line
from mlhops.cli.text.marks import ASCII, UNICODE, Marks
from mlhops.cli.text.page import Page


@dataclass(frozen=True)
class Terminal:
    """Where lines go."""

    out: TextIO
    color: bool
    width: int
    """Columns; 0 where nobody reads along, so that nothing is wrapped."""
    marks: Marks

    @classmethod
    def of(cls, color: str, out: TextIO | None = None) -> Terminal:
        """Return the terminal of this process, with colours `auto`, `always` or `never`."""
        out = out if out is not None else sys.stdout
        watched = out.isatty()
        width = shutil.get_terminal_size().columns if watched else 0
        return cls(out, shows_color(color, os.environ, watched=watched), width, _marks(out))

    def show(self, lines: Iterable[Line]) -> None:
        """Write lines."""
        for each in lines:
            self.out.write(each.written(color=self.color) + "\n")

    def page(self) -> Page:
        """Return what texts are written for, at this moment."""
        return Page(now(), self.marks, self.width)


def shows_color(asked: str, environment: Mapping[str, str], *, watched: bool) -> bool:
    """Return whether to colour: as asked, else on a terminal that has colours, for a person who has not said no."""
    if asked != "auto":
        return asked == "always"
    return watched and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def _marks(out: TextIO) -> Marks:
    try:
        "✔✖◷▶·".encode(out.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
