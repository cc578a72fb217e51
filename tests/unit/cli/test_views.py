"""Views: what is told of a model in each standing, by the operator's own rules."""

from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from mlhops.api.base import Json
from mlhops.api.decision import Action
from mlhops.api.status import Taken
from mlhops.api.step import VERBS, Verbs
from mlhops.cli.exits import Exit, of_answers
from mlhops.cli.views.answer import Answer, answer_of
from mlhops.cli.views.fleet import fleet
from mlhops.cli.views.gates import counts_classes
from mlhops.cli.views.model import model_view
from mlhops.cli.views.remedies import REMEDIES, Party
from mlhops.cli.views.steps import LIVE_STEPS, StepState, steps, written
from mlhops.cli.views.waiting import pause_ends, waiting
from mlhops.rollout.reasons import Reason
from mlhops.rollout.steps.registry import handler_for
from mlhops.rollout.traffic import taken
from testkit.builders import with_path
from testkit.standings import (
    NEW,
    NOW,
    OLD,
    STANDINGS,
    STEPS,
    a_decision,
    an_evaluation,
    candidate,
    model,
    paused,
    proof,
)

RUNBOOKS = Path(__file__).resolve().parents[3] / "docs/runbooks"
WAITS: dict[str, tuple[Answer, Party | None, str, tuple[str, ...]]] = {
    "not looked at": (Answer.UNDECIDED, Party.OPERATOR, "", ()),
    "healthy": (Answer.WELL, None, "", ()),
    "first version is measured": (Answer.UNDECIDED, Party.EVALUATOR, "RolloutInProgress", ()),
    "timed pause": (Answer.UNDECIDED, Party.TIME, "PauseStep", ("resume", "promote", "abort")),
    "approval": (Answer.UNDECIDED, Party.DECIDER, "ApprovalRequired", ("approve", "reject")),
    "too few requests": (
        *(Answer.UNDECIDED, Party.REQUESTS, "NotEnoughTraffic"),
        ("promote", "abort"),
    ),
    "paused by spec": (Answer.UNDECIDED, Party.EDITOR, "PausedBySpec", ("abort",)),
    "inconclusive": (
        *(Answer.UNDECIDED, Party.DECIDER, "GatesInconclusive"),
        ("override", "retry", "reject"),
    ),
    "cannot be measured": (Answer.BAD, Party.EDITOR, "EvaluationError", ("retry", "reject")),
    "gates failed": (Answer.BAD, Party.EDITOR, "GatesFailed", ("retry",)),
    "rolled back": (Answer.BAD, Party.EDITOR, "RolledBack", ("retry",)),
    "requests fail": (Answer.BAD, Party.DECIDER, "RequestsFail", ("rollback",)),
    "held": (Answer.WELL, Party.DECIDER, "PausedByPerson", ("resume", "abort")),
    "drift": (Answer.WELL, None, "", ()),
    "blocked": (Answer.BAD, Party.ADMINISTRATOR, "KServeMissing", ()),
    "override over": (Answer.WELL, None, "", ()),
}


@pytest.mark.parametrize("standing", STANDINGS)
def test_each_standing_tells_who_is_waited_for_and_what_ends_it(standing: str) -> None:
    answer, party, reason, verbs = WAITS[standing]
    shown = STANDINGS[standing]()

    found = waiting(shown)

    assert answer_of(shown) is answer
    assert (found.party if found else None) is party
    assert (found.reason if found else "") == reason
    told = tuple(each.split()[2] for each in found.commands) if found else ()
    assert told == verbs


def test_commands_name_the_model_its_namespace_and_the_gates_that_have_not_passed() -> None:
    view = model_view(STANDINGS["inconclusive"](), [an_evaluation()])

    assert view.waiting is not None
    assert view.waiting.commands[0] == (
        "kubectl mlhops override sepsis -n ward --gate equal-misses --reason '...'"
    )


def test_bad_models_come_first_and_healthy_ones_last() -> None:
    shown = [with_path(make(), "metadata.name", name) for name, make in STANDINGS.items()]

    names = [row.name for row in fleet(shown).models]

    assert names[0] == "blocked"
    assert names[-1] == "healthy"
    assert names.index("approval") < names.index("drift") < names.index("timed pause")


def test_the_longest_wait_comes_first_among_equals() -> None:
    late = with_path(STANDINGS["approval"](), "metadata.name", "late")
    early = with_path(late, "metadata.name", "early")
    early = with_path(early, "status.candidate.pause.at", "2026-04-01T00:00:00Z")

    assert [row.name for row in fleet([late, early]).models] == ["early", "late"]


@pytest.mark.parametrize(
    ("taken_over", "expected"),
    [({}, timedelta(minutes=40)), ({"until": NOW + timedelta(hours=3)}, timedelta(hours=3))],
)
def test_a_pause_ends_when_the_operator_ends_it(
    taken_over: dict[str, object], expected: timedelta
) -> None:
    waits = candidate(1)
    begun = cast(Taken, waits.taken).model_copy(update=taken_over)
    waits = waits.model_copy(update={"taken": begun})
    assert begun.present is not None

    shown = pause_ends(waits.to_json())

    assert shown == NOW + expected
    assert shown == taken.pause_ends(waits, begun.present, NOW)


@pytest.mark.parametrize(
    "step",
    [*STEPS, {"pause": {}}, {"observe": {"requests": 200, "duration": "5m"}}, {"fly": {}}],
    ids=str,
)
def test_a_step_is_written_as_the_operator_writes_it(step: Json) -> None:
    assert written(step) == Verbs.model_validate(step).verb


def test_steps_are_done_under_way_and_still_to_come() -> None:
    found = steps(STANDINGS["timed pause"]())

    states = [each.state for each in found]
    assert states == [StepState.DONE, StepState.NOW, *[StepState.NEXT] * 3]
    assert found[1].until == NOW + timedelta(minutes=40)
    assert [each.until for each in found[2:]] == [None, None, None]


def test_steps_about_live_requests_are_passed_over_on_a_first_deployment() -> None:
    found = steps(STANDINGS["first version is measured"]())

    over = [each.step for each in found if each.state is StepState.PASSED_OVER]
    assert over == ["setWeight 10", "pause 1h", "setWeight 50"]


def test_the_same_steps_are_about_live_requests_as_the_operator_passes_over() -> None:
    assert set(LIVE_STEPS) == {verb for verb in VERBS if handler_for(verb).live}


def test_a_step_that_was_taken_off_the_list_is_shown_where_the_rollout_waits() -> None:
    waits = paused(4, Reason.APPROVAL_REQUIRED)
    waits = with_path(waits, "status.candidate.taken.present.removed", value=True)
    waits = with_path(waits, "spec.rollout.steps", STEPS[:4])

    found = steps(waits)

    assert (found[-1].number, found[-1].step, found[-1].state) == (None, "approve", StepState.NOW)


def test_an_evaluation_of_a_step_is_shown_in_place_of_the_first_one() -> None:
    waits = paused(4, Reason.APPROVAL_REQUIRED)
    first, again = an_evaluation(number=1), an_evaluation(number=2)
    other = an_evaluation(OLD, number=9)

    view = model_view(waits, [again, other, first])

    assert view.evaluation is not None
    assert view.evaluation.name == f"sepsis-{NEW}-2"


def test_an_evaluation_of_an_earlier_life_of_a_revision_is_not_shown() -> None:
    waits = model(phase=None)
    assert model_view(waits, [an_evaluation()]).evaluation is None


def test_numbers_of_too_few_people_stay_hidden() -> None:
    view = model_view(STANDINGS["inconclusive"](), [an_evaluation()])

    assert view.evaluation is not None
    few = view.evaluation.gates[0].groups[1]
    assert (few.rows, few.positives, few.negatives) == (None, None, None)


def test_gates_that_a_person_let_pass_are_marked() -> None:
    passed = proof(NEW, overridden=["equal-misses"])
    waits = paused(4, Reason.APPROVAL_REQUIRED, proof=passed)

    view = model_view(waits, [an_evaluation()])

    assert view.evaluation is not None
    assert [gate.overridden for gate in view.evaluation.gates] == [True, False]


def test_drift_and_gates_that_lapsed_are_told_of_a_healthy_model() -> None:
    drift = model_view(STANDINGS["drift"]())
    lapsed = model_view(STANDINGS["override over"]())

    assert [each.reason for each in drift.notices] == ["DriftDetected"]
    assert [each.reason for each in lapsed.notices] == ["OverrideExpired"]


def test_the_newest_decisions_come_first() -> None:
    old, new = a_decision(name="old"), a_decision(Action.ABORT, name="new")
    old = with_path(old, "metadata.creationTimestamp", "2026-01-01T00:00:00Z")

    view = model_view(STANDINGS["healthy"](), (), [old, new])

    assert [each.name for each in view.decisions] == ["new", "old"]


def test_a_status_about_an_earlier_spec_decides_nothing() -> None:
    stale = with_path(STANDINGS["healthy"](), "metadata.generation", 99)

    assert answer_of(stale) is Answer.UNDECIDED
    found = waiting(stale)
    assert found is not None
    assert found.party is Party.OPERATOR


def test_a_phase_and_a_reason_of_a_newer_operator_can_be_looked_at() -> None:
    strange = with_path(STANDINGS["approval"](), "status.phase", "Levitating")
    strange = with_path(strange, "status.candidate.pause.reason", "MoonPhase")

    view = model_view(strange)

    assert (view.phase, view.answer) == ("Levitating", Answer.UNDECIDED)
    assert view.waiting is not None
    assert view.waiting.reason == "MoonPhase"


@pytest.mark.parametrize(
    "path", ["status", "status.candidate", "status.stable", "status.conditions"]
)
@pytest.mark.parametrize("wrong", [7, "x", [1], None], ids=str)
def test_what_is_damaged_is_shown_as_far_as_it_goes(path: str, wrong: Json) -> None:
    damaged = with_path(STANDINGS["approval"](), path, wrong)

    assert model_view(damaged).answer is not Answer.WELL
    assert fleet([damaged]).models[0].name == "sepsis"


def test_each_reason_has_a_meaning_and_names_only_pages_and_actions_that_there_are() -> None:
    actions = {action.lower() for action in Action}

    assert set(REMEDIES) == set(Reason)
    for remedy in REMEDIES.values():
        assert remedy.meaning
        assert set(remedy.verbs) <= actions
        assert not remedy.runbook or (RUNBOOKS / f"{remedy.runbook}.md").is_file()
        assert remedy.party in (Party.NOBODY, Party.OPERATOR, Party.EVALUATOR) or remedy.remedy


def test_exit_codes_put_bad_before_undecided_before_well() -> None:
    assert of_answers() is Exit.WELL
    assert of_answers(Answer.WELL, Answer.UNDECIDED) is Exit.UNDECIDED
    assert of_answers(Answer.WELL, Answer.UNDECIDED, Answer.BAD) is Exit.BAD


def test_only_of_yes_or_no_it_is_told_how_many_are_positive() -> None:
    assert counts_classes("FalseNegativeRate")
    assert counts_classes("a metric of another version")
    assert not counts_classes("MAE")
    assert not counts_classes("BalancedAccuracy")
