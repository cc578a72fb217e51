"""Numbers as text, to their last digit; without NumPy, which an operator that watches no model does not load."""

from decimal import Context, Decimal, InvalidOperation

LONGEST = 256
"""Text of more characters is not looked into."""
_TRUTH = {"true": "1", "false": "0"}
_MOST_DIGITS = 80
"""Numbers of more digits, or with as many zeros at an end, are not written out."""
_EXACTLY = Context(prec=LONGEST + 1)


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
