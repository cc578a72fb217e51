"""An operator that was just started, and has not read all Evaluations: it stops rollouts, and does nothing else."""

import pytest

from mlhops.api.decision import Action
from mlhops.rollout.intents import EnsureEvaluation, SetTraffic
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, canary, history_of
from tests.unit.rollout.test_previous import twice
from tests.unit.rollout.world import World


def reading() -> tuple[World, str, str]:
    """A candidate that has ten percent and waits for a person, while Evaluations are read."""
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    assert world.shares() == {old: 90, new: 10}
    world.reading = True
    return world, old, new


@pytest.mark.parametrize("action", [Action.ABORT, Action.REJECT])
def test_what_ends_a_rollout_takes_the_candidates_requests_before_all_is_read(
    action: Action,
) -> None:
    world, old, new = reading()
    name = world.decide(action)
    world.run()
    assert world.shares() == {old: 100}
    assert world.answer_to(name)[0] == "Honoured"
    assert new in world.services  # it is cleared away later

    world.reading = False
    world.run()
    assert world.shares() == {old: 100}
    assert history_of(world)[-1] == ("2.0.0", "Aborted")


def test_a_pause_holds_a_model_before_all_is_read() -> None:
    world, _, _ = reading()
    name = world.decide(Action.PAUSE)
    world.run()
    assert world.status.hold is not None
    assert world.answer_to(name)[0] == "Honoured"


def test_a_rollback_goes_back_before_all_is_read() -> None:
    world, old, _ = twice()
    world.reading = True
    kept = world.status.previous
    assert kept is not None
    name = world.decide(Action.ROLLBACK, kept.revision)
    world.run()
    assert world.shares() == {old: 100}
    assert world.answer_to(name)[0] == "Honoured"


@pytest.mark.parametrize("action", [Action.PROMOTE, Action.RESUME, Action.RETRY, Action.EVALUATE])
def test_nothing_else_that_people_decide_is_heard_until_all_is_read(action: Action) -> None:
    world, old, new = reading()
    stable = world.status.stable
    assert stable is not None
    name = world.decide(action, stable.revision if action is Action.EVALUATE else None)
    before = len(world.writes)
    world.run()
    assert world.writes[before:] == []
    assert world.shares() == {old: 90, new: 10}

    world.reading = False
    world.run()
    assert world.answer_to(name)[0] != "Pending"


def test_no_attempt_begins_until_it_is_known_which_have_been() -> None:
    world, old, _ = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.reading = True
    world.run()
    assert [of for of in (world.status.candidate,) if of] == []
    assert not any(isinstance(one, EnsureEvaluation) for one in world.writes[-3:])

    world.reading = False
    world.run()
    assert world.status.candidate is not None
    assert world.shares() == {old: 100}


def test_a_stop_gives_no_candidate_more_than_the_route_does_until_all_is_read() -> None:
    world, old, new = reading()
    assert world.route is not None
    world.route.weights = {old: 100}  # somebody has taken its requests
    world.route.generation += 1
    world.decide(Action.PAUSE)
    before = len(world.writes)
    world.run()
    assert world.status.hold is not None
    given = [one.traffic.of(new) for one in world.writes[before:] if isinstance(one, SetTraffic)]
    assert given in ([], [0])
    assert world.shares() == {old: 100}


def test_a_rollback_is_carried_out_whole_while_evaluations_are_read() -> None:
    world, old, _ = canary([])
    world.run()
    previous = world.status.previous
    assert previous is not None
    world.edit({"spec.rollout.steps": TEN_AND_PAUSE})
    world.release("3.0.0")
    world.run()
    assert 10 in world.shares().values()

    world.reading = True
    name = world.decide(Action.ROLLBACK, previous.revision)
    world.run()
    assert world.answer_to(name)[0] == "Honoured"
    assert world.shares() == {old: 100}
    world.reading = False
    world.run()
    assert world.shares() == {old: 100}
