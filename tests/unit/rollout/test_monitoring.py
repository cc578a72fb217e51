"""What looks come to: a verdict that is remembered, conditions, and Events when something changes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mlhops.api.base import Manifest
from mlhops.api.conditions import find
from mlhops.api.policy import MonitoringPolicySpec
from mlhops.api.status import MonitoringStatus
from mlhops.rollout.monitoring.drift_snapshot import Found, Look, Monitored, Side, Verdict
from mlhops.rollout.plan import plan_to_tell
from tests.unit.rollout.world import START, World

CREATININE = Found("creatinine", "Feature", "hour", "KS", "Drift", 1.234e-8, 0.8449, 4724)
QUIET = Found("age", "Feature", "hour", "KS", "NoDrift", 0.41, 0.02, 4724)


class Ward(World):
    """A model that serves and is watched."""

    def __init__(self, policy: Manifest | None = None) -> None:
        """Begin with a policy and no look."""
        super().__init__()
        self.stable = self.deploy()
        spec = MonitoringPolicySpec.model_validate(policy or {})
        self.monitored = Monitored(spec, None)

    def policy(self, spec: Manifest) -> None:
        """Somebody edits the policy."""
        assert self.monitored is not None
        self.monitored = replace(self.monitored, policy=MonitoringPolicySpec.model_validate(spec))

    def look(
        self,
        verdict: Verdict = "NoDrift",
        worst: Found | None = QUIET,
        *,
        quality: Verdict = "NoDrift",
        compared: Verdict | None = None,
        message: str = "37 rows of 100",
        after: float = 60.0,
    ) -> Look:
        """Look after some seconds, and let the operator work on it."""
        self.now += timedelta(seconds=after)
        side = Side(self.stable, verdict, worst, quality, None, message)
        found = self.status.candidate
        beside = found.revision if found is not None else "none"
        candidate = Side(beside, "NoDrift", None, "NoDrift", None) if compared else None
        difference = Found("score", "Candidate", "hour", "KS", "Drift", 0.001, 0.4, 90)
        seen = Look(self.now, side, candidate, difference, compared or "Insufficient")
        self.see(seen)
        return seen

    def see(self, look: Look | None) -> None:
        """Let monitoring hand over a look."""
        assert self.monitored is not None
        self.monitored = replace(self.monitored, look=look)
        self.run()

    @property
    def monitoring(self) -> MonitoringStatus:
        """What the status says of monitoring."""
        assert self.status.monitoring is not None
        return self.status.monitoring

    def found(self) -> str:
        """The verdict on what serves."""
        return self.monitoring.verdict or ""

    def condition(self, type_: str = "DriftDetected") -> tuple[str, str]:
        """A condition's status and reason."""
        found = find(self.status.conditions, type_)
        return (found.status, found.reason) if found is not None else ("", "")

    def statuses(self) -> int:
        """How many times the status was written."""
        return sum(1 for write in self.writes if not hasattr(write, "__dataclass_fields__"))


def test_a_model_without_a_policy_says_nothing_of_drift() -> None:
    world = World()
    world.deploy()

    assert world.status.monitoring is None
    assert find(world.status.conditions, "DriftDetected") is None


def test_before_the_first_look_nobody_knows() -> None:
    ward = Ward()
    ward.run()

    assert ward.found() == "Insufficient"
    assert ward.condition() == ("Unknown", "InsufficientData")
    assert ward.condition("DataQualityDegraded") == ("Unknown", "InsufficientData")


def test_drift_is_told_once_with_the_feature_p_and_effect() -> None:
    ward = Ward()
    ward.look()
    assert ward.condition() == ("False", "WithinLimits")
    ward.look("Drift", CREATININE)
    ward.look("Drift", CREATININE)

    (told,) = [event for event in ward.events if event.reason == "DriftDetected"]
    assert told.warning
    assert "creatinine (KS, p=1.2e-08, effect=0.84, 4724 rows, window hour)" in told.message
    assert ward.condition() == ("True", "DriftDetected")
    assert ward.found() == "Drift"
    ward.look()
    assert ward.told()[-1] == "DriftEnded"
    assert ward.condition() == ("False", "WithinLimits")


def test_worse_data_have_a_condition_of_their_own() -> None:
    ward = Ward()
    ward.look(quality="Drift")
    assert ward.condition("DataQualityDegraded") == ("True", "DataQualityDegraded")
    assert ward.condition() == ("False", "WithinLimits")
    ward.look()
    assert "DataQualityRestored" in ward.told()


@pytest.mark.parametrize(
    ("verdict", "reason"), [("Insufficient", "InsufficientData"), ("Error", "MonitoringError")]
)
def test_what_cannot_be_told_is_never_no_drift(verdict: Verdict, reason: str) -> None:
    ward = Ward()
    ward.look()
    ward.look(verdict)

    assert ward.condition() == ("Unknown", reason)
    assert find(ward.status.conditions, "DriftDetected").message == "37 rows of 100"  # type: ignore[union-attr]


def test_why_nobody_knows_is_written_at_once_where_it_is_another_reason() -> None:
    ward = Ward()
    ward.look("Insufficient", message="a pod's detector has not read its profile yet")
    ward.look("Insufficient", message="window hour has fewer than 100 rows", after=10)

    assert ward.monitoring.message == "window hour has fewer than 100 rows"
    condition = find(ward.status.conditions, "DriftDetected")
    assert condition is not None
    assert condition.message == "window hour has fewer than 100 rows"
    before = ward.statuses()
    ward.look("Insufficient", message="window hour has fewer than 100 rows", after=10)
    assert ward.statuses() == before


def test_an_alarm_needs_so_many_of_the_latest_looks() -> None:
    ward = Ward({"drift": {"for": {"atLeast": 2, "of": 3}}})
    verdicts: list[str] = []
    for found in ("Drift", "NoDrift", "NoDrift", "Drift", "NoDrift", "Drift"):
        ward.look("Drift" if found == "Drift" else "NoDrift")
        verdicts.append(ward.found())

    assert verdicts == ["NoDrift"] * 5 + ["Drift"]


def test_a_look_is_counted_once_however_often_it_is_seen_and_by_whom() -> None:
    ward = Ward({"drift": {"for": {"atLeast": 2, "of": 3}}})
    look = ward.look("Drift")
    for _ in range(3):
        ward.see(look)
    ward.see(None)  # an operator that has just started
    ward.see(look)
    assert ward.found() == "NoDrift"

    ward.look("Drift")
    assert ward.found() == "Drift"


def test_looks_that_say_the_same_are_not_written_but_for_every_ten_minutes() -> None:
    ward = Ward()
    ward.look()
    before = ward.statuses()
    for n in range(9):
        ward.look(worst=replace(QUIET, of=f"feature-{n}", p=0.1 * n, rows=4000 + n))
    assert ward.statuses() == before

    ward.look(worst=replace(QUIET, rows=5000))
    assert ward.statuses() == before + 1
    assert ward.monitoring.worst is not None
    assert ward.monitoring.worst.rows == 5000


def test_what_has_moved_most_is_written_at_once_where_it_is_another_feature() -> None:
    ward = Ward()
    ward.look("Drift", CREATININE)
    ward.look("Drift", replace(CREATININE, of="lactate"))

    assert ward.monitoring.worst is not None
    assert ward.monitoring.worst.of == "lactate"
    assert ward.told().count("DriftDetected") == 1


def test_when_nobody_looks_any_more_nobody_knows() -> None:
    ward = Ward()
    ward.look()
    ward.wait(179)
    assert ward.found() == "NoDrift"
    ward.wait(2)
    assert ward.found() == "Insufficient"
    assert ward.condition() == ("Unknown", "InsufficientData")
    ward.look()
    assert ward.found() == "NoDrift"


def test_an_operator_that_has_just_started_keeps_the_verdict_for_as_long_as_it_may_be_old() -> None:
    ward = Ward()
    ward.look("Drift", CREATININE)
    ward.see(None)
    ward.wait(12 * 60)
    assert ward.found() == "Drift"
    ward.wait(2 * 60)
    assert ward.found() == "Insufficient"


def test_numbers_of_too_few_rows_are_not_written() -> None:
    ward = Ward()
    ward.look("Drift", replace(CREATININE, rows=9))

    written = ward.monitoring.to_json()["worst"]
    assert written == {"of": "creatinine", "kind": "Feature", "window": "hour", "test": "KS"}
    assert "0.84" not in str(ward.events)


def test_a_new_stable_revision_begins_without_looks() -> None:
    ward = Ward()
    old = ward.look("Drift", CREATININE)
    ward.deploy("2.0.0")
    assert ward.found() == "Insufficient"
    ward.see(replace(old, at=ward.now))
    assert ward.found() == "Insufficient", "that look was at another revision"


def test_a_policy_that_is_missing_is_an_error_and_told_once() -> None:
    ward = Ward()
    ward.look()
    ward.monitored = Monitored(None, None, "there is no MonitoringPolicy ward: create it")
    ward.run()
    ward.run()

    assert ward.found() == "Error"
    assert ward.condition() == ("Unknown", "PolicyMissing")
    assert ward.told().count("PolicyMissing") == 1


def test_a_policy_that_is_there_again_starts_without_looks_and_nothing_says_that_it_is_missing() -> (
    None
):
    ward = Ward()
    ward.look("Drift", CREATININE)
    there = ward.monitored
    ward.monitored = Monitored(None, None, "there is no MonitoringPolicy ward: create it")
    ward.run()
    assert ward.monitoring.worst is None
    ward.monitored = there
    ward.see(None)

    assert ward.found() == "Insufficient"
    assert ward.monitoring.message == "it was not looked at yet"


def test_a_model_that_names_no_policy_any_more_says_nothing_of_drift() -> None:
    ward = Ward()
    ward.look("Drift", CREATININE)
    ward.monitored = None
    ward.run()

    assert ward.status.monitoring is None
    assert ward.condition() == ("", "")


def test_what_could_not_be_written_is_not_taken_for_done() -> None:
    ward = Ward()
    ward.look()
    before = ward.monitoring
    assert ward.monitored is not None
    side = Side(ward.stable, "Drift", CREATININE, "NoDrift", None)
    seen = replace(
        ward.observe(),
        monitored=replace(ward.monitored, look=Look(START + timedelta(days=1), side, None)),
    )

    told = plan_to_tell(seen, "Forbidden: no", ward.now)

    assert told.status is not None
    assert told.status.monitoring == before
