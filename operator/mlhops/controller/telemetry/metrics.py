"""Prometheus metrics of the operator; `controller/endpoints/model_metrics.py` has those of models as they are.

Every metric is described where it is made, since `docs/metrics.md` is written from that (`cs.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram, Info

from mlhops.api.base import ObjectMeta
from mlhops.api.decision import Decision, DecisionStatus
from mlhops.api.evaluation import FINISHED, EvaluationStatus
from mlhops.api.status import HistoryEntry, Outcome
from mlhops.controller.telemetry.model_counter import OF_MODEL, ModelCounter


@dataclass(frozen=True)
class Described:
    """A metric, under the name with which it is asked for."""

    name: str
    kind: str
    """Prometheus' own word: counter, gauge, histogram or info."""
    text: str
    labels: tuple[str, ...] = ()


DESCRIBED: list[Described] = []


def _counter(name: str, text: str, *labels: str) -> Counter:
    DESCRIBED.append(Described(name, "counter", text, labels))
    return Counter(name, text, labels)


def _tally(name: str, text: str, *labels: str, known: Iterable[str] = ()) -> ModelCounter:
    DESCRIBED.append(Described(name, "counter", text, (*OF_MODEL, *labels)))
    return ModelCounter(name, text, labels, known)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    DESCRIBED.append(Described(name, "gauge", text, labels))
    return Gauge(name, text, labels)


def _histogram(name: str, text: str, buckets: Iterable[float], *labels: str) -> Histogram:
    DESCRIBED.append(Described(name, "histogram", text, labels))
    return Histogram(name, text, labels, buckets=tuple(buckets))


def _info(name: str, text: str, *labels: str) -> Info:
    DESCRIBED.append(Described(f"{name}_info", "info", text, labels))
    return Info(name, text)


_SHORT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400

LEADER = _gauge("mlhops_leader", "1 while this operator works, 0 while it stands by.")
BUILD = _info("mlhops_build", "The operator's version.", "version")

RECONCILES = _counter(
    "mlhops_reconcile_total",
    "Passes over one object: ok, conflict (the object had changed), error, or fenced (the Lease was lost).",
    *("kind", "result"),
)
DURATION = _histogram(
    "mlhops_reconcile_duration_seconds", "Time of one pass over one object.", _SHORT, "kind"
)
QUEUE = _gauge("mlhops_queue_depth", "Objects that wait for a pass or are in one.")
QUEUE_WAIT = _histogram(
    "mlhops_queue_wait_seconds", "For how long an object waited for a worker.", _SHORT
)
LONGEST_PASS = _gauge(
    "mlhops_queue_longest_pass_seconds",
    "For how long the longest of the passes has been under way.",
)
API_REQUESTS = _counter(
    "mlhops_api_requests_total",
    "Requests to the API server, but for watches: by HTTP method, and status or none where it did not answer.",
    *("method", "code"),
)
API_DURATION = _histogram(
    "mlhops_api_request_duration_seconds",
    "Time until the API server had answered.",
    _SHORT,
    "method",
)

ROLLOUTS = _tally("mlhops_rollouts_total", "Rollouts that ended, by how.", "outcome", known=Outcome)
ROLLOUT_DURATION = _histogram(
    "mlhops_rollout_duration_seconds",
    "From the beginning of a rollout's last attempt to its end.",
    (
        30,
        *(_MINUTE * n for n in (1, 5, 15)),
        *(_HOUR * n for n in (1, 4, 12)),
        *(_DAY * n for n in (1, 3, 7, 30)),
    ),
    "outcome",
)
_VERDICTS = sorted(FINISHED)
EVALUATIONS = _tally(
    "mlhops_evaluations_total",
    "Evaluations that ended, by their verdict.",
    "verdict",
    known=_VERDICTS,
)
GATES = _tally(
    "mlhops_gates_total", "Gates that were measured, by their verdict.", "verdict", known=_VERDICTS
)
EVALUATION_DURATION = _histogram(
    "mlhops_evaluation_duration_seconds",
    "From an evaluator's start to its verdict.",
    (1, 5, 15, 30, *(_MINUTE * n for n in (1, 2, 5, 15, 30)), _HOUR, 4 * _HOUR),
)
DECISIONS = _tally(
    "mlhops_decisions_total",
    "People's decisions that were answered: Honoured or Ignored.",
    *("action", "result"),
)

WATCHED_MODELS = _gauge("mlhops_watched_models", "Models that a MonitoringPolicy watches.")
LOOKS = _counter(
    "mlhops_looks_total",
    "Looks at a model, by what serves came to: a verdict, NothingServes, or failed (a fault of the operator).",
    "verdict",
)
LOOK_DURATION = _histogram(
    "mlhops_look_duration_seconds",
    "Time of one look at a model: asking its pods, and the tests.",
    _SHORT,
)
REPORTS = _counter(
    "mlhops_reports_total", "Reports that detectors were asked for: fetched or failed.", "result"
)
SERVING_REPORTS = _counter(
    "mlhops_serving_reports_total",
    "Answers of sidecars about how a model serves: fetched or failed.",
    "result",
)

STORED = _gauge(
    "mlhops_store_bytes", "What the operator keeps in memory of the objects of a kind.", "kind"
)
LEFT_OUT = _gauge(
    "mlhops_left_out_objects",
    "Objects with the label of a model that are too large to be one's: no more than their names is kept.",
    "kind",
)
CONNECTIONS = _counter(
    "mlhops_inbound_connections_total",
    "Connections to the metrics and health ports: answered, refused (no request that can be read), slow, displaced "
    "(its place went to another), or lost.",
    *("port", "result"),
)

CLUSTER_RESTORED = _counter(
    "mlhops_cluster_restored_total",
    "How often the API server told of an older state than before, as after a restore of its etcd.",
)

_COUNTED = (ROLLOUTS, EVALUATIONS, GATES, DECISIONS)


def begin(namespace: str, name: str) -> None:
    """Count a model's rollouts and verdicts from 0: of a series that begins with 1 no increase is seen."""
    for tally in _COUNTED:
        tally.begin(namespace, name)


def forget(namespace: str, name: str) -> None:
    """Tell no more of a model that is gone."""
    for tally in _COUNTED:
        tally.forget(namespace, name)


def count_ended(
    model: ObjectMeta, before: Iterable[HistoryEntry], after: Iterable[HistoryEntry]
) -> None:
    """Count the rollouts that ended between two histories of a model."""
    known = {entry.hash for entry in before}
    for entry in after:
        if entry.hash in known:
            continue
        ROLLOUTS.count(model.namespace, model.name, entry.outcome)
        if entry.started_at is not None:
            took = entry.finished_at - entry.started_at
            ROLLOUT_DURATION.labels(entry.outcome).observe(took.total_seconds())


def count_verdict(model: ObjectMeta, status: EvaluationStatus) -> None:
    """Count an Evaluation that has ended, and its gates."""
    EVALUATIONS.count(model.namespace, model.name, status.phase)
    for gate in status.gates:
        GATES.count(model.namespace, model.name, gate.phase)
    if status.started_at is not None and status.finished_at is not None:
        took = status.finished_at - status.started_at
        EVALUATION_DURATION.observe(took.total_seconds())


def count_decision(model: ObjectMeta, decision: Decision, status: DecisionStatus) -> None:
    """Count what became of a Decision, once."""
    if status.phase not in ("Pending", decision.status.phase):
        action = decision.spec.action
        DECISIONS.count(model.namespace, model.name, action, status.phase)
