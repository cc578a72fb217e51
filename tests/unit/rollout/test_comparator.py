"""A gate that compares with what serves: who that is, and how it is asked."""

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.decision import Action
from mlhops.api.evaluation import Evaluation, EvaluationPhase, EvaluationSpec
from testkit.builders import with_path, without
from tests.unit.rollout.world import World

NO_WORSE: Json = {
    "name": "no-worse",
    "type": "Performance",
    "metric": "AUROC",
    "nonInferiority": {"margin": 0.05},
    "required": False,
}
STEPS: list[Json] = [{"setWeight": 10}, {"pause": {}}]


def canary(**changes: Json) -> tuple[World, str]:
    """A world in which 1.0.0 serves and 2.0.0 is measured, and the Evaluation."""
    world = World(steps=STEPS, **{"spec.evaluation.gates.-": NO_WORSE})
    world.deploy()
    world.evaluator_prompt = False
    world.edit(changes)
    world.release("2.0.0")
    world.run()
    return world, world.candidate.evaluation or ""


def told(world: World, name: str) -> EvaluationSpec:
    return Evaluation.model_validate(world.evaluations[name]).spec


def test_a_first_deployment_has_nothing_to_be_compared_with() -> None:
    world = World(steps=STEPS, **{"spec.evaluation.gates.-": NO_WORSE})
    world.run()
    (name,) = world.evaluations
    assert told(world, name).stable is None


def test_what_serves_is_named_with_its_address() -> None:
    world, name = canary()
    stable = told(world, name).stable
    assert stable is not None
    assert world.status.stable is not None
    assert (stable.revision, stable.version) == (world.status.stable.revision, "1.0.0")
    assert (
        stable.endpoint == f"http://{world.status.stable.inference_service}-predictor.default.svc"
    )
    assert stable.interface is None


def test_where_no_gate_compares_nobody_is_named() -> None:
    world = World(steps=STEPS)
    world.deploy()
    world.evaluator_prompt = False
    world.release("2.0.0")
    world.run()
    assert told(world, world.candidate.evaluation or "").stable is None


def test_what_serves_is_asked_in_its_own_way() -> None:
    changes: dict[str, Json] = {
        "spec.interface.output.threshold": 0.9,
        "spec.predictor.protocolVersion": "v1",
    }
    world, name = canary(**changes)
    spec = told(world, name)
    assert spec.stable is not None
    assert spec.stable.interface is not None
    assert (spec.interface.output.threshold, spec.stable.interface.output.threshold) == (0.9, 0.4)
    assert (spec.protocol_version, spec.stable.protocol_version) == ("v1", "v2")


def proof_of_stable(world: World) -> str:
    assert world.status.stable is not None
    assert world.status.stable.proof is not None
    return world.status.stable.proof.evaluation


@pytest.mark.parametrize("gone", ["record", "service"])
def test_what_serves_and_cannot_be_asked_is_named_without_an_address(gone: str) -> None:
    world = World(steps=STEPS, **{"spec.evaluation.gates.-": NO_WORSE})
    world.deploy()
    world.evaluator_prompt = world.kserve_prompt = False
    if gone == "record":
        del world.evaluations[proof_of_stable(world)]
    else:
        world.set_service(world.service_of(world.status.stable.revision), ready=False)  # type: ignore[union-attr]
    world.release("2.0.0")
    world.run()
    world.set_service(world.service_of(), ready=True)
    world.run()
    stable = told(world, world.candidate.evaluation or "").stable
    assert stable is not None
    assert (stable.version, stable.endpoint) == ("1.0.0", None)


def test_an_address_that_comes_and_goes_makes_no_verdict_worthless() -> None:
    world, name = canary()
    service = world.status.stable.inference_service  # type: ignore[union-attr]
    world.set_service(service, ready=False)
    world.run()
    assert (world.candidate.evaluation, world.candidate.attempt) == (name, 1)
    world.set_service(service, ready=True)
    world.run()
    assert (world.candidate.evaluation, world.candidate.attempt) == (name, 1)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.stable.revision", "another"),
        ("spec.stable.endpoint", "http://elsewhere"),
        ("spec.stable", None),
    ],
)
def test_a_verdict_against_something_else_than_what_serves_is_none(path: str, value: Json) -> None:
    world, name = canary()
    world.evaluations[name] = changed(world.evaluations[name], path, value)
    world.evaluator_prompt = True
    world.run()
    assert world.candidate.attempt == 2
    assert world.candidate.proof is not None
    assert world.candidate.proof.evaluation != name


def changed(manifest: Manifest, path: str, value: Json) -> Manifest:
    return without(manifest, path) if value is None else with_path(manifest, path, value)


def test_a_required_comparison_that_is_in_error_gives_no_traffic_until_it_is_overridden() -> None:
    world = World(steps=STEPS)
    world.deploy()
    old = world.shares()
    world.evaluator_prompt = False
    world.edit({"spec.evaluation.gates.-": NO_WORSE, "spec.evaluation.gates.1.required": True})
    world.release("2.0.0")
    world.run()
    gates = [gate.name for gate in world.model.spec.evaluation.gates]
    verdicts: list[Json] = [
        {"name": gate, "phase": "Error" if gate == "no-worse" else "Successful"} for gate in gates
    ]
    world.finish(world.candidate.evaluation or "", EvaluationPhase.ERROR, verdicts)
    world.run()
    assert world.shares() == old
    assert world.pause == "EvaluationError"
    world.override(3600, ["no-worse"])
    world.run()
    assert world.candidate.desired_weight == 10
    world.decide(Action.ABORT)
    world.run()
    assert world.shares() == old
