"""No weight is raised on silence, and a candidate that fails its callers is taken back."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from mlhops.api.base import Json
from mlhops.api.decision import Action
from mlhops.api.serving import FailureReason, ProbeReport
from mlhops.rollout.reasons import Reason
from tests.unit.rollout.traffic import UNANSWERED, counted, tell
from tests.unit.rollout.world import World

STEPS: list[Json] = [{"setWeight": 10}, {"setWeight": 50}]
ASKED: dict[str, Json] = {"spec.rollout.evidence": {"minRequests": 100, "maxFailureRate": 0.05}}


def canary(steps: list[Json] = STEPS, changes: Mapping[str, Json] | None = None) -> World:
    """A candidate at its first step, of which nobody has told anything."""
    world = World(steps=steps, **ASKED)
    world.edit(changes or {})
    world.deploy()
    world.release("2.0.0")
    world.run()
    return world


def test_a_weight_waits_for_requests_that_nobody_has_counted() -> None:
    world = canary()
    world.wait(3600 * 24)
    assert world.candidate.weight == 10
    assert world.candidate.pause is not None
    assert world.candidate.pause.reason == Reason.NOT_ENOUGH_TRAFFIC
    assert "minRequests 0" in world.candidate.pause.message or "not asked" in (
        world.candidate.pause.message
    )


def test_the_default_is_not_to_raise_a_weight_on_silence() -> None:
    world = World(steps=STEPS, **{"spec.rollout.evidence": {}})
    world.deploy()
    world.release("2.0.0")
    world.wait(3600)
    assert world.candidate.weight == 10


def test_enough_good_answers_take_the_step() -> None:
    world = canary()
    tell(world, stable=counted(900), candidate=counted(100))
    world.run()
    assert world.candidate.weight == 50


def test_answers_at_one_weight_say_nothing_about_the_next() -> None:
    world = canary()
    tell(world, stable=counted(900), candidate=counted(100))
    world.wait(3600)
    assert world.candidate.weight == 50
    assert world.candidate.pause is not None
    assert world.candidate.pause.reason == Reason.NOT_ENOUGH_TRAFFIC


def test_a_few_failures_need_more_requests_to_be_within_the_limit() -> None:
    world = canary()
    tell(world, stable=counted(900), candidate=counted(100, {UNANSWERED: 3}))
    world.run()
    assert world.candidate.weight == 10
    assert "not proven" in world.status.message
    tell(world, stable=counted(900), candidate=counted(400, {UNANSWERED: 6}))
    world.run()
    assert world.candidate.weight == 50


def test_a_candidate_that_fails_one_in_five_is_taken_back_at_once() -> None:
    world = canary()
    tell(world, stable=counted(900), candidate=counted(80, {UNANSWERED: 20}))
    world.run()
    failure = world.candidate.failure
    assert failure is not None
    assert failure.reason == Reason.CANDIDATE_FAILS
    assert failure.message == "20 % of its requests failed (unanswered), and 5 % may"
    assert world.candidate.weight == 0


def test_failures_count_without_a_minimum_of_requests_too() -> None:
    world = canary([{"setWeight": 10}, {"pause": {}}], {"spec.rollout.evidence.minRequests": 0})
    tell(world, stable=counted(900), candidate=counted(5, {UNANSWERED: 5}))
    world.run()
    assert world.candidate.failure is not None


def test_mistakes_of_callers_fail_no_candidate_that_answers_what_stable_answers() -> None:
    world = canary()
    garbage = {FailureReason.WRONG_FEATURES: 50}
    tell(
        world,
        stable=counted(450, {FailureReason.WRONG_FEATURES: 450}),
        candidate=counted(100, garbage),
    )
    world.run()
    assert world.candidate.failure is None
    assert world.candidate.weight == 50


def test_a_candidate_that_refuses_what_stable_answers_fails() -> None:
    world = canary()
    tell(
        world,
        stable=counted(900),
        candidate=counted(0, {FailureReason.WRONG_FEATURES: 40}),
    )
    world.run()
    assert world.candidate.failure is not None
    assert "has the interface changed" in world.candidate.failure.message


def test_a_candidate_that_is_much_slower_fails() -> None:
    world = canary()
    tell(world, stable=counted(900, bin_=10), candidate=counted(100, bin_=30))
    world.run()
    assert world.candidate.failure is not None
    assert "answer times" in world.candidate.failure.message


def test_a_candidate_that_does_not_answer_its_sidecar_fails() -> None:
    world = canary()
    probe = ProbeReport(state="Fails", reason="notReady", message="the model is not loaded")
    tell(world, stable=counted(900), candidate=counted(100), probe=probe)
    world.run()
    assert world.candidate.failure is not None
    assert "the model is not loaded" in world.candidate.failure.message


@pytest.mark.parametrize(
    "problem",
    ["a sidecar does not tell: it cannot be asked", "its sidecar is of an earlier version"],
)
def test_pods_that_do_not_tell_raise_no_weight_and_say_why(problem: str) -> None:
    world = canary()
    tell(world, stable=counted(900), candidate=counted(1000), problem=problem)
    world.run()
    assert world.candidate.weight == 10
    assert problem in world.status.message
    assert "minRequests 0" in world.status.message


def test_people_are_warned_once_when_requests_do_not_come_in_time() -> None:
    world = canary(changes={"spec.rollout.evidence.wait": "30m"})
    world.wait(1700)
    assert not any(event.warning for event in world.events)
    world.wait(7200)
    warned = [event for event in world.events if event.warning]
    assert [event.reason for event in warned] == [Reason.NOT_ENOUGH_TRAFFIC]
    assert "30m" in warned[0].message


def test_a_step_may_ask_for_less_or_more() -> None:
    world = canary([{"setWeight": 10, "evidence": {"minRequests": 0}}, {"setWeight": 50}])
    world.wait(60)
    assert world.candidate.weight == 50
    tell(world, stable=counted(900), candidate=counted(100))
    world.run()
    assert world.status.candidate is None


def test_a_person_may_promote_without_requests() -> None:
    world = canary()
    world.decide(Action.PROMOTE)
    world.run()
    assert world.status.stable is not None
    assert world.status.stable.version == "2.0.0"


def test_a_first_deployment_waits_for_no_requests() -> None:
    world = World(steps=[{"setWeight": 10}, {"observe": {"requests": 10}}], **ASKED)
    world.run()
    assert world.status.stable is not None


def test_an_observe_step_ends_with_its_requests_and_its_time() -> None:
    steps: list[Json] = [
        {"setWeight": 10, "evidence": {"minRequests": 0}},
        {"observe": {"requests": 200, "duration": "10m"}},
        {"setWeight": 50},
    ]
    world = canary(steps)
    world.wait(3600)
    assert world.candidate.step_index == 1
    tell(world, stable=counted(900), candidate=counted(199))
    world.run()
    assert world.candidate.step_index == 1
    tell(world, stable=counted(900), candidate=counted(200))
    world.run()
    assert world.candidate.weight == 50


def test_an_observe_step_lasts_at_least_its_time() -> None:
    steps: list[Json] = [
        {"setWeight": 10, "evidence": {"minRequests": 0}},
        {"observe": {"requests": 10, "duration": "10m"}},
        {"pause": {}},
    ]
    world = canary(steps)
    tell(world, stable=counted(900), candidate=counted(400))
    world.run()
    assert world.candidate.step_index == 1
    begun = world.now
    world.wait(599)
    assert world.candidate.step_index == 1
    world.wait(2)
    assert world.candidate.step_index == 2
    assert world.now - begun >= timedelta(minutes=10)


def test_a_weight_that_waits_is_not_raised_by_taking_it_off_the_list() -> None:
    world = canary()
    world.edit({"spec.rollout.steps": [{"setWeight": 50}]})
    world.wait(3600)
    assert world.candidate.desired_weight == 10
    tell(world, stable=counted(900), candidate=counted(100))
    world.run()
    assert world.candidate.desired_weight == 50


def test_a_weight_that_an_edit_takes_back_owes_no_requests() -> None:
    world = canary()
    world.edit({"spec.rollout.steps": [{"pause": {"duration": "1m"}}, {"setWeight": 50}]})
    world.wait(30)
    assert world.candidate.desired_weight == 0
    world.wait(60)
    assert world.candidate.desired_weight == 50


def test_counts_of_an_earlier_step_are_no_evidence() -> None:
    world = canary()
    tell(world, stable=counted(900), candidate=counted(1000))
    look = world.serving
    assert look is not None
    assert look.candidate is not None
    before = replace(look.candidate, asked_of="1/0/2029-12-31T08:00:00+00:00")
    world.serving = replace(look, candidate=before)
    world.run()
    assert world.candidate.weight == 10


def test_requests_before_the_gateway_took_a_weight_are_no_evidence_of_it() -> None:
    world = canary([{"setWeight": 10}, {"setWeight": 30}, {"setWeight": 60}])
    world.gateway = "silent"
    tell(world, stable=counted(900), candidate=counted(100))
    world.run()
    assert (world.candidate.desired_weight, world.candidate.weight) == (30, 10)
    tell(world, stable=counted(900), candidate=counted(500))
    world.run()
    world.now += timedelta(seconds=5)
    world.gateway = "prompt"
    world.run()
    assert (world.candidate.desired_weight, world.candidate.weight) == (30, 30)
    assert world.pause == Reason.NOT_ENOUGH_TRAFFIC
    tell(world, stable=counted(900), candidate=counted(100))
    world.run()
    assert world.candidate.weight == 60


def test_however_often_an_observe_step_is_edited_little_is_owed() -> None:
    world = canary([{"setWeight": 10}, {"observe": {"requests": 100}}])
    tell(world, stable=counted(900), candidate=counted(100))
    world.run()
    world.serving = None
    for number in range(101, 150):
        world.edit(
            {
                "spec.rollout.steps": [
                    {"setWeight": 10},
                    {"observe": {"requests": number, "duration": f"{200 - number}m"}},
                ]
            }
        )
        world.run()
    taken = world.candidate.taken
    assert taken is not None
    assert [one.step for one in taken.owed] == ["observe 148 5940s"]


def test_callers_who_begin_to_ask_wrongly_fail_no_candidate() -> None:
    world = canary()
    garbage = {FailureReason.UNREADABLE: 50}
    tell(
        world, stable=counted(450, {FailureReason.UNREADABLE: 450}), candidate=counted(50, garbage)
    )
    look = world.serving
    assert look is not None
    assert look.stable is not None
    world.serving = replace(
        look, stable=replace(look.stable, hour=counted(20_000, {FailureReason.UNREADABLE: 450}))
    )
    world.run()
    assert world.candidate.failure is None


def test_a_load_that_slows_both_fails_no_candidate() -> None:
    world = canary()
    tell(world, stable=counted(900, bin_=30), candidate=counted(90, bin_=30))
    look = world.serving
    assert look is not None
    assert look.stable is not None
    world.serving = replace(look, stable=replace(look.stable, hour=counted(20_000, bin_=10)))
    world.run()
    assert world.candidate.failure is None


def test_failures_that_some_pods_tell_fail_a_candidate() -> None:
    world = canary()
    tell(world, stable=counted(900), candidate=counted(80, {UNANSWERED: 40}))
    look = world.serving
    assert look is not None
    assert look.candidate is not None
    partly = replace(look.candidate, pods=2, problem="a sidecar does not tell")
    world.serving = replace(look, candidate=partly)
    world.run()
    assert world.failure == Reason.CANDIDATE_FAILS


def test_good_answers_that_some_pods_tell_raise_no_weight() -> None:
    world = canary()
    tell(world, stable=counted(900), candidate=counted(200))
    look = world.serving
    assert look is not None
    assert look.candidate is not None
    world.serving = replace(look, candidate=replace(look.candidate, pods=2, told=2))
    world.run()
    assert world.candidate.weight == 10


def test_people_are_warned_once_however_often_what_is_missing_changes() -> None:
    world = canary()
    world.wait(3700)
    for problem in ("a sidecar does not tell", "another does not tell", ""):
        tell(world, stable=counted(9), candidate=counted(9), problem=problem)
        world.run()
    warned = [e for e in world.events if e.warning and e.reason == Reason.NOT_ENOUGH_TRAFFIC]
    assert len(warned) == 1


def test_what_is_said_to_go_on_without_requests_does() -> None:
    lists: list[list[Json]] = [[{"setWeight": 10}], [{"setWeight": 50}]]
    for steps in lists:
        world = canary([{"setWeight": 10}, {"setWeight": 50}])
        world.edit({"spec.rollout.steps": steps})
        tell(world, problem="its pods have no sidecar")
        world.run()
        said = world.candidate.pause
        assert said is not None
        if "minRequests 0" in said.message:
            world.edit({"spec.rollout.evidence.minRequests": 0})
            world.run()
            assert world.status.candidate is None
        else:
            assert "Promote goes on" in said.message
            world.decide(Action.PROMOTE)
            world.run()
            assert world.status.candidate is None


def test_a_resume_of_a_weight_that_waits_is_told_what_would_go_on() -> None:
    world = canary()
    name = world.decide(Action.RESUME)
    world.run()
    phase, message = world.answer_to(name)
    assert (phase, world.candidate.weight) == ("Ignored", 10)
    assert "decide Promote" in message
