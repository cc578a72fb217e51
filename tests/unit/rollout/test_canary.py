"""A rollout from its first revision to promotion, and what can be done while it is under way."""

from contextlib import suppress

from mlhops.api.base import Json
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import Outcome
from tests.unit.rollout.world import ADA, Crash, World

TEN_FIFTY: list[Json] = [{"setWeight": 10}, {"setWeight": 50}]
TEN_AND_PAUSE: list[Json] = [{"setWeight": 10}, {"pause": {}}]


def canary(steps: list[Json], **changes: Json) -> tuple[World, str, str]:
    """A world in which 1.0.0 serves and 2.0.0 has been asked for, and their InferenceServices."""
    world = World(steps=steps, **changes)
    old = world.service_of(world.deploy())
    new = world.service_of(world.release("2.0.0"))
    return world, old, new


def history_of(world: World) -> list[tuple[str, str]]:
    return [(entry.version, entry.outcome.value) for entry in world.status.history]


def test_the_first_revision_gets_no_route_before_its_gates_pass() -> None:
    world = World()
    world.evaluator_prompt = False
    world.run()

    assert world.shares() == {}
    assert (world.status.stable, world.status.url) == (None, None)
    assert world.candidate.evaluation in world.evaluations

    world.evaluator_prompt = True
    world.run()

    assert world.shares() == {world.service_of(world.target): 100}
    assert world.status.url == "http://sepsis.models.example"
    assert history_of(world) == [("1.0.0", "Promoted")]


def test_the_first_revision_stays_without_a_route_when_its_gates_fail() -> None:
    world = World()
    world.verdict = EvaluationPhase.FAILED
    world.run()

    assert world.shares() == {}
    assert world.failure == "GatesFailed"
    assert world.services == {}


def test_a_canary_climbs_by_its_steps_and_only_as_the_gateway_accepts() -> None:
    world, old, new = canary(TEN_FIFTY)
    world.gateway = "silent"
    world.run()
    assert world.shares() == {old: 90, new: 10}

    world.accept_route()
    world.run()
    assert world.shares() == {old: 50, new: 50}
    assert world.candidate.weight == 10

    world.accept_route()
    world.run()
    assert world.shares() == {new: 100}
    assert world.status.stable is not None
    assert world.status.stable.version == "1.0.0"

    world.accept_route()
    world.run()
    promoted = world.status.stable
    assert promoted is not None
    assert promoted.version == "2.0.0"
    assert world.status.candidate is None
    assert world.status.previous is not None
    assert history_of(world)[-1] == ("2.0.0", "Promoted")


def test_a_weight_that_the_gateway_only_echoes_in_the_spec_is_not_in_force() -> None:
    world, _, _ = canary(TEN_FIFTY)
    world.gateway = "silent"
    world.run()

    world.wait(300)

    assert world.candidate.desired_weight == 10
    assert world.candidate.weight == 0


def test_what_somebody_else_gives_a_candidate_that_is_not_well_is_taken_back() -> None:
    world, old, new = canary([{"setWeight": 5}, {"pause": {}}, {"setWeight": 100}])
    world.run()
    world.decide(Action.RESUME)
    # The status asks for all requests, and before the route does the operator and the pods are gone.
    world.crash_after = len(world.writes) + len(world.plan().before) + 1
    with suppress(Crash):
        world.reconcile()
    assert (world.candidate.desired_weight, world.shares()) == (100, {old: 95, new: 5})
    world.lose_pods(new, 0)
    assert world.route is not None
    world.route.weights = {old: 0, new: 100}
    world.accept_route()
    world.kserve_prompt = False

    world.run()

    assert world.shares() == {old: 95, new: 5}


def test_weights_that_somebody_else_added_do_not_count_as_the_steps_weight() -> None:
    world, old, new = canary(TEN_FIFTY)
    world.gateway = "silent"
    world.run()
    assert world.route is not None
    world.route.weights = {old: 90, new: 10, "stranger": 50}
    world.accept_route()

    world.settle()

    assert world.shares() == {old: 90, new: 10}
    assert world.candidate.step == "1/2"


def test_a_pause_with_a_duration_ends_by_itself_and_not_before() -> None:
    world, _, new = canary([{"setWeight": 10}, {"pause": {"duration": "5m"}}])
    world.run()

    world.wait(299)
    assert world.status.phase == "Paused"
    assert world.status.message == "2.0.0 at 10 %: pauses for 5m"

    world.wait(1)
    assert world.shares() == {new: 100}


def test_a_pause_without_a_duration_waits_for_a_person() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.wait(86_400)
    assert world.shares() == {old: 90, new: 10}
    assert world.pause == "PauseStep"

    world.decide(Action.RESUME)
    world.run()

    assert world.shares() == {new: 100}
    assert [d.decided_by for d in world.status.history[-1].deciders] == [ADA]


def test_one_resume_ends_one_pause_step() -> None:
    world, old, new = canary([{"setWeight": 10}, {"pause": {}}, {"pause": {}}])
    world.run()

    world.decide(Action.RESUME)
    world.run()

    assert world.candidate.step == "3/3"
    assert world.shares() == {old: 90, new: 10}


def test_an_approval_that_comes_before_it_is_asked_for_is_ignored() -> None:
    world, old, new = canary([{"setWeight": 10}, {"approve": {}}, {"setWeight": 50}])
    early = world.decide(Action.APPROVE, revision=world.target)
    world.run()

    assert world.answer_to(early)[0] == "Ignored"
    assert world.shares() == {old: 90, new: 10}
    assert world.pause == "ApprovalRequired"
    assert world.candidate.pause is not None
    assert world.candidate.revision in world.candidate.pause.message


def test_an_approval_lets_the_rollout_go_on_and_is_recorded() -> None:
    world, _, new = canary([{"setWeight": 10}, {"approve": {}}])
    world.run()

    name = world.decide(Action.APPROVE)
    world.run()

    assert world.answer_to(name)[0] == "Honoured"
    assert world.shares() == {new: 100}
    assert [d.action for d in world.status.history[-1].deciders] == [Action.APPROVE]


def test_the_first_revision_waits_for_approval_too() -> None:
    world = World(steps=[{"approve": {}}])
    world.run()
    assert world.shares() == {}

    world.decide(Action.APPROVE)
    world.run()

    assert world.status.stable is not None


def test_the_gates_are_measured_again_at_an_evaluate_step() -> None:
    world, old, new = canary([{"setWeight": 10}, {"evaluate": {}}, {"setWeight": 50}])
    world.evaluator_prompt = False
    world.run()
    world.finish(world.candidate.evaluation or "", EvaluationPhase.SUCCESSFUL)
    world.run()
    live = f"{new}-1-s1"
    assert live in world.evaluations
    assert world.shares() == {old: 90, new: 10}

    world.finish(live, EvaluationPhase.FAILED)
    world.run()

    assert world.shares() == {old: 100}
    assert world.candidate.failure is not None
    assert world.candidate.failure.message.startswith("at step 2: ")


def test_a_promotion_does_not_pass_over_a_measurement_that_cannot_tell() -> None:
    world, old, new = canary([{"setWeight": 10}, {"evaluate": {}}, {"pause": {}}])
    world.evaluator_prompt = False
    world.run()
    world.finish(world.candidate.evaluation or "", EvaluationPhase.SUCCESSFUL)
    world.run()
    world.finish(f"{new}-1-s1", EvaluationPhase.INCONCLUSIVE)
    world.decide(Action.PROMOTE)
    world.run()
    assert world.shares() == {old: 90, new: 10}

    world.override(3600)
    world.run()

    assert world.shares() == {new: 100}
    assert world.status.history[-1].overridden == []
    assert Action.OVERRIDE in [d.action for d in world.status.history[-1].deciders]


def test_a_new_spec_supersedes_the_candidate_and_starts_over_at_weight_0() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    assert world.shares() == {old: 90, new: 10}
    stable = world.status.stable
    world.kserve_prompt = False

    third = world.service_of(world.release("3.0.0"))
    world.run()

    assert world.shares() == {old: 100}
    assert world.status.stable == stable
    assert world.candidate.inference_service == third
    assert (world.candidate.desired_weight, world.candidate.step) == (0, "1/2")
    assert set(world.services) == {old, third}
    assert history_of(world)[-1] == ("2.0.0", "Superseded")


def test_a_superseded_candidate_is_not_deleted_before_the_gateway_has_let_go_of_it() -> None:
    world, _, new = canary(TEN_AND_PAUSE)
    world.run()
    world.gateway = "silent"

    world.release("3.0.0")
    world.run()
    assert new in world.services

    world.accept_route()
    world.run()
    assert new not in world.services


def test_going_back_to_stable_in_mid_rollout_takes_all_traffic_back() -> None:
    world, old, _ = canary(TEN_AND_PAUSE)
    world.run()

    world.release("1.0.0")
    world.run()

    assert world.shares() == {old: 100}
    assert world.status.candidate is None
    assert set(world.services) == {old}
    assert history_of(world)[-1] == ("2.0.0", "Superseded")
    assert world.status.phase == "Healthy"


def test_a_revision_that_comes_back_after_it_failed_is_measured_anew() -> None:
    world, _old, new = canary(TEN_FIFTY)
    world.verdict = EvaluationPhase.FAILED
    world.run()
    world.release("1.0.0")
    world.run()
    world.verdict = EvaluationPhase.SUCCESSFUL

    world.release("2.0.0")
    world.run()

    assert world.shares() == {new: 100}
    assert world.status.history[-1].evaluation == f"{new}-2"


def test_lower_steps_take_traffic_back_without_starting_over() -> None:
    world, old, new = canary([{"setWeight": 50}, {"pause": {}}])
    world.run()
    attempt = world.candidate.attempt

    world.edit({"spec.rollout.steps": [{"setWeight": 20}, {"pause": {}}]})
    world.run()

    assert world.shares() == {old: 80, new: 20}
    assert world.candidate.attempt == attempt
    assert world.candidate.step == "2/2"


def test_fewer_steps_never_promote_a_candidate_that_was_still_on_its_way() -> None:
    steps: list[Json] = [{"setWeight": 10}, {"setWeight": 50}, {"pause": {}}]
    world, old, new = canary(steps)
    world.run()

    world.edit({"spec.rollout.steps": [{"setWeight": 5}, {"pause": {}}]})
    world.run()

    assert world.shares() == {old: 95, new: 5}
    assert world.candidate.step == "2/2"
    assert world.candidate.attempt == 1


def test_without_steps_a_proven_candidate_takes_over_at_once() -> None:
    world, _, new = canary([])
    world.run()

    assert world.shares() == {new: 100}
    assert history_of(world)[-1] == ("2.0.0", Outcome.PROMOTED.value)


def test_a_candidate_gets_all_requests_only_with_all_of_its_replicas() -> None:
    world, old, new = canary([{"setWeight": 50}])
    world.edit({"spec.predictor.minReplicas": 3})
    world.room = 1
    world.run()

    assert world.shares() == {old: 50, new: 50}
    assert world.pause == "NotEnoughReplicas"
    assert "1 of 3 replicas (spec.predictor.minReplicas) are" in world.status.message

    world.room = 3
    world.run()

    assert world.status.stable is not None
    assert world.status.stable.version == "2.0.0"


def test_a_weight_of_100_waits_for_replicas_as_the_end_does() -> None:
    world, old, new = canary([{"setWeight": 50}, {"setWeight": 100}, {"pause": {}}])
    world.edit({"spec.predictor.minReplicas": 2})
    world.room = 1
    world.run()
    assert (world.shares(), world.pause) == ({old: 50, new: 50}, "NotEnoughReplicas")

    world.room = 2
    world.run()
    assert (world.shares(), world.pause) == ({new: 100}, "PauseStep")

    world.lose_pods(new, 1)
    world.settle()
    assert (world.shares(), world.pause) == ({new: 100}, "PauseStep")


def test_a_candidate_whose_replicas_do_not_come_is_given_up_and_says_why() -> None:
    world, old, new = canary([{"setWeight": 50}])
    world.edit({"spec.predictor.minReplicas": 3, "spec.rollout.progressDeadline": "5m"})
    world.room = 1
    world.run()
    world.room = 2
    world.wait(200)
    assert world.pause == "NotEnoughReplicas"
    assert "2 of 3 replicas" in world.status.message

    world.lose_pods(new, 2, lagging="a pod cannot be scheduled")
    world.wait(100)

    assert (world.failure, world.shares()) == ("ProgressDeadlineExceeded", {old: 100})
    said = world.candidate.failure.message if world.candidate.failure else ""
    assert said.startswith("2 of 3 replicas (spec.predictor.minReplicas) were ready after 5m")
    assert said.endswith(": a pod cannot be scheduled")


def test_pods_that_are_lost_between_the_status_and_the_route_get_no_more() -> None:
    world, old, new = canary([{"setWeight": 50}])
    world.gateway = "silent"
    world.run()
    world.accept_route()
    world.crash_after = len(world.writes) + 1
    with suppress(Crash):
        world.reconcile()
    assert (world.candidate.desired_weight, world.shares()) == (100, {old: 50, new: 50})

    world.lose_pods(new, 0)
    world.kserve_prompt = False
    world.settle()

    assert (world.shares(), world.pause) == ({old: 50, new: 50}, "NotEnoughReplicas")


def test_the_first_revision_gets_its_route_with_all_of_its_replicas() -> None:
    world = World()
    world.edit({"spec.predictor.minReplicas": 2})
    world.room = 1
    world.run()
    assert (world.shares(), world.pause) == ({}, "NotEnoughReplicas")

    world.edit({"spec.predictor.minReplicas": 1})
    world.run()
    assert world.shares() == {world.service_of(world.target): 100}


def test_promote_waits_for_replicas_and_abort_for_nothing() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    world.edit({"spec.predictor.minReplicas": 2})
    world.room = 1
    world.decide(Action.PROMOTE)
    world.run()
    assert (world.shares(), world.pause) == ({old: 90, new: 10}, "NotEnoughReplicas")

    world.decide(Action.ABORT)
    world.run()
    assert world.shares() == {old: 100}


def test_the_way_back_does_not_wait_for_replicas() -> None:
    world, old, _ = canary([])
    world.run()
    world.lose_pods(old, 0)
    world.kserve_prompt = False
    world.edit({"spec.predictor.minReplicas": 3, "spec.version": "1.0.0"})
    world.run()

    assert world.shares() == {old: 100}
