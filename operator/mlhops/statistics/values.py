"""Foreign values as what is counted: numbers, and categories in canonical text."""

import math
from collections.abc import Sequence

import numpy as np

from mlhops.statistics.rates import Floats

LONGEST = 256
"""Text of more characters is not looked into."""
_TRUTH = {"true": "1", "false": "0"}
_BITS = 1024


def canonical(value: object) -> str | None:
    """Return a category as text such that `1`, `1.0`, `True` and `"1"` are the same.

    None is a missing value: nothing, NaN, or blanks.
    """
    if value is None:
        return None
    if isinstance(value, int) and value.bit_length() > _BITS:
        return "a number without end"  # Python refuses to write it
    text = str(value).strip()
    if len(text) > LONGEST:
        return text
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    try:
        number = math.inf if "_" in text else float(text)  # Python alone reads 1_0 as ten
    except ValueError:
        return text or None
    if math.isnan(number):
        return None
    if not math.isfinite(number):
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def numbers(values: Sequence[object]) -> Floats:
    """Return values as numbers: NaN for nothing, infinity for what is not a finite number."""
    return np.array([_number(value) for value in values], dtype=np.float64)


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, int | float):
        return math.inf
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return math.inf
