"""Columns of foreign data as numbers and as text; errors name the column, never a value.

Text is compared as text: `01882` is not `1882`, and `1.10` not `1.1`. Only a column whose own type is
number or boolean has values with several spellings.
"""

import math
import re
import unicodedata
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types
from numpy.typing import NDArray

from mlhops.api.columns import told
from mlhops.evaluator.data.read import Column
from mlhops.evaluator.errors import EvaluationError, WrongValuesError, counted
from mlhops.statistics.arrays import Floats
from mlhops.statistics.numerals import as_number

_TRUTH = {"true": 1.0, "false": 0.0}
_PRINTED = {
    **dict.fromkeys(("true", "True", "TRUE"), "1"),
    **dict.fromkeys(("false", "False", "FALSE"), "0"),
}
_COMMA = re.compile(r"\s*[+-]?[0-9]+,[0-9]+\s*")
_LONGEST_PATTERN = 24
_LOOKS = {"N": "9", "L": "a", "M": "a"}
_MOST_PATTERNS = 1000


def canonical(value: object) -> str:
    """Return a value as a column of numbers has it, such that `1`, `1.0`, `True` and `"1"` are the same.

    Numbers keep all their digits; text that is no number is stripped of blanks around it.
    """
    text = str(value).strip()
    number = as_number(text)
    return text if number is None else number


def spelling(text: str) -> str:
    """Return a text without what differs between programs that print the same value.

    Blanks around it go, `1.0` is `1`, and so are `true`, `True` and `TRUE`. Codes such as `01` or `1.10` stay.
    Two texts with one spelling may still be two values: whoever matches by it looks that they are not.
    """
    text = text.strip()
    if text in _PRINTED:
        return _PRINTED[text]
    whole = text.removesuffix(".0")
    digits = whole.removeprefix("-")
    is_printed = digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0")
    return whole if is_printed else text


def pattern(text: str) -> str:
    """Return how a text looks, without what it says: `9` for digits, `a` for letters and their marks."""
    text = text.strip()[: _LONGEST_PATTERN + 1]
    signs = [
        _LOOKS.get(unicodedata.category(sign)[0], sign if sign.isprintable() else "?")
        for sign in text
    ]
    return "".join(signs) if len(signs) <= _LONGEST_PATTERN else "".join(signs[:-1]) + "…"


def floats(column: Column, name: str) -> Floats:
    """Return a column as numbers, NaN where a value is missing.

    Raises:
        EvaluationError: the column has values that are not numbers, or infinite ones.
    """
    values = _numbers(plain(column), name)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise WrongValuesError(
            name,
            infinite,
            lambda number: (
                f"column {told(name)} has {counted(number, 'infinite value')}: correct them, or leave "
                "them empty if unknown"
            ),
        )
    return values


def numbers_and_others(column: Column) -> tuple[Floats, Counter[str]]:
    """Return a column as numbers, and in how many rows other values have which pattern.

    NaN stands for a missing value, and for what is not a finite number.
    """
    others: Counter[str] = Counter()
    quick = _quickly(plain(column)) if is_text(column) else None
    if quick is not None:
        values = quick
    elif is_text(column):
        codes, names = encoded(column)
        known = [_number(name) for name in names]
        counts = np.bincount(codes[codes >= 0], minlength=len(names)).tolist()
        for name, number, count in zip(names, known, counts, strict=True):
            if number is None and count:
                of = pattern(name)
                others[of if of in others or len(others) < _MOST_PATTERNS else "…"] += count
        values = np.array([np.nan if n is None else n for n in known] + [np.nan])[codes]
    else:
        values = _numbers(plain(column), "")
    infinite = int(np.isinf(values).sum())
    if infinite:
        others["infinity"] += infinite
    return np.where(np.isinf(values), np.nan, values), others


def encoded(column: Column) -> tuple[NDArray[np.intp], list[str]]:
    """Return each row's code and the text of each code; -1 is a missing value.

    Text is as it stands, numbers and truth values are in canonical text. Two codes may have one text.
    """
    array = pc.dictionary_encode(plain(column))
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    raw = _listed(array.dictionary)
    missing = [(isinstance(v, float) and math.isnan(v)) or not str(v).strip() for v in raw]
    texts = (
        raw
        if is_text(column)
        else [canonical(value) for value in short(array.dictionary.type, raw)]
    )
    codes = np.asarray(pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False), np.intp)
    lost = np.array([*missing, True])
    return np.where(lost[codes], -1, codes), texts


def short(kind: object, values: list[Any]) -> list[Any]:
    """Return numbers of 32 or 16 bits with the digits that they have: 0.1, not 0.10000000149011612."""
    if types.is_float32(kind):
        return [np.float32(value) for value in values]
    return [np.float16(value) for value in values] if types.is_float16(kind) else values


def _listed(array: "pa.Array") -> list[Any]:
    try:
        values: list[Any] = array.to_pylist()
    except UnicodeDecodeError:
        raise EvaluationError(
            "the data hold text that is not UTF-8: the file is damaged, or was written with another "
            "encoding; write it again"
        ) from None
    return values


def texts(column: Column) -> list[str | None]:
    """Return a column of categories as text as it stands, None where a value is missing."""
    if is_text(column):
        values: list[str | None] = _listed(plain(column))
        return [None if value is None or not value.strip() else value for value in values]
    codes, names = encoded(column)
    return [names[code] if code >= 0 else None for code in codes]


def plain(column: Column) -> "pa.Array":
    """Return a column with its values in place, and text as one type of text.

    Arrow also holds values in a dictionary, under a name of their own, or as views.
    """
    array: pa.Array = column
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if types.is_dictionary(array.type):
        array = pc.cast(array, array.type.value_type)
    if types.is_large_string(array.type) or types.is_string_view(array.type):
        array = pc.cast(array, pa.string())
    return array


def is_text(column: Column) -> bool:
    """Return whether a column holds text."""
    return bool(types.is_string(plain(column).type))


def _numbers(column: "pa.Array", name: str) -> Floats:
    kind = column.type
    if types.is_null(kind):
        return np.full(len(column), np.nan)
    if types.is_boolean(kind):
        column = pc.cast(column, pa.uint8())
    elif is_text(column):
        return _parsed(column, name)
    elif not (types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)):
        raise EvaluationError(
            f"column {told(name)} holds values of type {kind}, but the feature is a number: convert the "
            "column or change the feature's type"
        )
    return _float64(pc.cast(column, pa.float64(), safe=False))


def _quickly(column: "pa.Array") -> Floats | None:
    """Return a column of text as numbers if all of it is; Python would take ten times as long."""
    try:
        return _float64(pc.cast(column, pa.float64()))
    except pa.ArrowInvalid:
        return None


def _float64(column: "pa.Array") -> Floats:
    return np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _parsed(column: "pa.Array", name: str) -> Floats:
    quick = _quickly(column)
    if quick is not None:
        return quick
    codes, values = encoded(column)
    numbers = [_number(text) for text in values]
    bad = np.array([number is None for number in numbers] + [False])
    wrong = int(bad[codes].sum())
    if wrong:
        commas = any(
            _COMMA.fullmatch(text) for text, other in zip(values, bad, strict=False) if other
        )
        hint = "; of csv with decimal commas, set data.csv.decimal to ','" if commas else ""
        raise WrongValuesError(
            name,
            wrong,
            lambda number: (
                f"column {told(name)} has {counted(number, 'value')} that "
                f"{'is' if number == 1 else 'are'} not a number: correct them, or declare the "
                f"feature as Categorical{hint}"
            ),
        )
    table = np.array([*(np.nan if number is None else number for number in numbers), np.nan])
    return np.asarray(table[codes], dtype=np.float64)


def _number(text: str) -> float | None:
    if "_" in text:  # Python reads 1_0 as ten, nobody else does.
        return None
    try:
        return float(text)
    except ValueError:
        return _TRUTH.get(text.strip().lower())
