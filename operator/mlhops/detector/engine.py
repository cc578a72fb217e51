"""Asks alibi-detect about the rows of each window, every so often and beside all else."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from mlhops.api.alibi import (
    MOST_RESULTS,
    NOT_INSTALLED,
    AlibiReport,
    AlibiResult,
    AlibiSettings,
    planned,
)
from mlhops.detector.job import Answer, Job
from mlhops.detector.sample import Raw
from mlhops.detector.window_counter import Watcher
from mlhops.detector.window_samples import RawWindows
from mlhops.detector.worker_process import Aside, AsideError

log = logging.getLogger(__name__)

SECONDS = 300.0
"""For one answer. The first takes until alibi-detect is loaded: four seconds of a CPU, of which a pod may get a
twentieth."""


class Engine:
    """What alibi-detect has said, and when it is asked again."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._aside = Aside("mlhops.detector.alibi", SECONDS)
        self._installed = find_spec("alibi_detect") is not None
        self._asked: tuple[RawWindows, AlibiSettings] | None = None
        """What the latest results are of."""
        self._at = 0.0
        self._problem = ""
        self._results: tuple[AlibiResult, ...] = ()

    def report(self, now: float) -> AlibiReport | None:
        """Return what alibi-detect said of the rows that are held now, None where nobody asks it."""
        settings = self._watcher.config.alibi if self._watcher.config else None
        if settings is None:
            return None
        problem = self._hindrance(settings)
        if problem or self._asked is None or self._asked != (self._watcher.raw, settings):
            return AlibiReport(problem=problem)
        return AlibiReport(
            problem=self._problem, age=max(0.0, now - self._at), results=list(self._results)
        )

    async def step(self, now: float) -> None:
        """Ask again if it is time; whatever comes of it, nothing is raised for it."""
        config, raw = self._watcher.config, self._watcher.raw
        settings = config.alibi if config else None
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
            answer = Answer.model_validate_json(await self._aside.ask(job))
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
        raw = self._watcher.raw
        if raw is None:
            return ""
        if raw.most < settings.min_rows:
            return (
                f"there is room for {raw.most} rows of each window and minRows asks for "
                f"{settings.min_rows}: name fewer or shorter windows, or a lower minRows"
            )
        tests = sum(1 for _ in planned(settings.detectors, raw.sketch.profile))
        windows = len(self._watcher.config.windows) if self._watcher.config else 0
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
