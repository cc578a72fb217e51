"""Foreign values as what is counted: numbers, and categories in canonical text.

Text is compared as it stands, since that is what a model sees: `01882` is not `1882`, and `icu ` not
`icu`. Only numbers have many spellings, so only where a column holds numbers or truth values are
`1`, `1.0`, `true` and `"1"` the same.
"""

import math
from collections.abc import Sequence

import numpy as np

from mlhops.statistics.arrays import Floats
from mlhops.statistics.numerals import LONGEST, as_number

_BITS = 1024


def canonical(value: object) -> str | None:
    """Return a value of a column of numbers as text such that `1`, `1.0`, `True` and `"1"` are the same.

    None is a missing value: nothing, NaN, or blanks.
    """
    if value is None:
        return None
    if isinstance(value, int) and value.bit_length() > _BITS:
        return "a number without end"  # Python refuses to write it
    text = str(value).strip()
    number = as_number(text)
    if number is not None:
        return number
    return None if _is_nan(text) else text or None


def as_it_stands(value: object) -> str | None:
    """Return a value of a column of text: text with its case, zeros and blanks; None for blanks alone."""
    if isinstance(value, str):
        return value if value.strip() else None
    return canonical(value)


def numbers(values: Sequence[object]) -> Floats:
    """Return values as numbers: NaN for nothing, infinity for what is not a finite number."""
    return np.array([_number(value) for value in values], dtype=np.float64)


def _is_nan(text: str) -> bool:
    try:
        return len(text) <= LONGEST and math.isnan(float(text))
    except ValueError:
        return False


def _number(value: object) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, int | float):
        return math.inf
    try:
        return float(value)
    except OverflowError:  # a whole number beyond all floats
        return math.inf
