"""A policy's status: how many models are under it, and which has moved furthest."""

from mlhops.api.policy import MonitoringPolicy
from mlhops.api.status import DriftVerdict, Finding
from mlhops.rollout.monitoring.overview import Under, overview
from testkit.builders import monitoring_policy

POLICY = MonitoringPolicy.model_validate(monitoring_policy({"metadata.generation": 3}))


def under(name: str, verdict: DriftVerdict | None, effect: float | None = None) -> Under:
    finding = Finding(of=f"of-{name}", kind="Feature", test="KS", p=0.01, effect=effect)
    return Under(name, verdict, finding)


def test_models_are_counted_by_verdict_and_one_that_says_nothing_is_unknown() -> None:
    models = [
        under("a", "Drift", 0.3),
        under("b", "NoDrift"),
        under("c", None),
        under("d", "Insufficient"),
        under("e", "Error"),
        under("f", "Drift", 0.8),
    ]
    status = overview(POLICY, models)

    assert status.observed_generation == 3
    assert (status.models, status.drift, status.no_drift) == (6, 2, 1)
    assert (status.insufficient, status.error) == (2, 1)
    assert status.worst is not None
    assert status.worst.model == "f"
    assert status.worst.finding is not None
    assert status.worst.finding.of == "of-f"


def test_without_drift_no_model_is_the_worst() -> None:
    assert overview(POLICY, [under("a", "NoDrift", 0.9)]).worst is None
    assert overview(POLICY, []).models == 0


def test_the_order_of_models_changes_nothing() -> None:
    models = [under(name, "Drift", 0.3) for name in "abc"]

    assert overview(POLICY, models) == overview(POLICY, reversed(models))


def test_numbers_that_may_not_be_told_do_not_hide_the_drift() -> None:
    hidden = Under("a", "Drift", Finding(of="x", kind="Feature", test="KS"))
    status = overview(POLICY, [hidden, under("b", "NoDrift", 0.9)])

    assert status.worst is not None
    assert status.worst.model == "a"
