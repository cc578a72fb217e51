"""Rows of each window, for as long as alibi-detect is asked of them: held in memory, never told, within a bound."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from mlhops.alibi.sidecar.baseline import Baseline
from mlhops.alibi.sidecar.sample import Raw, Sample
from mlhops.api.alibi import JOINT_ROWS, AlibiSettings, joint
from mlhops.api.detector import Window
from mlhops.detector.window import Windows
from mlhops.statistics.drift.sketch import Column, Sketch

MOST_BYTES = 64 * 2**20
"""Of all rows that are held."""
_VALUE = 8


class RawWindows:
    """A sample of the rows, and one of the scores, of each window.

    A row's last column tells whether it is in the baseline: such rows are not compared with it.
    """

    def __init__(
        self,
        sketch: Sketch,
        settings: AlibiSettings,
        windows: Sequence[Window],
        now: float,
        before: "RawWindows | None" = None,
    ) -> None:
        """Begin anew, but for the baseline of the same profile from before."""
        self.sketch = sketch
        self._asked = settings.rows
        self._windows = tuple(windows)
        self._width = len(sketch.profile.features) + 1
        kept = before is not None and before._compares(sketch, settings)
        self.baseline: Baseline = (
            before.baseline if before and kept else Baseline(_first(settings), self._width - 1)
        )
        # A part of a window may have to stand for nearly all of it, so each is as large as the whole.
        parts = Windows(windows, self._nothing_of(settings.rows), now).kept
        room = MOST_BYTES - self.baseline.most * self._width * _VALUE
        self.most = min(settings.rows, room // (max(parts, 1) * (self._width + 1) * _VALUE))
        """Rows of a window that are held at most."""
        self._parts = Windows(windows, self._nothing_of(self.most), now)

    def holds(self, sketch: Sketch, settings: AlibiSettings, windows: Sequence[Window]) -> bool:
        """Whether these are the rows that are asked for."""
        wanted = (sketch.digest, settings.rows, tuple(windows))
        same = (self.sketch.digest, self._asked, self._windows) == wanted
        return same and self._compares(sketch, settings)

    def add(
        self, columns: Mapping[str, Column], rows: int, scores: Column | None, now: float
    ) -> None:
        """Hold some of these rows and scores."""
        raw = self.nothing()
        if rows:
            coded = self.sketch.coded(columns, rows)
            raw.rows = Sample.of(np.column_stack([coded, self.baseline.take(coded)]))
        if scores is not None:
            raw.scores = Sample.of(self.sketch.coded_scores(scores))
        self._parts.add(raw, now)

    def parts(self, now: float) -> Mapping[str, Sequence[Raw]]:
        """Return what makes up each window; other threads may add it up."""
        return self._parts.parts(now)

    def nothing(self) -> Raw:
        """Return a sample of nothing."""
        return Raw(self.most, self._width)

    def _compares(self, sketch: Sketch, settings: AlibiSettings) -> bool:
        """Whether its baseline is the one that is asked for."""
        return (self.sketch.digest, self.baseline.most) == (sketch.digest, _first(settings))

    def _nothing_of(self, most: int) -> "partial[Raw]":
        return partial(Raw, most, self._width)


def _first(settings: AlibiSettings) -> int:
    """Return how many rows the baseline has."""
    return min(settings.rows, JOINT_ROWS) if joint(settings.detectors) else 0
