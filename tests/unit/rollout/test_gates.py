"""Gates decide: what passes, what fails, what nobody can tell, and what a person may override."""

import math
from datetime import timedelta

import pytest
from pydantic import ValidationError

from mlhops.api.base import Json
from mlhops.api.decision import Action
from mlhops.api.evaluation import Evaluation, EvaluationPhase
from testkit.builders import at_path
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, canary, history_of
from tests.unit.rollout.world import ADA, GATE, World


def stuck(phase: EvaluationPhase) -> tuple[World, str, str]:
    """A canary whose gates come to this verdict."""
    world, old, new = canary(TEN_AND_PAUSE)
    world.verdict = phase
    world.run()
    return world, old, new


def test_a_failed_gate_stops_the_candidate_before_any_traffic() -> None:
    world, old, new = stuck(EvaluationPhase.FAILED)

    assert world.shares() == {old: 100}
    assert new not in world.services
    assert world.candidate.failure is not None
    assert world.candidate.failure.message == "gap is Failed"
    assert history_of(world)[-1] == ("2.0.0", "RolledBack")
    assert world.status.history[-1].evaluation == f"{new}-1"
    assert world.told().count("GatesFailed") == 1


@pytest.mark.parametrize(
    ("phase", "reason"),
    [
        (EvaluationPhase.INCONCLUSIVE, "GatesInconclusive"),
        (EvaluationPhase.ERROR, "EvaluationError"),
    ],
)
def test_a_verdict_that_cannot_tell_waits_at_weight_0_for_ever(
    phase: EvaluationPhase, reason: str
) -> None:
    world, old, _ = stuck(phase)

    world.wait(30 * 86_400)

    assert world.shares() == {old: 100}
    assert world.status.phase == "Paused"
    assert world.pause == reason
    assert world.told().count(reason) == 1


SUCCESS: dict[str, Json] = {"name": GATE, "phase": "Successful", "estimate": 0.01}


@pytest.mark.parametrize(
    "gates",
    [
        [],
        [{"name": "another", "phase": "Successful"}],
        [SUCCESS, {"name": GATE, "phase": "Failed", "estimate": 0.4}],
        [{"name": GATE, "phase": "Running"}],
    ],
    ids=["no gate", "another gate", "two minds", "unfinished"],
)
def test_success_without_a_sound_verdict_on_each_required_gate_is_no_success(
    gates: list[Json],
) -> None:
    world, old, _ = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()

    world.finish(world.candidate.evaluation or "", EvaluationPhase.SUCCESSFUL, gates)
    world.run()

    assert world.shares() == {old: 100}
    assert world.pause == "GatesInconclusive"
    assert world.candidate.pause is not None
    assert GATE in world.candidate.pause.message


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_report_with_a_number_that_is_none_cannot_even_be_read(number: float) -> None:
    world, _, new = canary(TEN_AND_PAUSE)
    world.run()

    world.finish(
        f"{new}-1",
        EvaluationPhase.SUCCESSFUL,
        [{"name": GATE, "phase": "Successful", "estimate": number}],
    )

    with pytest.raises(ValidationError, match="finite"):
        Evaluation.model_validate(world.evaluations[f"{new}-1"])


def test_an_evaluation_that_never_reports_gives_no_traffic() -> None:
    world, old, _ = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False

    world.wait(30 * 86_400)

    assert world.shares() == {old: 100}
    assert world.candidate.proof is None
    assert "is under way" in world.status.message


@pytest.mark.parametrize("told", ["True", "False", None])
def test_the_proof_says_whether_the_model_goes_by_names(told: str | None) -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()
    (name,) = [n for n, each in world.evaluations.items() if "status" not in each]
    world.finish(name, EvaluationPhase.SUCCESSFUL)
    status = world.evaluations[name]["status"]
    assert isinstance(status, dict)
    status["honoursNames"] = told

    world.run()

    assert world.candidate.proof is not None
    assert world.candidate.proof.honours_names == told


def test_an_advisory_gate_blocks_nothing() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.edit(
        {
            "spec.evaluation.gates.-": {
                "name": "good-enough",
                "type": "Performance",
                "metric": "AUROC",
                "limit": 0.7,
                "required": False,
            }
        }
    )
    world.run()

    assert world.shares() == {old: 90, new: 10}


def test_another_place_for_reports_starts_nothing_over() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    assert world.shares() == {old: 90, new: 10}

    world.edit({"spec.evaluation.report": {"uri": "s3://elsewhere"}})
    world.run()

    assert world.shares() == {old: 90, new: 10}
    assert world.candidate.attempt == 1


def test_a_model_that_is_watched_has_its_profile_made_by_the_evaluation_of_its_attempt() -> None:
    steps: list[Json] = [{"setWeight": 10}, {"evaluate": {}}, {"pause": {}}]
    world, _, new = canary(steps)
    world.edit({"spec.monitoring": {"policyRef": {"name": "ward"}}})

    world.run()

    asked = {name: at_path(made, "spec.profile") for name, made in world.evaluations.items()}
    assert asked[f"{new}-1"] is True
    assert asked[f"{new}-1-s1"] is False


def test_a_policy_that_is_named_later_starts_nothing_over() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()

    world.edit({"spec.monitoring": {"policyRef": {"name": "ward"}}})
    world.run()

    assert world.shares() == {old: 90, new: 10}
    assert world.candidate.attempt == 1


def test_an_override_lets_an_inconclusive_gate_pass_and_names_who_did_it() -> None:
    world, old, new = stuck(EvaluationPhase.INCONCLUSIVE)

    name = world.override(3600)
    world.run()
    assert world.shares() == {old: 90, new: 10}
    assert world.answer_to(name)[0] == "Honoured"
    assert "GatesOverridden" in world.told()

    world.decide(Action.RESUME)
    world.run()

    entry = world.status.history[-1]
    assert (entry.version, entry.overridden) == ("2.0.0", [GATE])
    assert [d.decided_by for d in entry.deciders if d.action is Action.OVERRIDE] == [ADA]
    (decider,) = [d for d in entry.deciders if d.action is Action.OVERRIDE]
    assert (decider.reason, decider.gates) == ("seen with the ward", [GATE])
    assert decider.expires == world.now + timedelta(seconds=3600)
    assert world.status.message == (
        f"2.0.0 serves all requests (gates overridden: {GATE}, until 2030-01-01T09:00:00Z)"
    )


def overridden_and_promoted() -> World:
    """A world in which 2.0.0 serves on an override that lasts an hour."""
    world, _, _ = stuck(EvaluationPhase.INCONCLUSIVE)
    world.override(3600)
    world.run()
    world.decide(Action.PROMOTE)
    world.run()
    return world


def test_an_override_that_ends_while_its_revision_serves_is_still_shown() -> None:
    world = overridden_and_promoted()
    shares = world.shares()

    world.wait(3601)

    said = f"gates overridden: {GATE}, which expired 2030-01-01T09:00:00Z"
    assert world.shares() == shares
    assert said in world.status.message
    (condition,) = [c for c in world.status.conditions if c.type == "GatesPassed"]
    assert (condition.status, condition.reason) == ("Unknown", "OverrideExpired")
    assert said in condition.message
    assert "decide Override or Evaluate" in condition.message
    assert world.told().count("OverrideExpired") == 1
    assert world.status.stable is not None
    assert world.status.stable.proof is not None
    assert world.status.stable.proof.overridden == [GATE]


@pytest.mark.parametrize("verdict", [EvaluationPhase.SUCCESSFUL, EvaluationPhase.FAILED])
def test_what_was_overridden_is_shown_while_another_version_comes(
    verdict: EvaluationPhase,
) -> None:
    world = overridden_and_promoted()
    world.verdict = verdict
    world.release("3.0.0")
    world.run()

    assert f"2.0.0 serves, gates overridden: {GATE}, until" in world.status.message


def test_an_override_is_not_shown_of_a_version_that_needed_none() -> None:
    world = overridden_and_promoted()
    world.verdict = EvaluationPhase.SUCCESSFUL
    world.deploy("3.0.0")

    assert "overridden" not in world.status.message


def test_an_override_of_one_revision_is_none_of_the_next() -> None:
    world = overridden_and_promoted()
    shares = world.shares()

    world.release("3.0.0")
    world.run()

    assert world.pause == "GatesInconclusive"
    assert world.shares() == shares


def test_an_override_that_ends_in_mid_rollout_takes_all_traffic_back() -> None:
    world, old, new = stuck(EvaluationPhase.INCONCLUSIVE)
    world.override(120)
    world.wait(119)
    assert world.shares() == {old: 90, new: 10}

    world.wait(2)

    assert world.shares() == {old: 100}
    assert (world.candidate.attempt, world.candidate.step) == (2, "1/2")
    assert world.pause == "GatesInconclusive"
    assert "OverrideExpired" in world.told()
    assert history_of(world)[-1] == ("2.0.0", "Superseded")
    assert world.status.history[-1].overridden == [GATE]


def test_an_override_that_is_withdrawn_ends_at_once() -> None:
    world, old, _ = stuck(EvaluationPhase.INCONCLUSIVE)
    name = world.override(3600)
    world.run()

    del world.decisions[name]
    world.run()

    assert world.shares() == {old: 100}


def test_an_override_that_is_prolonged_in_time_changes_nothing() -> None:
    world, old, new = stuck(EvaluationPhase.INCONCLUSIVE)
    world.override(120)
    world.wait(60)
    world.override(3600)

    world.wait(600)

    assert world.shares() == {old: 90, new: 10}
    assert world.candidate.attempt == 1


def test_approvals_given_under_an_override_do_not_outlive_it() -> None:
    world, old, _ = canary([{"setWeight": 10}, {"approve": {}}, {"pause": {}}])
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.run()
    world.override(120)
    world.run()
    world.decide(Action.APPROVE)
    world.wait(200)
    assert world.shares() == {old: 100}

    world.override(3600)
    world.run()

    assert world.pause == "ApprovalRequired"


def test_an_override_at_an_evaluate_step_that_ends_takes_all_traffic_back() -> None:
    world, old, new = canary([{"setWeight": 10}, {"evaluate": {}}, {"pause": {}}])
    world.evaluator_prompt = False
    world.run()
    world.finish(f"{new}-1", EvaluationPhase.SUCCESSFUL)
    world.run()
    world.finish(f"{new}-1-s1", EvaluationPhase.INCONCLUSIVE)
    world.override(120)
    world.wait(100)
    assert world.candidate.step == "3/3"
    assert world.candidate.proof is not None
    assert world.candidate.proof.overridden == [GATE]

    world.wait(21)

    assert world.shares() == {old: 100}
    assert world.candidate.attempt == 2


@pytest.mark.parametrize("gates", [["another"], [GATE, "another"]], ids=["only", "also"])
def test_an_override_that_names_a_wrong_gate_has_no_effect(gates: list[str]) -> None:
    world, old, _ = stuck(EvaluationPhase.INCONCLUSIVE)

    name = world.override(3600, gates)
    world.run()

    assert world.shares() == {old: 100}
    phase, message = world.answer_to(name)
    assert phase == "Ignored"
    assert message == f"there is no gate another: name one of {GATE}"


def test_an_override_of_another_revision_or_of_an_earlier_life_has_no_effect() -> None:
    world, old, _ = stuck(EvaluationPhase.INCONCLUSIVE)
    earlier = world.override(3600)
    world.run()
    world.release("1.0.0")
    world.wait(2)

    world.release("2.0.0")
    world.run()

    assert world.shares() == {old: 100}
    assert world.candidate.pause is not None
    assert world.answer_to(earlier)[0] == "Honoured"


def test_an_override_that_came_too_late_is_ignored() -> None:
    world, old, _ = stuck(EvaluationPhase.INCONCLUSIVE)

    name = world.override(-1)
    world.run()

    said = "it has expired (2030-01-01T07:59:59Z): decide again, with a later expires"
    assert world.answer_to(name) == ("Ignored", said)
    assert world.shares() == {old: 100}


def test_retry_after_an_error_measures_again() -> None:
    world, old, new = stuck(EvaluationPhase.ERROR)
    world.verdict = EvaluationPhase.SUCCESSFUL

    world.decide(Action.RETRY)
    world.run()

    assert world.shares() == {old: 90, new: 10}
    assert world.candidate.attempt == 2
    assert world.candidate.evaluation == f"{new}-2"


def test_gates_that_change_in_mid_rollout_start_over() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    assert world.shares() == {old: 90, new: 10}
    world.evaluator_prompt = False

    world.edit({"spec.evaluation.gates.0.limit": 0.05})
    world.run()

    assert world.shares() == {old: 100}
    assert world.candidate.attempt == 2
    assert new in world.services
    assert world.told().count("GatesChanged") == 2, "of the candidate, and of what serves"


def test_gates_that_change_while_they_are_measured_are_not_waited_for() -> None:
    world, _, new = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()

    world.edit({"spec.evaluation.data.uri": "pvc://held-out/new.parquet"})
    world.run()

    assert world.candidate.evaluation == f"{new}-2"


def test_an_evaluation_that_is_deleted_in_mid_rollout_starts_over() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    world.evaluator_prompt = False

    del world.evaluations[f"{new}-1"]
    world.run()

    assert world.shares() == {old: 100}
    assert world.candidate.evaluation == f"{new}-2"


@pytest.mark.parametrize(
    "phase", [EvaluationPhase.INCONCLUSIVE, EvaluationPhase.ERROR, EvaluationPhase.RUNNING]
)
def test_a_verdict_that_is_taken_back_takes_the_traffic_back(phase: EvaluationPhase) -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    world.evaluator_prompt = False

    world.finish(f"{new}-1", phase)
    world.run()

    assert world.shares() == {old: 100}
    assert world.candidate.attempt == 2


def test_words_of_the_evaluator_are_not_taken_for_the_operators_own() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()

    world.finish(f"{new}-1", EvaluationPhase.ERROR)
    status = world.evaluations[f"{new}-1"]["status"]
    assert isinstance(status, dict)
    status["message"] = "it judges another revision or other gates"
    world.run()

    assert world.candidate.attempt == 1
    assert world.shares() == {old: 100}


def test_a_very_long_message_is_cut_and_written_only_once() -> None:
    world, _, new = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()
    world.finish(f"{new}-1", EvaluationPhase.ERROR)
    status = world.evaluations[f"{new}-1"]["status"]
    assert isinstance(status, dict)
    status["message"] = "x" * 2048
    world.run()
    writes = len(world.writes)

    world.wait(60)
    world.run()

    assert len(world.writes) == writes
    assert world.candidate.pause is not None
    assert len(world.candidate.pause.message) == 1024


def test_an_override_that_was_ignored_stays_ignored_when_its_gate_appears_later() -> None:
    world, old, _ = stuck(EvaluationPhase.INCONCLUSIVE)
    name = world.override(3600, [GATE, "another"])
    world.run()
    gate = world.model.spec.evaluation.gates[0].to_json()

    world.edit({"spec.evaluation.gates.-": {**gate, "name": "another"}})
    world.run()

    assert world.answer_to(name)[0] == "Ignored"
    assert world.shares() == {old: 100}


def test_a_status_that_claims_a_weight_without_proof_gives_none() -> None:
    world, old, _ = stuck(EvaluationPhase.INCONCLUSIVE)
    claims = world.candidate.model_copy(update={"desired_weight": 10})
    status = world.status.model_copy(update={"candidate": claims})
    world.manifest = {**world.manifest, "status": status.to_json()}

    world.run()

    assert world.shares() == {old: 100}


def test_what_an_earlier_candidacy_measured_is_no_evidence_for_a_later_one() -> None:
    world = World(steps=[{"setWeight": 10}, {"pause": {}}])
    world.deploy("1.0.0")
    world.release("2.0.0")
    world.run()
    old = world.candidate.evaluation
    assert old is not None
    hidden = world.evaluations.pop(old)  # somebody took away the label by which it is found
    world.evaluator_prompt = False
    world.release("1.0.0")
    world.run()
    world.now += timedelta(hours=1)
    world.release("2.0.0")
    world.settle()
    assert world.candidate.proof is None
    world.evaluations[old] = hidden
    world.run()
    assert world.candidate.proof is None
    assert world.shares() == {world.status.stable.inference_service: 100}  # type: ignore[union-attr]
