"""Names of columns as data have them, and how they stand in a sentence."""

import re
from typing import Annotated
from unicodedata import category

from pydantic import Field

from mlhops.api.base import matching

LONGEST = 253
_PLAIN = re.compile(r"\w([\w.-]*\w)?")
BLANK = "\N{OPEN BOX}"

# Neither control characters and line ends, nor what turns the direction of the text around it; and not blanks alone.
_HIDDEN = r"\x00-\x1F\x7F-\x9F\x{2028}\x{2029}\x{202A}-\x{202E}\x{2066}-\x{2069}"
_BLANKS = r"\s\xA0\x{2000}-\x{200F}\x{3000}"
_NAME = rf"^[^{_HIDDEN}]*[^{_HIDDEN}{_BLANKS}][^{_HIDDEN}]*$"
NAMED = matching(
    _NAME,
    "a name has letters, digits or signs, and no control characters such as tabs and line breaks: "
    "rename the column",
)
"""The rule for names of columns, as schema extras."""

Name = Annotated[
    str, Field(pattern=_NAME, min_length=1, max_length=LONGEST, json_schema_extra=NAMED)
]
"""A name as data have it: `HbA1c (%)`, `mean radius`, `Größe/cm`; it is sent and told as it stands."""


def told(name: str) -> str:
    """Return a name for a sentence: in quotes where it is more than a word, with blanks at its ends as signs."""
    if _PLAIN.fullmatch(name):
        return name
    return f"'{blanks_shown(shown(name))}'"


def blanks_shown(text: str) -> str:
    """Return a text with the blanks around it as signs, where it is another one without them."""
    body = text.strip()
    before, _, after = text.partition(body)
    return BLANK * len(before) + body + BLANK * len(after)


def shown(name: str) -> str:
    """Return a name so that it cannot break a line, with blanks that are none of the usual ones as signs."""
    return "".join(
        sign if sign.isprintable() else BLANK if category(sign) == "Zs" else "?" for sign in name
    )
