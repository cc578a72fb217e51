"""The page that a text is written for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mlhops.cli.text.marks import Marks


@dataclass(frozen=True)
class Page:
    """A moment, and what the reader's terminal can show."""

    now: datetime
    marks: Marks
    width: int = 0
    """Columns of the terminal; 0 where lines are not to be wrapped."""
