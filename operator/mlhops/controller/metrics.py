"""Prometheus metrics of the operator itself."""

from prometheus_client import Counter, Gauge, Histogram, Info, start_http_server

from mlhops import __version__

RECONCILES = Counter("mlhops_reconcile_total", "Passes over one object.", ["kind", "result"])
DURATION = Histogram(
    "mlhops_reconcile_duration_seconds",
    "Time of one pass over one object.",
    ["kind"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
QUEUE = Gauge("mlhops_queue_depth", "Objects that wait for a pass or are in one.")
WATCHED_MODELS = Gauge("mlhops_watched_models", "Models that a MonitoringPolicy watches.")
LOOKS = Counter("mlhops_looks_total", "Looks at a model, by what serves came to.", ["verdict"])
LOOK_DURATION = Histogram(
    "mlhops_look_duration_seconds",
    "Time of one look at a model: asking its pods, and the tests.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
REPORTS = Counter("mlhops_reports_total", "Reports that detectors were asked for.", ["result"])
LEADER = Gauge("mlhops_leader", "1 while this operator works, 0 while it stands by.")
BUILD = Info("mlhops_build", "The operator's version.")


def serve(port: int, address: str) -> None:
    """Serve /metrics from a thread of its own."""
    BUILD.info({"version": __version__})
    start_http_server(port, addr=address)
