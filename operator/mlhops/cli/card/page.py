"""A card as one HTML page that needs nothing but a browser: no script, no font, nothing from elsewhere.

Jinja escapes whatever is put in, after `finalize` has freed it of signs that show nothing or turn the line around.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlhops.cli.card import wording
from mlhops.cli.card.entries import ModelCard, not_stated

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent / "templates"
MARKS = {
    "Successful": ("ok", "✓"),
    "Failed": ("no", "✕"),
    "Inconclusive": ("un", "?"),
    "Error": ("er", "!"),
}
"""For each verdict the style's class and a sign."""


def page(card: ModelCard) -> str:
    """Return the card as HTML; the same card renders the same bytes."""
    template = _templates().get_template("card.html")
    return template.render(card=card, gaps=not_stated(card))


def body(card: ModelCard) -> str:
    """Return what stands between head and foot of the page, for pages that bring their own."""
    return _templates().get_template("body.html").render(card=card, gaps=not_stated(card))


def style() -> str:
    """Return the style that both want."""
    return (_FOLDER / "card.css").read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        finalize=lambda value: wording.printable(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.globals |= {"words": wording, "marks": MARKS, "style": style()}
    return found
