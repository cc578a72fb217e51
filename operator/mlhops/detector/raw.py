"""Rows of each window, for as long as alibi-detect is asked of them: held in memory, never told, within a bound."""

from collections.abc import Mapping, Sequence
from functools import partial

from mlhops.api.alibi import AlibiSettings
from mlhops.api.detector import Window
from mlhops.detector.sample import Raw, Sample
from mlhops.detector.window import Windows
from mlhops.statistics.sketch import Column, Sketch

MOST_BYTES = 64 * 2**20
"""Of all rows that are held."""
_VALUE = 8


class RawWindows:
    """A sample of the rows, and one of the scores, of each window."""

    def __init__(
        self, sketch: Sketch, settings: AlibiSettings, windows: Sequence[Window], now: float
    ) -> None:
        self.sketch = sketch
        self._asked = settings.rows
        self._windows = tuple(windows)
        self._width = len(sketch.profile.features)
        # A part of a window may have to stand for nearly all of it, so each is as large as the whole.
        parts = Windows(windows, self._nothing_of(settings.rows), now).kept
        self.most = min(settings.rows, MOST_BYTES // (max(parts, 1) * (self._width + 1) * _VALUE))
        """Rows of a window that are held at most."""
        self._parts = Windows(windows, self._nothing_of(self.most), now)

    def holds(self, sketch: Sketch, settings: AlibiSettings, windows: Sequence[Window]) -> bool:
        """Whether these are the rows that are asked for."""
        wanted = (sketch.digest, settings.rows, tuple(windows))
        return (self.sketch.digest, self._asked, self._windows) == wanted

    def add(
        self, columns: Mapping[str, Column], rows: int, scores: Column | None, now: float
    ) -> None:
        """Hold some of these rows and scores."""
        raw = self.nothing()
        if rows:
            raw.rows = Sample.of(self.sketch.coded(columns, rows))
        if scores is not None:
            raw.scores = Sample.of(self.sketch.coded_scores(scores))
        self._parts.add(raw, now)

    def parts(self, now: float) -> Mapping[str, Sequence[Raw]]:
        """Return what makes up each window; other threads may add it up."""
        return self._parts.parts(now)

    def nothing(self) -> Raw:
        """Return a sample of nothing."""
        return Raw(self.most, self._width)

    def _nothing_of(self, most: int) -> "partial[Raw]":
        return partial(Raw, most, self._width)
