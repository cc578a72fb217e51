"""What Prometheus is told of each model, and for how long."""

from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from mlhops.api.base import Manifest
from mlhops.api.status import ClinicalModelStatus
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.store import Store
from mlhops.controller.endpoints import model_metrics
from mlhops.controller.endpoints.model_metrics import Fleet
from mlhops.controller.resources import EVALUATIONS, MODELS
from testkit.builders import clinical_model, evaluation, with_path

NAMES = {"namespace": "ward", "name": "sepsis"}
NOW = "2026-01-02T03:04:05Z"
MONITORED = {
    "revision": "r1",
    "verdict": "Drift",
    "worst": {"of": "age", "kind": "Feature", "test": "PSI", "p": 0.001, "effect": 0.4},
    "quality": "NoDrift",
    "qualityWorst": {"of": "age", "kind": "Quality", "test": "missing", "effect": 0.02},
    "candidate": {"revision": "r2", "attempt": 1, "verdict": "Insufficient"},
    "lookedAt": NOW,
}
STATUS = {
    "observedGeneration": 2,
    "phase": "Progressing",
    "stable": {
        "revision": "r1",
        "version": "1.0.0",
        "inferenceService": "sepsis-r1",
        "since": NOW,
        "proof": {
            "evaluation": "sepsis-1",
            "phase": "Failed",
            "gatesHash": "h",
            "overridden": ["equal-misses"],
            "expires": NOW,
        },
    },
    "override": {"gates": ["equal-misses"], "expires": NOW, "phase": "Ending"},
    "candidate": {
        "revision": "r2",
        "version": "2.0.0",
        "inferenceService": "sepsis-r2",
        "createdAt": NOW,
        "startedAt": NOW,
        "stepIndex": 1,
        "desiredWeight": 50,
        "weight": 10,
        "evaluation": "sepsis-2",
    },
    "monitoring": MONITORED,
    "serving": {
        "revision": "r1",
        "verdict": "Failing",
        "requests": 100,
        "failed": 30,
        "failures": [{"reason": "unanswered", "requests": 30}],
        "p50Seconds": 0.02,
    },
    "conditions": [
        {
            "type": "Ready",
            "status": "Unknown",
            "reason": "RolloutInProgress",
            "lastTransitionTime": NOW,
        }
    ],
}
GATE: Manifest = {
    "name": "equal-misses",
    "metric": "FalseNegativeRate",
    "phase": "Failed",
    "estimate": 0.34,
    "limit": 0.15,
}


def model(version: int = 10) -> Manifest:
    """A model in the middle of a rollout, as the operator would write it."""
    status = ClinicalModelStatus.model_validate(STATUS).to_json()
    steps: Manifest = {"steps": [{"setWeight": 10}, {"setWeight": 50}]}
    return {
        **clinical_model({"spec.rollout": steps}),
        "metadata": {**NAMES, "uid": "uid", "generation": 3, "resourceVersion": str(version)},
        "status": status,
    }


def evaluated(name: str, version: int) -> Manifest:
    manifest = evaluation(name=name)
    metadata: Manifest = {"namespace": "ward", "name": name, "resourceVersion": str(version)}
    return {**manifest, "metadata": metadata, "status": {"phase": "Failed", "gates": [GATE]}}


@pytest.fixture
def store() -> Store:
    store = Store()
    store.hear(MODELS, model())
    store.hear(EVALUATIONS, evaluated("sepsis-1", 8))
    store.hear(EVALUATIONS, evaluated("sepsis-2", 9))
    return store


class Page:
    """What a Fleet tells."""

    def __init__(self, store: Store, *, leads: bool = True) -> None:
        self._fleet = Fleet(store, lambda: leads)
        self.registry = CollectorRegistry()
        self.registry.register(self._fleet)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {**NAMES, **labels})

    def families(self) -> list[Metric]:
        return list(self._fleet.collect())

    def series(self) -> int:
        return sum(len(family.samples) for family in self.families())


def test_how_a_model_answers_its_callers_is_told(store: Store) -> None:
    page = Page(store)
    assert page.value("mlhops_model_serving", verdict="Failing") == 1
    assert page.value("mlhops_model_serving", verdict="Serving") == 0
    assert page.value("mlhops_model_requests") == 100
    assert page.value("mlhops_model_failed_requests", reason="unanswered") == 30
    assert page.value("mlhops_model_answer_seconds", quantile="0.5") == 0.02
    assert page.value("mlhops_model_answer_seconds", quantile="0.99") is None


def test_a_model_is_told_of_as_its_status_says(store: Store) -> None:
    page = Page(store)
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()

    assert page.value("mlhops_model_info", version="1.0.0", risk_class="III", policy="") == 1
    assert page.value("mlhops_model_phase", phase="Progressing") == 1
    assert page.value("mlhops_model_phase", phase="Healthy") == 0
    ready = {"type": "Ready", "status": "Unknown", "reason": "RolloutInProgress"}
    assert page.value("mlhops_model_condition", **ready) == 1
    assert page.value("mlhops_model_generation") == 3
    assert page.value("mlhops_model_observed_generation") == 2
    stable = {"role": "stable", "revision": "r1", "version": "1.0.0"}
    assert page.value("mlhops_model_revision", **stable) == 1
    assert page.value("mlhops_model_overridden_gates", role="stable") == 1
    assert page.value("mlhops_model_overridden_gates", role="candidate") == 0
    expires = "mlhops_model_override_expires_timestamp_seconds"
    assert page.value(expires, role="stable") == moment
    assert page.value("mlhops_model_override", phase="Ending") == 1
    assert page.value("mlhops_model_override", phase="Ended") == 0
    assert page.value("mlhops_rollout_weight") == 10
    assert page.value("mlhops_rollout_desired_weight") == 50
    assert page.value("mlhops_rollout_step") == 1
    assert page.value("mlhops_rollout_steps") == 2
    assert page.value("mlhops_rollout_started_timestamp_seconds") == moment


def test_gates_are_told_of_what_serves_and_of_the_candidate(store: Store) -> None:
    page = Page(store)
    for role in ("stable", "candidate"):
        gate = {"role": role, "gate": "equal-misses", "metric": "FalseNegativeRate"}
        assert page.value("mlhops_gate_verdict", **gate, verdict="Failed") == 1
        assert page.value("mlhops_gate_estimate", **gate) == 0.34
        assert page.value("mlhops_gate_limit", **gate) == 0.15


def test_what_monitoring_found_is_told_with_how_far_the_worst_has_moved(store: Store) -> None:
    page = Page(store)

    assert page.value("mlhops_model_drift", verdict="Drift") == 1
    assert page.value("mlhops_model_drift", verdict="NoDrift") == 0
    worst = {"kind": "Feature", "of": "age", "test": "PSI"}
    assert page.value("mlhops_model_drift_worst_effect", **worst) == 0.4
    assert page.value("mlhops_model_data_quality", verdict="NoDrift") == 1
    quality = {"of": "age", "test": "missing"}
    assert page.value("mlhops_model_data_quality_worst_effect", **quality) == 0.02
    assert page.value("mlhops_candidate_drift", verdict="Insufficient") == 1
    assert page.value("mlhops_model_looked_at_timestamp_seconds") is not None


@pytest.mark.parametrize("name", ["HbA1c (%)", "Größe/cm", 'a "b" \\n \\', '{x="1"} # 5'])
def test_a_name_as_data_have_it_is_read_back_from_the_page(store: Store, name: str) -> None:
    worst: Manifest = {"of": name, "kind": "Feature", "test": "PSI", "effect": 0.4, "rows": 900}
    store.hear(MODELS, with_path(model(11), "status.monitoring.worst", worst))

    page = generate_latest(Page(store).registry).decode()

    read = {family.name: family for family in text_string_to_metric_families(page)}
    (sample,) = read["mlhops_model_drift_worst_effect"].samples
    assert (sample.labels["of"], sample.value) == (name, 0.4)


def test_an_effect_of_too_few_rows_is_no_number(store: Store) -> None:
    worst: Manifest = {"of": "age", "kind": "Feature", "test": "PSI"}
    store.hear(MODELS, with_path(model(11), "status.monitoring.worst", worst))

    told = generate_latest(Page(store).registry).decode()

    assert "\nmlhops_model_drift_worst_effect{" not in told


def test_a_candidate_without_traffic_has_weight_0_and_a_model_without_a_candidate_has_none(
    store: Store,
) -> None:
    waits = ClinicalModelStatus.model_validate(STATUS)
    assert waits.candidate is not None
    unstarted = waits.model_copy(
        update={"candidate": waits.candidate.model_copy(update={"weight": 0, "desired_weight": 0})}
    )
    store.hear(MODELS, {**model(11), "status": unstarted.to_json()})
    assert Page(store).value("mlhops_rollout_weight") == 0
    assert Page(store).value("mlhops_rollout_desired_weight") == 0

    settled = waits.model_copy(update={"candidate": None})
    store.hear(MODELS, {**model(12), "status": settled.to_json()})
    assert Page(store).value("mlhops_rollout_weight") is None


def test_a_model_that_is_gone_takes_its_series_with_it(store: Store) -> None:
    page = Page(store)
    assert page.series() > 0

    store.hear_gone(MODELS, Name("ward", "sepsis"), 20)

    assert page.series() == 0


def test_series_do_not_pile_up_with_versions(store: Store) -> None:
    before = Page(store).series()

    for number in range(11, 30):
        later = with_path(model(number), "status.candidate.version", f"{number}.0.0")
        store.hear(MODELS, with_path(later, "status.candidate.revision", f"r{number}"))

    assert Page(store).series() == before <= 66


def test_who_stands_by_tells_of_no_model(store: Store) -> None:
    page = Page(store, leads=False)

    assert page.series() == 0
    assert {family.name for family in page.families()} == {
        each.name for each in model_metrics.FAMILIES
    }


def test_a_model_that_cannot_be_read_is_told_of_as_far_as_it_can(store: Store) -> None:
    broken: Manifest = {
        "metadata": {**NAMES, "resourceVersion": "11"},
        "spec": "none",
        "status": {"phase": "Degraded", "candidate": {"startedAt": "soon", "weight": "all"}},
    }
    store.hear(MODELS, broken)
    page = Page(store)

    assert page.value("mlhops_model_phase", phase="Degraded") == 1
    assert page.value("mlhops_rollout_started_timestamp_seconds") is None
    assert b"mlhops_model_phase" in generate_latest(page.registry)
