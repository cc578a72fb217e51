"""The first rows that a pod saw: what it compares whole rows with later, since no row of the reference gets into it."""

import numpy as np
from numpy.typing import NDArray

from mlhops.statistics.arrays import Floats


class Baseline:
    """The first complete rows, in memory alone; once it is full, it stays as it is."""

    def __init__(self, most: int, width: int) -> None:
        self.most = most
        """So many, of `width` features each; of 0 nothing is taken."""
        self._rows: Floats = np.empty((0, width))

    @property
    def rows(self) -> Floats:
        """All of them, of shape (most, width), or none while there are fewer."""
        # Never changed but replaced, so that another thread may read it meanwhile.
        return self._rows if len(self._rows) == self.most else self._rows[:0]

    def take(self, rows: Floats) -> NDArray[np.bool_]:
        """Take of these rows the complete ones that there is room for; return which those are."""
        taken = ~np.isnan(rows).any(axis=1)
        taken &= np.cumsum(taken) <= self.most - len(self._rows)
        if taken.any():
            self._rows = np.concatenate([self._rows, rows[taken]])
        return taken
