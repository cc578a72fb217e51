"""Which column of a model's answer is the score, where it has one for each class.

The evaluator and the detector must take the same one. A column that could be another class's is
nobody's: what is measured of it would be the opposite of what serves.
"""

import math
from collections.abc import Collection

from mlhops.api.interface import Output

_TRUTH = {"true": 1.0, "false": 0.0}
SECOND, PAIR = 1, 2


def column_of(output: Output, width: int, labels: Collection[str] = ()) -> int | None:
    """Return the positive class's column of so many; None where it is not certain.

    Args:
        output: what the interface says of the answer.
        width: how many columns the answer has.
        labels: the values of the label as text; none where they are not known.
    """
    if output.classes is not None:
        named = output.positive_class in output.classes and width == len(output.classes)
        return output.classes.index(output.positive_class) if named else None
    return SECOND if width == PAIR and _is_last(output.positive_class, labels) else None


def _is_last(positive: str, labels: Collection[str]) -> bool:
    """Return whether the positive class is the last of two, however a server has sorted them.

    scikit-learn sorts classes: numbers as numbers, text as text. Of which of these the model's are
    is not known, so both orders must agree. Without labels only 1 and `true` are certain.
    """
    own = _value(positive)
    if not labels:
        return own == 1.0
    others = [label for label in labels if _value(label) != own]
    if len(others) != 1:
        return False
    other = _value(others[0])
    if isinstance(own, float) and isinstance(other, float):
        return own > other and _spelt(positive) > _spelt(others[0])
    return positive.strip() > others[0].strip()


def _value(text: str) -> float | str:
    plain = text.strip()
    if plain.lower() in _TRUTH:
        return _TRUTH[plain.lower()]
    try:
        number = math.nan if "_" in plain else float(plain)
    except ValueError:
        return plain
    return number if math.isfinite(number) else plain


def _spelt(text: str) -> str:
    """Return a number as the text that it would be sorted by; `true` comes after `false` as 1 after 0."""
    plain = text.strip().lower()
    return f"{_TRUTH[plain]:g}" if plain in _TRUTH else plain
