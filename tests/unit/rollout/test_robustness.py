"""What the world does to a rollout without meaning to: replicas come and go, clocks differ."""

from dataclasses import replace
from datetime import timedelta

from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from mlhops.rollout.observed import Hostnames
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, canary
from tests.unit.rollout.world import World


def condition(world: World, type_: str) -> tuple[str, str]:
    found = next(c for c in world.status.conditions if c.type == type_)
    return found.status, found.reason


def at_ten_percent() -> tuple[World, str, str]:
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    assert world.shares() == {old: 90, new: 10}
    return world, old, new


def test_one_replica_of_several_that_is_not_ready_is_no_reason_to_roll_back() -> None:
    world, old, new = at_ten_percent()
    world.services[new] = replace(world.services[new], ready=False, answering=True)
    world.run()
    assert world.candidate.failure is None
    assert world.shares() == {old: 90, new: 10}
    world.services[new] = replace(world.services[new], answering=False)
    world.run()
    assert world.failure == "CandidateUnhealthy"
    assert world.shares() == {old: 100}


def test_a_candidate_whose_replicas_do_not_come_back_fails_at_the_deadline() -> None:
    world, old, new = at_ten_percent()
    world.services[new] = replace(world.services[new], ready=False, answering=True)
    world.run()
    world.wait(601)
    assert world.failure == "ProgressDeadlineExceeded"
    assert world.shares() == {old: 100}


def test_a_stable_that_is_scaled_goes_on_being_ready() -> None:
    world = World()
    stable = world.service_of(world.deploy())
    world.services[stable] = replace(world.services[stable], ready=False, answering=True)
    world.run()
    assert condition(world, "Ready") == ("True", "Serving")
    assert world.status.message.endswith("(not all of its replicas are ready)")


def test_the_words_of_a_server_that_has_seen_patients_are_not_repeated() -> None:
    world, _, new = at_ten_percent()
    world.services[new] = replace(
        world.services[new],
        ready=False,
        trouble="container kserve-container exited with code 1: row of Jane Roe",
        symptom="container kserve-container exited with code 1",
    )
    world.run()
    assert world.failure == "CandidateUnhealthy"
    assert "Jane" not in world.status.to_json().__repr__()
    assert "see its log" in world.status.message


def test_an_abort_is_heard_though_the_clocks_differ() -> None:
    world, old, _ = at_ten_percent()
    world.now += timedelta(seconds=1)
    name = world.decide(Action.ABORT)
    world.decisions[name]["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z"  # type: ignore[index, call-overload]
    world.run()
    assert world.failure == "Aborted"
    assert world.shares() == {old: 100}


def test_a_verdict_that_was_measured_at_another_endpoint_proves_nothing() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()
    [name] = [name for name in world.evaluations if name.startswith(new)]
    spec = world.evaluations[name]["spec"]
    spec["endpoint"] = "http://a-nicer-model.example"  # type: ignore[index, call-overload]
    world.finish(name, EvaluationPhase.SUCCESSFUL)
    world.run()
    assert world.candidate.proof is None
    assert world.candidate.attempt == 2
    assert world.shares() == {old: 100}


def test_gates_that_had_passed_stay_passed_when_the_candidate_fails_for_another_reason() -> None:
    world, _, _ = at_ten_percent()
    world.decide(Action.ABORT)
    world.run()
    assert condition(world, "GatesPassed") == ("True", "Successful")


def test_gates_that_never_ran_are_not_said_to_run() -> None:
    world, _, new = canary(TEN_AND_PAUSE)
    world.kserve_prompt = False
    world.run()
    world.set_service(new, False, "boom", fatal=True)
    world.run()
    assert world.failure == "CandidateUnhealthy"
    assert condition(world, "GatesPassed") == ("Unknown", "NotRun")


def test_retry_replaces_an_evaluation_that_does_not_get_anywhere() -> None:
    world, _, new = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()
    world.decide(Action.RETRY)
    world.run()
    assert world.candidate.attempt == 2
    assert [name for name in world.evaluations if name.startswith(new)] == [f"{new}-2"]


def test_a_host_name_that_another_route_has_blocks_the_model_and_says_so() -> None:
    world = World()
    world.hostnames = Hostnames(
        taken="a.example on Gateway icu/clinical is taken by HTTPRoute icu/other"
    )
    world.release("1.0.0")
    world.run()
    assert condition(world, "Stalled") == ("True", "HostnameTaken")
    assert world.shares() == {}
    world.hostnames = Hostnames()
    world.run()
    assert condition(world, "Stalled")[0] == "False"
