"""Functions that Kubernetes adds to CEL, as far as the rules of mlhops.io use them: quantities, names, order.

Written after the Kubernetes documentation of CEL ("Kubernetes list library", "format library", "quantity library").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from itertools import pairwise

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?"
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def amount(text: str) -> Decimal:
    """Return a Kubernetes quantity as a number.

    Raises:
        ValueError: it is none.
    """
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no quantity")
    number, suffix = found[1], found[2] or ""
    try:
        if suffix in _BINARY:
            return Decimal(number) * Decimal(2) ** _BINARY[suffix]
        if suffix in _DECIMAL:
            return Decimal(number).scaleb(_DECIMAL[suffix])
        return Decimal(number).scaleb(int(suffix[1:]))
    except (InvalidOperation, ValueError) as error:
        raise ValueError(f"{text!r} is no quantity") from error


def is_quantity(text: str) -> bool:
    """Whether a text is a quantity."""
    try:
        amount(text)
    except ValueError:
        return False
    return True


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1 as a quantity is less than, equal to, or more than another."""
    left, right = amount(one), amount(other)
    return (left > right) - (left < right)


def is_whole(text: str) -> bool:
    """Whether a quantity is a whole number."""
    number = amount(text)
    return number == number.to_integral_value()


def is_sorted(values: list[object]) -> bool:
    """Whether a list goes up, or stays, from each item to the next."""
    return all(not (after < before) for before, after in pairwise(values))  # type: ignore[operator]


def dns_label(text: str) -> list[str]:
    """Return what is wrong with a DNS label."""
    fits = len(text) <= 63 and _LABEL.fullmatch(text)
    return [] if fits else ["a lower case RFC 1123 label has only a-z, 0-9 and -, and at most 63"]


def dns_subdomain(text: str) -> list[str]:
    """Return what is wrong with a DNS subdomain, which most names of objects are."""
    fits = len(text) <= 253 and _SUBDOMAIN.fullmatch(text)
    return (
        []
        if fits
        else ["a lower case RFC 1123 subdomain has only a-z, 0-9, - and ., and at most 253"]
    )


def qualified_name(text: str) -> list[str]:
    """Return what is wrong with a key of a label or annotation."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix or (slash and dns_subdomain(prefix)):
        return ["a qualified name is a name, perhaps with one DNS prefix and / before it"]
    fits = len(name) <= 63 and _NAME.fullmatch(name)
    return [] if fits else ["the name in it has only letters, digits, -, _ and ., and at most 63"]


def label_value(text: str) -> list[str]:
    """Return what is wrong with the value of a label."""
    fits = len(text) <= 63 and (not text or _NAME.fullmatch(text))
    return [] if fits else ["a label's value has only letters, digits, -, _ and ., and at most 63"]


FORMATS: dict[str, Callable[[str], list[str]]] = {
    "dns1123Label": dns_label,
    "dns1123Subdomain": dns_subdomain,
    "qualifiedName": qualified_name,
    "labelValue": label_value,
}
"""Formats that a rule may name as `format.NAME()`."""


def validate(name: str, text: str) -> list[str]:
    """Return what is wrong with a text of a named format."""
    return FORMATS[name](text)
