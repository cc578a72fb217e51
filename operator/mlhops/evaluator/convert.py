"""Columns of foreign data as numbers and as text; errors name the column, never a value."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types
from numpy.typing import NDArray

from mlhops.evaluator.errors import EvaluationError, counted
from mlhops.evaluator.read import Column
from mlhops.statistics.rates import Floats

_TRUTH = {"true": 1.0, "false": 0.0}


def canonical(value: object) -> str:
    """Return a value as text such that `1`, `1.0`, `True` and `"1"` are the same."""
    text = str(value).strip()
    if text.lower() in _TRUTH:
        return str(int(_TRUTH[text.lower()]))
    number = _number(text)
    if number is None or not math.isfinite(number):
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def floats(column: Column, name: str) -> Floats:
    """Return a column as numbers, NaN where a value is missing.

    Raises:
        EvaluationError: the column has values that are not numbers, or infinite ones.
    """
    values = _numbers(plain(column), name)
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise EvaluationError(
            f"column {name} has {counted(infinite, 'infinite value')}: correct them, or leave them "
            "empty if unknown"
        )
    return values


def loose_floats(column: Column) -> Floats:
    """Return a column as numbers, NaN where a value is missing, infinite or not a number."""
    quick = _quickly(plain(column)) if is_text(column) else None
    if quick is not None:
        values = quick
    elif is_text(column):
        codes, names = encoded(column)
        known = [_number(name) for name in names]
        values = np.array([np.nan if n is None else n for n in known] + [np.nan])[codes]
    else:
        values = _numbers(plain(column), "")
    return np.where(np.isinf(values), np.nan, values)


def encoded(column: Column) -> tuple[NDArray[np.intp], list[str]]:
    """Return each row's code and the canonical text of each code; -1 is a missing value."""
    array = pc.dictionary_encode(plain(column))
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    raw = array.dictionary.to_pylist()
    missing = [(isinstance(v, float) and math.isnan(v)) or not str(v).strip() for v in raw]
    texts = [canonical(value) for value in raw]
    codes = np.asarray(pc.fill_null(array.indices, -1).to_numpy(zero_copy_only=False), np.intp)
    lost = np.array([*missing, True])
    return np.where(lost[codes], -1, codes), texts


def texts(column: Column) -> list[str | None]:
    """Return a column of categories as text as it stands, None where a value is missing."""
    if is_text(column):
        values: list[str | None] = plain(column).to_pylist()
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
            f"column {name} holds values of type {kind}, but the feature is a number: convert the "
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
        raise EvaluationError(
            f"column {name} has {counted(wrong, 'value')} that {'is' if wrong == 1 else 'are'} not "
            "a number: correct them, or declare the feature as Categorical"
        )
    table = np.array([*(np.nan if number is None else number for number in numbers), np.nan])
    return np.asarray(table[codes], dtype=np.float64)


def _number(text: str) -> float | None:
    if "_" in text:  # Python reads 1_0 as ten, nobody else does.
        return None
    try:
        return float(text)
    except ValueError:
        return _TRUTH.get(text.lower())
