"""Kubernetes quantities as amounts: every notation that the API server takes, so that equal amounts are equal."""

import re

from mlhops.api.base import Json

_QUANTITY = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<power>[+-]?[0-9]+))?"
)
_POWERS = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_NANO = 9
_MOST: int = (2**63 - 1) * 10**_NANO
"""Kubernetes takes no more for any larger amount."""
_SURELY_MORE = 30
"""A power of ten beyond which any amount but nothing is more than the most."""


def nanos(quantity: Json) -> int | None:
    """Return a quantity in units of 1e-9, None where the value is no quantity.

    As in Kubernetes' resource.Quantity, what is finer is rounded away from zero, and what is larger than
    2**63 - 1 is that.
    """
    if isinstance(quantity, bool) or not isinstance(quantity, int | str):
        return None
    found = _QUANTITY.fullmatch(str(quantity))
    if found is None or not (found["whole"] or found["part"]):
        return None
    part = found["part"] or ""
    digits: int = int((found["whole"] + part) or "0")
    power = _NANO - len(part) + _POWERS.get(found["suffix"] or "", 0) + int(found["power"] or 0)
    digits *= 1 << 10 * _BINARY.get(found["suffix"] or "", 0)
    amount = _scaled(digits, power)
    return -amount if found["sign"] == "-" else amount


def _scaled(digits: int, power: int) -> int:
    """Return digits times a power of ten as a whole number: rounded up, and no larger than the most."""
    if digits == 0 or power < -(_SURELY_MORE + len(str(digits))):
        return min(digits, 1)
    if power > _SURELY_MORE:
        return _MOST
    scale = int(10 ** abs(power))
    return min(digits * scale if power >= 0 else -(-digits // scale), _MOST)


def canonical(quantity: Json) -> Json:
    """Return one spelling for all quantities of the same amount; any other value as it is."""
    amount = nanos(quantity)
    return quantity if amount is None else f"{amount}n"
