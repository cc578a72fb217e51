"""From reference values to bins.

A number's edges lie near its 64-quantiles, each halfway between two neighbouring values, so that
rounding to 32 bits on the way does not move a value over an edge. A value that is frequent enough
to fill a bin by itself has edges on both sides: a shift away from it is seen in whole, also where
all values are the same.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlhops.api.interface import Range
from mlhops.api.profile import EDGES, FeatureProfile
from mlhops.small_cells import DEFAULT, SmallCells
from mlhops.statistics.arrays import Floats
from mlhops.statistics.numerals import LONGEST
from mlhops.statistics.values import as_it_stands, canonical

CATEGORIES = 256
_DIGITS = 12
_CENTRE_DIGITS = 9
_IQR_OF_NORMAL = 1.349
"""The interquartile range of a normal distribution with standard deviation 1."""


def numeric(name: str, values: Floats, plausible: Range | None = None) -> FeatureProfile:
    """Return the profile of a number.

    Args:
        name: the feature's.
        values: its reference values; NaN where one is missing.
        plausible: the range that the interface declares.

    Raises:
        ValueError: a value is infinite.
    """
    if np.isinf(values).any():
        raise ValueError(f"reference values of {name} are infinite: correct them or leave them out")
    ordered = np.sort(values[~np.isnan(values)])
    edges = _edges(ordered)
    ends = np.searchsorted(ordered, edges, side="right")
    counts = np.diff(ends, prepend=0, append=len(ordered))
    return FeatureProfile(
        name=name,
        edges=edges,
        centres=_centres(ordered, edges, counts),
        counts=counts.tolist(),
        missing=len(values) - len(ordered),
        range=plausible,
        scale=spread(ordered),
    )


def categorical(
    name: str,
    values: Sequence[object],
    declared: Sequence[str] | None = None,
    *,
    binary: bool = False,
    cells: SmallCells = DEFAULT,
) -> FeatureProfile:
    """Return the profile of a feature with categories.

    Args:
        name: the feature's.
        values: its reference values; None where one is missing. If all of them are text, text is
            what the model sees, and is compared as it stands.
        declared: the categories of the interface. Where there are none, they are 0 and 1 of a
            binary feature, else those of so many rows that they are no small cell, the most frequent first.
        binary: whether there can be only two.
        cells: which categories that nobody declared are not named.
    """
    kinds = {isinstance(value, str) for value in values if value is not None}
    read = as_it_stands if kinds == {True} else canonical
    found: dict[str, int] = {}
    missing = 0
    for value in values:
        text = read(value)
        if text is None:
            missing += 1
        else:
            found[text] = found.get(text, 0) + 1
    if declared is not None:
        categories = list(dict.fromkeys(read(text) or text for text in declared))
    elif binary:
        categories = ["0", "1"]
    else:
        frequent = [
            text for text, count in found.items() if not cells.hides(count) and len(text) <= LONGEST
        ]
        categories = sorted(frequent, key=lambda text: (-found[text], text))[:CATEGORIES]
    counts = [found.pop(text, 0) for text in categories]
    return FeatureProfile(
        name=name,
        type="Binary" if binary else "Categorical",
        categories=categories,
        counts=[*counts, sum(found.values())],
        missing=missing,
        text=True if read is as_it_stands else None,
    )


def spread(ordered: Floats) -> float | None:
    """Return the standard deviation that the middle half suggests, or else that of all values.

    None where there is no variation.
    """
    if len(ordered) == 0 or ordered[0] == ordered[-1]:
        return None
    low, high = np.quantile(ordered, [0.25, 0.75])
    with np.errstate(over="ignore"):
        found = float(high - low) / _IQR_OF_NORMAL or float(ordered.std())
    return found if 0 < found < math.inf else None


def _edges(ordered: Floats) -> list[float]:
    if len(ordered) == 0:
        return []
    distinct, repeats = np.unique(ordered, return_counts=True)
    upto = np.cumsum(repeats)
    bins = int(np.clip(len(ordered) // DEFAULT.smallest, 1, EDGES + 1))
    while len(cuts := _cuts(repeats, upto, bins)) > EDGES:
        bins = bins * 3 // 4
    found = [_between(distinct, int(cut)) for cut in cuts]
    return sorted({edge for edge in found if math.isfinite(edge)})


def _cuts(repeats: NDArray[np.intp], upto: NDArray[np.intp], bins: int) -> list[int]:
    """Return after which distinct values to cut; -1 is before the first."""
    rows = int(upto[-1])
    quantiles = np.searchsorted(upto, np.arange(1, bins) * (rows / bins))
    inner = quantiles[quantiles < len(upto) - 1]
    heavy = np.flatnonzero(repeats * bins >= rows)
    return sorted({*inner.tolist(), *heavy.tolist(), *(heavy - 1).tolist()})


def _between(distinct: Floats, cut: int) -> float:
    """Return a number between a distinct value and the next, at the ends as far out."""
    last = len(distinct) - 1
    if 0 <= cut < last:
        low, high = float(distinct[cut]), float(distinct[cut + 1])
        middle = low + (high / 2 - low / 2)
        return next(edge for edge in (_rounded(middle), middle, low) if low <= edge < high)
    end = float(distinct[0] if cut < 0 else distinct[last])
    # Four steps of a 32-bit number, where there is no neighbour.
    gap = max(abs(end) * 2.0**-21, 1e-30)
    if last > 0:
        other = float(distinct[1] if cut < 0 else distinct[last - 1])
        gap = abs(end / 2 - other / 2)
    return end - gap if cut < 0 else end + gap


def _centres(ordered: Floats, edges: Sequence[float], counts: NDArray[np.intp]) -> list[float]:
    """Return the median of each bin; an empty one, at an end, is its edge."""
    if len(ordered) == 0:
        return [0.0] * len(counts)
    starts = np.cumsum(counts) - counts
    middles = [
        float(ordered[start + (count - 1) // 2]) if count else edges[0 if i == 0 else i - 1]
        for i, (start, count) in enumerate(zip(starts, counts, strict=True))
    ]
    return [_rounded(middle, _CENTRE_DIGITS) for middle in middles]


def _rounded(value: float, digits: int = _DIGITS) -> float:
    return float(f"{value:.{digits}g}")
