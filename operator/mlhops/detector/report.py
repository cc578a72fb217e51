"""What the detector tells: counts, and nothing that belongs to a row."""

import math
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from mlhops import __version__
from mlhops.api.engine import EngineReport
from mlhops.api.serving import ProbeReport, ServingReport
from mlhops.api.summary import DetectorReport
from mlhops.detector import exposition
from mlhops.detector.event_queue import Intake
from mlhops.detector.news import News
from mlhops.detector.serving import HOUR, MINUTE, state
from mlhops.detector.window_counter import Watcher

_FRESH = 0.1
"""Seconds for which a page that was made is told again."""
_PAGES = 16
"""So many different questions are remembered."""


class _Page:
    """A page that is not made anew for each of a flood of readers."""

    def __init__(self) -> None:
        self._content = b""
        self._made = -math.inf

    def get(self, now: float, make: Callable[[], bytes]) -> bytes:
        if now - self._made >= _FRESH:
            self._content, self._made = make(), now
        return self._content


class Reporter(Collector):
    """Tells what one process has counted, as the operator's report and as Prometheus metrics."""

    def __init__(
        self,
        watcher: Watcher,
        intake: Intake,
        engine: Callable[[float], EngineReport | None] = lambda _: None,
        probe: Callable[[], ProbeReport] = ProbeReport,
    ) -> None:
        self._watcher = watcher
        self._intake = intake
        self._engine = engine
        self._probe = probe
        self._instance = uuid.uuid4().hex
        self._started = datetime.now(UTC)
        self.connections = 0
        """Open connections to the sink."""
        self.config_stale = False
        self.profile_stale = False
        self.news = News()
        self._report = _Page()
        self._metrics = _Page()
        self._serving: dict[tuple[float | None, str], _Page] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        for collector in (ProcessCollector, PlatformCollector):
            collector(registry=self._registry)

    def report(self, now: float) -> bytes:
        """Return the report as JSON: `DetectorReport`."""
        return self._report.get(now, lambda: self._told(now))

    def metrics(self, now: float) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return self._metrics.get(now, lambda: generate_latest(self._registry))

    def serving(self, within: float | None, now: float) -> bytes:
        """Return how the model answers as JSON: `ServingReport`."""
        asked = (within, self.news.tag)
        if asked not in self._serving:
            if len(self._serving) >= _PAGES:
                self._serving.clear()
            self._serving[asked] = _Page()
        return self._serving[asked].get(now, lambda: self._answering(within, now))

    def look(self, now: float) -> None:
        """See whether there is news of how the model answers."""
        self.news.look(state(self._watcher.served, self._probe(), now))

    def _answering(self, within: float | None, now: float) -> bytes:
        watcher = self._watcher
        served, last = watcher.served, watcher.requests.last
        return (
            ServingReport(
                version=__version__,
                revision=watcher.config.revision if watcher.config else "",
                instance=self._instance,
                started_at=self._started,
                tag=self.news.tag,
                minute=served.counts(MINUTE, now),
                hour=served.counts(HOUR, now),
                asked=None if within is None else served.counts(within, now),
                quiet_seconds=None if last is None else max(0.0, now - last),
                probe=self._probe(),
            )
            .model_dump_json(exclude_none=True)
            .encode()
        )

    def _told(self, now: float) -> bytes:
        watcher = self._watcher
        watcher.flush(now)
        return (
            DetectorReport(
                version=__version__,
                revision=watcher.config.revision if watcher.config else "",
                instance=self._instance,
                started_at=self._started,
                profile_digest=watcher.sketch.digest if watcher.sketch else "",
                windows=watcher.summaries(now),
                counters=watcher.counters.flat() | self._state(),
                engine=self._engine(now),
            )
            .model_dump_json(exclude_none=True)
            .encode()
        )

    def _state(self) -> dict[str, int]:
        return {
            "state.queuedEvents": self._intake.reserved_events,
            "state.queuedBytes": self._intake.reserved_bytes,
            "state.joining": self._watcher.joining,
            "state.connections": self.connections,
            "state.configStale": int(self.config_stale),
            "state.profileStale": int(self.profile_stale),
        }

    def describe(self) -> Iterator[Metric]:
        """Name no metric before it is asked for: the registry would have to collect them all."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Return the metrics."""
        watcher = self._watcher
        yield exposition.build()
        yield from exposition.events(watcher.counters)
        yield from exposition.requests(watcher.served)
        yield exposition.probed(self._probe())
        yield exposition.latency(watcher.counters.latency)
        yield from exposition.state(self._state())
        yield from exposition.loaded(
            config=watcher.config is not None, profile=watcher.sketch is not None
        )
