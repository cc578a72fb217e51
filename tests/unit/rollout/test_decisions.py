"""What people decide is heard once, in order, on the right revision, never against the gates."""

from contextlib import suppress
from datetime import timedelta

import pytest

from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, canary, history_of
from tests.unit.rollout.world import ADA, Crash, World


def running() -> tuple[World, str, str]:
    """A canary at ten percent that waits for a person."""
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    return world, old, new


def test_promote_skips_the_steps_that_are_left() -> None:
    world, _, new = running()

    name = world.decide(Action.PROMOTE)
    world.run()

    assert world.shares() == {new: 100}
    assert history_of(world)[-1] == ("2.0.0", "FastPromoted")
    assert world.answer_to(name)[0] == "Honoured"
    assert [d.decided_by for d in world.status.history[-1].deciders] == [ADA]


def test_promote_after_a_long_pause_gives_the_gateway_its_full_time() -> None:
    world, _old, new = running()
    world.wait(86_400)
    world.gateway = "silent"

    world.decide(Action.PROMOTE)
    world.run()
    assert world.shares() == {new: 100}
    assert world.failure == ""

    world.accept_route()
    world.run()
    assert world.status.candidate is None


def test_promote_without_proof_waits_for_the_gates() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    name = world.decide(Action.PROMOTE, revision=world.target)
    world.run()
    assert world.shares() == {old: 100}
    assert world.answer_to(name)[0] == "Pending"

    world.finish(f"{new}-1", EvaluationPhase.SUCCESSFUL)
    world.run()

    assert world.shares() == {new: 100}
    assert world.answer_to(name)[0] == "Honoured"


def test_promote_does_not_pass_failed_gates() -> None:
    world, old, _ = canary(TEN_AND_PAUSE)
    world.verdict = EvaluationPhase.FAILED
    name = world.decide(Action.PROMOTE, revision=world.target)
    world.run()

    assert world.shares() == {old: 100}
    assert world.answer_to(name)[0] == "Ignored"


def test_a_promotion_that_waited_does_not_outlive_an_abort() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()
    waiting = world.decide(Action.PROMOTE)
    world.wait(2)
    world.decide(Action.ABORT)
    world.wait(2)
    world.decide(Action.RETRY)
    world.evaluator_prompt = True

    world.run()

    assert world.shares() == {old: 90, new: 10}
    assert world.answer_to(waiting)[0] == "Ignored"


@pytest.mark.parametrize(
    ("action", "reason"), [(Action.ABORT, "Aborted"), (Action.REJECT, "Rejected")]
)
def test_abort_and_reject_take_all_traffic_back_for_good(action: Action, reason: str) -> None:
    world, old, new = running()

    world.decide(action)
    world.wait(86_400)

    assert world.shares() == {old: 100}
    assert new not in world.services
    assert world.failure == reason
    assert ADA in world.status.message
    assert history_of(world)[-1] == ("2.0.0", "Aborted")
    assert [d.action for d in world.status.history[-1].deciders] == [action]
    assert world.told().count(reason) == 1


def test_a_failed_candidate_hears_nothing_but_retry() -> None:
    world, old, _ = running()
    world.decide(Action.ABORT)
    world.run()

    names = [
        world.decide(action)
        for action in (Action.APPROVE, Action.PROMOTE, Action.RESUME, Action.ABORT)
    ]
    world.run()

    assert world.shares() == {old: 100}
    assert {world.answer_to(name) for name in names} == {
        ("Ignored", "the candidate has failed: only Retry goes on")
    }


def test_retry_after_an_abort_starts_over_with_new_evidence() -> None:
    world, old, new = running()
    world.decide(Action.ABORT)
    world.run()

    world.now += timedelta(seconds=1)
    world.decide(Action.RETRY)
    world.run()

    assert world.shares() == {old: 90, new: 10}
    assert world.candidate.proof is not None
    assert world.candidate.proof.evaluation == f"{new}-2"


def test_who_retried_stands_in_the_history_of_that_attempt() -> None:
    world, _, _ = running()
    world.decide(Action.ABORT)
    world.run()
    world.now += timedelta(seconds=1)
    world.decide(Action.RETRY)
    world.run()
    world.decide(Action.RESUME)
    world.run()

    deciders = world.status.history[-1].deciders
    assert [d.action for d in deciders] == [Action.RETRY, Action.RESUME]


def test_decisions_by_the_hundred_are_all_answered_and_told_of_once_a_pass() -> None:
    world, _, _ = running()
    names = [world.decide(Action.RESUME, "never-was") for _ in range(100)]

    world.run()

    assert {world.answer_to(name)[0] for name in names} == {"Ignored"}
    assert world.told().count("DecisionIgnored") == 5


def test_retry_without_a_failure_is_ignored() -> None:
    world, old, new = running()

    name = world.decide(Action.RETRY)
    world.run()

    assert world.answer_to(name)[0] == "Ignored"
    assert world.shares() == {old: 90, new: 10}


def test_among_decisions_of_one_second_the_most_cautious_has_the_last_word() -> None:
    world, old, _ = running()
    world.decide(Action.ABORT)
    world.decide(Action.RESUME)
    world.decide(Action.PROMOTE)
    world.run()

    assert world.shares() == {old: 100}
    assert world.candidate.failure is not None


def test_pause_holds_the_rollout_until_resume() -> None:
    world, old, new = canary([{"setWeight": 10}, {"pause": {"duration": "5m"}}])
    world.run()
    world.decide(Action.PAUSE)
    world.wait(3600)
    assert world.shares() == {old: 90, new: 10}
    assert world.pause == "PausedByPerson"
    assert world.candidate.pause is not None
    assert world.candidate.pause.message == f"held by {ADA}: seen with the ward"

    world.decide(Action.RESUME)
    world.run()

    assert world.shares() == {new: 100}


def test_a_resume_that_ends_a_hold_does_not_end_the_pause_step_too() -> None:
    world, old, new = running()
    world.decide(Action.PAUSE)
    world.wait(2)

    world.decide(Action.RESUME)
    world.run()
    assert world.shares() == {old: 90, new: 10}
    assert world.pause == "PauseStep"

    world.decide(Action.RESUME)
    world.run()
    assert world.shares() == {new: 100}


def test_pause_takes_back_a_promotion_that_the_gateway_has_not_accepted_yet() -> None:
    world, old, new = running()
    world.gateway = "silent"
    world.decide(Action.PROMOTE)
    world.run()
    assert world.shares() == {new: 100}

    world.decide(Action.PAUSE)
    world.run()

    assert world.shares() == {old: 90, new: 10}
    assert world.candidate.step == "2/2"


def test_a_rollout_paused_by_its_spec_says_so_and_goes_on_when_that_is_taken_back() -> None:
    world, old, new = canary([{"setWeight": 10}], **{"spec.rollout.paused": False})
    world.edit({"spec.rollout.paused": True})
    name = world.decide(Action.RESUME, revision=world.target)
    world.run()
    assert world.shares() == {old: 100}
    assert world.pause == "PausedBySpec"
    assert world.answer_to(name)[0] == "Ignored"

    world.edit({"spec.rollout.paused": False})
    world.run()

    assert world.shares() == {new: 100}


def test_a_resume_that_cannot_help_says_what_would() -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.run()

    name = world.decide(Action.RESUME)
    world.run()

    assert "Override the gates by name" in world.answer_to(name)[1]


def test_a_decision_on_another_revision_is_answered_and_changes_nothing() -> None:
    world, old, new = running()

    name = world.decide(Action.ABORT, revision="0badcafe")
    world.run()

    phase, message = world.answer_to(name)
    assert phase == "Ignored"
    assert world.candidate.revision in message
    assert world.shares() == {old: 90, new: 10}


def test_a_decision_on_another_model_is_none_of_our_business() -> None:
    world, old, new = running()

    name = world.decide(Action.ABORT, model="another")
    world.run()

    assert world.answer_to(name)[0] == "Pending"
    assert world.shares() == {old: 90, new: 10}


def test_a_decision_is_not_heard_again_in_a_later_life_of_the_revision() -> None:
    world, old, new = running()
    world.decide(Action.ABORT)
    world.run()
    world.release("1.0.0")
    world.wait(5)

    world.release("2.0.0")
    world.run()

    assert world.shares() == {old: 90, new: 10}


def test_an_answer_that_was_lost_is_given_again_after_the_promotion() -> None:
    world, _, new = running()
    name = world.decide(Action.PROMOTE)
    world.run()
    world.judge.answered.clear()
    world.decisions[name].pop("status")

    world.run()

    assert world.answer_to(name)[0] == "Honoured"
    assert world.shares() == {new: 100}


def test_a_flood_of_decisions_does_not_let_the_status_grow() -> None:
    world, _, _ = running()
    for _ in range(60):
        world.decide(Action.PAUSE)
        world.now = world.now.replace(second=(world.now.second + 1) % 60)
    world.run()

    assert len(world.candidate.deciders) == 32
    assert world.pause == "PausedByPerson"


def test_a_retry_that_was_decided_before_an_abort_does_not_undo_it() -> None:
    world, old, _ = running()
    early = world.decide(Action.RETRY)
    world.now += timedelta(seconds=5)
    late = world.decide(Action.ABORT)
    world.crash_after = len(world.writes) + 2  # the status is written, the answers are not
    with suppress(Crash):
        world.reconcile()
    world.crash_after = None
    world.run()

    assert world.failure == "Aborted"
    assert world.shares() == {old: 100}
    assert world.answer_to(late)[0] == "Honoured"
    assert world.answer_to(early)[0] == "Ignored"
