"""Duplicate ids, found with eight bytes of memory for each row, however long an id is."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as types
from numpy.typing import NDArray

from mlhops.api.columns import told
from mlhops.evaluator.data.convert import plain
from mlhops.evaluator.data.read import Column
from mlhops.evaluator.errors import EvaluationError, counted


class Ids:
    """The id column. Messages tell how many rows are wrong, never which."""

    def __init__(self, name: str) -> None:
        """Begin with no row."""
        self.name = name
        self._parts: list[NDArray[np.int64]] = []
        self._missing = 0

    def add(self, column: Column) -> None:
        """Take the next batch."""
        values = plain(column)
        known = values.drop_null()
        if types.is_floating(known.type):
            known = known.filter(pc.invert(pc.is_nan(known)))
        elif types.is_string(known.type):
            known = known.filter(pc.not_equal(pc.utf8_trim_whitespace(known), ""))
        self._missing += len(values) - len(known)
        self._parts.append(_marks(known))

    def check(self) -> None:
        """Raise an error if a row has no id, or one that another row has."""
        marks = np.concatenate(self._parts) if self._parts else np.zeros(0, np.int64)
        self._parts.clear()
        if self._missing:
            raise EvaluationError(
                f"id column {told(self.name)} has no value in {counted(self._missing, 'row')}: give "
                "every row an id"
            )
        marks.sort()
        repeated = int((marks[1:] == marks[:-1]).sum())
        if repeated:
            raise EvaluationError(
                f"id column {told(self.name)} repeats ids in {counted(repeated, 'row')}: a person "
                "counted twice narrows the intervals wrongly; remove the repeated rows"
            )


def _marks(values: "pa.Array") -> NDArray[np.int64]:
    """Return a number for each value: itself, or Python's keyed hash of 64 bits.

    Of ten million different texts two share a hash once in 400,000 runs. That ends in an error, not
    in a verdict, and not again in the next run, whose key is another.
    """
    if types.is_integer(values.type):
        # The largest unsigned ones become negative, and stay different.
        return np.asarray(values.to_numpy(zero_copy_only=False)).astype(np.int64)
    return np.fromiter(map(hash, values.to_pylist()), np.int64, len(values))
