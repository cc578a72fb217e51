"""Metrics of each model, read from the cache at each scrape.

So nothing is kept for it, and a model that is gone takes its series with it. Whatever labels say (a version, a
gate, a feature), a model has one series for each of its revisions, gates and conditions as they are now, and
none of what they were. Only the operator that works tells of models: two would count each twice.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TypeAlias, get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mlhops.api.base import Json, Manifest
from mlhops.api.conditions import ConditionType
from mlhops.api.status import DriftVerdict, Phase, ServingState
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.store import Store
from mlhops.controller.resources import EVALUATIONS, MODELS
from mlhops.controller.telemetry.metrics import Described
from mlhops.controller.telemetry.model_counter import OF_MODEL
from mlhops.json_access import at, condition, items, number, text


def _described(name: str, meaning: str, *labels: str) -> Described:
    return Described(name, "gauge", meaning, (*OF_MODEL, *labels))


INFO = _described(
    "mlhops_model_info",
    "1 for each model: what its spec asks for.",
    "version",
    "risk_class",
    "policy",
)
PHASE = _described(
    "mlhops_model_phase", "1 for the phase that a model is in, 0 for the others.", "phase"
)
CONDITION = _described(
    "mlhops_model_condition",
    "1 for each condition of a model with the status and reason that it has now.",
    *("type", "status", "reason"),
)
GENERATION = _described("mlhops_model_generation", "The generation of a model's spec.")
OBSERVED = _described(
    "mlhops_model_observed_generation", "The generation that a model's status is about."
)
REVISION = _described(
    "mlhops_model_revision",
    "1 for each revision that a model keeps; its role is stable, candidate or previous.",
    *("role", "revision", "version"),
)
OVERRIDDEN = _described(
    "mlhops_model_overridden_gates",
    "Gates that did not pass, and that a person overrode for the revision of that role.",
    "role",
)
OVERRIDE_EXPIRES = _described(
    "mlhops_model_override_expires_timestamp_seconds",
    "When the first of the overrides ends on which the revision of that role rests.",
    "role",
)
OVERRIDE_PHASE = _described(
    "mlhops_model_override",
    "1 for how it is with the override on which what serves rests, 0 for the others; Ending: its last tenth.",
    "phase",
)
MEASURED_AT = _described(
    "mlhops_model_measured_again_timestamp_seconds",
    "When the newest measurement of what serves came to its verdict.",
    "verdict",
)
WEIGHT = _described(
    "mlhops_rollout_weight", "Percent of the requests that the Gateway sends to the candidate."
)
DESIRED = _described(
    "mlhops_rollout_desired_weight", "Percent of the requests that the candidate is to have."
)
STEP = _described("mlhops_rollout_step", "The step of a rollout that is under way, from 0.")
STEPS = _described("mlhops_rollout_steps", "Steps that a model's rollouts have.")
STARTED = _described(
    "mlhops_rollout_started_timestamp_seconds", "When the present attempt of a rollout began."
)
GATE = _described(
    "mlhops_gate_verdict",
    "1 for each gate, with its verdict in the Evaluation that the revision of that role rests on.",
    *("role", "gate", "metric", "verdict"),
)
ESTIMATE = _described(
    "mlhops_gate_estimate",
    "What a gate measured: the worst gap, or the measure of the whole model.",
    *("role", "gate", "metric"),
)
LIMIT = _described(
    "mlhops_gate_limit", "What a gate's estimate is held against.", *("role", "gate", "metric")
)
DRIFT = _described(
    "mlhops_model_drift",
    "1 for what the latest looks at what serves come to, 0 for the others.",
    "verdict",
)
DRIFT_EFFECT = _described(
    "mlhops_model_drift_worst_effect",
    "The largest drift effect of any feature or of the score, in the measure of its test; absent with too few rows.",
    *("kind", "of", "test"),
)
QUALITY = _described(
    "mlhops_model_data_quality",
    "1 for what the latest looks at the requests come to, 0 for the others; Drift: they are worse.",
    "verdict",
)
QUALITY_EFFECT = _described(
    "mlhops_model_data_quality_worst_effect",
    "By how much the share of bad values has risen that has risen most.",
    *("of", "test"),
)
CANDIDATE_DRIFT = _described(
    "mlhops_candidate_drift",
    "1 for what the latest looks at a candidate come to, 0 for the others; Drift: it answers otherwise than stable.",
    "verdict",
)
LOOKED_AT = _described(
    "mlhops_model_looked_at_timestamp_seconds",
    "When a model was looked at, as its status says: written every ten minutes, or with a change.",
)
SERVING = _described(
    "mlhops_model_serving",
    "1 for what the sidecars' counts of what serves come to, 0 for the others.",
    "verdict",
)
REQUESTS = _described(
    "mlhops_model_requests",
    "Requests of the last hour to what serves, as the status says: written every ten minutes, or with a change.",
)
FAILED_REQUESTS = _described(
    "mlhops_model_failed_requests",
    "Those among the requests of the last hour that failed, by the reason.",
    "reason",
)
ANSWER_SECONDS = _described(
    "mlhops_model_answer_seconds",
    "Within how many seconds a share of the answers of the last hour came.",
    "quantile",
)

FAMILIES = (
    *(INFO, PHASE, CONDITION, GENERATION, OBSERVED, REVISION, OVERRIDDEN, OVERRIDE_EXPIRES),
    *(OVERRIDE_PHASE, MEASURED_AT),
    *(WEIGHT, DESIRED, STEP, STEPS, STARTED, GATE, ESTIMATE, LIMIT),
    *(DRIFT, DRIFT_EFFECT, QUALITY, QUALITY_EFFECT, CANDIDATE_DRIFT, LOOKED_AT),
    *(SERVING, REQUESTS, FAILED_REQUESTS, ANSWER_SECONDS),
)
Sample: TypeAlias = tuple[Described, tuple[str, ...], float]
"""A metric, the values of the labels that it has besides the model's name, and its value."""
_VERDICTS: tuple[str, ...] = get_args(DriftVerdict)


class Fleet(Collector):
    """Tells of all models that the operator has heard of."""

    def __init__(self, store: Store, leads: Callable[[], bool]) -> None:
        """Make a collector; `leads` returns whether this operator works, and is asked by another thread."""
        self._store = store
        self._leads = leads

    def describe(self) -> Iterable[Metric]:
        """Name no metric before it is asked for: the registry would have to collect them all."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Return the metrics; called from the thread that answers Prometheus."""
        found = {
            each: GaugeMetricFamily(each.name, each.text, labels=each.labels) for each in FAMILIES
        }
        for name in self._store.names(MODELS) if self._leads() else ():
            for described, labels, value in self._samples(name):
                found[described].add_metric((*name, *labels), value)
        yield from found.values()

    def _samples(self, name: Name) -> Iterator[Sample]:
        model = self._store.get(MODELS, name)
        if model is None:
            return  # gone since its name was read
        yield from of_model(model)
        for role, place in (("stable", ("stable", "proof")), ("candidate", ("candidate",))):
            evaluation = text(model, "status", *place, "evaluation")
            if evaluation:
                found = self._store.get(EVALUATIONS, Name(name.namespace, evaluation))
                yield from of_gates(role, found or {})


def of_model(model: Manifest) -> Iterator[Sample]:
    """Return what a ClinicalModel itself tells, one that cannot be parsed included."""
    spec, status = at(model, "spec"), at(model, "status")
    policy = text(spec, "monitoring", "policyRef", "name")
    yield INFO, (text(spec, "version"), text(spec, "card", "riskClass"), policy), 1
    yield from _states(PHASE, Phase, text(status, "phase"))
    for type_ in ConditionType:
        found = condition(model, type_)
        if found:
            yield CONDITION, (type_, text(found, "status"), text(found, "reason")), 1
    yield GENERATION, (), number(model, "metadata", "generation") or 0
    yield OBSERVED, (), number(status, "observedGeneration") or 0
    for role in ("stable", "candidate", "previous"):
        yield from _of_revision(role, at(status, role))
    if at(status, "stable") is not None:
        yield from _of_override(at(status, "override"))
    again = at(status, "stable", "remeasured")
    yield from _moment(MEASURED_AT, (text(again, "phase"),), text(again, "at"))
    yield STEPS, (), len(items(spec, "rollout", "steps"))
    yield from _of_candidate(at(status, "candidate"))
    yield from _of_monitoring(at(status, "monitoring"))
    yield from _of_serving(at(status, "serving"))


def of_gates(role: str, evaluation: Manifest) -> Iterator[Sample]:
    """Return what was measured of the revision of a role."""
    for gate in items(evaluation, "status", "gates"):
        labels = (role, text(gate, "name"), text(gate, "metric"))
        yield GATE, (*labels, text(gate, "phase")), 1
        for described, field in ((ESTIMATE, "estimate"), (LIMIT, "limit")):
            yield from _number(described, labels, at(gate, field))


def _of_revision(role: str, revision: Json) -> Iterator[Sample]:
    if revision is None:
        return
    yield REVISION, (role, text(revision, "revision"), text(revision, "version")), 1
    if role == "stable":
        return  # what it rests on may be newer than its proof: that is told of the override itself
    overridden = at(revision, "proof", "overridden")
    yield OVERRIDDEN, (role,), len(overridden) if isinstance(overridden, list) else 0
    yield from _moment(OVERRIDE_EXPIRES, (role,), text(revision, "proof", "expires"))


def _of_override(override: Json) -> Iterator[Sample]:
    """Return what is told of the override on which what serves rests."""
    gates = at(override, "gates")
    yield OVERRIDDEN, ("stable",), len(gates) if isinstance(gates, list) else 0
    yield from _moment(OVERRIDE_EXPIRES, ("stable",), text(override, "expires"))
    if override is not None:
        yield from _states(OVERRIDE_PHASE, ("Holds", "Ending", "Ended"), text(override, "phase"))


def _of_candidate(candidate: Json) -> Iterator[Sample]:
    if candidate is None:
        return
    # A field that has its default is not in the manifest.
    for described, field in ((WEIGHT, "weight"), (DESIRED, "desiredWeight"), (STEP, "stepIndex")):
        yield described, (), number(candidate, field) or 0
    yield from _moment(STARTED, (), text(candidate, "startedAt"))


def _of_monitoring(monitoring: Json) -> Iterator[Sample]:
    if monitoring is None:
        return
    yield from _states(DRIFT, _VERDICTS, text(monitoring, "verdict"))
    yield from _states(QUALITY, _VERDICTS, text(monitoring, "quality"))
    if at(monitoring, "candidate") is not None:
        yield from _states(CANDIDATE_DRIFT, _VERDICTS, text(monitoring, "candidate", "verdict"))
    worst, quality = at(monitoring, "worst"), at(monitoring, "qualityWorst")
    of, test = text(worst, "of"), text(worst, "test")
    yield from _number(DRIFT_EFFECT, (text(worst, "kind"), of, test), at(worst, "effect"))
    labels = text(quality, "of"), text(quality, "test")
    yield from _number(QUALITY_EFFECT, labels, at(quality, "effect"))
    yield from _moment(LOOKED_AT, (), text(monitoring, "lookedAt"))


def _of_serving(serving: Json) -> Iterator[Sample]:
    if serving is None:
        return
    yield from _states(SERVING, get_args(ServingState), text(serving, "verdict"))
    yield from _number(REQUESTS, (), at(serving, "requests"))
    for each in items(serving, "failures"):
        yield from _number(FAILED_REQUESTS, (text(each, "reason"),), at(each, "requests"))
    for quantile, field in (("0.5", "p50Seconds"), ("0.99", "p99Seconds")):
        yield from _number(ANSWER_SECONDS, (quantile,), at(serving, field))


def _states(described: Described, states: Iterable[str], present: str) -> Iterator[Sample]:
    for state in states:
        yield described, (state,), float(state == present)


def _number(described: Described, labels: tuple[str, ...], value: Json) -> Iterator[Sample]:
    if isinstance(value, int | float):
        yield described, labels, value


def _moment(described: Described, labels: tuple[str, ...], value: str) -> Iterator[Sample]:
    try:
        yield described, labels, datetime.fromisoformat(value).timestamp()
    except ValueError:
        return
