"""LimitRange: bounds and defaults for containers of a namespace; admission says its numbers, and not whose they are."""

import re

_BOUND = re.compile(r"(?:minimum|maximum) \S+ usage per \w+|max limit to request ratio per \w+")
_DEFAULT = re.compile(r"must be less than or equal to \S+ limit")


def name_limit_range(words: str, field: str) -> str:
    """Return why a pod is refused, with what is to be done in `field` where a LimitRange is why."""
    if _BOUND.search(words):
        return f"{words} (a LimitRange of the namespace: keep within it in {field}, or change it)"
    if _DEFAULT.search(words):
        return f"{words} (a LimitRange sets the limit where none is set: set limits too in {field})"
    return words
