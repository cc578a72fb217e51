"""Counts of rows against a profile: what a detector keeps in place of the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from mlhops.api.profile import FeatureProfile, Profile
from mlhops.api.summary import FeatureSummary, JointSummary, Summary
from mlhops.statistics.arrays import Counts, Floats
from mlhops.statistics.drift.fourier import Fourier
from mlhops.statistics.numerals import LONGEST
from mlhops.statistics.values import as_it_stands, canonical, numbers

Column = Floats | Sequence[object]
"""A feature's values. As numbers, NaN is a missing one and infinity one that is not a finite
number; as objects, None is a missing one."""

MISSING, TYPE_ERRORS, OUT_OF_RANGE, UNSEEN = range(4)
_REMEMBERED = 4096
_SINGLE = float(np.finfo(np.float32).max)


@dataclass
class ColumnCounts:
    """Counts of some rows; adding is exact, so that no order and no split matters."""

    sketch: "Sketch"
    rows: int
    counts: Counts
    """Bins of all features one after the other, then those of the score."""
    odd: Counts
    """For each feature, then the score: missing, type errors, out of range, unseen."""
    joint: Counts
    """Sums of cosines and sines; empty without a joint profile."""

    def add(self, other: "ColumnCounts") -> None:
        """Count another tally's rows too.

        Raises:
            ValueError: it is of another profile.
        """
        self._same(other)
        self.rows += other.rows
        self.counts += other.counts
        self.odd += other.odd
        self.joint += other.joint

    def remove(self, other: "ColumnCounts") -> None:
        """No longer count another tally's rows: they have left the window.

        Raises:
            ValueError: it is of another profile.
        """
        self._same(other)
        self.rows -= other.rows
        self.counts -= other.counts
        self.odd -= other.odd
        self.joint -= other.joint

    def summary(self, start: datetime, end: datetime) -> Summary:
        """Return the counts as what is reported."""
        parts = np.split(self.counts, self.sketch.starts[1:])
        found = [_summary(counts, odd) for counts, odd in zip(parts, self.odd, strict=True)]
        profile = self.sketch.profile
        return Summary(
            start=start,
            end=end,
            rows=self.rows,
            features=found[: len(profile.features)],
            score=found[-1] if profile.score else None,
            joint=JointSummary(n=self.rows, sum=self.joint.tolist()) if profile.joint else None,
            profile_digest=self.sketch.digest,
        )

    def _same(self, other: "ColumnCounts") -> None:
        if other.sketch.digest != self.sketch.digest:
            raise ValueError("tallies of different profiles cannot be added")


class Sketch:
    """How rows are counted against one profile."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.digest = profile.digest()
        everything = [*profile.features, *([profile.score] if profile.score else [])]
        self._bins = [_Bins(feature) for feature in everything]
        sizes = [len(feature.counts) for feature in everything]
        self.starts = [sum(sizes[:i]) for i in range(len(sizes))]
        self._size = sum(sizes)
        self._fourier = Fourier(profile.joint) if profile.joint else None

    def nothing(self) -> ColumnCounts:
        """Return a tally of no rows."""
        return ColumnCounts(
            self,
            0,
            np.zeros(self._size, dtype=np.int64),
            np.zeros((len(self._bins), 4), dtype=np.int64),
            np.zeros(self._fourier.size if self._fourier else 0, dtype=np.int64),
        )

    def requests(self, columns: Mapping[str, Column], rows: int) -> ColumnCounts:
        """Return the counts of rows that were sent to the model.

        Args:
            columns: values by feature, `rows` of each; a feature that is not there is missing in
                all rows, and a column that the profile does not know is ignored.
            rows: how many there are.

        Raises:
            ValueError: a column has more or fewer values.
        """
        tally = self.nothing()
        tally.rows = rows
        read: dict[str, Floats] = {}
        for i, feature in enumerate(self.profile.features):
            column = columns.get(feature.name)
            if column is None:
                tally.odd[i, MISSING] = rows
                continue
            if len(column) != rows:
                raise ValueError(f"feature {feature.name} has {len(column)} values in {rows} rows")
            if feature.type == "Numeric":
                column = read[feature.name] = _floats(column)
            self._count(tally, i, column)
        if self._fourier is not None and self.profile.joint is not None and rows:
            nothing = np.full(rows, np.nan)
            names = self.profile.joint.features
            matrix = np.column_stack([read.get(name, nothing) for name in names])
            tally.joint += self._fourier.sums(matrix)
        return tally

    def scores(self, column: Column) -> ColumnCounts:
        """Return the counts of what the model has answered; none if the profile has no scores."""
        tally = self.nothing()
        if self.profile.score is not None:
            self._count(tally, len(self._bins) - 1, column)
        return tally

    def coded(self, columns: Mapping[str, Column], rows: int) -> Floats:
        """Return rows as numbers, of shape (rows, features).

        A category is its place in the profile, and what is not among them the place after the
        last. NaN is what is missing, or neither a finite number nor a category.
        """
        coded = np.full((rows, len(self.profile.features)), np.nan)
        for i, feature in enumerate(self.profile.features):
            if (column := columns.get(feature.name)) is not None:
                coded[:, i] = self._bins[i].coded(column)
        return coded

    def coded_scores(self, column: Column) -> Floats:
        """Return scores as numbers, of shape (scores, 1); none if the profile has no scores."""
        if self.profile.score is None:
            return np.empty((0, 1))
        return self._bins[-1].coded(column)[:, np.newaxis]

    def _count(self, tally: ColumnCounts, i: int, column: Column) -> None:
        counts, tally.odd[i] = self._bins[i].count(column)
        tally.counts[self.starts[i] : self.starts[i] + len(counts)] = counts


class _Bins:
    """The bins of one feature."""

    def __init__(self, feature: FeatureProfile) -> None:
        self._numeric = feature.type == "Numeric"
        self._size = len(feature.counts)
        self._edges = np.array(feature.edges)
        plausible = feature.range
        self._least = -np.inf if plausible is None or plausible.min is None else plausible.min
        self._most = np.inf if plausible is None or plausible.max is None else plausible.max
        self._codes = {text: code for code, text in enumerate(feature.categories)}
        self._read = as_it_stands if feature.text else canonical
        self._known: dict[tuple[type, object], int] = {}

    def count(self, column: Column) -> tuple[Counts, Counts]:
        """Return rows in each bin, and the odd ones."""
        return self._numbers(_floats(column)) if self._numeric else self._categories(column)

    def coded(self, column: Column) -> Floats:
        """Return each value as a number, NaN for what is none."""
        if self._numeric:
            values = _floats(column)
            return np.where(np.isfinite(values), values, np.nan)
        codes = self._codes_of(column)
        return np.where(codes < self._size, codes, np.nan)

    def _numbers(self, values: Floats) -> tuple[Counts, Counts]:
        missing = int(np.isnan(values).sum())
        finite = values[np.isfinite(values)]
        outside = int(((finite < self._least) | (finite > self._most)).sum())
        bins = np.searchsorted(self._edges, finite)
        odd = [missing, len(values) - missing - len(finite), outside, 0]
        return np.bincount(bins, minlength=self._size), np.array(odd, dtype=np.int64)

    def _categories(self, column: Column) -> tuple[Counts, Counts]:
        # The last two places are for what is missing and what is no category.
        counts = np.bincount(self._codes_of(column), minlength=self._size + 2)
        odd = [counts[-2], counts[-1], 0, counts[self._size - 1]]
        return counts[: self._size], np.array(odd, dtype=np.int64)

    def _codes_of(self, column: Column) -> NDArray[np.intp]:
        values: Sequence[object] = column.tolist() if isinstance(column, np.ndarray) else column
        return np.array([self._code(value) for value in values], dtype=np.intp)

    def _code(self, value: object) -> int:
        if value is None:
            return self._size
        if not isinstance(value, str | int | float | np.generic):
            return self._size + 1
        key = (type(value), value)
        code = self._known.get(key)
        if code is None:
            text = self._read(value)
            code = self._size if text is None else self._place(text, value)
            # A known number may come with any number of blanks around it.
            short = not isinstance(value, str) or len(value) <= LONGEST
            if short and len(self._known) < _REMEMBERED and code < self._size - 1:
                self._known[key] = code
        return code

    def _place(self, text: str, value: object) -> int:
        """Return the place of a category, the last one for what is none."""
        code = self._codes.get(text)
        if code is None and isinstance(value, float) and abs(value) < _SINGLE:
            # A fraction that came as a 32-bit number: 0.1 is 0.10000000149011612 then.
            single = np.float32(value)
            code = self._codes.get(str(single)) if single == value else None
        return self._size - 1 if code is None else code


def _floats(column: Column) -> Floats:
    if isinstance(column, np.ndarray):
        return np.asarray(column, dtype=np.float64)
    return numbers(column)


def _summary(counts: Counts, odd: Counts) -> FeatureSummary:
    missing, type_errors, out_of_range, unseen = odd.tolist()
    return FeatureSummary(
        counts=counts.tolist(),
        missing=missing,
        type_errors=type_errors,
        out_of_range=out_of_range,
        unseen=unseen,
    )
