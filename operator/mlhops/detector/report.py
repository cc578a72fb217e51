"""What the detector tells: counts, and nothing that belongs to a row."""

import math
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from mlhops import __version__
from mlhops.api.serving import FailureReason, ProbeReport, ServingReport
from mlhops.api.summary import DetectorReport, EngineReport
from mlhops.detector.counters import ASKED, Latency, Note, RequestOutcome
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
                alibi=self._engine(now),
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
        """Return the metrics; all labels are from closed sets."""
        counters = self._watcher.counters
        info = InfoMetricFamily("mlhops_detector_build", "The detector's version.")
        info.add_metric([], {"version": __version__})
        yield info
        for name, text, value in (
            ("events_received", "Events that arrived at the sink.", counters.received),
            ("rows", "Rows in requests.", counters.rows),
            ("scores", "Scores in responses.", counters.scores),
        ):
            yield CounterMetricFamily(f"mlhops_detector_{name}", text, value=value)
        outcomes = CounterMetricFamily(
            "mlhops_detector_events", "Events by what became of them.", labels=["outcome"]
        )
        for outcome in RequestOutcome:
            outcomes.add_metric([outcome.value], counters.outcomes[outcome])
        yield outcomes
        notes = CounterMetricFamily(
            "mlhops_detector_notes", "What was odd, and what was joined.", labels=["note"]
        )
        for note in Note:
            notes.add_metric([note.value], counters.notes[note])
        yield notes
        asked = CounterMetricFamily(
            "mlhops_detector_rows_asked",
            "Rows in requests, by how they were asked about.",
            labels=["protocol", "encoding"],
        )
        for form in ASKED:
            asked.add_metric(form, counters.asked[form])
        yield asked
        served = self._watcher.served
        yield CounterMetricFamily(
            "mlhops_detector_requests",
            "Requests with an answer that can be used.",
            value=served.answered,
        )
        failures = CounterMetricFamily(
            "mlhops_detector_request_failures",
            "Requests that failed, by the reason.",
            labels=["reason"],
        )
        for reason in FailureReason:
            failures.add_metric([reason.value], served.failures[reason])
        yield failures
        probe = GaugeMetricFamily(
            "mlhops_detector_probe",
            "Whether the model server answers the detector's own row: 1 for the state that it is in.",
            labels=["state"],
        )
        for each in _STATES:
            probe.add_metric([each], self._probe().state == each)
        yield probe
        yield _latency(counters.latency)
        for name, number in self._state().items():
            short = "".join(f"_{c.lower()}" if c.isupper() else c for c in name.split(".")[1])
            yield GaugeMetricFamily(f"mlhops_detector_{short}", _TEXTS[name], value=number)
        for name, text, there in (
            ("configured", "Whether there is a configuration.", self._watcher.config),
            ("profile_loaded", "Whether there is a profile.", self._watcher.sketch),
        ):
            yield GaugeMetricFamily(f"mlhops_detector_{name}", text, value=there is not None)


_STATES = ("Answers", "Fails", "Unknown")
_TEXTS = {
    "state.queuedEvents": "Events that are being read or wait to be counted.",
    "state.queuedBytes": "Bytes of events that are being read or wait to be counted.",
    "state.joining": "Events that wait for their other half.",
    "state.connections": "Open connections to the sink.",
    "state.configStale": "Whether the configuration has changed and was refused.",
    "state.profileStale": "Whether the profile has changed and was refused.",
}


def _latency(latency: Latency) -> HistogramMetricFamily:
    bounds = (*map(str, latency.bounds), "+Inf")
    buckets, total = [], 0
    for bound, count in zip(bounds, latency.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return HistogramMetricFamily(
        "mlhops_detector_model_latency_seconds",
        "From request to response, by the logger's clock.",
        buckets=buckets,
        sum_value=latency.total,
    )
