"""Columns of held-out data as they travel: each with a datatype of KServe's v2 protocol.

A column goes out as what it is, whatever it means: codes that are whole numbers as whole numbers, to
the last digit, and codes that are text as text. A model that was trained on one does not know the
other. `datatype` of a feature says otherwise; what does not fit it is an Error, and never rounded
or cut.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow.compute as pc
import pyarrow.types as types

from mlhops.api.base import Json
from mlhops.api.columns import told
from mlhops.api.interface import Datatype, Feature
from mlhops.evaluator.data.convert import floats, is_text, plain, short, texts
from mlhops.evaluator.data.read import Column, Table
from mlhops.evaluator.errors import EvaluationError, WrongValuesError, counted
from mlhops.inputs.request import words_for
from mlhops.statistics.arrays import Floats

Values = Floats | list[bool | int | None] | list[str | None]
_FLOATS = {"FP16": np.float16, "FP32": np.float32, "FP64": np.float64}
_WHOLE = {
    f"{'U' if low == 0 else ''}INT{bits}": (low, 2 ** (bits if low == 0 else bits - 1) - 1)
    for bits in (8, 16, 32, 64)
    for low in (0, -(2 ** (bits - 1)))
}
_WHOLE_TEXT = re.compile(r"([+-]?[0-9]{1,40})(\.0*)?")
_UNCLEAR = re.compile(
    r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|true|false", re.IGNORECASE
)
"""What may be a number or a truth value, or text that looks like one."""
_TRUTH = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
_EXACT = 2**53
"""Whole numbers up to this one are the same in double precision."""
_LONG_TEXT = r"^\s*[+-]?[0-9]{16,40}(\.0*)?\s*$"
"""Text of a whole number that may be larger."""
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Sent:
    """One feature of a batch, as it goes out."""

    name: str
    datatype: Datatype
    values: Values
    """Numbers with a point as an array, NaN where one is missing; all else as a list, with None."""
    numbers: Floats | None = None
    """What the values are counted as, where that is not what they are: of dates that go out as text."""

    @property
    def counted(self) -> Values:
        """The values as they are counted, in profiles and ranges."""
        return self.values if self.numbers is None else self.numbers

    @property
    def missing(self) -> int:
        """How many rows have no value."""
        if isinstance(self.values, np.ndarray):
            return int(np.isnan(self.values).sum())
        return self.values.count(None)

    def row(self, row: int) -> "Sent":
        """Return the feature of one row."""
        numbers = None if self.numbers is None else self.numbers[row : row + 1]
        return replace(self, values=self.values[row : row + 1], numbers=numbers)

    def json(self) -> list[Json]:
        """Return the values for a request: a missing one is null, since JSON has no NaN."""
        if isinstance(self.values, np.ndarray):
            return [None if value != value else value for value in self.values.tolist()]
        return list(self.values)


def sent(column: Column, feature: Feature, *, typeless: bool = False) -> Sent:
    """Return a feature as it goes out among named columns.

    Args:
        column: its values.
        feature: what the interface says of it.
        typeless: whether the data have no types, so that numbers are text, too.

    Raises:
        EvaluationError: a value does not fit the feature, or its datatype.
    """
    datatype = feature.datatype or _own(column, feature, typeless)
    return converted(column, feature.name, datatype)


def converted(column: Column, name: str, datatype: Datatype) -> Sent:
    """Return a column in a datatype.

    Raises:
        EvaluationError: a value does not fit it.
    """
    if datatype == "BYTES":
        return Sent(name, datatype, _as_text(column, name))
    if datatype == "BOOL":
        return Sent(name, datatype, _as_truth(column, name))
    if datatype in _WHOLE:
        return Sent(name, datatype, _as_whole(column, name, datatype))
    return Sent(name, datatype, _as_floats(column, name, datatype))


def refuse_unclear(table: Table, features: Sequence[Feature]) -> None:
    """Refuse categories that a file without types leaves open: numbers, or text of digits.

    Raises:
        EvaluationError: callers may send either, and nobody has said which.
    """
    open_ = [each for each in features if _is_open(each)] if table.typeless else []
    if not open_:
        return
    unclear = {feature.name: False for feature in open_}
    certain: set[str] = set()
    for batch in table.batches(list(unclear), _ROWS_AT_ONCE):
        for name in unclear.keys() - certain:
            found = pc.unique(plain(batch[name])).to_pylist()
            known = [text.strip() for text in found if text is not None and text.strip()]
            unclear[name] = unclear[name] or bool(known)
            if not all(_UNCLEAR.fullmatch(text) for text in known):
                certain.add(name)
    named = [name for name, some in unclear.items() if some and name not in certain]
    if named:
        raise EvaluationError(
            f"column{'s' if len(named) > 1 else ''} {', '.join(map(told, named))} of the csv file may hold "
            "numbers or booleans, or text that looks like them, and a model that was trained on one "
            "does not know the other: set datatype of the feature to INT64, FP64, BOOL or BYTES, as "
            "callers send it; or write parquet, which has types"
        )


def _is_open(feature: Feature) -> bool:
    if feature.datatype is not None or not words_for(feature):
        return False
    return all(_UNCLEAR.fullmatch(word.strip()) for word in feature.categories or [])


def _own(column: Column, feature: Feature, typeless: bool) -> Datatype:
    """Return the datatype that a column has by itself."""
    kind = plain(column).type
    if types.is_boolean(kind):
        return "BOOL"
    if types.is_integer(kind):
        return "UINT64" if types.is_uint64(kind) else "INT64"
    if is_text(column) and feature.type == "Binary":
        # Two words are words; the 0 and 1 of a file without types are numbers.
        return "FP64" if typeless and not words_for(feature) else "BYTES"
    if is_text(column) or types.is_null(kind):
        return "BYTES" if feature.type == "Categorical" else "FP64"
    return "FP64"


def _as_floats(column: Column, name: str, datatype: Datatype) -> Floats:
    wide = floats(column, name)
    lost = _inexact(column)
    narrow = wide
    if datatype != "FP64":
        with np.errstate(over="ignore"):
            narrow = wide.astype(_FLOATS[datatype]).astype(np.float64)
        # A fraction is rounded in any case; a whole number would become another one.
        changed = narrow != wide if types.is_integer(plain(column).type) else np.isinf(narrow)
        lost += int((changed & ~np.isnan(wide)).sum())
    _refuse(lost, name, datatype)
    return narrow


def _inexact(column: Column) -> int:
    """Return how many whole numbers of a column are others in double precision."""
    array = plain(column)
    if types.is_integer(array.type):
        span = pc.min_max(array).as_py()
        least, most = span["min"] or 0, span["max"] or 0
        if least >= -_EXACT and most <= _EXACT:
            return 0
        return sum(int(float(v)) != v for v in array.to_pylist() if v is not None)
    if types.is_decimal(array.type):
        known = [value for value in array.to_pylist() if value is not None]
        return sum(value == int(value) and int(float(value)) != value for value in known)
    if is_text(column):
        long = array.filter(pc.match_substring_regex(array, _LONG_TEXT))
        found = [number for number in map(_whole, long.to_pylist()) if number is not None]
        return sum(int(float(number)) != number for number in found)
    return 0


def _as_whole(column: Column, name: str, datatype: Datatype) -> list[bool | int | None]:
    least, most = _WHOLE[datatype]
    found: list[bool | int | None] = []
    wrong = 0
    for value in plain(column).to_pylist():
        known = not _is_missing(value)
        number = _whole(value) if known else None
        if known and (number is None or not least <= number <= most):
            wrong += 1
        found.append(number)
    _refuse(wrong, name, datatype)
    return found


def _whole(value: object) -> int | None:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        match = _WHOLE_TEXT.fullmatch(value.strip())
        return int(match[1]) if match else None
    try:
        number = int(value)  # type: ignore[call-overload]
    except (ValueError, OverflowError):
        return None
    return number if number == value else None


def _as_truth(column: Column, name: str) -> list[bool | int | None]:
    values = plain(column).to_pylist()
    known = [None if _is_missing(value) else str(value).strip().lower() for value in values]
    found: list[bool | int | None] = [None if v is None else _TRUTH.get(v) for v in known]
    _refuse(found.count(None) - known.count(None), name, "BOOL")
    return found


def _as_text(column: Column, name: str) -> list[str | None]:
    kind = plain(column).type
    if is_text(column) or types.is_null(kind):
        return texts(column)
    if types.is_boolean(kind):
        raise EvaluationError(
            f"column {told(name)} holds booleans, of which it is not known how callers write them as "
            "text: write the column as text, or set datatype of the feature to BOOL"
        )
    values = plain(column).to_pylist()
    _refuse(sum(isinstance(value, float) and math.isinf(value) for value in values), name, "BYTES")
    digits = short(kind, values)
    return [
        None if _is_missing(value) else _written(number)
        for value, number in zip(values, digits, strict=True)
    ]


def _written(value: object) -> str:
    """Return a number as text; a whole one that was made a fraction by gaps is whole again."""
    whole = _whole(value)
    if whole is not None:
        return str(whole)
    return str(value if isinstance(value, np.floating) else float(value))  # type: ignore[arg-type]


def _is_missing(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value))


def _refuse(wrong: int, name: str, datatype: str) -> None:
    if wrong:
        raise WrongValuesError(
            name,
            wrong,
            lambda number: (
                f"column {told(name)} has {counted(number, 'value')} that cannot travel as {datatype}: "
                "correct them, or set datatype to the one in which callers send them"
            ),
        )
