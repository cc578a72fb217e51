"""The small-cell rule: which counts of people may be told, and what stands in the place of the others.

A count of few people may tell about single ones. Which larger counts must be hidden so that no small one
can be worked out from them is decided by `mlhops.evaluator.verdict.disclosure`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, overload

from pydantic import Field

if TYPE_CHECKING:  # an operator that watches no model does not load NumPy
    import numpy as np
    from numpy.typing import NDArray

MIN_CELL_SIZE = 10
"""The smallest count that is told where nobody has said otherwise."""

MinCellSize = Annotated[int, Field(ge=1, le=1000)]


@dataclass(frozen=True, order=True)
class SmallCells:
    """Which counts are hidden; of two rules the stricter one is the larger."""

    smallest: int = MIN_CELL_SIZE
    """The smallest count that is told, at least 1."""

    @overload
    def hides(self, number: int) -> bool: ...

    @overload
    def hides(self, number: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.bool_]: ...

    def hides(
        self, number: int | NDArray[np.int64] | NDArray[np.float64]
    ) -> bool | NDArray[np.bool_]:
        """Whether a count may not be told; of several counts which."""
        return number < self.smallest

    def exposes(self, number: int) -> bool:
        """Whether a count is one of few people; a count of nobody tells about nobody."""
        return number > 0 and self.hides(number)

    def text(self, number: int, noun: str = "") -> str:
        """Return a count, or that it is too small to be told; with its noun such as `7,874 rows`."""
        told = f"fewer than {self.smallest}" if self.hides(number) else f"{number:,}"
        if not noun:
            return told
        return f"{told} {noun}" if told == "1" else f"{told} {noun}s"

    def total_text(self, number: int, rows: int) -> str:
        """Return how many of all rows are cases; no number where few rows are none."""
        if not self.hides(number) and self.exposes(rows - number):
            return f"at least {self.smallest}"
        return self.text(number)


DEFAULT = SmallCells()
"""The rule where nobody has said otherwise."""
