"""The same facts make the same plan in every process, to the order in which it says things."""

from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from tests.unit.rollout.world import World

GATES = [f"gate-{letter}" for letter in "fbdaec"]


def test_decisions_that_take_effect_together_are_recorded_by_the_names_of_their_gates() -> None:
    world = World(steps=[])
    evaluation = cast(Manifest, cast(Manifest, world.manifest["spec"])["evaluation"])
    gate = cast(Manifest, cast("list[Json]", evaluation["gates"])[0])
    world.edit({"spec.evaluation.gates": [{**gate, "name": name} for name in GATES]})
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.run()
    made = {name: world.override(3600, [name]) for name in GATES}
    world.run()

    used = [decider.decision for decider in world.status.history[-1].deciders]

    assert used == [made[name] for name in sorted(GATES)]
