"""A model server's own words without the patient's: servers' errors echo what they were sent."""

import re
from collections.abc import Collection

_LONGEST = 200
_MASK = "…"
_TYPES = frozenset(
    {
        "bool",
        "bytes",
        "dict",
        "float",
        "int",
        "list",
        "ndarray",
        "NoneType",
        "object",
        "str",
        "tuple",
    }
)
"""Names of types, which say what is wrong and nothing of anybody."""
_MARKS = 0xF0000
"""Signs of private use, of which `_one_line` lets none through."""
_NOUNS = r"(?:features?|columns?|rows?|samples?|dimensions?|instances?|tensors?|inputs?)"


def quote(
    text: str, names: Collection[str], words: Collection[str], numbers: Collection[str]
) -> str:
    """Return a server's message fit for a log.

    Args:
        text: the message.
        names: names that may stay, such as the features'.
        words: text values that were sent.
        numbers: whole numbers that were sent.
    """
    # One that is all digits may be somebody's value as well.
    names = {name for name in names if any(sign.isalpha() for sign in name)}
    text, kept = _set_aside(_one_line(text), names, words)
    text = re.sub(r"\[[^\[\]]*\]", f"[{_MASK}]", text)
    text = re.sub(r"(['\"])(.*?)\1", lambda found: _quoted(found, {*names, *kept}, words), text)
    # As they stand in one line: what was sent may have more blanks, around it or within.
    lines = {_one_line(word) for word in words} - {""}
    for word in sorted(lines, key=len, reverse=True):
        if word not in names and word in text:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", _MASK, text)
    text = re.sub(r"-?\d+\.\d+(?:[eE][-+]?\d+)?|\d{5,}", _MASK, text)
    text = re.sub(rf"\b\d+\b(?! {_NOUNS}\b)", lambda found: _whole(found, numbers), text)
    for mark, name in kept.items():
        text = text.replace(mark, name)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + _MASK


def _set_aside(
    text: str, names: Collection[str], words: Collection[str]
) -> tuple[str, dict[str, str]]:
    """Return a text with a mark in place of each name that what follows would tear apart, and the names by mark.

    A name that stands in a value is none: who sees it could tell the value.
    """
    kept: dict[str, str] = {}
    for name in sorted(names, key=len, reverse=True):
        is_torn = re.search(r"[^\w.-]|\d\.\d|\d{5}", name)
        if is_torn and name in text and not any(name in word for word in words):
            mark = chr(_MARKS + len(kept))
            kept[mark] = name
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", mark, text)
    return text, kept


def _one_line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _quoted(found: re.Match[str], names: Collection[str], words: Collection[str]) -> str:
    return (
        found[0]
        if found[2] in names or found[2] in _TYPES.difference(words)
        else f"{found[1]}{_MASK}{found[1]}"
    )


def _whole(found: re.Match[str], numbers: Collection[str]) -> str:
    return _MASK if found[0] in numbers else found[0]
