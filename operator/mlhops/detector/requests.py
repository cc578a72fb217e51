"""How callers ask, in counts that a window can add up: protocol, encoding, names, order, kinds.

What is counted is from closed sets and of the interface's own features, so that no name that a
caller makes up takes any memory.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Self

import numpy as np

from mlhops.api.interface import Encoding, Protocol
from mlhops.api.profile import KINDS
from mlhops.api.summary import RequestSummary
from mlhops.inputs.rows import RowForm
from mlhops.statistics.arrays import Counts

_KINDS: Mapping[type, int] = {
    int: KINDS.index("Number"),
    float: KINDS.index("Number"),
    str: KINDS.index("Text"),
    bool: KINDS.index("Boolean"),
}


@dataclass
class RequestCount:
    """Counts of some rows."""

    features: int
    protocols: Counter[Protocol] = field(default_factory=Counter)
    encodings: Counter[Encoding] = field(default_factory=Counter)
    reordered: int = 0
    misnamed: int = 0
    kinds: Counts = field(init=False)
    """By feature: values of each of `KINDS`."""

    def __post_init__(self) -> None:
        self.kinds = np.zeros((self.features, len(KINDS)), dtype=np.int64)

    def __bool__(self) -> bool:
        """Whether anything was counted."""
        return bool(self.protocols) or bool(self.kinds.any())

    def asked(self, form: RowForm, rows: int) -> None:
        """Count the rows of one request."""
        self.protocols[form.protocol] += rows
        self.encodings[form.encoding] += rows
        self.reordered += form.reordered
        self.misnamed += form.misnamed

    def valued(self, feature: int, types: Mapping[type, int]) -> None:
        """Count the values of a feature by their types."""
        for type_, count in types.items():
            if (kind := _KINDS.get(type_)) is not None:
                self.kinds[feature, kind] += count

    def add(self, other: Self) -> None:
        """Count the other's rows too."""
        self.protocols.update(other.protocols)
        self.encodings.update(other.encodings)
        self.reordered += other.reordered
        self.misnamed += other.misnamed
        self.kinds += other.kinds

    def summary(self) -> RequestSummary:
        """Return the counts as what is reported."""
        return RequestSummary(
            protocols=dict(self.protocols),
            encodings=dict(self.encodings),
            reordered=self.reordered,
            misnamed=self.misnamed,
            kinds=self.kinds.tolist(),
        )


def types_of(values: Sequence[object]) -> Counter[type]:
    """Return how many values are of each type; what is missing is of none."""
    kinds = set(map(type, values))
    # Mostly of one type, which is counted several times as fast.
    alike = len(kinds) == 1
    found = Counter(dict.fromkeys(kinds, len(values)) if alike else map(type, values))
    found.pop(NoneType, None)
    return found
