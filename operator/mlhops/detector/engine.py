"""The half of the seam DriftEngine that is in a pod, beside what is counted; the other is `monitoring/engine.py`."""

from collections.abc import Mapping
from typing import Protocol

from mlhops.api.detector import DetectorConfig
from mlhops.api.engine import EngineReport
from mlhops.statistics.drift.sketch import Column, Sketch


class DriftEngine(Protocol):
    """Engine of drift tests in a pod: is shown what is counted, and tells of it in the report."""

    def configure(self, config: DetectorConfig | None, sketch: Sketch | None, now: float) -> None:
        """Take what is asked, and the profile; called again with each change of either."""

    def add(
        self, columns: Mapping[str, Column], rows: int, scores: Column | None, now: float
    ) -> None:
        """Take rows and scores that are counted now."""

    def report(self, now: float) -> EngineReport | None:
        """Return what was found, None where nothing is asked."""

    async def step(self, now: float) -> None:
        """Do what is due; it may take its time, and raises nothing for a test that fails."""

    async def close(self) -> None:
        """End all that runs for it."""
