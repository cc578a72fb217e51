"""The operator dies after any single write and starts again: the end is the same."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from mlhops.api.base import Json
from mlhops.api.decision import Action, Decision
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.model import ClinicalModel
from mlhops.rollout.observed import Observed
from tests.unit.rollout.world import World

STEPS: list[Json] = [{"setWeight": 10}, {"pause": {"duration": "5m"}}, {"setWeight": 50}]
Story = Callable[[World], None]
T = TypeVar("T", ClinicalModel, Decision)


def first_deployment(world: World) -> None:
    world.run()


def whole_canary(world: World) -> None:
    world.deploy()
    world.release("2.0.0")
    world.wait(600)


def failed_gate(world: World) -> None:
    world.deploy()
    world.verdict = EvaluationPhase.FAILED
    world.release("2.0.0")
    world.run()


def override_that_ends(world: World) -> None:
    world.deploy()
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.release("2.0.0")
    world.run()
    world.override(120)
    world.wait(200)


def abort_then_retry(world: World) -> None:
    world.deploy()
    world.release("2.0.0")
    world.run()
    world.decide(Action.ABORT)
    world.run()
    world.decide(Action.RETRY)
    world.wait(600)


def retry_with_a_new_server(world: World) -> None:
    world.slow_deletion = True
    world.edit({"spec.rollout.onFailure": "Pause"})
    world.deploy()
    world.kserve_prompt = False
    world.release("2.0.0")
    world.run()
    world.set_service(world.service_of(), False, "container exited with code 1", fatal=True)
    world.run()
    world.kserve_prompt = True
    world.decide(Action.RETRY)
    world.run()


def superseded_in_mid_step(world: World) -> None:
    world.deploy()
    world.release("2.0.0")
    world.run()
    world.release("3.0.0")
    world.wait(600)


def instant_way_back(world: World) -> None:
    world.deploy()
    world.deploy("2.0.0")
    world.release("1.0.0")
    world.wait(7200)


def promoted_by_a_person(world: World) -> None:
    world.deploy()
    world.release("2.0.0")
    world.decide(Action.PROMOTE)
    world.run()


STORIES = [
    first_deployment,
    whole_canary,
    failed_gate,
    override_that_ends,
    abort_then_retry,
    retry_with_a_new_server,
    superseded_in_mid_step,
    instant_way_back,
    promoted_by_a_person,
]


@pytest.mark.thorough
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_crash_after_any_single_write_changes_nothing_about_the_end(story: Story) -> None:
    undisturbed = World(steps=STEPS)
    story(undisturbed)

    for number in range(1, len(undisturbed.writes) + 1):
        world = World(steps=STEPS)
        world.crash_after = number
        story(world)
        assert end_of(world) == end_of(undisturbed), f"after write {number}"


def end_of(world: World) -> Observed:
    """All facts, without counters of writes."""
    seen = world.observe()

    def uncounted(of: T) -> T:
        meta = of.metadata.model_copy(update={"resource_version": ""})
        return of.model_copy(update={"metadata": meta})

    decisions = tuple(uncounted(decision) for decision in seen.decisions)
    return replace(seen, model=uncounted(seen.model), decisions=decisions)
