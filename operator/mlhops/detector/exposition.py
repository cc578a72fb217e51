"""The detector's counts as Prometheus metrics, a function for each place where something is counted.

All labels are from closed sets, and each value is there, also what was never counted.
"""

from collections.abc import Iterator, Mapping

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from mlhops import __version__
from mlhops.api.serving import FailureReason, ProbeReport
from mlhops.detector.counters import ASKED, Counters, Latency, Note, RequestOutcome
from mlhops.detector.serving import ServedRequests

_STATES = ("Answers", "Fails", "Unknown")
_TEXTS = {
    "state.queuedEvents": "Events that are being read or wait to be counted.",
    "state.queuedBytes": "Bytes of events that are being read or wait to be counted.",
    "state.joining": "Events that wait for their other half.",
    "state.connections": "Open connections to the sink.",
    "state.configStale": "Whether the configuration has changed and was refused.",
    "state.profileStale": "Whether the profile has changed and was refused.",
}


def build() -> Metric:
    """Return which detector this is."""
    info = InfoMetricFamily("mlhops_detector_build", "The detector's version.")
    info.add_metric([], {"version": __version__})
    return info


def events(counters: Counters) -> Iterator[Metric]:
    """Yield what arrived, what became of it, and how rows were asked about."""
    for name, text, value in (
        ("events_received", "Events that arrived at the sink.", counters.received),
        ("rows", "Rows in requests.", counters.rows),
        ("scores", "Scores in responses.", counters.scores),
    ):
        yield CounterMetricFamily(f"mlhops_detector_{name}", text, value=value)
    outcomes = {each.value: counters.outcomes[each] for each in RequestOutcome}
    yield _counted("events", "Events by what became of them.", "outcome", outcomes)
    notes = {each.value: counters.notes[each] for each in Note}
    yield _counted("notes", "What was odd, and what was joined.", "note", notes)
    asked = CounterMetricFamily(
        "mlhops_detector_rows_asked",
        "Rows in requests, by how they were asked about.",
        labels=["protocol", "encoding"],
    )
    for form in ASKED:
        asked.add_metric(form, counters.asked[form])
    yield asked


def requests(served: ServedRequests) -> Iterator[Metric]:
    """Yield how requests were answered."""
    yield CounterMetricFamily(
        "mlhops_detector_requests",
        "Requests with an answer that can be used.",
        value=served.answered,
    )
    failures = {each.value: served.failures[each] for each in FailureReason}
    yield _counted("request_failures", "Requests that failed, by the reason.", "reason", failures)


def probed(probe: ProbeReport) -> Metric:
    """Return how the model server answers the detector's own row."""
    found = GaugeMetricFamily(
        "mlhops_detector_probe",
        "Whether the model server answers the detector's own row: 1 for the state that it is in.",
        labels=["state"],
    )
    for each in _STATES:
        found.add_metric([each], probe.state == each)
    return found


def latency(found: Latency) -> Metric:
    """Return the times from request to response."""
    bounds = (*map(str, found.bounds), "+Inf")
    buckets, total = [], 0
    for bound, count in zip(bounds, found.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return HistogramMetricFamily(
        "mlhops_detector_model_latency_seconds",
        "From request to response, by the logger's clock.",
        buckets=buckets,
        sum_value=found.total,
    )


def state(numbers: Mapping[str, int]) -> Iterator[Metric]:
    """Yield what the process holds now, by the names that the report has for it."""
    for name, number in numbers.items():
        short = "".join(f"_{c.lower()}" if c.isupper() else c for c in name.split(".")[1])
        yield GaugeMetricFamily(f"mlhops_detector_{short}", _TEXTS[name], value=number)


def loaded(*, config: bool, profile: bool) -> Iterator[Metric]:
    """Yield which of its files the detector has."""
    for name, text, there in (
        ("configured", "Whether there is a configuration.", config),
        ("profile_loaded", "Whether there is a profile.", profile),
    ):
        yield GaugeMetricFamily(f"mlhops_detector_{name}", text, value=there)


def _counted(name: str, text: str, label: str, counts: Mapping[str, int]) -> Metric:
    """Return a counter with one label."""
    found = CounterMetricFamily(f"mlhops_detector_{name}", text, labels=[label])
    for value, count in counts.items():
        found.add_metric([value], count)
    return found
