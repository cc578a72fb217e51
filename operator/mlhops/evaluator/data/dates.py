"""Columns of dates: of Parquet's types, and of text in ISO 8601.

A column has a time zone in all its values or in none. Without one, a date is that of the clock on the wall, and is
compared with days; with one it is a moment, and is compared with moments. Nothing is guessed between the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types
from numpy.typing import NDArray

from mlhops.api.columns import told
from mlhops.api.dates import DateEncoding, is_zoned
from mlhops.api.interface import Feature
from mlhops.evaluator.data.convert import encoded, is_text, pattern, plain, texts
from mlhops.evaluator.data.read import Column, Table, is_date
from mlhops.evaluator.errors import EvaluationError
from mlhops.inputs.dates import FIRST, LAST, SECOND, UNITS, read_date, since, write_date
from mlhops.small_cells import SmallCells

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_ROWS_AT_ONCE = 65_536
_WANTED = "write 2024-01-31, 2024-01-31T12:00:00 or 2024-01-31T12:00:00+01:00 (ISO 8601)"


@dataclass(frozen=True)
class Dates:
    """Some rows of a column of dates."""

    values: NDArray[np.int64]
    """Microseconds from 1970 on; 0 where there is none."""
    known: NDArray[np.bool_]
    """Whether a row has a date."""
    wrong: NDArray[np.bool_]
    """Whether it has something else."""
    zones: frozenset[bool]
    """Whether the dates have a time zone; both where some have."""
    looks: str = ""
    """How the first that is wrong looks."""


def dates(column: Column) -> Dates:
    """Return a column's dates; one of any other type has none, and all its values are wrong."""
    array = plain(column)
    if is_text(column):
        return _of_text(column)
    if not is_date(array.type):
        there = ~np.asarray(array.is_null().to_numpy(zero_copy_only=False))
        none = np.zeros(len(array), np.int64)
        return Dates(none, none > 0, there, frozenset(), f"values of type {array.type}")
    known = np.asarray(array.is_valid().to_numpy(zero_copy_only=False))
    if types.is_date(array.type):
        array = pc.cast(array, pa.timestamp("ms"))
    raw = np.asarray(pc.fill_null(pc.cast(array, pa.int64()), 0).to_numpy(zero_copy_only=False))
    per_second = _PER_SECOND[array.type.unit]
    seconds = np.floor_divide(raw, per_second)
    # Before the year 1 or after 9999 there are no dates, and microseconds may not fit.
    wrong = known & ((seconds < FIRST // SECOND) | (seconds > LAST // SECOND))
    rest = (raw - seconds * per_second) * SECOND // per_second
    values = np.where(wrong, 0, seconds) * SECOND + np.where(wrong, 0, rest)
    zones = frozenset({array.type.tz is not None} if known.any() else ())
    return Dates(values, known & ~wrong, wrong, zones, "a year before 1 or after 9999")


def _of_text(column: Column) -> Dates:
    codes, words = encoded(column)
    found = [read_date(word) for word in words]
    ok = np.array([*(each is not None for each in found), False])
    numbers = np.array([*(each[0] if each else 0 for each in found), 0], np.int64)
    present = np.unique(codes[codes >= 0]).tolist()
    wrong = (codes >= 0) & ~ok[codes]
    first = words[codes[np.argmax(wrong)]] if wrong.any() else ""
    looks = f"'{pattern(first)}' (9 is any digit, a any letter)"
    zones = frozenset(each[1] for code in present if (each := found[code]) is not None)
    return Dates(numbers[codes], (codes >= 0) & ok[codes], wrong, zones, looks)


_ALL_TOLD = SmallCells(1)


class Checked:
    """What is wrong with a column of dates, over all rows that were looked at."""

    def __init__(
        self, column: str, place: str, declared: Sequence[str], cells: SmallCells = _ALL_TOLD
    ) -> None:
        """Take a column, and the dates in a field of the spec that it is compared with."""
        self._column = told(column)
        self._place = place
        self._zoned = is_zoned(declared[0])
        self._cells = cells
        self._rows = self._wrong = 0
        self._first = 0
        self._looks = ""
        self._zones: set[bool] = set()

    def add(self, column: Column) -> Dates:
        """Take the next rows."""
        found = dates(column)
        if found.wrong.any() and not self._wrong:
            self._first = self._rows + int(np.argmax(found.wrong)) + 1
            self._looks = found.looks
        self._wrong += int(found.wrong.sum())
        self._rows += len(found.wrong)
        self._zones |= found.zones
        return found

    def check(self) -> None:
        """Raise an error unless all values are dates, as those in the spec.

        Raises:
            EvaluationError: they are not.
        """
        if self._wrong:
            number = self._cells.text(self._wrong, "row")
            raise EvaluationError(
                f"column {self._column} holds what is no date in {number}, first in row {self._first}: "
                f"{self._looks}: {_WANTED}, and leave it empty where it is "
                "not known"
            )
        if len(self._zones) > 1:
            raise EvaluationError(
                f"column {self._column} holds dates with a time zone and others without: write all with "
                "one, or none"
            )
        if self._zones and self._zoned not in self._zones:
            has, form = (
                ("no time zone", "days such as 2024-01-31")
                if self._zoned
                else ("a time zone", "moments with theirs, such as 2024-01-31T00:00:00+01:00")
            )
            raise EvaluationError(
                f"the dates in column {self._column} have {has}: write {self._place} as {form}, or write "
                "the column so"
            )


def refuse_wrong(table: Table, features: Sequence[Feature]) -> None:
    """Refuse features that are declared as dates and are not, counted over all rows.

    Raises:
        EvaluationError: a value is no date, or the time zone is not as declared.
    """
    looks = {
        each.name: _checked(each.name, each.date) for each in features if each.date is not None
    }
    if not looks:
        return
    for batch in table.batches(list(looks), _ROWS_AT_ONCE):
        for name, each in looks.items():
            each.add(batch[name])
    for each in looks.values():
        each.check()


def numbered(column: Column, feature: Feature) -> Column:
    """Return a feature as the numbers that callers send for its dates.

    Raises:
        EvaluationError: it has no dates, or a value is none.
    """
    if feature.date is None:
        return column
    look = _checked(feature.name, feature.date)
    found = look.add(column)
    look.check()
    numbers: Column = pa.array(
        (found.values - since(feature.date)) / UNITS[feature.date.unit],
        pa.float64(),
        mask=~found.known,
    )
    return numbers


def worded(column: Column) -> list[str | None]:
    """Return a column's dates as the text that callers send: as it stands, or as ISO 8601 has it."""
    if is_text(column):
        return [None if word is None else word.strip() for word in texts(column)]
    found, kind = dates(column), plain(column).type
    day = types.is_date(kind)
    zoned = not day and kind.tz is not None
    moments, places = np.unique(found.values, return_inverse=True)
    words = [write_date(moment, day=day, zoned=zoned) for moment in moments.tolist()]
    return [
        words[place] if known else None
        for place, known in zip(places.tolist(), found.known.tolist(), strict=True)
    ]


def _checked(name: str, date: DateEncoding) -> Checked:
    return Checked(name, "interface.features[].date.since", [date.since])
