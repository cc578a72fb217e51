"""What people and tools read: phase, message, conditions by kstatus' rules, history, Events."""

from itertools import pairwise

import pytest

from mlhops.api.conditions import find
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import HISTORY_LIMIT
from mlhops.rollout.revisions.history import intact
from mlhops.rollout.status import phase_of
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, canary
from tests.unit.rollout.world import World

WAY_OUT = ". To go on, apply another version or decide Retry"


def kstatus(world: World) -> tuple[str, str, str]:
    """Ready, Reconciling and Stalled; each speaks of the present generation."""
    said = []
    for type_ in ("Ready", "Reconciling", "Stalled"):
        found = find(world.status.conditions, type_)
        assert found is not None
        assert found.observed_generation == world.model.metadata.generation
        said.append(found.status)
    assert world.status.observed_generation == world.model.metadata.generation
    assert phase_of(world.status) == (world.status.phase, world.status.message)
    return (said[0], said[1], said[2])


def gates(world: World) -> tuple[str, str]:
    found = find(world.status.conditions, "GatesPassed")
    assert found is not None
    return found.status, found.reason


def test_at_first_sight_a_model_is_reconciling_and_its_readiness_unknown() -> None:
    world = World()
    world.reconcile()

    assert kstatus(world) == ("Unknown", "True", "False")
    assert world.status.phase == "Progressing"
    assert world.status.message == "1.0.0 at 0 %: waiting for the model server to be ready"
    assert gates(world) == ("Unknown", "Pending")


def test_while_gates_are_measured_the_evaluation_is_named() -> None:
    world = World()
    world.evaluator_prompt = False
    world.run()

    assert kstatus(world) == ("Unknown", "True", "False")
    assert (
        world.status.message
        == f"1.0.0 at 0 %: Evaluation {world.candidate.evaluation} is under way"
    )
    assert gates(world) == ("Unknown", "Running")


NO_ADDRESS = "Programmed is False: AddressNotAssigned: No addresses"


def available(world: World) -> tuple[str, str]:
    found = find(world.status.conditions, "Available")
    assert found is not None
    return found.status, found.reason


def test_a_gateway_that_is_not_programmed_is_told_until_it_is() -> None:
    world = World()
    world.deploy()
    before = available(world)

    world.unprogrammed = NO_ADDRESS
    world.reconcile()
    assert kstatus(world) == ("True", "False", "False")
    assert world.status.message == f"1.0.0 serves all requests (of the Gateway {NO_ADDRESS})"
    assert available(world) == ("Unknown", "GatewayNotProgrammed")

    world.unprogrammed = ""
    world.reconcile()
    assert world.status.message == "1.0.0 serves all requests"
    assert available(world) == before


def test_backends_that_the_gateway_cannot_reach_are_told_until_it_can() -> None:
    world = World()
    world.deploy()
    assert world.route is not None

    world.route.unanswered = "EndpointsNotFound: no ready endpoints"
    world.reconcile()
    assert world.status.message == (
        "1.0.0 serves all requests (the Gateway finds no backend: EndpointsNotFound: "
        "no ready endpoints)"
    )
    assert available(world) == ("Unknown", "BackendsUnavailable")

    world.route.unanswered = ""
    world.reconcile()
    assert world.status.message == "1.0.0 serves all requests"
    assert available(world)[0] == "True"


def test_backends_of_a_candidate_that_is_taken_back_are_no_doubt_about_what_serves() -> None:
    world = World(steps=[{"setWeight": 10}, {"pause": {}}])
    world.deploy()
    world.release("2.0.0")
    world.run()
    assert world.route is not None
    assert len(world.shares()) == 2

    world.route.unanswered = "EndpointsNotFound: no ready endpoints"
    world.set_service(world.candidate.inference_service, ready=False)
    world.reconcile()
    assert len(world.shares()) == 1
    assert available(world)[0] == "True"


def test_a_route_that_waits_names_the_gateway_that_is_not_programmed() -> None:
    world = World()
    world.gateway, world.unprogrammed = "silent", NO_ADDRESS
    world.run()
    assert world.status.message.endswith(f"(of the Gateway {NO_ADDRESS})")


def test_a_model_that_serves_is_ready_and_healthy() -> None:
    world = World()
    world.deploy()

    assert kstatus(world) == ("True", "False", "False")
    assert (world.status.phase, world.status.message) == ("Healthy", "1.0.0 serves all requests")
    assert gates(world) == ("True", "Successful")
    promoted = find(world.status.conditions, "Promoted")
    assert promoted is not None
    assert promoted.status == "True"


def test_a_rollout_that_waits_is_paused_and_still_reconciling() -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.run()

    assert kstatus(world) == ("Unknown", "True", "False")
    assert world.status.phase == "Paused"
    assert world.status.message == (
        "2.0.0 at 10 %: waits for a Decision with action Resume, Promote or Abort"
    )
    assert (world.candidate.step, world.candidate.weight) == ("2/2", 10)
    assert gates(world) == ("True", "Successful")


@pytest.mark.parametrize(
    ("phase", "verdict"),
    [
        (EvaluationPhase.FAILED, ("False", "Failed")),
        (EvaluationPhase.INCONCLUSIVE, ("Unknown", "Inconclusive")),
        (EvaluationPhase.ERROR, ("Unknown", "Error")),
    ],
)
def test_the_gates_column_shows_the_verdict(
    phase: EvaluationPhase, verdict: tuple[str, str]
) -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.verdict = phase
    world.run()

    assert gates(world) == verdict


def test_an_overridden_gate_is_shown_as_overridden() -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.run()
    world.override(3600)
    world.run()

    assert gates(world) == ("True", "Overridden")


def test_a_rollout_that_failed_is_stalled_and_says_who_serves() -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.verdict = EvaluationPhase.FAILED
    world.run()

    assert kstatus(world) == ("False", "False", "True")
    assert world.status.phase == "Degraded"
    assert world.status.message == f"2.0.0: gap is Failed (1.0.0 serves){WAY_OUT}"


def test_nobody_is_said_to_serve_before_the_gateway_has_accepted_that() -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.run()
    world.gateway = "silent"
    world.decide(Action.ABORT)
    world.run()
    assert "serves)" not in world.status.message

    world.accept_route()
    world.run()
    assert "(1.0.0 serves)" in world.status.message


def test_a_stable_revision_that_is_not_ready_is_degraded() -> None:
    world = World()
    stable = world.service_of(world.deploy())
    world.set_service(stable, False, "the node is gone")
    world.run()

    assert kstatus(world) == ("False", "True", "False")
    assert (world.status.phase, world.status.message) == ("Degraded", "1.0.0: the node is gone")


def test_a_gateway_that_says_nothing_is_waited_for_and_then_a_fault() -> None:
    world = World()
    world.gateway = "silent"
    world.run()
    assert world.status.stable is not None
    assert kstatus(world) == ("Unknown", "True", "False")

    world.wait(601)
    assert kstatus(world) == ("False", "False", "True")
    assert world.status.message == "waiting for the Gateway to accept the HTTPRoute"


def test_a_gateway_that_takes_a_moment_is_no_fault_however_long_a_revision_has_served() -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.wait(86_400)
    world.gateway = "silent"

    world.release("1.0.0")
    world.run()

    assert kstatus(world) == ("Unknown", "True", "False")


def test_a_route_that_changes_after_a_day_gets_the_gateways_full_time() -> None:
    world = World()
    world.deploy()
    world.wait(86_400)
    assert world.route is not None
    world.route.current = False
    world.gateway = "silent"

    world.wait(599)
    assert kstatus(world) == ("Unknown", "True", "False")


def test_transition_times_move_only_with_the_status_of_a_condition() -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.run()
    before = {c.type: (c.status, c.last_transition_time) for c in world.status.conditions}
    world.wait(50)

    world.edit({"spec.card.owner": "somebody-else"})
    world.run()

    after = {c.type: (c.status, c.last_transition_time) for c in world.status.conditions}
    assert after == before


def test_a_change_that_is_not_served_makes_no_candidate() -> None:
    world = World()
    world.deploy()

    world.edit({"spec.card.owner": "somebody-else", "spec.predictor.minReplicas": 3})
    world.run()

    assert world.status.candidate is None
    assert kstatus(world) == ("True", "False", "False")


def test_a_whole_rollout_tells_each_transition_once() -> None:
    world, _, _ = canary([{"setWeight": 10}, {"evaluate": {}}, {"approve": {}}])
    world.events.clear()
    world.run()
    for _ in range(3):
        world.reconcile()
    world.decide(Action.APPROVE)
    world.run()

    assert world.told() == [
        "CandidateCreated",
        "CandidateReady",
        "EvaluationStarted",
        "GatesPassed",
        "WeightSet",
        "EvaluationStarted",
        "StepCompleted",
        "ApprovalRequired",
        "StepCompleted",
        "WeightSet",
        "Promoted",
    ]


def test_an_evaluation_that_cannot_be_created_is_not_announced_again_and_again() -> None:
    world, _, new = canary([{"setWeight": 10}, {"evaluate": {}}])
    world.evaluator_prompt = False
    world.run()
    world.finish(f"{new}-1", EvaluationPhase.SUCCESSFUL)
    world.run()
    world.events.clear()

    del world.evaluations[f"{new}-1-s1"]
    world.reconcile()

    assert world.told() == []


def test_the_history_is_a_chain_that_shows_any_change() -> None:
    world = World(steps=[])
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        world.deploy(version)
    history = world.status.history
    assert intact(history)
    assert all(later.previous_hash == earlier.hash for earlier, later in pairwise(history))

    forged = [history[0].model_copy(update={"message": "all was well"}), *history[1:]]
    assert not intact(forged)
    assert not intact([history[0], history[2]])


def test_the_history_keeps_the_latest_and_stays_intact() -> None:
    world = World(steps=[])
    versions = [f"{number}.0.0" for number in range(1, HISTORY_LIMIT + 6)]
    for version in versions:
        world.deploy(version)

    history = world.status.history
    assert [entry.version for entry in history] == versions[-HISTORY_LIMIT:]
    assert intact(history)
    assert len(world.evaluations) <= HISTORY_LIMIT + 10 + 2


def test_an_evaluation_that_cannot_succeed_before_a_change_is_stalled_and_one_that_may_is_not() -> (
    None
):
    world = World()
    world.verdict = EvaluationPhase.ERROR
    world.run()
    assert (kstatus(world), world.status.phase) == (("Unknown", "True", "False"), "Paused")

    world = World()
    world.verdict, world.final = EvaluationPhase.ERROR, True
    world.run()
    assert (kstatus(world), world.status.phase) == (("False", "False", "True"), "Degraded")
    assert "correct that, and decide Retry" in world.status.message

    world.verdict = EvaluationPhase.SUCCESSFUL
    world.decide(Action.RETRY)
    world.run()
    assert world.status.phase == "Healthy"


def test_a_final_error_beside_what_serves_says_that_it_serves() -> None:
    world, old, _ = canary(TEN_AND_PAUSE)
    world.verdict, world.final = EvaluationPhase.ERROR, True
    world.run()

    assert world.shares() == {old: 100}
    assert world.status.phase == "Degraded"
    assert "(1.0.0 serves)" in world.status.message


def test_an_override_that_ends_in_mid_rollout_is_a_warning_and_its_weight_is_told() -> None:
    world, old, _ = canary(TEN_AND_PAUSE)
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.run()
    world.override(60)
    world.run()
    assert world.shares() != {old: 100}

    world.wait(61)

    assert world.shares() == {old: 100}
    told = [(event.reason.value, event.warning) for event in world.events]
    assert ("OverrideExpired", True) in told
    assert any(event.message == "2.0.0 gets 0 % of requests" for event in world.events)
