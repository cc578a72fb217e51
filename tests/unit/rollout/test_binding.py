"""A Decision is about what the person saw: revision, gates, steps, and nothing that came later."""

from datetime import timedelta

import pytest

from mlhops.api.base import Json
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from mlhops.rollout.draft import Draft
from testkit.builders import clinical_model
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, canary
from tests.unit.rollout.test_decisions import running
from tests.unit.rollout.world import GATE, NAME, World

FAILED, INCONCLUSIVE = EvaluationPhase.FAILED, EvaluationPhase.INCONCLUSIVE
SUCCESSFUL = EvaluationPhase.SUCCESSFUL
DAY = 86_400


def fairness(name: str) -> Json:
    gates = clinical_model()["spec"]["evaluation"]["gates"]  # type: ignore[index,call-overload]
    return {**gates[0], "name": name}  # type: ignore[index,dict-item]


def latency(name: str) -> Json:
    return {"name": name, "type": "Latency", "metric": "P99", "limit": 0.1}


def told(**phases: EvaluationPhase) -> list[Json]:
    return [{"name": name, "phase": phase.value} for name, phase in phases.items()]


def slow() -> tuple[World, str, str]:
    """A candidate with a fair verdict, and none on how slow it is."""
    gates = [fairness("fair"), latency("slow")]
    world, old, new = canary([{"approve": {}}])
    world.edit({"spec.evaluation.gates": gates})
    world.evaluator_prompt = False
    world.run()
    world.finish(
        world.candidate.evaluation or "", INCONCLUSIVE, told(fair=SUCCESSFUL, slow=INCONCLUSIVE)
    )
    world.run()
    assert world.pause == "GatesInconclusive"
    return world, old, new


def test_an_override_does_not_move_to_another_gate_that_gets_its_name() -> None:
    world, old, _ = slow()
    world.override(3600, ["slow"])
    world.run()
    assert world.pause == "ApprovalRequired"

    gates = [fairness("slow"), latency("latency")]
    world.edit({"spec.evaluation.gates": gates, "spec.rollout.steps": []})
    world.run()
    verdict = told(slow=FAILED, latency=SUCCESSFUL)
    world.finish(world.candidate.evaluation or "", FAILED, verdict)
    world.run()

    assert world.failure == "GatesFailed"
    assert world.shares() == {old: 100}


@pytest.mark.parametrize("verdict", [FAILED, INCONCLUSIVE])
@pytest.mark.parametrize("failed", [False, True])
def test_an_override_covers_what_failed_only_where_it_says_so(
    verdict: EvaluationPhase, failed: bool
) -> None:
    world, _, new = canary([])
    world.evaluator_prompt = False
    world.run()
    world.override(3600, failed=failed)
    world.run()

    world.finish(f"{new}-1", verdict)
    world.run()

    passes = failed or verdict is INCONCLUSIVE
    assert (world.shares().get(new, 0) == 100) is passes


def test_an_override_of_a_gate_that_has_failed_says_what_it_would_have_to_say() -> None:
    world, _, _ = canary([])
    world.verdict = FAILED
    world.run()

    name = world.override(3600)
    world.run()

    assert world.answer_to(name) == (
        "Ignored",
        f"{GATE} Failed, which an Override lets pass only with failed: true",
    )


@pytest.mark.parametrize("given", [{}, {"expires": "2099-01-01T00:00:00Z"}])
def test_an_override_ends_after_thirty_days_at_the_latest(given: dict[str, Json]) -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.verdict = INCONCLUSIVE
    world.run()

    name = world.decide(Action.OVERRIDE, None, gates=[GATE], **given)
    world.run()
    assert "until 2030-01-31T08:00:00Z" in world.answer_to(name)[1]
    world.wait(30 * DAY - 60)
    assert world.shares() == {old: 90, new: 10}

    world.wait(60)
    assert world.shares() == {old: 100}
    assert world.pause == "GatesInconclusive"


@pytest.mark.parametrize("action", [Action.APPROVE, Action.PROMOTE, Action.RESUME, Action.OVERRIDE])
@pytest.mark.parametrize("field", ["digest", "gatesHash", "stepsHash"])
def test_what_lets_a_rollout_go_on_counts_only_for_the_hashes_that_it_names(
    action: Action, field: str
) -> None:
    world, old, new = running()
    candidate = world.candidate
    gates: Json = [GATE]
    given: dict[str, Json] = {"gates": gates} if action is Action.OVERRIDE else {}
    other: Json = "0" * 64

    name = world.decide(action, None, **given, **{field: other})
    world.run()

    phase, message = world.answer_to(name)
    assert phase == "Ignored"
    assert f"{field} (00000000, now " in message
    assert "decide with what status.candidate shows now" in message
    assert world.shares() == {old: 90, new: 10}
    assert candidate.deciders == world.candidate.deciders


def test_a_decision_that_names_what_status_shows_is_honoured_and_recorded_with_it() -> None:
    world, _, new = running()
    seen = world.candidate

    name = world.decide(
        Action.RESUME, digest=seen.digest, gatesHash=seen.gates_hash, stepsHash=seen.steps_hash
    )
    world.run()

    assert world.answer_to(name)[0] == "Honoured"
    assert world.shares() == {new: 100}
    (decider,) = world.status.history[-1].deciders
    assert (decider.digest, decider.gates_hash) == (seen.digest, seen.gates_hash)
    assert decider.steps_hash == seen.steps_hash


@pytest.mark.parametrize("action", [Action.ABORT, Action.REJECT, Action.PAUSE])
def test_what_stops_a_rollout_counts_whatever_hashes_it_names(action: Action) -> None:
    world, _, _ = running()

    name = world.decide(action, gatesHash="0" * 64, stepsHash="0" * 64, digest="0" * 64)
    world.run()

    assert world.answer_to(name)[0] == "Honoured"


def test_a_promotion_that_waits_for_the_gates_is_noted_and_void_when_the_steps_change() -> None:
    world, old, _ = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()
    name = world.decide(Action.PROMOTE)
    world.run()
    assert world.answer_to(name) == ("Pending", "it waits for the gates")

    world.edit({"spec.rollout.steps": [{"setWeight": 10}, {"approve": {}}]})
    world.evaluator_prompt = True
    world.run()

    assert world.answer_to(name)[0] == "Ignored"
    assert world.shares() != {old: 0}
    assert world.pause == "ApprovalRequired"


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_off_ignores_no_approval_and_no_resume(minutes: int) -> None:
    world = World()
    world.ahead = timedelta(minutes=minutes)
    world.deploy("1.0.0")
    world.edit({"spec.rollout.steps": [{"setWeight": 10}, {"pause": {}}, {"approve": {}}]})
    world.release("2.0.0")
    world.run()

    names = []
    for action in (Action.PAUSE, Action.RESUME, Action.RESUME, Action.APPROVE):
        world.now += timedelta(seconds=1)
        names.append(world.decide(action))
        world.run()

    assert [world.answer_to(name)[0] for name in names] == ["Honoured"] * 4
    assert world.status.candidate is None


def test_a_decision_of_an_earlier_life_counts_for_none_however_the_clocks_go() -> None:
    world, old, new = running()
    forgotten = world.decide(Action.PROMOTE)
    kept, world.decisions = world.decisions, {}
    world.release("1.0.0")
    world.run()
    world.ahead = timedelta(hours=-1)
    world.release("2.0.0")
    world.run()

    world.decisions = kept
    world.run()

    assert world.answer_to(forgotten)[0] == "Ignored"
    assert "before" in world.answer_to(forgotten)[1]
    assert world.shares() == {old: 90, new: 10}


def test_of_a_pause_and_a_resume_in_one_second_the_pause_stays_and_the_other_says_why() -> None:
    world, old, new = canary([{"setWeight": 10}, {"pause": {"duration": "5m"}}])
    world.run()

    held, resumed = world.decide(Action.PAUSE), world.decide(Action.RESUME)
    world.wait(3600)

    assert world.answer_to(held)[0] == "Honoured"
    assert "in the same second: decide again" in world.answer_to(resumed)[1]
    assert world.shares() == {old: 90, new: 10}


def test_a_resume_and_an_approval_in_one_second_both_count() -> None:
    world, _, new = canary([{"setWeight": 10}, {"approve": {}}])
    world.run()
    world.decide(Action.PAUSE)
    world.run()
    world.now += timedelta(seconds=1)

    names = [world.decide(Action.APPROVE), world.decide(Action.RESUME)]
    world.run()

    assert [world.answer_to(name)[0] for name in names] == ["Honoured"] * 2
    assert world.shares() == {new: 100}


def test_a_resume_that_was_made_before_a_pause_does_not_end_it_though_both_are_heard_late() -> None:
    world, old, new = running()
    world.decide(Action.RESUME)
    world.decide(Action.PROMOTE)
    world.now += timedelta(seconds=5)
    world.decide(Action.PAUSE)
    world.run()

    assert world.pause == "PausedByPerson"
    assert world.shares() == {old: 90, new: 10}


def test_a_promotion_that_is_noted_while_somebody_pauses_does_not_end_that() -> None:
    world, old, _ = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()
    promotion = world.decide(Action.PROMOTE)

    def pause() -> None:
        world.decide(Action.PAUSE)

    world.now += timedelta(seconds=5)
    world.reconcile(meanwhile=pause)
    assert world.answer_to(promotion)[0] == "Pending"

    world.evaluator_prompt = True
    world.wait(60)

    assert world.answer_to(promotion)[0] == "Ignored"
    assert world.pause == "PausedByPerson"
    assert world.shares() == {old: 100}


def test_a_stop_among_thousands_takes_effect_in_the_first_pass_alone() -> None:
    world, old, _ = running()
    for _ in range(300):
        world.decide(Action.APPROVE)
        world.decide(Action.RESUME, revision="never-was")
    world.now += timedelta(seconds=1)
    stop = world.decide(Action.ABORT)

    decided = world.reconcile()

    assert world.shares() == {old: 100}
    assert world.answer_to(stop)[0] == "Honoured"
    assert len(decided.after) == 1
    assert decided.requeue_after == 0


def test_a_pass_answers_a_few_decisions_and_the_next_is_due_at_once() -> None:
    world, _, _ = running()
    for _ in range(100):
        world.decide(Action.APPROVE)

    decided = world.reconcile()

    assert len(decided.after) == 20
    assert decided.requeue_after == 0


def test_a_status_of_the_operator_before_goes_on_with_the_approval_that_it_has() -> None:
    world, _, new = canary([{"setWeight": 10}, {"approve": {}}, {"setWeight": 50}, {"pause": {}}])
    world.run()
    world.decide(Action.APPROVE)
    world.reconcile()
    world.forget_new_fields()

    world.run()

    assert world.pause == "PauseStep"
    assert world.shares()[new] == 50


def test_of_a_status_of_the_operator_before_nothing_is_passed_where_the_list_has_changed() -> None:
    world, old, new = canary(
        [{"setWeight": 10}, {"approve": {}}, {"setWeight": 50}, {"approve": {}}]
    )
    world.run()
    world.decide(Action.APPROVE)
    world.run()
    assert world.shares()[new] == 50
    world.forget_new_fields()

    world.edit({"spec.rollout.steps": [{"setWeight": 50}, {"approve": {}}]})
    world.wait(600)

    assert world.pause == "ApprovalRequired"
    assert world.shares() == {old: 50, new: 50}


def test_a_pause_that_the_operator_before_heard_goes_on_to_hold() -> None:
    world, old, _ = running()
    world.decide(Action.PAUSE)
    world.run()
    world.forget_new_fields()

    world.wait(600)
    assert world.pause == "PausedByPerson"
    world.release("3.0.0")
    world.run()

    assert world.pause == "PausedByPerson"
    assert world.shares() == {old: 100}


def test_a_pause_that_the_operator_before_heard_holds_a_version_that_comes_with_the_upgrade() -> (
    None
):
    world, old, _ = running()
    world.decide(Action.PAUSE)
    world.run()
    world.forget_new_fields()

    world.release("3.0.0")
    world.wait(600)

    assert world.pause == "PausedByPerson"
    assert world.shares() == {old: 100}


def test_an_override_that_the_operator_before_honoured_goes_on_and_is_noted() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.verdict = INCONCLUSIVE
    world.run()
    name = world.override(40 * DAY)
    world.run()
    world.forget_new_fields()
    world.judge.answered.clear()

    world.run()
    assert world.shares() == {old: 90, new: 10}
    assert world.candidate.attempt == 1
    assert "noted" in world.decisions[name]["status"]  # type: ignore[operator]

    world.edit({"spec.evaluation.seed": 7})
    world.run()
    assert world.shares() == {old: 100}


def test_the_plan_takes_its_hashes_from_the_spec() -> None:
    world, _, _ = running()
    draft = Draft.begin(world.observe(), world.now)

    assert world.candidate.gates_hash == draft.gates_hash
    assert world.candidate.steps_hash == draft.steps_hash
    assert draft.name == NAME
