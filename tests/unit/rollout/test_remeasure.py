"""What serves is measured again: when its gates change, when a person asks, by a schedule."""

from dataclasses import replace
from datetime import timedelta

import pytest

from mlhops.api.base import Json
from mlhops.api.conditions import Condition
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import Serving
from mlhops.rollout.cleanup import MEASUREMENTS_KEPT
from mlhops.rollout.intents import EnsureEvaluation
from tests.unit.rollout.world import GATE, World

DAY = 86_400
FAILED, INCONCLUSIVE = EvaluationPhase.FAILED, EvaluationPhase.INCONCLUSIVE
ERROR, SUCCESSFUL = EvaluationPhase.ERROR, EvaluationPhase.SUCCESSFUL


def serving(**changes: Json) -> World:
    """A world in which 1.0.0 serves, and no evaluator answers any more."""
    world = World(steps=[], **changes)
    world.deploy()
    world.evaluator_prompt = False
    return world


def stable(world: World) -> Serving:
    """What serves."""
    assert world.status.stable is not None
    return world.status.stable


def gates(world: World) -> Condition:
    """The condition that tells of the gates."""
    (found,) = [one for one in world.status.conditions if one.type == "GatesPassed"]
    return found


def measured(world: World, phase: EvaluationPhase, gate: EvaluationPhase | None = None) -> None:
    """Let the measurement that is under way come to a verdict."""
    world.run()
    measuring = stable(world).measuring
    assert measuring is not None
    said: list[Json] | None = [{"name": GATE, "phase": gate.value}] if gate is not None else None
    world.finish(measuring.evaluation, phase, said)
    world.run()


def test_gates_that_change_while_a_version_serves_are_unknown_at_once_and_measured() -> None:
    world = serving()
    before = world.shares()

    world.edit({"spec.evaluation.gates.0.limit": 0.05})
    world.reconcile()
    assert (gates(world).status, gates(world).reason) == ("Unknown", "GatesChanged")

    measured(world, SUCCESSFUL)

    assert (gates(world).status, gates(world).reason) == ("True", "Successful")
    again = stable(world).remeasured
    assert again is not None
    assert (again.why, again.gates_hash) == ("GatesChanged", stable(world).gates_hash)
    proof = stable(world).proof
    assert proof is not None
    assert proof.evaluation != again.evaluation, "the proof stays what it was"
    assert len(world.status.history) == 1
    assert world.shares() == before


def test_gates_that_are_put_back_are_those_of_the_proof_again() -> None:
    world = serving()
    world.edit({"spec.evaluation.gates.0.limit": 0.05})
    world.run()
    asked = stable(world).measuring

    world.edit({"spec.evaluation.gates.0.limit": 0.1})
    world.run()

    assert (gates(world).status, gates(world).reason) == ("True", "Successful")
    assert asked is not None
    assert asked.evaluation not in world.evaluations, "nobody waits for its verdict"


def test_gates_that_failed_do_not_pass_by_the_older_proof_after_a_way_around() -> None:
    world = serving()
    world.decide(Action.EVALUATE)
    measured(world, FAILED)
    world.edit({"spec.evaluation.gates.0.limit": 0.2})
    measured(world, SUCCESSFUL)

    world.edit({"spec.evaluation.gates.0.limit": 0.1})
    world.run()
    assert (gates(world).status, gates(world).reason) == ("Unknown", "GatesChanged")

    measured(world, FAILED)
    assert (gates(world).status, gates(world).reason) == ("False", "Failed")


def test_what_serves_is_not_measured_while_its_server_is_not_as_it_should_be() -> None:
    world = serving()
    name = world.service_of(stable(world).revision)
    world.decide(Action.EVALUATE)
    world.services[name] = replace(world.services[name], current=False)

    assert not any(isinstance(one, EnsureEvaluation) for one in world.plan().after)

    world.run()
    assert sum("-r" in name for name in world.evaluations) == 1


def test_what_an_earlier_operator_left_is_told_of_and_not_measured_by_itself() -> None:
    world = serving()
    status = {**world.status.to_json()}
    serves = {k: v for k, v in stable(world).to_json().items() if k not in ("gatesHash", "seen")}
    world.manifest = {**world.manifest, "status": {**status, "stable": serves}}
    world.edit({"spec.evaluation.gates.0.limit": 0.05})
    world.run()

    assert stable(world).measuring is None
    assert (gates(world).status, gates(world).reason) == ("Unknown", "GatesChanged")
    assert f"decide Evaluate on revision {stable(world).revision}" in gates(world).message


def test_a_person_has_what_serves_measured_again() -> None:
    world = serving()

    name = world.decide(Action.EVALUATE)
    measured(world, FAILED)

    assert world.answer_to(name)[0] == "Honoured"
    assert (gates(world).status, gates(world).reason) == ("False", "Failed")
    assert world.status.phase == "Degraded"
    assert "no longer passes its gates" in world.status.message
    assert world.told().count("StableFailed") == 1
    assert [d.action for d in stable(world).deciders] == [Action.EVALUATE]
    assert world.shares() == {world.service_of(stable(world).revision): 100}


def test_a_measurement_is_asked_for_once_however_often_it_is_decided() -> None:
    world = serving()
    for _ in range(3):
        world.decide(Action.EVALUATE)
    world.run()

    assert sum("-r" in name for name in world.evaluations) == 1


def test_a_candidate_is_not_measured_again_by_evaluate() -> None:
    world = serving()
    world.release("2.0.0")
    world.run()

    name = world.decide(Action.EVALUATE)
    world.run()

    assert world.answer_to(name)[0] == "Ignored"
    assert "decide Retry" in world.answer_to(name)[1]


def test_what_serves_is_not_measured_while_a_candidate_is() -> None:
    world = serving()
    serves = stable(world).revision
    world.release("2.0.0")
    world.run()
    world.decide(Action.EVALUATE, serves)
    world.run()
    assert not any("-r" in name for name in world.evaluations)

    world.finish(world.candidate.evaluation or "", FAILED)
    world.run()

    (name,) = [name for name in world.evaluations if "-r" in name]
    assert serves in name


def test_a_measurement_in_error_changes_no_verdict() -> None:
    world = serving()
    world.decide(Action.EVALUATE)
    measured(world, ERROR)

    assert (gates(world).status, gates(world).reason) == ("True", "Successful")
    assert "could not measure it again" in gates(world).message
    assert "EvaluationError" in world.told()


def test_a_verdict_on_another_server_is_none() -> None:
    world = serving()
    world.decide(Action.EVALUATE)
    world.run()
    name = stable(world).measuring
    assert name is not None
    made = {**world.evaluations[name.evaluation]}
    spec = made["spec"]
    assert isinstance(spec, dict)
    made["spec"] = {**spec, "server": ["kserve-container=sha256:other"]}
    world.evaluations[name.evaluation] = made

    measured(world, SUCCESSFUL)

    assert stable(world).remeasured is None
    tried = stable(world).measuring
    assert tried is not None
    assert "another server" in tried.message


def test_a_schedule_measures_what_serves_every_so_often_and_no_more() -> None:
    world = serving(**{"spec.evaluation.every": "24h"})
    world.evaluator_prompt = True

    world.wait(3 * DAY + 60)

    assert sum("-r" in name for name in world.evaluations) == 3
    again = stable(world).remeasured
    assert again is not None
    assert again.why == "Schedule"
    assert len(world.status.history) == 1


def test_a_scheduled_measurement_that_fails_is_tried_again_at_the_next_interval_only() -> None:
    world = serving(**{"spec.evaluation.every": "24h"})
    world.evaluator_prompt, world.verdict = True, ERROR

    world.wait(2 * DAY + 60)

    assert sum("-r" in name for name in world.evaluations) == 2


def test_a_clock_that_jumps_does_not_storm() -> None:
    world = serving(**{"spec.evaluation.every": "24h"})
    world.evaluator_prompt = True
    world.now += timedelta(days=365)
    world.run()
    assert sum("-r" in name for name in world.evaluations) == 1

    world.now -= timedelta(days=365)
    world.run()
    world.wait(60)
    assert sum("-r" in name for name in world.evaluations) == 1, "it is not due by this clock"

    world.wait(DAY)
    assert sum("-r" in name for name in world.evaluations) == 2


@pytest.mark.parametrize("verdict", [SUCCESSFUL, ERROR])
def test_a_version_that_serves_since_a_time_to_come_is_measured_once_an_interval(
    verdict: EvaluationPhase,
) -> None:
    world = serving()
    world.evaluator_prompt, world.verdict = True, verdict
    world.now -= timedelta(days=2)  # the clock was ahead, and is put right
    world.edit({"spec.evaluation.every": "1h"})

    world.run()
    assert sum("-r" in name for name in world.evaluations) == 1

    world.wait(2 * 3600 + 60)
    assert sum("-r" in name for name in world.evaluations) == 3


def test_only_the_newest_measurements_are_kept() -> None:
    world = serving(**{"spec.evaluation.every": "1h"})
    world.evaluator_prompt = True

    world.wait((MEASUREMENTS_KEPT + 3) * 3600)

    kept = [name for name in world.evaluations if "-r" in name]
    assert len(kept) == MEASUREMENTS_KEPT + 1
    assert f"{world.service_of(stable(world).revision)}-1" in world.evaluations


def on_an_override(lasts: float = 1000) -> World:
    """A world in which 1.0.0 serves on an override."""
    world = World(steps=[])
    world.verdict = INCONCLUSIVE
    world.run()
    world.override(lasts)
    world.run()
    world.evaluator_prompt = False
    assert world.status.phase == "Healthy"
    return world


def phase(world: World) -> str:
    """How it is with the override on which what serves rests."""
    return world.status.override.phase if world.status.override is not None else ""


def test_the_end_of_an_override_is_told_before_and_when_it_has_come() -> None:
    world = on_an_override(1000)
    assert phase(world) == "Holds"

    world.wait(901)
    assert phase(world) == "Ending"
    assert world.told().count("OverrideEnds") == 1

    world.wait(100)
    assert phase(world) == "Ended"
    assert world.told().count("OverrideExpired") == 1
    assert (gates(world).status, gates(world).reason) == ("Unknown", "OverrideExpired")


@pytest.mark.parametrize("waits", [10, 2000])
def test_an_override_of_what_serves_is_renewed_by_another_one(waits: float) -> None:
    world = on_an_override(1000)
    world.wait(waits)

    name = world.decide(Action.OVERRIDE, gates=[GATE])
    world.run()

    assert world.answer_to(name)[0] == "Honoured"
    assert (gates(world).status, gates(world).reason) == ("True", "Overridden")
    assert world.status.override is not None
    assert world.status.override.expires is not None
    assert world.status.override.expires - world.now <= timedelta(days=30)
    assert [d.decision for d in stable(world).deciders] == [name]


def test_a_renewal_for_other_gates_than_those_of_now_is_ignored() -> None:
    world = on_an_override(1000)
    name = world.decide(Action.OVERRIDE, gates=[GATE], gatesHash="0" * 64)
    world.run()

    assert world.answer_to(name)[0] == "Ignored"
    assert "status.stable shows now" in world.answer_to(name)[1]


def test_a_measurement_that_passes_ends_the_need_for_an_override() -> None:
    world = on_an_override(1000)
    world.decide(Action.EVALUATE)
    measured(world, SUCCESSFUL)
    world.wait(2000)

    assert (gates(world).status, gates(world).reason) == ("True", "Successful")
    assert world.status.override is None


def test_the_same_verdict_again_leaves_an_override_as_it_is() -> None:
    world = on_an_override(1000)
    world.decide(Action.EVALUATE)
    measured(world, INCONCLUSIVE)

    assert (gates(world).status, gates(world).reason) == ("True", "Overridden")
    world.wait(1001)
    assert (gates(world).status, gates(world).reason) == ("Unknown", "OverrideExpired")


def test_a_gate_that_failed_is_overridden_only_by_who_says_so() -> None:
    world = serving()
    world.decide(Action.EVALUATE)
    measured(world, FAILED)

    quiet = world.decide(Action.OVERRIDE, gates=[GATE])
    world.run()
    assert world.answer_to(quiet)[0] == "Ignored"
    assert gates(world).status == "False"

    world.decide(Action.OVERRIDE, gates=[GATE], failed=True)
    world.run()
    assert (gates(world).status, gates(world).reason) == ("True", "Overridden")
    assert world.status.phase == "Healthy"


def twice(**changes: Json) -> World:
    """A world in which 2.0.0 has taken over from 1.0.0, and is to be restored when it fails."""
    changes = {"spec.evaluation.onStableFailure": "Restore", **changes}
    world = serving(**changes)
    world.evaluator_prompt = True
    world.deploy("2.0.0")
    world.evaluator_prompt = False
    return world


def test_what_fails_makes_room_for_the_previous_where_that_is_proven() -> None:
    world = twice()
    world.decide(Action.EVALUATE)
    measured(world, FAILED)

    assert stable(world).version == "1.0.0"
    assert world.status.history[-1].outcome == "FastRolledBack"
    assert world.status.rolled_back is not None
    assert world.status.rolled_back.reason == "Restored"
    assert world.status.candidate is None
    assert world.status.phase == "Degraded"
    assert world.shares() == {world.service_of(stable(world).revision): 100}


def test_nothing_unproven_is_restored() -> None:
    world = twice()
    world.edit({"spec.evaluation.gates.0.limit": 0.05})
    measured(world, FAILED)

    assert stable(world).version == "2.0.0"
    assert "1.0.0 was not measured by the gates of now" in world.status.message
    assert world.status.phase == "Degraded"


def test_nothing_that_is_not_well_is_restored() -> None:
    world = twice()
    assert world.status.previous is not None
    world.kserve_prompt = False
    world.set_service(world.status.previous.inference_service, None)
    world.decide(Action.EVALUATE)
    measured(world, FAILED)

    assert stable(world).version == "2.0.0"
    assert "its model server is not ready" in world.status.message


def test_a_failure_is_only_told_of_by_default() -> None:
    world = twice(**{"spec.evaluation.onStableFailure": "Alert"})
    world.decide(Action.EVALUATE)
    measured(world, FAILED)

    assert stable(world).version == "2.0.0"
