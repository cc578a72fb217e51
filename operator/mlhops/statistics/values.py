"""Foreign values as what is counted: numbers, and categories in canonical text.

Text is compared as it stands, since that is what a model sees: `01882` is not `1882`, and `icu ` not
`icu`. Only numbers have many spellings, so only where a column holds numbers or truth values are
`1`, `1.0`, `true` and `"1"` the same.
"""

import math
from collections.abc import Sequence
from decimal import Context, Decimal, InvalidOperation

import numpy as np

from mlhops.statistics.rates import Floats

LONGEST = 256
"""Text of more characters is not looked into."""
_TRUTH = {"true": "1", "false": "0"}
_BITS = 1024
_MOST_DIGITS = 80
"""Numbers of more digits, or with as many zeros at an end, are not written out."""
_EXACTLY = Context(prec=LONGEST + 1)


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


def as_number(text: str) -> str | None:
    """Return a number, or a truth value, as text to its last digit, one for all its spellings.

    None for what is no finite number.
    """
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if len(text) > LONGEST or "_" in text:  # Python alone reads 1_0 as ten
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return written(number) if number.is_finite() else None


def written(number: Decimal) -> str:
    """Return a finite number with all of its digits, and without zeros that say nothing."""
    if number == 0:
        return "0"
    plain = number.normalize(_EXACTLY)
    if abs(plain.adjusted()) > _MOST_DIGITS:
        return str(plain)
    return f"{plain:f}"


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
