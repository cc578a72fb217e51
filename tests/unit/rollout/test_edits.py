"""Steps that are edited on the way: none takes the answer of another, and what is waited at is not passed."""

from datetime import timedelta

import pytest

from mlhops.api.base import Json
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from tests.unit.rollout.test_canary import canary
from tests.unit.rollout.world import ADA, World

APPROVE: Json = {"approve": {}}
PAUSE: Json = {"pause": {}}
EVALUATE: Json = {"evaluate": {}}


def weight(percent: int) -> Json:
    return {"setWeight": percent}


def pause(duration: str) -> Json:
    return {"pause": {"duration": duration}}


def edit(world: World, *steps: Json) -> None:
    world.edit({"spec.rollout.steps": list(steps)})
    world.run()


def answer(world: World, action: Action) -> str:
    name = world.decide(action)
    world.run()
    return name


def waiting(*steps: Json, answers: tuple[Action, ...] = ()) -> tuple[World, str, str]:
    """A canary that waits at the step behind those that were answered."""
    world, old, new = canary(list(steps))
    world.run()
    for action in answers:
        world.now += timedelta(seconds=1)
        answer(world, action)
    return world, old, new


@pytest.mark.parametrize(
    ("steps", "answers", "edited", "asks"),
    [
        (
            [weight(10), APPROVE, weight(50), APPROVE],
            (Action.APPROVE,),
            [weight(50), APPROVE],
            "ApprovalRequired",
        ),
        (
            [weight(10), PAUSE, weight(50), PAUSE],
            (Action.RESUME,),
            [weight(50), PAUSE],
            "PauseStep",
        ),
        ([weight(100), APPROVE], (), [APPROVE], "ApprovalRequired"),
        ([weight(10), APPROVE], (), [], "ApprovalRequired"),
        ([weight(10), PAUSE], (), [], "PauseStep"),
        ([weight(10), APPROVE, weight(50)], (), [weight(10), weight(50)], "ApprovalRequired"),
        ([weight(10), PAUSE, weight(50)], (), [weight(10), weight(50)], "PauseStep"),
        (
            [weight(10), APPROVE, weight(50), APPROVE],
            (),
            [weight(10), weight(50), APPROVE],
            "ApprovalRequired",
        ),
        ([weight(10), APPROVE], (), [weight(10), pause("1s")], "ApprovalRequired"),
    ],
    ids=[
        "the first approval does not count for the second",
        "the first Resume does not count for the second pause",
        "an approval at 100 %",
        "an empty list for an approval",
        "an empty list for a pause",
        "the approval taken off",
        "the pause taken off",
        "one of two approvals taken off",
        "a pause in place of an approval",
    ],
)
def test_an_edited_list_does_not_pass_what_the_rollout_waits_at(
    steps: list[Json], answers: tuple[Action, ...], edited: list[Json], asks: str
) -> None:
    world, old, new = waiting(*steps, answers=answers)
    before = world.shares().get(new, 0)

    edit(world, *edited)
    world.wait(3600)

    assert world.status.stable is not None
    assert world.status.stable.inference_service == old
    assert world.pause == asks
    assert world.shares().get(new, 0) <= before


def test_a_step_that_was_taken_off_is_passed_by_its_own_answer_and_the_message_says_so() -> None:
    world, old, new = waiting(weight(10), APPROVE, weight(50), PAUSE)
    edit(world, weight(10), weight(50), PAUSE)
    assert "taken off the list" in world.status.message

    name = answer(world, Action.APPROVE)

    assert world.answer_to(name)[0] == "Honoured"
    assert world.shares() == {old: 50, new: 50}


def test_two_edits_do_not_shed_an_approval_that_one_edit_cannot() -> None:
    world, old, new = waiting(weight(10), APPROVE, weight(50))

    edit(world, weight(10), pause("1s"), APPROVE, weight(50))
    edit(world, weight(10), pause("1s"), weight(50))
    world.wait(60)

    assert world.pause == "ApprovalRequired"
    assert world.shares() == {old: 90, new: 10}


def test_a_list_that_is_put_back_as_it_was_goes_on_as_if_nothing_had_been() -> None:
    world, _old, new = waiting(weight(10), APPROVE)
    present = world.candidate.taken.present if world.candidate.taken else None
    edit(world, weight(10))

    edit(world, weight(10), APPROVE)

    assert world.candidate.taken is not None
    assert world.candidate.taken.present is not None
    assert present is not None
    assert world.candidate.taken.present.id == present.id
    answer(world, Action.APPROVE)
    assert world.shares() == {new: 100}


def test_a_step_before_the_present_one_comes_first_and_asks_only_once() -> None:
    world, old, new = waiting(weight(10), APPROVE)

    edit(world, weight(10), PAUSE, APPROVE)
    assert world.pause == "PauseStep"
    answer(world, Action.RESUME)
    assert world.pause == "ApprovalRequired"
    assert world.shares() == {old: 90, new: 10}
    answer(world, Action.APPROVE)

    assert world.shares() == {new: 100}


@pytest.mark.parametrize("edited", [[weight(10), pause("1m")], [weight(10)]])
def test_a_pause_that_is_shortened_or_taken_off_lasts_as_long_as_it_was(edited: list[Json]) -> None:
    world, old, new = waiting(weight(10), pause("1h"))

    edit(world, *edited)
    world.wait(3500)
    assert world.shares() == {old: 90, new: 10}

    world.wait(200)
    assert world.shares() == {new: 100}


def test_two_edits_do_not_shed_a_pause_that_one_edit_cannot() -> None:
    world, old, new = waiting(weight(10), pause("2h"))
    edit(world, weight(10), pause("1s"))
    edit(world, weight(10), weight(50), PAUSE)

    world.wait(7199)
    assert world.shares() == {old: 90, new: 10}
    world.wait(2)
    assert world.shares() == {old: 50, new: 50}


def test_of_many_timed_pauses_that_were_taken_off_the_longest_is_owed() -> None:
    world, old, new = waiting(weight(10), pause("2h"))
    for number in range(40):
        edit(world, weight(10), APPROVE)
        edit(world, weight(10), pause(f"{7199 - number}s"))
    edit(world, weight(10), weight(50), PAUSE)
    assert world.pause == "ApprovalRequired"
    answer(world, Action.APPROVE)

    world.wait(7199)
    assert world.shares() == {old: 90, new: 10}
    world.wait(2)
    assert world.shares() == {old: 50, new: 50}


def test_a_pause_that_is_made_longer_lasts_longer_counted_from_its_begin() -> None:
    world, old, new = waiting(weight(10), pause("10m"))
    world.wait(300)

    edit(world, weight(10), pause("20m"))
    world.wait(800)
    assert world.shares() == {old: 90, new: 10}

    world.wait(200)
    assert world.shares() == {new: 100}


def test_a_pause_that_is_written_in_another_way_is_the_same() -> None:
    world, _, new = waiting(weight(10), pause("60s"))
    world.wait(50)

    edit(world, weight(10), pause("1m"))
    world.wait(15)

    assert world.shares() == {new: 100}


def test_an_evaluation_of_an_earlier_step_does_not_count_for_another() -> None:
    world, old, new = canary([weight(10), EVALUATE, weight(50), PAUSE, EVALUATE])
    world.run()
    assert f"{new}-1-s1" in world.evaluations
    world.evaluator_prompt = False

    edit(world, weight(50), EVALUATE)
    world.wait(60)

    assert world.shares() == {old: 50, new: 50}
    running = [
        name for name, one in world.evaluations.items() if "status" not in one and name != new
    ]
    assert running == [f"{new}-1-s5"]


def test_an_evaluation_under_way_that_is_taken_off_the_list_is_waited_for() -> None:
    world, old, new = canary([weight(10), EVALUATE])
    world.evaluator_prompt = False
    world.run()
    world.finish(f"{new}-1", EvaluationPhase.SUCCESSFUL)
    world.run()

    edit(world, weight(10))
    assert world.shares() == {old: 90, new: 10}
    world.finish(f"{new}-1-s1", EvaluationPhase.FAILED)
    world.run()

    assert world.failure == "GatesFailed"


def test_an_approval_for_a_list_that_was_edited_since_is_ignored_with_the_way_out() -> None:
    world, old, new = waiting(weight(10), APPROVE, weight(50))
    seen = world.candidate.steps_hash
    edit(world, weight(10), APPROVE, weight(100))

    name = world.decide(Action.APPROVE, stepsHash=seen)
    world.run()

    phase, message = world.answer_to(name)
    assert phase == "Ignored"
    assert "stepsHash" in message
    assert "status.candidate" in message
    assert world.shares() == {old: 90, new: 10}


def test_a_pause_by_a_person_holds_whatever_version_comes_until_it_is_lifted() -> None:
    world, old, _ = waiting(weight(10), PAUSE)
    answer(world, Action.PAUSE)
    world.now += timedelta(seconds=5)

    world.release("2.0.0-1")
    edit(world, weight(10))
    world.wait(3600)

    assert world.shares() == {old: 100}
    assert world.pause == "PausedByPerson"
    assert f"held by {ADA}" in world.status.message
    assert "Pause of 2.0.0" in world.status.message

    answer(world, Action.RESUME)
    assert world.status.hold is None
    assert world.shares() == {world.service_of(world.target): 100}


def test_a_pause_holds_beyond_a_retry_and_beyond_the_decision_that_made_it() -> None:
    world, old, _ = waiting(weight(10), PAUSE)
    held = answer(world, Action.PAUSE)
    answer(world, Action.ABORT)
    world.now += timedelta(seconds=5)
    del world.decisions[held]

    answer(world, Action.RETRY)

    assert world.candidate.attempt == 2
    assert world.pause == "PausedByPerson"
    assert world.shares() == {old: 100}


@pytest.mark.parametrize("late", [False, True])
def test_a_pause_holds_what_has_just_come_in_the_place_of_what_it_names(late: bool) -> None:
    world, old, _ = waiting(weight(10), PAUSE)
    paused = world.candidate.revision
    world.edit({"spec.version": "3.0.0", "spec.rollout.steps": [weight(10)]})
    if late:
        world.reconcile()
        assert world.candidate.version == "3.0.0"
    name = world.decide(Action.PAUSE, revision=paused)
    world.wait(600)

    assert world.answer_to(name)[0] == "Honoured"
    assert world.pause == "PausedByPerson"
    assert "Pause of 2.0.0" in world.status.message
    assert world.shares() == {old: 100}

    answer(world, Action.RESUME)
    assert world.status.hold is None


def test_a_pause_of_what_has_failed_holds_what_comes_next() -> None:
    world, old, _ = canary([weight(10), PAUSE])
    world.verdict = EvaluationPhase.FAILED
    world.run()

    name = answer(world, Action.PAUSE)
    world.verdict = EvaluationPhase.SUCCESSFUL
    world.release("3.0.0")
    world.run()

    assert world.answer_to(name)[0] == "Honoured"
    assert world.pause == "PausedByPerson"
    assert world.shares() == {old: 100}


def test_a_model_without_a_candidate_says_that_it_is_held_and_a_resume_on_what_serves_ends_it() -> (
    None
):
    world, old, _ = waiting(weight(10), PAUSE)
    answer(world, Action.PAUSE)
    serves = world.status.stable.revision if world.status.stable else ""
    world.release("1.0.0")
    world.run()
    assert world.shares() == {old: 100}
    assert f"held by {ADA}" in world.status.message
    world.now += timedelta(seconds=5)

    world.decide(Action.RESUME, revision=serves)
    world.run()

    assert world.status.hold is None
    assert world.status.message == "1.0.0 serves all requests"


def test_the_instant_way_back_is_open_while_a_person_holds_the_model() -> None:
    world, old, new = waiting(weight(10))
    world.release("3.0.0")
    edit(world, weight(10), PAUSE)
    answer(world, Action.PAUSE)

    world.release("1.0.0")
    world.run()

    assert world.shares() == {old: 100}
    assert world.told()[-1] == "FastRolledBack"
    assert world.status.hold is not None
    assert new in world.services


def test_a_list_that_grows_while_the_last_weight_is_given_takes_it_back() -> None:
    world, old, new = waiting(weight(50), PAUSE)
    world.gateway = "silent"
    answer(world, Action.RESUME)
    assert world.shares() == {new: 100}

    edit(world, weight(50), PAUSE, APPROVE)

    assert world.shares() == {old: 50, new: 50}
    world.accept_route()
    world.run()
    assert world.pause == "ApprovalRequired"
