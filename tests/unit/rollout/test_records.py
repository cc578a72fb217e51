"""Which Evaluations are kept, however long a model lives."""

from datetime import timedelta

import pytest

from mlhops.api.base import Json
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import HISTORY_LIMIT
from mlhops.rollout.cleanup import EVALUATIONS_KEPT
from tests.unit.rollout.world import World

MEASURED_TWICE: list[Json] = [{"setWeight": 10}, {"evaluate": {}}]


def test_every_evaluation_of_a_revision_that_was_promoted_outlives_the_history() -> None:
    world = World(steps=MEASURED_TWICE)
    promoted = [world.deploy(f"{n}.0.0") for n in range(1, HISTORY_LIMIT + 12)]

    assert len(world.status.history) == HISTORY_LIMIT
    cited = {entry.revision for entry in world.status.history}
    assert promoted[0] not in cited, "the history has forgotten it"
    for revision in promoted:
        kept = [name for name in world.evaluations if f"-{revision}-1" in name]
        assert kept, revision
    assert {name[-3:] for name in world.evaluations if promoted[5] in name} >= {"-s1"}


@pytest.mark.thorough
def test_a_gate_that_was_overridden_for_promotion_is_kept_as_well() -> None:
    world = World(steps=[])
    world.deploy("1.0.0")
    world.verdict = EvaluationPhase.INCONCLUSIVE
    overridden = world.release("2.0.0")
    world.run()
    world.override(3600)
    world.run()
    assert world.status.stable is not None
    assert world.status.stable.revision == overridden
    world.verdict = EvaluationPhase.SUCCESSFUL
    for n in range(3, HISTORY_LIMIT + 16):
        world.now += timedelta(seconds=1)
        world.deploy(f"{n}.0.0")
    world.verdict = EvaluationPhase.FAILED
    for n in range(100, 100 + EVALUATIONS_KEPT + HISTORY_LIMIT + 2):
        world.now += timedelta(seconds=1)
        world.release(f"{n}.0.0")
        world.run()

    assert overridden not in {entry.revision for entry in world.status.history}
    assert any(f"-{overridden}-1" in name for name in world.evaluations)


def test_what_never_served_is_kept_only_for_a_while() -> None:
    world = World(steps=[])
    world.deploy("1.0.0")
    world.verdict = EvaluationPhase.FAILED
    for n in range(2, 60):
        world.release(f"{n}.0.0")
        world.run()
        world.now = world.now.replace(second=n)

    failed = [m for m in world.evaluations.values() if m["status"]["phase"] == "Failed"]  # type: ignore[index,call-overload]
    assert HISTORY_LIMIT <= len(failed) <= HISTORY_LIMIT + EVALUATIONS_KEPT + 1


def test_retries_without_a_verdict_do_not_pile_up() -> None:
    world = World(steps=[])
    world.deploy("1.0.0")
    world.verdict = EvaluationPhase.ERROR
    world.release("2.0.0")
    for n in range(30):
        world.run()
        world.now = world.now.replace(second=n)
        world.decide(Action.RETRY)
    world.run()

    assert len(world.evaluations) <= EVALUATIONS_KEPT + 3
