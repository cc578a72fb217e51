"""Model servers that do not start, crash, flap or vanish; gateways that stay silent."""

from dataclasses import replace

from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, canary, history_of
from tests.unit.rollout.world import World

CRASH = "container kserve-container exited with code 1: ModuleNotFoundError: sklearn"

WAY_OUT = ". To go on, apply another version or decide Retry"


def starting(onfailure: str = "Rollback") -> tuple[World, str, str]:
    """A candidate whose model server has not said anything yet."""
    world, old, new = canary(TEN_AND_PAUSE, **{"spec.rollout.onFailure": onfailure})
    world.kserve_prompt = False
    world.run()
    return world, old, new


def serving() -> tuple[World, str, str]:
    """A candidate at ten percent."""
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    assert world.shares() == {old: 90, new: 10}
    return world, old, new


def test_a_candidate_that_is_not_ready_in_time_fails_with_what_its_pod_says() -> None:
    world, old, new = starting()
    world.set_service(new, False, "a pod cannot be scheduled: 0/3 nodes are available")
    world.wait(599)
    assert world.failure == ""
    assert "0/3 nodes" in world.status.message

    world.wait(2)

    assert world.failure == "ProgressDeadlineExceeded"
    assert world.candidate.failure is not None
    assert world.candidate.failure.message == (
        "not ready within 10m: a pod cannot be scheduled: 0/3 nodes are available"
    )
    assert history_of(world)[-1] == ("2.0.0", "RolledBack")
    assert set(world.services) == {old}


def test_a_server_that_may_call_its_model_otherwise_is_told_with_the_remedy() -> None:
    world, _, new = starting()
    hint = "whose archive must be named sepsis"
    world.services[new] = replace(world.services[new], hint=hint)
    world.reconcile()
    assert world.status.message.endswith(f"waiting for the model server to be ready ({hint})")

    world.wait(601)

    assert world.candidate.failure is not None
    assert world.candidate.failure.message == (
        f"not ready within 10m (spec.rollout.progressDeadline); {hint}"
    )


QUOTA = 'FailedCreate: pods "x" is forbidden: exceeded quota: q'


def test_what_kept_a_candidate_from_being_ready_stays_in_the_history() -> None:
    world, _, new = starting()
    world.set_service(new, False, QUOTA)
    world.reconcile()
    assert world.status.message == f"2.0.0 at 0 %: {QUOTA}"
    assert "CandidateWaiting" in world.told()

    world.release("3.0.0")
    world.reconcile()

    superseded = world.status.history[-1]
    assert superseded.message == f"replaced by 3.0.0 before it was promoted ({QUOTA})"
    world.set_service(world.candidate.inference_service, False, QUOTA)
    world.wait(601)
    assert world.status.history[-1].message == f"not ready within 10m: {QUOTA}"


def test_a_trouble_that_is_over_is_not_in_the_history() -> None:
    world, _, new = starting()
    world.set_service(new, False, QUOTA)
    world.reconcile()
    world.set_service(new, True)
    world.reconcile()

    world.release("3.0.0")
    world.reconcile()

    assert "quota" not in world.status.history[-1].message


def test_a_candidate_that_crashes_fails_at_once_in_the_containers_own_words() -> None:
    world, old, new = starting()

    world.set_service(new, False, CRASH, fatal=True)
    world.run()

    assert world.failure == "CandidateUnhealthy"
    assert world.status.message == f"2.0.0: {CRASH} (1.0.0 serves){WAY_OUT}"
    assert world.shares() == {old: 100}
    assert new not in world.services


def test_a_candidate_with_traffic_that_is_no_longer_ready_loses_it_at_once() -> None:
    world, old, new = serving()

    world.set_service(new, False, "the pod was evicted")
    world.reconcile()

    assert world.shares() == {old: 100}
    assert world.candidate.failure is not None
    assert world.candidate.failure.message == "the pod was evicted"


def test_a_candidate_with_traffic_whose_service_is_deleted_loses_it_at_once() -> None:
    world, old, new = serving()

    del world.services[new]
    world.reconcile()

    assert world.shares() == {old: 100}
    assert world.candidate.failure is not None


def test_a_candidate_with_traffic_of_which_nobody_says_anything_has_the_deadline() -> None:
    world, old, new = serving()
    world.kserve_prompt = False
    world.wait(3600)

    world.set_service(new, None)
    world.wait(599)
    assert world.shares() == {old: 90, new: 10}
    assert world.failure == ""

    world.wait(2)
    assert world.shares() == {old: 100}
    assert world.candidate.failure is not None


def test_a_candidate_that_falls_over_before_it_has_traffic_gets_the_time_to_come_back() -> None:
    world, old, new = canary([{"approve": {}}])
    world.run()
    world.kserve_prompt = False
    world.wait(3600)

    world.set_service(new, False, "the node was drained")
    world.wait(500)
    assert world.failure == ""
    world.set_service(new, True)
    world.wait(3600)
    assert world.failure == ""

    world.set_service(new, False, "the node was drained")
    world.wait(601)
    assert world.candidate.failure is not None
    assert world.shares() == {old: 100}


def test_a_candidate_that_is_not_ready_is_not_promoted_by_anybody() -> None:
    world, old, new = canary([{"approve": {}}])
    world.run()
    world.kserve_prompt = False
    world.set_service(new, None)
    world.run()

    world.decide(Action.PROMOTE)
    world.run()

    assert world.shares() == {old: 100}


def test_a_status_that_was_written_before_a_crash_gives_no_traffic_to_a_silent_server() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.gateway = "silent"
    world.run()
    assert world.route is not None
    world.route.weights = {old: 100}
    world.kserve_prompt = False
    world.set_service(new, None)

    world.settle()

    assert world.shares() == {old: 100}


def test_a_gateway_that_stays_silent_fails_the_candidate_at_the_deadline() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.gateway = "silent"

    world.wait(601)

    assert world.shares() == {old: 100}
    assert world.candidate.failure is not None
    assert world.candidate.failure.message == (
        "the Gateway did not accept the weights within 10m: it says nothing about the HTTPRoute"
    )
    assert new in world.services, "nobody knows whether it still has traffic"

    world.gateway = "prompt"
    world.run()
    assert new not in world.services


def test_a_gateway_that_refuses_is_quoted() -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.gateway = "no listener matches sepsis.models.example"

    world.wait(601)

    assert world.candidate.failure is not None
    assert "no listener matches" in world.candidate.failure.message


def test_on_failure_pause_keeps_the_service_at_weight_0_for_a_person_to_look_at() -> None:
    world, old, new = starting("Pause")
    world.set_service(new, False, CRASH, fatal=True)

    world.wait(86_400)

    assert world.shares() == {old: 100}
    assert new in world.services


def test_retry_renews_a_service_that_was_not_well() -> None:
    world, old, new = starting("Pause")
    world.slow_deletion = True
    world.set_service(new, False, CRASH, fatal=True)
    world.run()

    world.decide(Action.RETRY)
    world.settle()
    assert world.services[new].deleting

    world.kserve_prompt = True
    world.run()
    assert world.shares() == {old: 90, new: 10}
    assert world.candidate.attempt == 2


def test_retry_leaves_a_service_that_is_well_alone() -> None:
    world, _, new = canary(TEN_AND_PAUSE, **{"spec.rollout.onFailure": "Pause"})
    world.verdict = EvaluationPhase.FAILED
    world.run()
    kept = world.services[new]

    world.decide(Action.RETRY)
    world.run()

    assert world.services[new] is kept
    assert world.candidate.attempt == 2


def test_a_renewal_that_the_gateway_never_lets_happen_ends_at_the_deadline() -> None:
    world, _old, new = starting("Pause")
    world.set_service(new, False, CRASH, fatal=True)
    world.run()
    assert world.route is not None
    world.route.generation += 1
    world.gateway = "silent"
    world.decide(Action.RETRY)

    world.wait(601)

    assert new in world.services
    assert world.failure == "ProgressDeadlineExceeded"


def test_a_service_of_the_stable_revision_that_is_deleted_is_made_again() -> None:
    world = World()
    stable = world.service_of(world.deploy())
    world.kserve_prompt = False

    del world.services[stable]
    world.run()

    assert stable in world.services
    assert world.shares() == {stable: 100}
    assert world.status.phase == "Degraded"


def test_a_route_that_somebody_deleted_is_made_again_before_anything_is_removed() -> None:
    world, old, new = serving()
    world.gateway = "silent"
    world.route = None

    world.release("1.0.0")
    world.run()

    assert world.shares() == {old: 100}
    assert new in world.services
    world.accept_route()
    world.run()
    assert set(world.services) == {old}


def test_time_that_goes_backwards_does_no_harm() -> None:
    world, old, new = canary([{"setWeight": 10}, {"pause": {"duration": "5m"}}])
    world.run()

    world.now = world.now.replace(year=2029)
    world.run()

    assert world.shares() == {old: 90, new: 10}


def test_nothing_is_removed_while_new_weights_are_on_their_way() -> None:
    world, old, new = canary([{"setWeight": 10}, {"setWeight": 50}, {"pause": {}}])
    world.gateway = "silent"
    world.run()
    world.accept_route()
    orphan = replace(world.services[old], name="sepsis-0badcafe", revision="0badcafe")
    world.services[orphan.name] = orphan

    world.settle()
    assert world.shares() == {old: 50, new: 50}
    assert orphan.name in world.services

    world.accept_route()
    world.settle()
    assert orphan.name not in world.services
