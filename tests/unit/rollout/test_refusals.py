"""What is told of a write that the API server refuses."""

from mlhops.api.base import Json
from mlhops.api.conditions import find
from mlhops.rollout.plan import plan_to_tell
from tests.unit.rollout.test_canary import canary
from tests.unit.rollout.world import World

STEPS: list[Json] = [{"setWeight": 10}, {"pause": {}}]


def test_a_superseded_candidate_whose_weight_cannot_be_taken_stays_in_the_status() -> None:
    world, _, _ = canary(STEPS)
    world.run()
    assert world.candidate.weight == 10
    world.release("3.0.0")

    told = plan_to_tell(world.observe(), "Forbidden: httproutes", world.now)

    assert told.status is not None
    assert told.status.candidate == world.candidate
    assert told.status.history == world.status.history
    stalled = find(told.status.conditions, "Stalled")
    assert stalled is not None
    assert (stalled.status, stalled.reason) == ("True", "WriteRefused")
    assert "Forbidden: httproutes" in told.status.message


def test_of_a_refusal_only_the_status_is_written() -> None:
    world = World()
    world.reconcile()

    told = plan_to_tell(world.observe(), "Forbidden: inferenceservices", world.now)

    assert (told.before, told.after, told.events) == ((), (), ())
