"""A number as outcome, such as a length of stay: every row is a case, and no number of them tells another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlhops.tasks.task import ROWS, Task, register

if TYPE_CHECKING:
    from mlhops.statistics.arrays import Bools

REGRESSION = register(
    Task(name="Regression", outcome="a number", answers=("Value",), counted=(ROWS,))
)


@dataclass(frozen=True)
class NumericCells:
    """Which rows are cases: all of them."""

    rows: int

    def of(self, cases: str) -> Bools:
        """Return that each row is a case, bool[rows].

        Raises:
            KeyError: there is no such kind.
        """
        import numpy as np

        if cases != ROWS:
            raise KeyError(cases)
        return np.ones(self.rows, dtype=np.bool_)
