"""A deletion that takes its time leaves no patient on a candidate, and nobody's stop unanswered."""

from dataclasses import replace

import pytest

from mlhops.api.base import Json
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from mlhops.rollout.intents import EnsureService, SetTraffic
from mlhops.routing.traffic import Traffic
from tests.unit.rollout.test_canary import canary
from tests.unit.rollout.world import World

TEN: list[Json] = [{"setWeight": 10}, {"pause": {}}]


def at_ten_percent() -> tuple[World, str, str]:
    world, old, new = canary(TEN)
    world.run()
    assert world.shares() == {old: 90, new: 10}
    return world, old, new


def delete(world: World, *finalizers: str) -> None:
    world.edit(
        {
            "metadata.deletionTimestamp": world.now.isoformat(),
            "metadata.finalizers": list(finalizers),
            "metadata.orphaned": "orphan" in finalizers,
        }
    )


@pytest.mark.parametrize("finalizer", ["eve.example/keep", "orphan", "foregroundDeletion"])
def test_a_candidate_loses_its_traffic_first_of_all_when_its_model_is_deleted(
    finalizer: str,
) -> None:
    world, old, _ = at_ten_percent()
    delete(world, finalizer)

    assert world.plan().before[0] == SetTraffic(Traffic({old: 100}))
    world.run()
    assert world.shares() == {old: 100}
    assert world.failure == "ModelDeleted"


@pytest.mark.parametrize("finalizer", ["eve.example/keep", "orphan", "foregroundDeletion"])
@pytest.mark.parametrize("action", [Action.ABORT, Action.REJECT, Action.PAUSE])
@pytest.mark.parametrize("first", ["decision", "deletion"])
def test_a_stop_is_heard_and_answered_while_a_model_is_being_deleted(
    finalizer: str, action: Action, first: str
) -> None:
    world, old, _ = at_ten_percent()
    if first == "deletion":
        delete(world, finalizer)
        world.run()
    name = world.decide(action)
    if first == "decision":
        delete(world, finalizer)
    world.run()

    assert world.answer_to(name)[0] == "Honoured"
    assert world.shares() == {old: 100}


def test_an_abort_that_came_before_the_deletion_was_seen_stands_in_the_history() -> None:
    world, _, _ = at_ten_percent()
    world.decide(Action.ABORT)
    delete(world, "eve.example/keep")
    world.run()

    assert world.failure == "Aborted"
    assert "aborted by ada@hospital.example" in world.status.history[-1].message


@pytest.mark.parametrize(
    "action", [Action.APPROVE, Action.PROMOTE, Action.RESUME, Action.RETRY, Action.OVERRIDE]
)
def test_whatever_would_go_on_is_answered_and_has_no_effect(action: Action) -> None:
    world, old, _ = at_ten_percent()
    delete(world, "eve.example/keep")
    name = world.override(600) if action is Action.OVERRIDE else world.decide(action)
    world.run()

    assert world.answer_to(name) == (
        "Ignored",
        "the model is being deleted: create it again to go on",
    )
    assert world.shares() == {old: 100}


def test_a_decision_that_had_its_effect_is_told_so_though_the_answer_was_lost() -> None:
    world, _, _ = canary([{"approve": {}}, *TEN])
    world.run()
    name = world.decide(Action.APPROVE)
    world.run()
    assert world.answer_to(name)[0] == "Honoured"
    world.decisions[name].pop("status")
    world.judge.answered.clear()
    delete(world, "eve.example/keep")
    world.run()
    assert world.answer_to(name)[0] == "Honoured"


def test_what_serves_is_put_right_until_the_model_is_gone() -> None:
    world, old, _ = at_ten_percent()
    delete(world, "eve.example/keep")
    world.run()
    world.services[old] = replace(world.services[old], current=False)
    assert world.route is not None
    world.route.current = False
    world.run()
    assert world.services[old].current
    assert world.route.current
    del world.services[old]
    world.run()
    assert old in world.services


def test_a_detector_beside_what_serves_is_told_what_to_count_until_the_model_is_gone() -> None:
    world = World()
    world.deploy()
    delete(world, "eve.example/keep")
    world.run()
    (name,) = world.config_maps
    world.config_maps.clear()

    world.run()

    assert set(world.config_maps) == {name}


def test_what_the_garbage_collector_deletes_first_is_not_made_again() -> None:
    world, old, _ = at_ten_percent()
    delete(world, "foregroundDeletion")
    world.run()
    del world.services[old]
    world.route = None
    assert not any(isinstance(each, EnsureService | SetTraffic) for each in world.plan().before)


def test_a_deleted_model_has_no_new_candidate_and_no_new_evaluation() -> None:
    world, old, new = at_ten_percent()
    delete(world, "eve.example/keep")
    world.release("3.0.0")
    before = set(world.evaluations)
    world.wait(3600)
    assert world.candidate.version == "2.0.0"
    assert world.status.stable is not None
    assert world.status.stable.inference_service == old
    assert set(world.evaluations) <= before
    assert new not in world.services, "its server serves nobody any more"


def test_an_evaluation_that_ends_after_the_deletion_promotes_nothing() -> None:
    world = World(steps=[])
    world.evaluator_prompt = False
    world.run()
    (name,) = world.evaluations
    delete(world, "eve.example/keep")
    world.finish(name, EvaluationPhase.SUCCESSFUL)
    world.run()
    assert world.status.stable is None
    assert world.shares() == {}


def test_the_status_says_what_the_deletion_waits_for() -> None:
    world, _, _ = at_ten_percent()
    delete(world, "eve.example/keep", "backup.example/copy")
    world.run()
    assert world.status.phase == "Progressing"
    assert world.status.message == (
        "sepsis is being deleted, and waits for what the finalizers eve.example/keep, "
        "backup.example/copy stand for: 1.0.0 serves all requests"
    )
    reconciling = next(c for c in world.status.conditions if c.type == "Reconciling")
    assert (reconciling.status, reconciling.reason) == ("True", "ModelDeleted")


def test_records_are_released_where_all_is_to_outlive_the_model() -> None:
    world, _, _ = at_ten_percent()
    world.owned_records = set(world.revisions)
    kept = {**world.services}
    delete(world, "orphan")
    world.run()
    assert world.owned_records == set()
    assert set(world.services) == set(kept), "nothing is cleared away"


def test_a_model_that_is_being_deleted_comes_to_rest() -> None:
    world, _, _ = at_ten_percent()
    delete(world, "eve.example/keep")
    world.run()
    assert world.plan().empty
