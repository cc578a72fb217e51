"""Asks alibi-detect about the rows of each window, every so often and beside all else."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from mlhops.alibi.planned import NOT_INSTALLED, planned
from mlhops.alibi.sidecar.job import Job, WorkerAnswer
from mlhops.alibi.sidecar.sample import Raw
from mlhops.alibi.sidecar.window_samples import RawWindows
from mlhops.alibi.sidecar.worker_process import Aside, AsideError
from mlhops.api.alibi import (
    MOST_RESULTS,
    AlibiReport,
    AlibiResult,
    AlibiSettings,
)
from mlhops.api.detector import DetectorConfig
from mlhops.statistics.drift.sketch import Column, Sketch

log = logging.getLogger(__name__)

SECONDS = 300.0
"""For one answer. The first takes until alibi-detect is loaded: four seconds of a CPU, of which a pod may get a
twentieth."""


class Engine:
    """What alibi-detect has said, and when it is asked again."""

    def __init__(self) -> None:
        self.raw: RawWindows | None = None
        """Rows, where alibi-detect is asked of them."""
        self._config: DetectorConfig | None = None
        self._aside = Aside("mlhops.alibi.sidecar.worker", SECONDS)
        self._installed = find_spec("alibi_detect") is not None
        self._asked: tuple[RawWindows, AlibiSettings] | None = None
        """What the latest results are of."""
        self._at = 0.0
        self._problem = ""
        self._results: tuple[AlibiResult, ...] = ()

    def configure(self, config: DetectorConfig | None, sketch: Sketch | None, now: float) -> None:
        """Hold rows if alibi-detect is asked of them; those of other windows are let go."""
        self._config = config
        asked = config.engine if config else None
        if config is None or asked is None or sketch is None:
            self.raw = None
            return
        wanted = (sketch, asked, config.windows)
        if self.raw is None or not self.raw.holds(*wanted):
            self.raw = RawWindows(*wanted, now, before=self.raw)

    def add(
        self, columns: Mapping[str, Column], rows: int, scores: Column | None, now: float
    ) -> None:
        """Hold some of these rows and scores."""
        if self.raw is not None:
            self.raw.add(columns, rows, scores, now)

    def report(self, now: float) -> AlibiReport | None:
        """Return what alibi-detect said of the rows that are held now, None where nobody asks it."""
        settings = self._config.engine if self._config else None
        if settings is None:
            return None
        problem = self._hindrance(settings)
        if problem or self._asked is None or self._asked != (self.raw, settings):
            return AlibiReport(problem=problem)
        return AlibiReport(
            problem=self._problem, age=max(0.0, now - self._at), results=list(self._results)
        )

    async def step(self, now: float) -> None:
        """Ask again if it is time; whatever comes of it, nothing is raised for it."""
        raw, settings = self.raw, self._config.engine if self._config else None
        if raw is None or settings is None or self._hindrance(settings):
            await self._aside.close()
            return
        if self._asked == (raw, settings) and now - self._at < settings.every:
            return
        parts = raw.parts(now)
        loop = asyncio.get_running_loop()
        # What is known from before stays until there is an answer.
        problem, results = "alibi-detect could not be asked", tuple[AlibiResult, ...]()
        try:
            job = await loop.run_in_executor(None, _job, raw, settings, parts)
            answer = WorkerAnswer.model_validate_json(await self._aside.ask(job))
            problem, results = answer.problem, answer.results
        except AsideError as error:
            problem = f"alibi-detect {error}"
        finally:
            self._asked, self._at = (raw, settings), now
            self._problem, self._results = problem, results
        if problem:
            log.warning("%s", problem)

    async def close(self) -> None:
        """End alibi-detect's process."""
        await self._aside.close()

    def _hindrance(self, settings: AlibiSettings) -> str:
        """Return why alibi-detect cannot be asked at all."""
        if not self._installed:
            return NOT_INSTALLED
        raw = self.raw
        if raw is None:
            return ""
        if raw.most < settings.min_rows:
            return (
                f"there is room for {raw.most} rows of each window and minRows asks for "
                f"{settings.min_rows}: name fewer or shorter windows, or a lower minRows"
            )
        tests = sum(1 for _ in planned(settings.detectors, raw.sketch.profile))
        windows = len(self._config.windows) if self._config else 0
        if tests * windows > MOST_RESULTS:
            return f"its detectors and windows make more than {MOST_RESULTS:,} tests: name fewer of them"
        return ""


def _job(raw: RawWindows, settings: AlibiSettings, parts: Mapping[str, Sequence[Raw]]) -> bytes:
    windows = {}
    for name, some in parts.items():
        whole = raw.nothing()
        for part in some:
            whole.add(part)
        windows[name] = (whole.rows.values, whole.scores.values)
    return Job(
        settings.detectors, raw.sketch.profile, settings.min_rows, raw.baseline.rows, windows
    ).pack()
