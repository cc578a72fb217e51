"""What a policy's actions do: once per cooldown, only downwards, and never twice for a crash."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from mlhops.api.action import Retrain
from mlhops.api.base import Json, Manifest
from mlhops.api.decision import Action
from mlhops.rollout.intents import PostCloudEvent, SetTraffic, StartRetraining
from mlhops.rollout.monitoring.monitoring import described
from mlhops.rollout.observed import Retraining
from testkit.builders import at_path
from tests.unit.rollout.test_monitoring import CREATININE, Ward
from tests.unit.rollout.world import Crash

STEPS: list[Json] = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]
TEMPLATE: Manifest = {
    "backoffLimit": 1,
    "template": {
        "spec": {
            "containers": [
                {
                    "name": "train",
                    "image": "trainer:1",
                    "env": [{"name": "A", "value": "1"}, {"name": "MLHOPS_MODEL", "value": "x"}],
                }
            ]
        }
    },
}


def action(type_: str, *when: str, **more: Json) -> Manifest:
    return {"name": type_.lower(), "type": type_, "when": [*when], **more}


def ward_with(*actions: Manifest) -> Ward:
    return Ward({"actions": [*actions]})


def retrain(**more: Json) -> Manifest:
    return action("Retrain", "Drift", cooldown="7d", retrain={"template": TEMPLATE, **more})


def climbing(ward: Ward) -> None:
    """Bring a candidate to its pause at ten percent."""
    ward.edit({"spec.rollout.steps": STEPS})
    ward.release("2.0.0")
    ward.run()
    assert ward.candidate.desired_weight == 10


def test_drift_holds_a_candidate_where_it_is_until_a_person_resumes() -> None:
    ward = ward_with(action("PauseRollout", "Drift"))
    climbing(ward)
    ward.look("Drift", CREATININE)
    ward.decide(Action.RESUME)  # ends the pause step and the hold, both of which the person saw
    ward.run()
    assert ward.candidate.desired_weight == 50


def test_a_held_candidate_neither_gains_nor_loses_weight() -> None:
    ward = ward_with(action("PauseRollout", "Drift"))
    ward.edit({"spec.rollout.steps": [{"setWeight": 10}, {"pause": {"duration": "5m"}}]})
    ward.release("2.0.0")
    ward.run()
    ward.look("Drift", CREATININE)
    assert ward.pause == "PausedByPolicy"
    assert "creatinine" in ward.status.message
    ward.wait(3600)
    assert ward.candidate.desired_weight == 10
    assert ward.shares()[ward.service_of()] == 10


@pytest.mark.parametrize("later", ["NoDrift", "Insufficient", "Error"])
def test_a_hold_does_not_end_by_itself(later: str) -> None:
    ward = ward_with(action("PauseRollout", "Drift"))
    climbing(ward)
    ward.look("Drift", CREATININE)
    ward.look(later)  # type: ignore[arg-type]
    ward.monitored = None
    ward.run()
    assert ward.candidate.hold is not None
    assert ward.pause == "PausedByPolicy"


def test_a_resume_from_before_the_hold_does_not_end_it() -> None:
    ward = ward_with(action("PauseRollout", "Drift"))
    climbing(ward)
    name = ward.decide(Action.RESUME)
    decision, ward.decisions = ward.decisions, {}
    ward.look("Drift", CREATININE)
    ward.decisions = decision
    ward.run()
    assert ward.candidate.hold is not None
    assert ward.answer_to(name)[0] == "Ignored"
    assert "decide again" in ward.answer_to(name)[1]


def test_who_resumes_is_left_in_peace_for_the_cooldown() -> None:
    ward = ward_with(action("PauseRollout", "Drift", cooldown="1h"))
    climbing(ward)
    ward.look("Drift", CREATININE)
    ward.decide(Action.RESUME)
    ward.run()
    ward.look("Drift", CREATININE)
    assert ward.candidate.hold is None
    ward.look("Drift", CREATININE, after=3600)
    assert ward.candidate.hold is not None


def test_a_retry_is_held_anew() -> None:
    ward = ward_with(action("PauseRollout", "Drift"))
    climbing(ward)
    ward.look("Drift", CREATININE)
    ward.decide(Action.ABORT)
    ward.edit({"spec.rollout.onFailure": "Pause"})
    ward.run()
    ward.now += timedelta(seconds=5)
    ward.decide(Action.RETRY)
    ward.run()
    assert ward.candidate.attempt == 2
    assert ward.candidate.hold is not None
    assert ward.candidate.desired_weight == 0


def test_a_candidate_that_answers_otherwise_is_rolled_back() -> None:
    ward = ward_with(action("Rollback", "Candidate"))
    climbing(ward)
    ward.look(compared="NoDrift")
    assert ward.failure == ""
    ward.look(compared="Drift")
    assert ward.failure == "RolledBackByPolicy"
    assert ward.shares() == {ward.service_of(ward.stable): 100}
    assert ward.status.history[-1].outcome == "RolledBack"
    assert "CandidateDiffers" in ward.told()


@pytest.mark.parametrize("verdict", ["NoDrift", "Insufficient", "Error"])
def test_only_what_was_found_rolls_back(verdict: str) -> None:
    ward = ward_with(action("Rollback", "Candidate"))
    climbing(ward)
    ward.look("Drift", CREATININE, compared=verdict)  # type: ignore[arg-type]
    assert ward.failure == ""


def test_a_look_at_an_earlier_attempt_does_not_roll_back_a_later_one() -> None:
    ward = ward_with(action("Rollback", "Candidate"))
    ward.edit({"spec.rollout.onFailure": "Pause"})
    climbing(ward)
    look = ward.look(compared="Drift")
    ward.now += timedelta(seconds=5)
    ward.decide(Action.RETRY)
    ward.see(look)
    assert ward.candidate.attempt == 2
    assert ward.failure == ""


def test_nothing_that_monitoring_says_raises_a_weight() -> None:
    everything = [
        action(each, "Drift", "DataQuality", "Candidate")
        for each in ("Notify", "PauseRollout", "Rollback")
    ]
    ward = ward_with(*everything)
    climbing(ward)
    before = ward.shares()[ward.service_of()]
    for verdict in ("Drift", "NoDrift", "Insufficient", "Error"):
        ward.look(verdict, CREATININE, quality=verdict, compared=verdict)
        assert ward.shares().get(f"sepsis-{ward.target}", 0) <= before


def test_a_notification_is_posted_after_the_status_and_again_after_the_cooldown() -> None:
    notify: Manifest = {"sink": "http://127.0.0.1:1/"}
    ward = ward_with(action("Notify", "Drift", "DataQuality", cooldown="6h", notify=notify))
    ward.look("Drift", CREATININE)
    writes = [type(write).__name__ for write in ward.writes]
    assert writes[-2:] == ["ClinicalModelStatus", "PostCloudEvent"]
    for _ in range(5):
        ward.look("Drift", CREATININE)
    assert len(ward.notices) == 1
    ward.look("Drift", CREATININE, quality="Drift")
    assert [notice["type"] for notice in ward.notices] == [
        "io.mlhops.clinicalmodel.drift",
        "io.mlhops.clinicalmodel.dataquality",
    ]
    ward.look("Drift", CREATININE, after=6 * 3600)
    assert len(ward.notices) == 3
    assert len({str(notice["id"]) for notice in ward.notices}) == 3


def test_a_notification_tells_what_the_status_tells() -> None:
    ward = ward_with(action("Notify", "Drift", notify={"sink": "http://127.0.0.1:1/"}))
    ward.look("Drift", CREATININE)
    (notice,) = ward.notices
    assert notice["source"] == "/apis/mlhops.io/v1alpha1/namespaces/default/clinicalmodels/sepsis"
    assert at_path(notice, "data.finding.of") == "creatinine"
    assert at_path(notice, "data.finding.p") == 1.2e-8
    assert at_path(notice, "data.stable.version") == "1.0.0"


def test_without_a_sink_there_is_an_event_all_the_same() -> None:
    ward = ward_with(action("Notify", "Drift"))
    ward.look("Drift", CREATININE)
    assert ward.notices == []
    assert ward.told().count("Notified") == 1


def test_drift_that_lasts_retrains_once() -> None:
    ward = ward_with(retrain())
    for _ in range(10):
        ward.look("Drift", CREATININE)
    assert len(ward.jobs) == 1


def test_the_job_gets_what_was_found_and_belongs_to_the_model() -> None:
    ward = ward_with(retrain())
    ward.look("Drift", CREATININE)
    (job,) = ward.jobs.values()
    assert at_path(job, "metadata.ownerReferences.0.uid") == "uid-model"
    pod = cast(Manifest, at_path(job, "spec.template.spec"))
    assert pod["restartPolicy"] == "Never"
    assert "metadata" not in cast(Manifest, at_path(job, "spec.template"))
    given = cast("list[dict[str, str]]", at_path(pod, "containers.0.env"))
    env = {each["name"]: each["value"] for each in given}
    assert len(env) == len(given)
    assert env["A"] == "1"
    assert env["MLHOPS_MODEL"] == "sepsis"
    assert env["MLHOPS_TRIGGER"] == "Drift"
    assert env["MLHOPS_FEATURE"] == "creatinine"
    assert (env["MLHOPS_P"], env["MLHOPS_EFFECT"]) == ("1.2e-08", "0.84")


def test_a_name_is_no_reference_to_another_variable_of_the_job() -> None:
    ward = ward_with(retrain())
    ward.look("Drift", replace(CREATININE, of="$(A) 100 $"))
    (job,) = ward.jobs.values()
    given = cast("list[dict[str, str]]", at_path(job, "spec.template.spec.containers.0.env"))
    env = {each["name"]: each["value"] for each in given}
    assert env["MLHOPS_FEATURE"] == "$$(A) 100 $$"  # as the kubelet writes $(A) 100 $


def test_an_operator_that_dies_after_any_write_starts_the_job_once() -> None:
    for crash in range(1, 6):
        ward = ward_with(retrain())
        ward.look()
        ward.crash_after = len(ward.writes) + crash
        with suppress(Crash):
            ward.look("Drift", CREATININE)
        ward.look("Drift", CREATININE)
        assert len(ward.jobs) == 1
        assert len(ward.monitoring.acted) == 1


def test_the_cooldown_and_the_limit_both_hold() -> None:
    ward = ward_with(retrain(limit={"atMost": 2, "per": "30d"}))
    day = 86_400.0
    started = []
    for _ in range(40):
        ward.look("Drift", CREATININE, after=day)
        started.append(len(ward.jobs))
    assert started[0] == started[6] == 1
    assert started[7] == started[29] == 2
    assert started[30] == 3


def test_naming_the_policy_again_does_not_retrain_again() -> None:
    ward = ward_with(retrain())
    ward.look("Drift", CREATININE)
    policy, ward.monitored = ward.monitored, None
    ward.run()
    ward.monitored = policy
    ward.look("Drift", CREATININE)
    assert len(ward.jobs) == 1


def test_an_action_that_is_renamed_keeps_its_cooldown_and_its_limit() -> None:
    limit: Json = {"atMost": 2, "per": "30d"}
    ward = ward_with(retrain(limit=limit))
    ward.look("Drift", CREATININE)
    ward.policy({"actions": [retrain(limit=limit) | {"name": "renew"}]})
    ward.look("Drift", CREATININE)
    assert len(ward.jobs) == 1, "within its cooldown"
    ward.look("Drift", CREATININE, after=8 * 86400)
    ward.policy({"actions": [retrain(limit=limit) | {"name": "again"}]})
    ward.look("Drift", CREATININE, after=8 * 86400)
    assert len(ward.jobs) == 2, "as many as its limit"
    assert {each.name for each in ward.monitoring.acted} == {"renew"}


def test_an_action_takes_over_from_none_that_is_there_or_does_something_else() -> None:
    tell = action("Notify", "Drift")
    ward = ward_with(tell)
    ward.look("Drift", CREATININE)
    ward.policy({"actions": [tell, tell | {"name": "also"}, retrain()]})
    ward.look("Drift", CREATININE)
    assert sorted(each.name for each in ward.monitoring.acted) == ["also", "notify", "retrain"]


def test_the_template_is_not_changed_by_its_use() -> None:
    settings = Retrain.model_validate({"template": TEMPLATE})
    ward = ward_with(retrain())
    ward.look("Drift", CREATININE)
    assert settings == Retrain.model_validate({"template": TEMPLATE})


def test_a_finding_without_numbers_is_told_without() -> None:
    assert described(None) == "nothing by itself"


def test_lowering_a_weight_comes_before_a_job() -> None:
    ward = ward_with(action("Rollback", "Drift"), retrain())
    climbing(ward)
    ward.look("Drift", CREATININE)
    kinds = [type(write) for write in ward.writes]
    assert kinds.index(StartRetraining) > max(
        i for i, kind in enumerate(kinds[: kinds.index(StartRetraining)]) if kind is SetTraffic
    )
    assert PostCloudEvent not in kinds


def trained(ward: Ward, ended: str = "", why: str = "", *, runs: bool = False) -> str:
    """Let something become of the latest Job; return its name."""
    name = list(ward.jobs)[-1]
    ward.trainings[name] = Retraining("retrain", ended, why, runs)
    ward.run()
    return name


def training() -> Ward:
    """A model of which drift has been seen, so that a Job was started."""
    ward = ward_with(action("Retrain", "Drift", cooldown="1h", retrain={"template": TEMPLATE}))
    ward.look("Drift", CREATININE)
    assert len(ward.jobs) == 1
    return ward


def drifting(ward: Ward, hours: int) -> None:
    """Let time pass in which drift is seen again and again."""
    for _ in range(hours):
        ward.look("Drift", CREATININE, after=3600)


def test_a_job_that_fails_is_told_once_and_does_not_use_up_the_limit() -> None:
    ward = training()
    name = trained(ward, "Failed", "BackoffLimitExceeded")
    ward.run()

    (acted,) = ward.monitoring.acted
    assert (acted.job, acted.phase, acted.message) == (name, "Failed", "BackoffLimitExceeded")
    assert ward.told().count("RetrainingFailed") == 1

    drifting(ward, 1)
    assert len(ward.jobs) == 2


def test_jobs_that_fail_again_and_again_begin_ever_more_seldom() -> None:
    ward = training()
    for _ in range(24):
        trained(ward, "Failed")
        drifting(ward, 1)

    assert len(ward.jobs) == 5, "one at first, and one after 1, 2, 4 and 8 hours more"


def test_a_job_that_does_not_start_is_told_and_none_begins_beside_it() -> None:
    ward = training()
    name = trained(ward)
    ward.wait(800)
    assert "RetrainingFailed" not in ward.told()

    ward.wait(200)
    assert ward.told().count("RetrainingFailed") == 1
    drifting(ward, 4)
    assert len(ward.jobs) == 1

    del ward.trainings[name]
    drifting(ward, 1)
    assert len(ward.jobs) == 2


def test_a_job_that_ends_well_uses_up_the_limit() -> None:
    ward = training()
    trained(ward, runs=True)
    ward.wait(7200)
    trained(ward, "Complete")
    drifting(ward, 24)

    assert len(ward.jobs) == 1
    assert "RetrainingFailed" not in ward.told()
    assert ward.monitoring.acted[-1].phase == "Complete"
