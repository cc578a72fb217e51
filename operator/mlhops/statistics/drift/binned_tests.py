"""Has a feature shifted? Two-sample tests of counts in bins: the reference's and a window's.

Each test has a p-value that holds at any size of window and reference, with ties and rare
values, and an effect that a person can set a limit to. The p-value says whether there is a shift,
the effect whether it matters:

- KS: the largest difference of the cumulative shares. Bins can only make it smaller, and ties only
  rarer, than the limit distribution that gives p.
- CVM: the mean squared difference of the cumulative shares over the pooled rows; the effect is its
  root. It is averaged over all orders that the rows within each bin could have, which makes it as
  large on average as that of the unbinned values, and less variable: p is that of continuous
  values.
- ChiSquare: Pearson's over bins (of a number: about ten), or the likelihood ratio with Williams'
  correction if that is less sure: either alone misjudges small p-values. Bins that few are expected
  in are pooled, and judged by an exact test if even then there are few. The effect is the total
  variation distance: the share of rows that another bin would have to take.
- PSI, JensenShannon (as a distance, to base 2) over the same bins as ChiSquare, and Wasserstein (in
  units of the feature's scale, between values brought to the medians of their bins) have no usable
  distribution of their own. They are effects; their p is that of ChiSquare, or of CVM.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, assert_never

import numpy as np

from mlhops.api.profile import FeatureProfile
from mlhops.api.summary import FeatureSummary
from mlhops.statistics.arrays import Counts, Floats
from mlhops.statistics.drift import null_distributions

FeatureTest = Literal["KS", "CVM", "ChiSquare", "PSI", "JensenShannon", "Wasserstein"]
DriftTest = FeatureTest | Literal["MMD"]
AnyTest = DriftTest | Literal["Proportion", "Classifier"]
ORDERED: frozenset[FeatureTest] = frozenset({"KS", "CVM", "Wasserstein"})
"""Tests that need numbers."""

COARSE = 10
"""Bins of a number for tests that do not use the order of bins."""
EXPECTED = 5.0
"""Rows that are expected in a bin at least, on either side, for the chi-squared distribution
(W. G. Cochran, Biometrics 1954;10:417)."""


@dataclass(frozen=True)
class Shift:
    """What a test has found."""

    test: AnyTest
    rows: int
    """Of the window, with a value."""
    statistic: float | None = None
    """None, as p and effect, where there is nothing to compare."""
    p: float | None = None
    """The p-value of this one test and look."""
    effect: float | None = None


class Reference:
    """A feature's reference counts, ready to be compared with window after window."""

    def __init__(self, profile: FeatureProfile) -> None:
        self.profile = profile
        self.counts: Counts = np.array(profile.counts, dtype=np.int64)
        self.rows = int(self.counts.sum())
        self.shares: Floats = np.cumsum(self.counts)[:-1] / max(self.rows, 1)
        self.steps: Floats = np.diff(np.array(profile.centres))
        numeric = profile.type == "Numeric"
        self.groups: Counts = _coarse(self.counts) if numeric else np.arange(len(self.counts))
        """For each bin, which coarse bin it belongs to."""
        self.grouped: Counts = _joined(self.counts, self.groups)


def compare(
    names: Sequence[FeatureTest], reference: Reference, window: FeatureSummary
) -> list[Shift]:
    """Compare a window's counts with the reference's by several tests.

    Raises:
        ValueError: the window has other bins, or a test needs numbers and the feature has none.
    """
    feature = reference.profile
    unsuited = ORDERED.intersection(names) if feature.type != "Numeric" else ()
    if unsuited:
        raise ValueError(f"{min(unsuited)} needs numbers, but {feature.name} has categories")
    counts = np.array(window.counts, dtype=np.int64)
    if len(counts) != len(reference.counts):
        raise ValueError(f"the window has other bins of {feature.name} than its profile")
    rows = int(counts.sum())
    if rows == 0 or reference.rows == 0:
        return [Shift(name, rows) for name in names]
    found = _Compared(reference, counts, rows)
    return [found.shift(name) for name in names]


def proportion(events: int, rows: int, window_events: int, window_rows: int) -> Shift:
    """Compare how often something was so: missing values, type errors, values out of range.

    The p-value is R. A. Fisher's exact one, twice that of the smaller side; the effect is the
    difference of the shares.

    Args:
        events: reference rows where it was so.
        rows: reference rows.
        window_events: rows of the window where it was so.
        window_rows: rows of the window.
    """
    if rows == 0 or window_rows == 0:
        return Shift("Proportion", window_rows)
    difference = window_events / window_rows - events / rows
    p = _fisher(events, rows, window_events, window_rows)
    return Shift("Proportion", window_rows, difference, p, abs(difference))


class _Compared:
    """What the tests of one feature share."""

    def __init__(self, reference: Reference, counts: Counts, rows: int) -> None:
        self._reference = reference
        self._counts = counts
        self._rows = rows
        self._size = reference.rows * rows / (reference.rows + rows)

    def shift(self, name: FeatureTest) -> Shift:
        """Return what a test finds."""
        match name:
            case "KS":
                largest = float(np.abs(self._apart).max(initial=0.0))
                p = null_distributions.kolmogorov(math.sqrt(self._size) * largest)
                return Shift(name, self._rows, largest, p, largest)
            case "CVM":
                between, statistic, p = self._cvm
                return Shift(name, self._rows, statistic, p, math.sqrt(between))
            case "Wasserstein":
                distance = self._wasserstein()
                return Shift(name, self._rows, distance, self._cvm[2], distance)
            case "ChiSquare":
                statistic, p = self._chi_squared
                shares = self._grouped / self._rows - self._reference.grouped / self._reference.rows
                return Shift(name, self._rows, statistic, p, float(np.abs(shares).sum()) / 2)
            case "PSI" | "JensenShannon":
                of = _psi if name == "PSI" else _jensen_shannon
                distance = of(self._reference.grouped, self._grouped)
                return Shift(name, self._rows, distance, self._chi_squared[1], distance)
            case _:
                assert_never(name)

    @cached_property
    def _apart(self) -> Floats:
        return np.cumsum(self._counts)[:-1] / self._rows - self._reference.shares

    @cached_property
    def _cvm(self) -> tuple[float, float, float]:
        """The mean square of the difference, the statistic, and the p-value."""
        pooled = (self._counts + self._reference.counts) / (self._rows + self._reference.rows)
        between = _mean_square(self._apart, pooled)
        statistic = self._size * between + float((pooled * pooled).sum()) / 6
        return between, statistic, null_distributions.cramer_von_mises(statistic)

    @cached_property
    def _grouped(self) -> Counts:
        return _joined(self._counts, self._reference.groups)

    @cached_property
    def _chi_squared(self) -> tuple[float, float]:
        return _chi_squared(self._reference.grouped, self._grouped)

    def _wasserstein(self) -> float:
        scale = self._reference.profile.scale
        if scale is None:
            # All reference values are the same: as if each that differs lay one unit away.
            return float(self._counts[self._reference.counts == 0].sum() / self._rows)
        return float((np.abs(self._apart) * self._reference.steps).sum()) / scale


def _mean_square(difference: Floats, pooled: Floats) -> float:
    """Return the mean square of a difference that is linear within each bin."""
    ends = np.concatenate([[0.0], difference, [0.0]])
    low, high = ends[:-1], ends[1:]
    return float((pooled * (low * low + low * high + high * high)).sum()) / 3


def _chi_squared(reference: Counts, window: Counts) -> tuple[float, float]:
    """Return the statistic, and the p-value."""
    pooled = reference + window
    present = pooled > 0
    reference, window, pooled = reference[present], window[present], pooled[present]
    totals = int(reference.sum()), int(window.sum())
    expected = min(totals) / sum(totals)
    rare = expected * pooled < EXPECTED
    few = (int(reference[rare].sum()), int(window[rare].sum()))
    first, second = reference[~rare], window[~rare]
    p_values: list[float] = []
    if expected * sum(few) >= EXPECTED:
        first, second = np.append(first, few[0]), np.append(second, few[1])
    elif sum(few) > 0:
        p_values.append(_fisher(few[0], totals[0], few[1], totals[1]))
    statistic = 0.0
    if len(first) > 1 and first.sum() and second.sum():
        statistic, p = pearson(first, second)
        p_values.append(max(p, _likelihood_ratio(first, second)))
    return statistic, min(1.0, *(len(p_values) * p for p in p_values), 1.0)


def pearson(first: Counts, second: Counts) -> tuple[float, float]:
    """Return Pearson's chi-squared statistic of two rows of counts, and its p-value.

    Args:
        first: int[bins], at least one count.
        second: int[bins], at least one count; bins that are empty in both rows are left out.
    """
    table = np.stack([first, second])[:, (first + second) > 0].astype(np.float64)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, null_distributions.chi_squared(statistic, table.shape[1] - 1)


def _likelihood_ratio(first: Counts, second: Counts) -> float:
    """Return the p-value of the likelihood ratio (D. A. Williams, Biometrika 1976;63:33)."""
    table = np.stack([first, second]).astype(np.float64)
    total, rows, columns = table.sum(), table.sum(axis=1), table.sum(axis=0)
    expected = np.outer(rows, columns) / total
    logs = np.log(np.where(table > 0, table, expected) / expected)
    freedom = len(first) - 1
    spread = (total * (1 / rows).sum() - 1) * (total * (1 / columns).sum() - 1)
    correction = 1 + float(spread) / (6 * float(total) * freedom)
    return null_distributions.chi_squared(2 * float((table * logs).sum()) / correction, freedom)


def _psi(reference: Counts, window: Counts) -> float:
    """Return the population stability index, with half a row more in each bin, so that an empty
    one does not make it infinite."""
    ours, theirs = ((c + 0.5) / (c.sum() + len(c) / 2) for c in (reference, window))
    return float(((theirs - ours) * np.log(theirs / ours)).sum())


def _jensen_shannon(reference: Counts, window: Counts) -> float:
    ours, theirs = reference / reference.sum(), window / window.sum()
    middle = (ours + theirs) / 2
    total = sum(
        float((side * np.log2(np.where(side > 0, side, 1) / np.where(side > 0, middle, 1))).sum())
        for side in (ours, theirs)
    )
    return math.sqrt(max(0.0, total / 2))


def _fisher(events: int, rows: int, window_events: int, window_rows: int) -> float:
    at_most, at_least = null_distributions.hypergeometric(
        window_events, window_rows, events + window_events, rows + window_rows
    )
    return min(1.0, 2 * min(at_most, at_least))


def _joined(counts: Counts, groups: Counts) -> Counts:
    return np.bincount(groups, weights=counts).astype(np.int64)


def _coarse(counts: Counts) -> Counts:
    """Join neighbouring bins to groups of at least a tenth of the rows.

    A bin of a tenth or more stays by itself, as do bins without rows at the ends, which hold what
    has not been there before.
    """
    enough = counts.sum() / COARSE
    groups, group, held = [], 0, 0
    for i, count in enumerate(counts.tolist()):
        alone = count >= enough or (count == 0 and i in (0, len(counts) - 1))
        if i and (alone or held >= enough or held == 0):
            group, held = group + 1, 0
        groups.append(group)
        # Nothing joins a bin that stays by itself.
        held = max(count, math.ceil(enough)) if alone else held + count
    return np.array(groups)
