"""A person goes back to the previous revision, and what was rolled back from waits."""

from datetime import timedelta
from typing import cast

from mlhops.api.base import Manifest
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from tests.unit.rollout.test_previous import twice
from tests.unit.rollout.world import ADA, World


def previous(world: World) -> str:
    """The revision that is kept."""
    assert world.status.previous is not None
    return world.status.previous.revision


def version(world: World) -> str:
    """What serves."""
    assert world.status.stable is not None
    return world.status.stable.version


def rolled_back() -> tuple[World, str, str]:
    """A world in which somebody went back from 2.0.0 to 1.0.0."""
    world, old, new = twice()
    name = world.decide(Action.ROLLBACK, previous(world))
    world.run()
    assert world.answer_to(name)[0] == "Honoured"
    return world, old, new


def test_a_rollback_is_instant_and_on_record() -> None:
    world, old, new = rolled_back()

    assert world.shares() == {old: 100}
    assert version(world) == "1.0.0"
    entry = world.status.history[-1]
    assert (entry.version, entry.outcome) == ("2.0.0", "FastRolledBack")
    assert [(d.action, d.decided_by) for d in entry.deciders] == [(Action.ROLLBACK, ADA)]
    assert new in world.services


def test_what_was_rolled_back_from_waits_although_the_spec_asks_for_it() -> None:
    world, old, _ = rolled_back()
    before = set(world.evaluations)

    world.wait(30 * 86_400)
    world.edit({"spec.evaluation.gates.0.limit": 0.2})
    world.run()

    assert world.shares() == {old: 100}
    assert world.status.candidate is None
    assert world.status.phase == "Degraded"
    assert f"2.0.0 rolled back by {ADA}" in world.status.message
    assert "1.0.0 serves all requests" in world.status.message
    assert not any(name not in before and "-r" not in name for name in world.evaluations)


def test_a_spec_that_follows_is_all_that_a_rollback_needs() -> None:
    world, old, _ = rolled_back()

    world.release("1.0.0")
    world.run()

    assert world.status.phase == "Healthy"
    assert world.status.rolled_back is None
    assert world.shares() == {old: 100}


def test_what_was_rolled_back_from_does_not_come_back_at_once_by_the_spec() -> None:
    world, old, new = rolled_back()
    world.release("1.0.0")
    world.run()

    world.release("2.0.0")
    world.run()

    assert world.shares() == {old: 90, new: 10}
    assert world.candidate.evaluation == f"{new}-2"


def test_retry_begins_what_was_rolled_back_from_at_weight_0_and_through_its_gates() -> None:
    world, old, new = rolled_back()
    world.now = world.now.replace(second=30)
    world.edit({})  # the model has another version than when that was decided

    name = world.decide(Action.RETRY, world.target)
    world.run()

    assert world.answer_to(name)[0] == "Honoured"
    assert world.shares() == {old: 90, new: 10}
    assert world.candidate.evaluation == f"{new}-2"


def test_a_rollback_to_what_the_spec_asks_for_in_the_same_pass_gives_it_all_requests() -> None:
    world, old, new = rolled_back()
    world.release("1.0.0")
    world.run()

    world.release("2.0.0")
    name = world.decide(Action.ROLLBACK, previous(world))
    world.reconcile()
    assert world.shares() == {new: 100}
    world.run()

    assert world.answer_to(name)[0] == "Honoured"
    assert world.shares() == {new: 100}
    assert old in world.services
    assert version(world) == "2.0.0"
    assert world.status.candidate is None
    assert (world.status.phase, world.status.rolled_back) == ("Healthy", None)
    assert not any(entry.outcome == "Aborted" for entry in world.status.history)


def test_another_version_goes_through_its_gates() -> None:
    world, old, _ = rolled_back()

    third = world.service_of(world.release("3.0.0"))
    world.run()

    assert world.shares() == {old: 90, third: 10}
    assert world.status.rolled_back is None


def test_a_rollback_stops_the_rollout_that_is_under_way() -> None:
    world, old, new = twice()
    third = world.service_of(world.release("3.0.0"))
    world.run()
    assert world.shares() == {new: 90, third: 10}

    world.decide(Action.ROLLBACK, previous(world))
    world.run()

    assert world.shares() == {old: 100}
    assert world.failure == "Aborted"


def test_a_rollback_is_open_after_the_override_of_the_previous_has_ended() -> None:
    world = World(steps=[])
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.run()
    world.override(60)
    old = world.service_of(world.deploy())
    world.verdict = EvaluationPhase.SUCCESSFUL
    world.deploy("2.0.0")
    world.wait(61)

    world.decide(Action.ROLLBACK, previous(world))
    world.run()

    assert world.shares() == {old: 100}
    assert "has expired since" in world.status.history[-1].message
    (condition,) = [c for c in world.status.conditions if c.type == "GatesPassed"]
    assert (condition.status, condition.reason) == ("Unknown", "OverrideExpired")


def test_a_rollback_by_a_person_is_open_when_the_gates_have_changed_and_measured_then() -> None:
    world, old, _ = twice()
    world.edit({"spec.evaluation.gates.0.limit": 0.05})
    world.run()

    world.decide(Action.ROLLBACK, previous(world))
    world.run()

    assert world.shares() == {old: 100}
    assert f"{old}-r1" in world.evaluations


def test_there_is_no_rollback_to_what_is_not_ready() -> None:
    world, old, new = twice()
    world.kserve_prompt = False
    world.set_service(old, None)

    name = world.decide(Action.ROLLBACK, previous(world))
    world.run()

    assert world.answer_to(name)[0] == "Ignored"
    assert "not ready" in world.answer_to(name)[1]
    assert world.shares() == {new: 100}


def test_there_is_no_rollback_to_what_is_not_kept() -> None:
    world, _, new = twice()
    gone = previous(world)
    world.wait(3601)

    name = world.decide(Action.ROLLBACK, gone)
    world.run()

    assert world.answer_to(name)[0] == "Ignored"
    assert "is not kept" in world.answer_to(name)[1]
    assert world.shares() == {new: 100}


def test_a_rollback_survives_a_death_between_status_and_answer() -> None:
    world, old, _ = twice()
    name = world.decide(Action.ROLLBACK, previous(world))
    world.crash_after = len(world.writes) + 1
    world.run()

    assert world.answer_to(name)[0] == "Honoured"
    assert world.shares() == {old: 100}
    assert [e.outcome.value for e in world.status.history].count("FastRolledBack") == 1


def test_gates_that_change_are_seen_also_where_the_evaluation_of_the_previous_is_gone() -> None:
    world, _, _ = rolled_back()
    serves = world.status.stable
    assert serves is not None
    assert serves.proof is not None
    del world.evaluations[serves.proof.evaluation]

    world.edit({"spec.evaluation.gates.0.limit": 0.05})
    world.run()

    (gates,) = [one for one in world.status.conditions if one.type == "GatesPassed"]
    assert (gates.status, gates.reason) == ("Unknown", "GatesChanged")
    name = world.decide(Action.EVALUATE, serves.revision)
    world.run()
    assert "its Evaluation is gone" in world.answer_to(name)[1]


def test_what_was_measured_by_other_gates_since_does_not_return_at_once_by_the_spec() -> None:
    world = World(steps=[])
    old = world.deploy()
    world.edit({"spec.evaluation.gates.0.limit": 0.2})
    world.run()
    world.evaluator_prompt = False
    world.edit({"spec.evaluation.gates.0.limit": 0.1, "spec.version": "2.0.0"})
    world.run()
    assert world.candidate.evaluation is not None
    world.finish(world.candidate.evaluation, EvaluationPhase.SUCCESSFUL)
    world.run()
    assert version(world) == "2.0.0"

    world.release("1.0.0")
    world.run()

    assert version(world) == "2.0.0"
    assert world.candidate.revision == old


def test_a_rollback_that_came_back_from_a_backup_counts_for_nothing() -> None:
    world, _, _ = twice()
    name = world.decide(Action.ROLLBACK, previous(world))
    metadata = cast(Manifest, world.decisions[name]["metadata"])
    metadata["labels"] = {"velero.io/restore-name": "monday"}
    world.run()

    assert version(world) == "2.0.0"
    assert "came back from a backup" in world.answer_to(name)[1]


def test_a_retry_that_was_made_before_a_rollback_does_not_undo_it() -> None:
    world, old, _ = twice()
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.release("3.0.0")
    world.run()
    retry = world.decide(Action.RETRY)
    world.now += timedelta(seconds=2)
    world.decide(Action.ROLLBACK, previous(world))
    world.verdict = EvaluationPhase.SUCCESSFUL
    world.run()

    assert world.answer_to(retry)[0] == "Ignored"
    assert "Rollback" in world.answer_to(retry)[1]
    assert world.shares() == {old: 100}
