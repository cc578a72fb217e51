"""Whether callers are answered stands in the status, apart from what becomes of a rollout."""

from dataclasses import replace
from datetime import timedelta

from mlhops.api.conditions import Condition, find
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.serving import FailureReason, ProbeReport
from mlhops.api.status import ServingStatus
from mlhops.rollout.reasons import Reason
from tests.unit.rollout.traffic import UNANSWERED, counted, tell
from tests.unit.rollout.world import World


def condition(world: World, type_: str) -> Condition:
    """The condition of a type, which must be there."""
    found = find(world.status.conditions, type_)
    assert found is not None
    return found


def serving(world: World) -> ServingStatus:
    """What the status says of how requests are answered."""
    assert world.status.serving is not None
    return world.status.serving


def deployed() -> World:
    world = World(steps=[])
    world.deploy()
    return world


def test_a_model_that_answers_is_available_with_its_numbers() -> None:
    world = deployed()
    tell(world, stable=counted(990, {UNANSWERED: 10}))
    world.run()
    told = serving(world)
    assert (told.verdict, told.requests, told.failed) == ("Serving", 1000, 10)
    assert [(each.reason, each.requests) for each in told.failures] == [("unanswered", 10)]
    assert told.p50_seconds is not None
    assert condition(world, "Available").status == "True"


def test_answered_requests_outweigh_a_gateway_without_an_address() -> None:
    world = deployed()
    tell(world, stable=counted(990, {}))
    world.unprogrammed = "Programmed is False: AddressNotAssigned"
    world.run()
    assert condition(world, "Available").status == "True"
    assert "AddressNotAssigned" in condition(world, "Ready").message


def test_a_gateways_doubt_does_not_hide_that_requests_fail() -> None:
    world = deployed()
    tell(world, stable=counted(0, {UNANSWERED: 12}))
    assert world.route is not None
    world.route.unanswered = "EndpointsNotFound"
    world.run()
    available = condition(world, "Available")
    assert (available.status, available.reason) == ("False", Reason.REQUESTS_FAIL)


def test_a_model_that_fails_all_requests_is_named_with_the_reason() -> None:
    world = deployed()
    tell(world, stable=counted(0, {UNANSWERED: 12}))
    world.run()
    assert serving(world).verdict == "Failing"
    available = condition(world, "Available")
    assert (available.status, available.reason) == ("False", Reason.REQUESTS_FAIL)
    assert "100 % of requests fail (unanswered)" in available.message
    assert condition(world, "Ready").status == "False"
    assert world.status.phase == "Degraded"
    assert world.events[-1].reason == Reason.REQUESTS_FAIL
    assert world.events[-1].warning


def test_a_model_that_its_sidecar_finds_unloaded_fails_without_any_request() -> None:
    world = deployed()
    probe = ProbeReport(state="Fails", reason="notReady", message="the model is not loaded")
    tell(world, stable=counted(0), probe=probe)
    world.run()
    assert condition(world, "Available").status == "False"
    assert "the model is not loaded" in world.status.message


def test_mistakes_of_callers_are_named_as_such() -> None:
    world = deployed()
    tell(world, stable=counted(0, {FailureReason.WRONG_FEATURES: 615}))
    world.run()
    assert "callers ask otherwise than spec.interface says" in serving(world).message


def test_people_are_told_when_it_answers_again() -> None:
    world = deployed()
    tell(world, stable=counted(0, {UNANSWERED: 12}))
    world.run()
    tell(world, stable=counted(500))
    world.run()
    assert world.events[-1].reason == Reason.REQUESTS_ANSWERED
    assert condition(world, "Available").status == "True"
    assert condition(world, "Ready").status == "True"


def test_silence_is_no_failure_and_no_proof() -> None:
    world = deployed()
    tell(world, stable=counted(0))
    world.run()
    assert serving(world).verdict == "Silent"
    assert condition(world, "Available").status == "True"


def test_a_model_without_a_sidecar_is_available_by_readiness_and_says_what_is_blind() -> None:
    world = deployed()
    tell(world, stable=None, problem="nobody counts whether it answers: its pods have no sidecar")
    world.run()
    available = condition(world, "Available")
    assert (available.status, available.reason) == ("True", Reason.NOT_COUNTED)
    assert "no sidecar" in available.message


def test_a_failing_model_whose_pods_do_not_tell_any_more_still_fails() -> None:
    world = deployed()
    tell(world, stable=counted(0, {UNANSWERED: 12}))
    world.run()
    tell(world, stable=None, problem="a sidecar does not tell")
    world.run()
    assert condition(world, "Available").status == "False"


def test_numbers_alone_are_written_every_ten_minutes() -> None:
    world = deployed()
    tell(world, stable=counted(100))
    world.run()
    writes = len(world.writes)
    world.now += timedelta(minutes=5)
    tell(world, stable=counted(150))
    world.run()
    assert len(world.writes) == writes
    world.now += timedelta(minutes=6)
    world.run()
    assert serving(world).requests == 150


def test_a_model_at_rest_writes_nothing() -> None:
    world = deployed()
    tell(world, stable=counted(0))
    world.run()
    writes = len(world.writes)
    world.now += timedelta(days=1)
    world.run()
    assert len(world.writes) == writes


def test_a_failed_candidate_at_weight_0_leaves_callers_answered() -> None:
    world = deployed()
    world.verdict = EvaluationPhase.FAILED
    world.release("2.0.0")
    world.run()
    tell(world, stable=counted(500))
    world.run()
    assert world.status.phase == "Degraded"
    assert condition(world, "Ready").status == "False"
    assert condition(world, "Available").status == "True"


def test_nothing_is_available_before_anything_serves() -> None:
    world = World(steps=[])
    world.verdict = EvaluationPhase.FAILED
    world.run()
    available = condition(world, "Available")
    assert (available.status, available.reason) == ("False", Reason.NOTHING_SERVES)


def test_a_server_that_is_not_ready_leaves_nobody_answered() -> None:
    world = deployed()
    assert world.status.stable is not None
    world.set_service(world.status.stable.inference_service, False, "container exited with code 1")
    world.run()
    assert condition(world, "Available").status == "False"


def test_what_is_known_of_the_version_before_says_nothing_of_the_next() -> None:
    world = deployed()
    tell(world, stable=counted(0, {UNANSWERED: 12}))
    world.run()
    world.deploy("2.0.0")
    assert serving(world).verdict is None
    assert condition(world, "Available").status == "True"


def test_what_was_mended_does_not_fail_again_without_a_failure() -> None:
    world = deployed()
    outage = counted(200, {UNANSWERED: 100})

    def lately(answered: int, failed: int = 0) -> None:
        tell(world, stable=outage)
        look = world.serving
        assert look is not None
        assert look.stable is not None
        minute = counted(answered, {UNANSWERED: failed} if failed else {})
        world.serving = replace(look, stable=replace(look.stable, minute=minute))
        world.run()

    lately(10)
    assert serving(world).verdict == "Failing"
    lately(40)
    assert serving(world).verdict == "Serving"
    lately(20)
    assert serving(world).verdict == "Serving"
    assert world.told().count(Reason.REQUESTS_FAIL) == 1
    lately(20, 1)
    assert serving(world).verdict == "Failing"


def test_people_are_told_that_a_model_without_requests_answers_again() -> None:
    world = deployed()
    tell(world, stable=counted(3), probe=ProbeReport(state="Fails", reason="notReady"))
    world.run()
    tell(world, stable=counted(3), probe=ProbeReport(state="Answers"))
    world.run()
    assert serving(world).verdict == "Insufficient"
    assert world.told()[-1] == Reason.REQUESTS_ANSWERED


def test_callers_are_answered_by_a_candidate_that_has_all_requests() -> None:
    world = World(steps=[{"setWeight": 100}], **{"spec.rollout.evidence": {}})
    world.deploy()
    world.release("2.0.0")
    world.run()
    assert world.shares() == {world.service_of(): 100}
    available = condition(world, "Available")
    assert (available.status, available.message) == ("True", "2.0.0 has all requests and is ready")
    assert world.status.stable is not None
    world.set_service(world.service_of(world.status.stable.revision), ready=False)
    world.run()
    assert condition(world, "Available").status == "True"
