"""Some rows of a window, in memory alone: as many as fit, each row with the same chance to be among them."""

from dataclasses import dataclass, field

import numpy as np

from mlhops.statistics.arrays import Floats

_MANY = 10**9
"""NumPy draws without replacement from fewer than so many."""


@dataclass(frozen=True)
class _Drawn:
    """Never changed but replaced, so that another thread may read it meanwhile."""

    seen: int
    values: Floats


class Sample:
    """A uniform sample of rows; two of them make one of all their rows (reservoir sampling by parts)."""

    def __init__(self, most: int, width: int) -> None:
        self._most = most
        self._random = np.random.default_rng()
        self._drawn = _Drawn(0, np.empty((0, width)))

    @classmethod
    def of(cls, rows: Floats) -> "Sample":
        """Return a sample that is all of these rows, of shape (rows, width)."""
        whole = cls(len(rows), rows.shape[1])
        whole._drawn = _Drawn(len(rows), rows)
        return whole

    @property
    def values(self) -> Floats:
        """The rows, of shape (at most as many as may be kept, width), in no order."""
        return self._drawn.values

    @property
    def seen(self) -> int:
        """Of how many rows they are."""
        return self._drawn.seen

    def add(self, other: "Sample") -> None:
        """Be a sample of the other's rows too."""
        ours, theirs = self._drawn, other._drawn
        seen = ours.seen + theirs.seen
        kept = min(self._most, seen)
        from_ours = self._share(ours.seen, theirs.seen, kept)
        from_ours = int(np.clip(from_ours, kept - len(theirs.values), len(ours.values)))
        some = self._some(ours.values, from_ours), self._some(theirs.values, kept - from_ours)
        self._drawn = _Drawn(seen, np.concatenate(some))

    def _share(self, ours: int, theirs: int, kept: int) -> int:
        """Return how many of `kept` rows, drawn from all, are ours."""
        if ours + theirs < _MANY:
            return int(self._random.hypergeometric(ours, theirs, kept))
        return int(self._random.binomial(kept, ours / (ours + theirs)))

    def _some(self, values: Floats, many: int) -> Floats:
        if many >= len(values):
            return values
        return values[self._random.choice(len(values), many, replace=False)]


@dataclass
class Raw:
    """Rows of requests, and scores; a score is not joined to its row."""

    most: int
    width: int
    rows: Sample = field(init=False)
    scores: Sample = field(init=False)

    def __post_init__(self) -> None:
        self.rows = Sample(self.most, self.width)
        self.scores = Sample(self.most, 1)

    def add(self, other: "Raw") -> None:
        """Be a sample of the other's rows and scores too."""
        self.rows.add(other.rows)
        self.scores.add(other.scores)
