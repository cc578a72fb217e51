"""Templates of the report. Text from a spec or from data is only ever text, wherever a template puts it in.

Jinja escapes whatever is put in and is no markup yet, after `finalize` has freed it of signs that show nothing
or turn the line around. Pictures are markup (`| safe`): `plots` and `strips` escape the text in them.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mlhops.evaluator.report import headings, numeric_plots, plots, strips, words

_FOLDER = Path(__file__).parent / "templates"
STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")
"""How a report looks: on a phone and on a desk, light and dark, and printed.

Colours are told apart by people who do not see red or green well (blue, vermilion and violet), and each verdict
has a sign and a word as well. Text has a contrast of at least 4.5 to 1 (WCAG 2, AA).
"""


def _printable(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return words.printable(value)
    return value


def _group(name: str) -> Markup:
    """A group's name, which breaks rather between its parts than within one."""
    return Markup(",<wbr>").join(words.printable(name).split(","))


def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["group"] = _group
    found.globals |= {
        "words": words,
        "headings": headings,
        "numeric_plots": numeric_plots,
        "plots": plots,
        "strips": strips,
        "style": STYLE,
    }
    return found


TEMPLATES = _environment()
