"""What serves is what was measured: the same images, and the same runtime."""

from dataclasses import replace
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.kserve.servers import Server
from mlhops.rollout.intents import EnsureEvaluation
from tests.unit.rollout.test_canary import canary
from tests.unit.rollout.world import SERVER, World

STEPS: list[Json] = [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}]
RUNTIME, IMAGE = SERVER.parts
OTHER_IMAGE = Server((RUNTIME, "kserve-container=sha256:2"))
OTHER_RUNTIME = Server(("ServingRuntime/sklearn=sha256:2", IMAGE))
MIXED = Server((*SERVER.parts, "kserve-container=sha256:2"))
SILENT = Server(doubt="pod p does not say which image agent runs")
NO_RUNTIME = Server(("ClusterServingRuntime/sklearn=gone", IMAGE))
WHY = {
    SILENT: SILENT.doubt,
    MIXED: "its pods differ in kserve-container",
    NO_RUNTIME: "there is no ClusterServingRuntime/sklearn",
}


def answer_with(world: World, service: str, server: Server) -> None:
    """Something else answers for an InferenceService."""
    world.services[service] = replace(world.services[service], server=server)


def test_an_evaluation_and_the_proof_name_what_answered() -> None:
    world = World()
    world.deploy()
    stable = world.status.stable
    assert stable is not None
    assert stable.proof is not None
    assert stable.proof.server == list(SERVER.parts)
    spec = cast(Manifest, world.evaluations[stable.proof.evaluation]["spec"])
    assert spec["server"] == list(SERVER.parts)


@pytest.mark.parametrize(
    ("server", "reason"), [(OTHER_IMAGE, "ServerChanged"), (OTHER_RUNTIME, "RuntimeChanged")]
)
def test_a_candidate_of_which_another_server_answers_starts_over(
    server: Server, reason: str
) -> None:
    world, old, new = canary(STEPS)
    world.run()
    assert world.shares() == {old: 90, new: 10}
    world.evaluator_prompt = False

    answer_with(world, new, server)
    world.run()

    assert world.shares() == {old: 100}
    assert world.candidate.proof is None
    assert world.candidate.attempt == 2
    assert reason in world.told()
    evaluation = world.evaluations[str(world.candidate.evaluation)]
    assert cast(Manifest, evaluation["spec"])["server"] == list(server.parts)


def test_a_server_that_changes_while_it_is_evaluated_has_no_verdict() -> None:
    world, old, new = canary(STEPS)
    world.evaluator_prompt = False
    world.run()
    name = str(world.candidate.evaluation)
    answer_with(world, new, OTHER_IMAGE)
    world.finish(name, EvaluationPhase.SUCCESSFUL)

    world.run()

    assert world.candidate.proof is None
    assert world.candidate.evaluation != name
    assert world.shares() == {old: 100}


@pytest.mark.parametrize("server", [SILENT, MIXED, NO_RUNTIME])
def test_in_doubt_nothing_is_evaluated_and_the_message_says_why(server: Server) -> None:
    world, old, new = canary(STEPS)
    world.kserve_prompt = False
    world.run()
    answer_with(world, new, server)
    world.set_service(new, ready=True)

    world.run()

    assert not [i for i in world.plan().after if isinstance(i, EnsureEvaluation)]
    assert world.candidate.evaluation is None
    assert world.shares() == {old: 100}
    assert world.status.message.endswith(f"waiting for an Evaluation: {WHY[server]}")


def test_in_doubt_a_weight_is_kept_and_not_raised() -> None:
    world, old, new = canary([{"setWeight": 10}, {"pause": {"duration": "5m"}}])
    world.run()
    answer_with(world, new, SILENT)
    world.wait(600)

    assert world.shares() == {old: 90, new: 10}
    assert "nobody knows whether what answers" in world.status.message

    answer_with(world, new, SERVER)
    world.run()
    assert world.shares() == {new: 100}


@pytest.mark.parametrize(
    ("server", "reason"), [(OTHER_IMAGE, "ServerChanged"), (OTHER_RUNTIME, "RuntimeChanged")]
)
def test_what_serves_without_having_been_measured_serves_on_and_is_told(
    server: Server, reason: str
) -> None:
    world = World()
    stable = world.service_of(world.deploy())

    answer_with(world, stable, server)
    world.run()
    world.run()

    assert world.shares() == {stable: 100}
    assert world.status.phase == "Degraded"
    assert "1.0.0 serves, but not as it was measured" in world.status.message
    conditions = {each.type: each for each in world.status.conditions}
    assert conditions["Ready"].reason == conditions["ServerMeasured"].reason == reason
    assert conditions["ServerMeasured"].status == "False"
    assert world.told().count(reason) == 1

    answer_with(world, stable, SERVER)
    world.run()
    assert world.status.phase == "Healthy"
    conditions = {each.type: each for each in world.status.conditions}
    assert conditions["ServerMeasured"].status == "True"


def test_a_runtime_that_kserve_does_not_name_is_a_doubt_and_no_change() -> None:
    world = World()
    stable = world.service_of(world.deploy())
    images = tuple(part for part in SERVER.parts if "/" not in part)

    answer_with(world, stable, OTHER_RUNTIME)
    world.run()
    answer_with(world, stable, Server(images))
    world.run()

    conditions = {each.type: each for each in world.status.conditions}
    assert conditions["ServerMeasured"].status == "Unknown"
    assert "does not say which runtime" in conditions["ServerMeasured"].message
    assert world.status.phase == "Healthy"


def test_another_version_goes_on_beside_a_stable_one_whose_server_has_changed() -> None:
    world, old, new = canary(STEPS)
    answer_with(world, old, OTHER_IMAGE)
    world.run()

    assert world.shares() == {old: 90, new: 10}
    assert "1.0.0 serves, not as it was measured" in world.status.message


def test_going_back_to_another_server_than_was_measured_takes_new_gates() -> None:
    for server in (OTHER_IMAGE, OTHER_RUNTIME, SILENT):
        world = World()
        old = world.service_of(world.deploy())
        new = world.service_of(world.deploy("2.0.0"))
        answer_with(world, old, server)
        world.evaluator_prompt = False

        world.release("1.0.0")
        world.run()

        assert world.shares() == {new: 100}
        assert "FastRolledBack" not in world.told()


def forget_servers(world: World, of: str) -> None:
    """An operator has written all of it that did not record what answered."""
    status = cast(Manifest, world.manifest["status"])
    known = cast(Manifest, status[of])
    proof = {k: v for k, v in cast(Manifest, known["proof"]).items() if k != "server"}
    world.manifest = {
        **world.manifest,
        "status": {**status, of: {**known, "proof": cast(Json, proof)}},
    }
    for name, each in world.evaluations.items():
        spec = {k: v for k, v in cast(Manifest, each["spec"]).items() if k != "server"}
        world.evaluations[name] = {**each, "spec": spec}


def test_a_rollout_that_an_earlier_operator_began_goes_on() -> None:
    world, old, new = canary([{"setWeight": 10}, {"pause": {"duration": "5m"}}])
    world.run()
    forget_servers(world, "candidate")

    world.run()
    proof = world.candidate.proof
    assert proof is not None
    assert proof.server == list(SERVER.parts)
    assert world.shares() == {old: 90, new: 10}

    world.wait(600)
    assert world.shares() == {new: 100}


def test_what_an_earlier_operator_has_measured_counts_as_it_is_first_seen() -> None:
    world = World()
    stable = world.service_of(world.deploy())
    forget_servers(world, "stable")

    world.run()

    found = world.status.stable
    assert found is not None
    assert found.proof is not None
    assert found.proof.server == list(SERVER.parts)
    assert world.told().count("ServerRecorded") == 1
    answer_with(world, stable, OTHER_IMAGE)
    world.run()
    assert world.status.phase == "Degraded"


def test_a_pod_of_somebody_elses_behind_what_serves_is_told_and_stops_new_traffic() -> None:
    world, old, new = canary(STEPS)
    world.services[old] = replace(world.services[old], foreign_pod="rogue")
    world.run()

    assert world.shares() == {old: 100}
    assert world.status.phase == "Degraded"
    assert "pod rogue gets requests for InferenceService" in world.status.message
    stalled = next(each for each in world.status.conditions if each.type == "Stalled")
    assert stalled.reason == "ForeignPod"

    world.services[old] = replace(world.services[old], foreign_pod="")
    world.run()
    assert world.shares() == {old: 90, new: 10}


def test_what_was_changed_about_the_version_before_is_not_told_of_the_next() -> None:
    world = World()
    old = world.service_of(world.deploy())
    answer_with(world, old, OTHER_IMAGE)
    world.run()
    world.deploy("2.0.0")

    assert world.status.phase == "Healthy"
    assert "not as it was measured" not in "".join(
        event.message for event in world.events if event.message.startswith("2.0.0")
    )


def test_a_doubt_hides_nothing_that_is_known_to_be_another() -> None:
    world = World()
    stable = world.service_of(world.deploy())
    answer_with(world, stable, Server((IMAGE,), doubt="may not read runtimes"))
    world.run()
    assert world.status.phase == "Healthy"

    answer_with(world, stable, Server(("kserve-container=sha256:2",), doubt="may not read them"))
    world.run()
    assert world.status.phase == "Degraded"
    assert "kserve-container=sha256:2 was not measured" in world.status.message


@pytest.mark.parametrize("change", [{"foreign_pod": "rogue"}, {"foreign_field": "spec.x"}])
def test_going_back_to_what_somebody_has_touched_is_not_instant(change: dict[str, str]) -> None:
    world = World()
    old = world.service_of(world.deploy())
    new = world.service_of(world.deploy("2.0.0"))
    world.services[old] = replace(world.services[old], **change)  # type: ignore[arg-type]

    world.release("1.0.0")
    world.run()

    assert world.shares() == {new: 100}
    assert "FastRolledBack" not in world.told()
