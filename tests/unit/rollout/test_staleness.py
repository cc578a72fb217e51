"""What may be decided on what the watches have told: nothing that anybody would miss."""

from collections.abc import Callable

import pytest

from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from mlhops.rollout.plan import plan
from mlhops.rollout.staleness import may_rest_on_cached_state
from tests.unit.rollout.world import World


def may(world: World) -> bool:
    seen = world.observe()
    decided = plan(seen, world.now)
    assert not decided.empty, "nothing to decide"
    return may_rest_on_cached_state(seen.model.status, decided)


def released(steps: list[object] | None = None) -> World:
    world = World(steps=[{"setWeight": 10}, {"pause": {}}] if steps is None else steps)  # type: ignore[arg-type]
    world.deploy("1.0.0")
    world.kserve_prompt = world.evaluator_prompt = False
    world.release("2.0.0")
    return world


def evaluating() -> World:
    world = released()
    world.settle()
    world.set_service(world.service_of(), ready=True)
    world.settle()
    return world


def climbing() -> World:
    world = evaluating()
    name = world.candidate.evaluation
    assert name is not None
    world.finish(name, EvaluationPhase.SUCCESSFUL)
    world.run()
    assert world.candidate.desired_weight == 10
    return world


def test_a_new_candidate_may_be_brought_up() -> None:
    assert may(released())


def test_an_evaluation_may_be_asked_for() -> None:
    world = released()
    world.settle()
    world.set_service(world.service_of(), ready=True)
    assert may(world)


@pytest.mark.parametrize("phase", [EvaluationPhase.SUCCESSFUL, EvaluationPhase.FAILED])
def test_a_verdict_is_looked_at_again_before_anything_follows(phase: EvaluationPhase) -> None:
    world = evaluating()
    assert world.candidate.evaluation is not None
    world.finish(world.candidate.evaluation, phase)
    assert not may(world)


def test_a_pause_for_want_of_evidence_may_be_noted() -> None:
    world = evaluating()
    assert world.candidate.evaluation is not None
    world.finish(world.candidate.evaluation, EvaluationPhase.INCONCLUSIVE)
    assert may(world)


def aborted(world: World) -> None:
    world.decide(Action.ABORT)


def superseded(world: World) -> None:
    world.release("3.0.0")


def crashed(world: World) -> None:
    world.set_service(world.service_of(), ready=False, trouble="exited with code 1", fatal=True)


def rerouted(world: World) -> None:
    assert world.route is not None
    world.route.weights = {world.service_of(): 100}


@pytest.mark.parametrize("happens", [aborted, superseded, crashed, rerouted])
def test_what_touches_weights_or_people_is_looked_at_again(
    happens: Callable[[World], None],
) -> None:
    world = climbing()
    happens(world)
    assert not may(world)


def test_a_promotion_is_looked_at_again() -> None:
    world = climbing()
    world.decide(Action.PROMOTE)
    world.settle()
    world.accept_route()
    assert world.candidate.promoting
    assert not may(world)


def test_a_deletion_is_looked_at_again() -> None:
    world = climbing()
    world.decide(Action.ABORT)
    world.settle()
    world.accept_route()
    assert not may(world)
