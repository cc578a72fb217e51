"""With whom a gate compares each group, and how."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlhops.statistics.arrays import Bools, Indices
from mlhops.statistics.inference.contrasts import Comparison

Against = Literal["Rest", "Best", "Reference"]
Better = Literal["Lower", "Higher"]


@dataclass(frozen=True)
class Question:
    """What is asked about every group, and how sure the answers are to be, all together."""

    seed: list[int]
    """Of the draws for the critical value."""
    comparison: Comparison = "Difference"
    """`Difference`: absolute, 0 is equal. `Ratio`: the smaller over the larger, 1 is equal."""
    against: Against = "Rest"
    """Everybody else; the group with the best estimate; or a reference."""
    reference: Indices | None = None
    """For `Reference`: for each group the index of the one that it is compared with; a group that
    is its own reference has no gap, exactly."""
    family: Indices | None = None
    """For `Best`: for each group a number; the best is sought among the groups of the same number
    (such as all values of one attribute). By default all are one family."""
    better: Better = "Lower"
    """For `Best`: whether lower or higher is better."""
    confidence: float = 0.95
    """The probability that all intervals hold."""
    largest: float = 1.0
    """The largest difference that there can be."""

    def arms(self, members: Bools) -> Bools:
        """Return what must be measured, as arms by atoms: the groups, and maybe all the rests."""
        return np.concatenate([members, ~members]) if self.against == "Rest" else members

    def others(self, groups: int) -> Indices:
        """Return for each group the arm that it is compared with; not for `Best`.

        Raises:
            ValueError: `Reference` without the reference of each group.
        """
        if self.against == "Rest":
            return np.arange(groups) + groups
        if self.reference is None or len(self.reference) != groups:
            raise ValueError("a comparison with a reference needs the reference of each group")
        return self.reference

    def families(self, groups: int) -> Indices:
        """Return the family of each group."""
        return np.zeros(groups, dtype=np.intp) if self.family is None else self.family
