"""Parts of the cluster that are missing or belong to others: a clear word, and on by itself."""

from dataclasses import replace

import pytest

from mlhops.api.conditions import find
from mlhops.rollout.intents import EnsureService, SetTraffic
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, canary
from tests.unit.rollout.world import World


def stalled(world: World) -> tuple[str, str]:
    """The reason and message with which the model is stalled."""
    found = find(world.status.conditions, "Stalled")
    assert found is not None
    assert found.status == "True"
    assert world.status.phase == "Degraded"
    return found.reason, found.message


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("part", "reason", "words"),
    [
        ("kserve_installed", "KServeMissing", "KServe is not installed"),
        ("gateway_api_installed", "GatewayAPIMissing", "Gateway API is not installed"),
        ("gateway_exists", "GatewayMissing", "there is no Gateway default/clinical"),
    ],
)
def test_what_is_missing_is_named_and_the_model_goes_on_when_it_is_there(
    part: str, reason: str, words: str
) -> None:
    world = World()
    setattr(world, part, False)
    world.wait(3 * 3600)
    assert stalled(world)[0] == reason
    assert stalled(world)[1].startswith(words)

    setattr(world, part, True)
    world.run()

    assert world.status.phase == "Healthy"
    assert [entry.outcome for entry in world.status.history] == ["Promoted"]


def test_a_kserve_that_does_not_know_the_mode_is_named_and_no_weight_is_raised() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.kserve_prompt = False
    world.run()
    world.services[new] = replace(world.services[new], mode="RawDeployment")
    world.kserve_prompt = True
    world.wait(3600)

    reason, message = stalled(world)
    assert reason == "ModeIgnored"
    assert f"InferenceService {new} in mode RawDeployment" in message
    assert "KServe knows from 0.16 on: upgrade KServe" in message
    assert world.shares() == {old: 100}

    world.services[new] = replace(world.services[new], mode="Standard")
    world.run()
    assert world.shares() == {old: 90, new: 10}


def test_a_name_that_fits_the_host_name_and_not_kserves_label_is_named() -> None:
    world = World()
    world.edit({"metadata.name": "m" * 38, "metadata.namespace": "ed"})
    world.run()
    reason, message = stalled(world)
    assert reason == "NameTooLong"
    assert "-predictor' is a label of 64 characters" in message
    assert not world.services


def test_time_without_the_gateway_is_not_held_against_a_candidate() -> None:
    world, _old, _new = canary(TEN_AND_PAUSE)
    world.gateway = "silent"
    world.wait(300)
    world.gateway_exists = False
    world.wait(3600)
    world.gateway_exists = True
    world.run()
    assert world.failure == ""

    world.wait(599)
    assert world.failure == ""
    world.wait(2)
    assert world.candidate.failure is not None


def test_a_mode_that_is_not_supported_begins_no_candidate_and_takes_the_old_ones_traffic() -> None:
    world, old, _new = canary(TEN_AND_PAUSE)
    world.run()

    world.edit({"spec.exposure.mode": "Knative"})
    world.run()

    assert stalled(world)[0] == "ModeNotSupported"
    assert world.status.candidate is None
    assert world.shares() == {old: 100}
    assert set(world.services) == {old}


def test_a_name_that_kserve_cannot_take_is_refused_before_anything_is_made() -> None:
    world = World()
    world.edit({"metadata.namespace": "a-namespace-with-a-rather-long-name-of-its-own"})
    world.run()

    reason, message = stalled(world)
    assert reason == "NameTooLong"
    assert "KServe allows 63" in message
    assert world.services == {}


def test_a_route_of_somebody_else_is_not_touched() -> None:
    world = World()
    world.deploy()
    assert world.route is not None
    world.route.foreign = True
    world.route.weights = {"somebody-else": 1}
    world.writes.clear()

    world.release("2.0.0")
    world.run()

    assert stalled(world)[0] == "ForeignObject"
    assert not [item for item in world.writes if isinstance(item, SetTraffic)]


def test_a_logger_of_somebody_else_is_not_overwritten() -> None:
    world = World()
    stable = world.service_of(world.deploy())
    world.services[stable] = replace(world.services[stable], foreign_logger=True, current=False)
    world.writes.clear()

    world.run()

    assert stalled(world)[0] == "ForeignLogger"
    assert stable in stalled(world)[1]
    assert not [item for item in world.writes if isinstance(item, EnsureService)]


def test_a_stable_revision_of_which_nothing_is_left_is_named_with_the_way_out() -> None:
    world, old, _ = canary(TEN_AND_PAUSE)
    world.run()
    stable = world.status.stable
    assert stable is not None
    del world.services[old]
    del world.revisions[stable.revision]
    world.run()
    reason, message = stalled(world)
    assert reason == "RevisionLost"
    assert message.startswith(f"InferenceService {old} of 1.0.0 is gone")
    assert message.endswith("set spec back to 1.0.0 to serve it again")

    world.release("1.0.0")
    world.run()

    assert world.status.phase == "Healthy"


def test_a_logger_of_somebody_else_on_the_candidate_keeps_it_at_weight_0() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()
    world.services[new] = replace(world.services[new], foreign_logger=True, current=False)
    world.evaluator_prompt = True
    world.writes.clear()

    world.run()

    assert stalled(world)[0] == "ForeignLogger"
    assert world.shares() == {old: 100}
    assert not [item for item in world.writes if isinstance(item, EnsureService)]


def test_a_field_of_somebody_else_that_changes_the_answers_is_named() -> None:
    world = World()
    stable = world.service_of(world.deploy())
    field = "spec.predictor.model.image"
    world.services[stable] = replace(world.services[stable], foreign_field=field)

    world.run()

    reason, message = stalled(world)
    assert reason == "ForeignField"
    assert message.startswith(f"InferenceService {stable} has {field}")
    assert "remove it there" in message

    world.services[stable] = replace(world.services[stable], foreign_field="")
    world.run()

    assert world.status.phase == "Healthy"


def test_a_candidate_with_a_field_of_somebody_else_is_not_evaluated() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.kserve_prompt = False
    world.run()
    evaluations = len(world.evaluations)
    changed = replace(world.services[new], foreign_field="spec.predictor.containers")
    world.services[new] = replace(changed, ready=True, endpoint="http://candidate")

    world.run()

    assert len(world.evaluations) == evaluations
    assert world.shares() == {old: 100}


def test_a_record_that_somebody_deleted_is_made_again_while_the_spec_still_says_it() -> None:
    world = World()
    world.deploy()
    stable = world.status.stable
    assert stable is not None
    del world.revisions[stable.revision]

    world.run()

    assert stable.revision in world.revisions
    assert world.status.phase == "Healthy"
