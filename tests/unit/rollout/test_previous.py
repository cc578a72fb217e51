"""The last stable revision is kept for a while, so that going back is instant."""

from datetime import timedelta

from mlhops.api.base import Json
from mlhops.api.evaluation import EvaluationPhase
from mlhops.rollout.intents import SetTraffic
from tests.unit.rollout.test_canary import history_of
from tests.unit.rollout.world import World

STEPS: list[Json] = [{"setWeight": 10}, {"pause": {"duration": "5m"}}]


def twice(**changes: Json) -> tuple[World, str, str]:
    """A world in which 2.0.0 has just taken over from 1.0.0."""
    world = World(steps=STEPS, **changes)
    old = world.service_of(world.deploy())
    new = world.service_of(world.deploy("2.0.0"))
    return world, old, new


def test_going_back_within_keep_previous_is_instant_and_without_new_gates() -> None:
    world, old, new = twice()
    world.evaluator_prompt = False
    before = set(world.evaluations)

    world.release("1.0.0")
    world.run()

    assert world.shares() == {old: 100}
    assert world.status.stable is not None
    assert world.status.stable.version == "1.0.0"
    assert set(world.evaluations) == before
    assert history_of(world)[-1] == ("2.0.0", "FastRolledBack")
    assert new in world.services, "kept for the way forward again"
    assert "FastRolledBack" in world.told()


def test_going_back_with_other_replicas_is_instant_as_well() -> None:
    world, old, _ = twice()
    previous = world.status.previous
    assert previous is not None
    world.edit({"spec.version": "1.0.0", "spec.predictor.minReplicas": 3})
    world.stale = {previous.revision}  # its record says how many it had
    world.run()

    assert world.shares() == {old: 100}
    assert history_of(world)[-1] == ("2.0.0", "FastRolledBack")
    assert world.stale == set(), "what serves is scaled"


def test_the_previous_revision_goes_when_its_time_is_over() -> None:
    world, old, new = twice()
    world.wait(3599)
    assert old in world.services

    world.wait(2)

    assert set(world.services) == {new}
    assert world.status.previous is None
    assert len(world.revisions) == 1
    assert world.told().count("PreviousRemoved") == 1


def test_going_back_after_keep_previous_is_a_rollout_with_gates() -> None:
    world, old, new = twice()
    world.wait(3601)

    world.release("1.0.0")
    world.run()

    assert world.shares() == {new: 90, old: 10}
    assert world.candidate.evaluation == f"{old}-2"


def test_without_keep_previous_nothing_is_kept() -> None:
    world, _, new = twice(**{"spec.rollout.keepPrevious": "0s"})

    assert set(world.services) == {new}
    assert world.status.previous is None


def test_a_previous_revision_that_is_not_ready_goes_through_its_gates_again() -> None:
    world, old, new = twice()
    world.kserve_prompt = False
    world.set_service(old, None)

    world.release("1.0.0")
    world.run()

    assert world.shares() == {new: 100}
    assert world.candidate.version == "1.0.0"


def test_a_previous_revision_that_was_judged_by_other_gates_is_judged_again() -> None:
    world, old, new = twice()
    world.edit({"spec.evaluation.gates.0.limit": 0.05})

    world.release("1.0.0")
    world.run()

    assert world.shares() == {new: 90, old: 10}


def test_going_back_takes_the_traffic_of_a_candidate_first() -> None:
    world, old, new = twice()
    third = world.service_of(world.release("3.0.0"))
    world.run()
    assert world.shares() == {new: 90, third: 10}

    world.release("1.0.0")
    world.reconcile()
    assert world.shares() == {new: 100}

    world.run()
    assert world.shares() == {old: 100}
    assert set(world.services) == {old, new}
    assert [outcome for _, outcome in history_of(world)[-2:]] == ["Superseded", "FastRolledBack"]


def test_back_and_forth_within_keep_previous_is_instant_both_ways() -> None:
    world, old, new = twice()

    world.release("1.0.0")
    world.run()
    world.release("2.0.0")
    world.run()

    assert world.shares() == {new: 100}
    assert world.status.candidate is None
    assert set(world.services) == {old, new}


def test_a_previous_revision_whose_time_ended_while_nobody_looked_is_judged_again() -> None:
    world, old, new = twice()
    world.now += timedelta(hours=2)

    world.release("1.0.0")
    world.run()

    assert world.shares() == {new: 90, old: 10}


def test_going_back_to_what_served_on_an_override_that_has_ended_is_instant_and_told() -> None:
    world = World(steps=[])
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.run()
    world.override(60)
    old = world.service_of(world.deploy())
    world.verdict = EvaluationPhase.SUCCESSFUL
    world.deploy("2.0.0")
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.wait(61)

    world.release("1.0.0")
    world.run()

    assert world.shares() == {old: 100}
    assert "has expired since" in world.status.history[-1].message
    (condition,) = [c for c in world.status.conditions if c.type == "GatesPassed"]
    assert (condition.status, condition.reason) == ("Unknown", "OverrideExpired")
    assert {"FastRolledBack", "OverrideExpired"} <= {e.reason for e in world.events if e.warning}


def test_what_serves_until_an_instant_rollback_stays_in_the_status_for_as_long_as_it_has_weight() -> (
    None
):
    world, old, new = twice()
    world.edit({"spec.rollout.keepPrevious": "0s"})
    world.release("1.0.0")

    world.reconcile()

    assert world.status.stable is not None
    assert world.status.stable.inference_service == old
    assert world.status.previous is not None
    assert world.status.previous.inference_service == new

    world.run()

    assert world.shares() == {old: 100}
    assert world.status.previous is None


def test_a_weight_that_somebody_gave_the_previous_counts_as_given_once_the_status_says_so() -> None:
    world, old, new = twice()
    assert world.route is not None
    world.route.weights = {old: 100, new: 50}
    world.accept_route()

    world.release("1.0.0")
    decided = world.plan()

    assert not any(isinstance(one, SetTraffic) and one.traffic.of(old) for one in decided.before)
    world.run()
    assert world.shares() == {old: 100}
