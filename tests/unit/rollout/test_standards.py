"""A rollout below a standard: nothing is raised, what serves goes on, and people are told the way out."""

from contextlib import suppress

import pytest

from mlhops.api.base import Json
from mlhops.api.conditions import Condition, find
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.standard import ClinicalStandard
from mlhops.rollout.standards.applying import NO_STANDARDS, Standards
from testkit.builders import DIGEST, clinical_standard
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, TEN_FIFTY, canary
from tests.unit.rollout.world import GATE, Crash, World

PINNED: dict[str, Json] = {"spec.data.digest": True}
UNREAD = Standards(unknown="the operator may not read them")


def asked(changes: dict[str, Json]) -> Standards:
    """One standard that applies."""
    return Standards((ClinicalStandard.model_validate(clinical_standard(changes, "board")),))


def meets(world: World) -> Condition | None:
    return find(world.status.conditions, "MeetsStandard")


def test_a_first_version_below_the_standard_gets_no_request_and_says_what_is_missing() -> None:
    world = World()
    world.standards = asked(PINNED)
    world.wait(3600)

    assert world.shares() == {}
    assert world.pause == "BelowStandard"
    found = meets(world)
    assert found is not None
    assert (found.status, found.reason) == ("False", "BelowStandard")
    assert "spec.evaluation.data.digest is left out" in found.message
    assert "set it to sha256:" in world.status.message

    world.edit({"spec.evaluation.data.digest": DIGEST})
    world.run()
    assert world.status.phase == "Healthy"
    found = meets(world)
    assert found is not None
    assert (found.status, found.message) == ("True", "ClinicalStandard board")


def test_a_standard_that_is_tightened_in_mid_rollout_holds_it_where_it_is() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    world.standards = asked(PINNED)
    world.decide(Action.RESUME)
    world.wait(3600)

    assert world.shares() == {old: 90, new: 10}
    assert world.pause == "BelowStandard"
    world.standards = NO_STANDARDS
    world.wait(60)
    assert world.shares() == {new: 100}
    assert meets(world) is None


def test_a_weight_that_was_given_and_not_set_yet_is_not_set_below_the_standard() -> None:
    world, old, new = canary(TEN_FIFTY)
    while world.status.candidate is None or world.candidate.desired_weight == 0:
        given = world.plan().status
        if given is not None and given.candidate and given.candidate.desired_weight == 10:
            world.crash_after = len(world.writes) + len(world.plan().before) + 1
        with suppress(Crash):
            world.reconcile()
        world.react()
    assert world.shares() == {old: 100}, "the operator died between status and route"

    world.standards = asked(PINNED)
    world.wait(3600)
    assert (world.candidate.desired_weight, world.shares()) == (10, {old: 100})
    world.standards = NO_STANDARDS
    world.wait(60)
    assert world.shares() == {new: 100}


def test_promote_does_not_go_past_the_standard() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    world.standards = asked(PINNED)
    world.decide(Action.PROMOTE)
    world.wait(3600)

    assert world.shares() == {old: 90, new: 10}
    assert world.pause == "BelowStandard"


def test_what_serves_goes_on_serving_below_a_standard_and_people_are_told_once() -> None:
    world = World()
    world.deploy()
    serving = world.shares()
    world.standards = asked(PINNED)
    world.wait(3600)

    assert world.shares() == serving
    assert world.status.phase == "Healthy"
    found = meets(world)
    assert found is not None
    assert found.status == "False"
    assert world.told().count("BelowStandard") == 1


def test_nothing_is_raised_while_nobody_knows_which_standards_apply() -> None:
    world, old, _ = canary(TEN_FIFTY)
    world.standards = UNREAD
    world.wait(3600)

    assert world.shares() == {old: 100}
    assert world.pause == "StandardUnknown"
    found = meets(world)
    assert found is not None
    assert (found.status, found.message) == ("Unknown", UNREAD.unknown)
    world.standards = NO_STANDARDS
    world.wait(60)
    assert world.status.stable is not None
    assert world.status.stable.version == "2.0.0"


def test_the_spec_alone_does_not_go_back_at_once_below_a_standard() -> None:
    world, _old, new = canary([])
    world.run()
    world.standards = asked(PINNED)
    world.release("1.0.0")
    world.wait(600)

    assert world.shares() == {new: 100}
    assert world.pause == "BelowStandard"


def test_a_person_may_go_back_to_what_has_served_below_a_standard() -> None:
    world, old, _new = canary([])
    world.run()
    world.standards = asked(PINNED)
    previous = world.status.previous
    assert previous is not None
    world.decide(Action.ROLLBACK, previous.revision)
    world.run()

    assert world.shares() == {old: 100}


def test_no_standard_leaves_no_condition() -> None:
    world = World()
    world.deploy()

    assert meets(world) is None


def undecided(standards: Standards, *, failed: bool = False) -> tuple[World, str, str, str]:
    """A canary without a verdict, overridden where standards apply."""
    world, old, new = canary(TEN_AND_PAUSE)
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.standards = standards
    world.run()
    name = world.override(3600 * 24 * 10, failed=failed)
    world.run()
    return world, old, new, name


def test_an_override_that_holds_longer_than_the_standard_lets_it_is_ignored() -> None:
    world, old, _, name = undecided(asked({"spec.overrides.longest": "7d"}))
    phase, message = world.answer_to(name)

    assert phase == "Ignored"
    assert "board asks for Overrides of 7d or less" in message
    assert world.shares() == {old: 100}

    world.override(3600 * 24 * 6)
    world.run()
    assert world.status.candidate is not None
    assert world.candidate.proof is not None
    assert world.candidate.proof.overridden == [GATE]


def test_where_no_override_is_let_none_counts() -> None:
    world, old, _, name = undecided(asked({"spec.overrides.longest": "0s"}))

    assert world.answer_to(name)[0] == "Ignored"
    assert "no Override at all" in world.answer_to(name)[1]
    assert world.shares() == {old: 100}


@pytest.mark.parametrize("failed", [True, False])
def test_an_override_of_what_failed_may_be_refused(*, failed: bool) -> None:
    world, _, _, name = undecided(asked({"spec.overrides.failed": "Refused"}), failed=failed)

    assert world.answer_to(name)[0] == ("Ignored" if failed else "Honoured")


def test_an_override_that_a_tightened_standard_no_longer_lets_holds_the_rollout() -> None:
    world, old, new, _ = undecided(NO_STANDARDS)
    assert world.shares() == {old: 90, new: 10}
    world.standards = asked({"spec.overrides.longest": "7d"})
    world.decide(Action.RESUME)
    world.wait(3600)

    assert world.shares() == {old: 90, new: 10}, "what it has, it keeps"
    assert world.pause == "BelowStandard"
    assert f"the Override of {GATE} is longer" in world.status.message
    world.override(3600 * 24 * 6)
    world.wait(60)
    assert world.shares() == {new: 100}


def test_an_override_that_has_ended_does_not_stand_in_for_one_beyond_the_standard() -> None:
    world, old, new, _ = undecided(NO_STANDARDS)
    world.standards = asked({"spec.overrides.longest": "7d"})
    world.override(3600)
    world.wait(2 * 3600)
    world.decide(Action.RESUME)
    world.wait(600)

    assert world.shares() == {old: 90, new: 10}
    assert world.pause == "BelowStandard"
    assert f"the Override of {GATE} is longer" in world.status.message


def test_an_override_of_what_has_not_failed_does_not_stand_in_for_one_of_what_has() -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.evaluator_prompt = False
    world.run()
    world.override(3600 * 24, failed=True)
    world.override(3600 * 24)
    world.run()
    world.verdict, world.evaluator_prompt = EvaluationPhase.FAILED, True
    world.run()
    assert world.shares() == {old: 90, new: 10}

    world.standards = asked({"spec.overrides.failed": "Refused"})
    world.decide(Action.RESUME)
    world.wait(600)
    assert world.shares() == {old: 90, new: 10}
    assert world.pause == "BelowStandard"


def test_the_spec_alone_does_not_go_back_at_once_to_what_a_standard_no_longer_lets_be_overridden() -> (
    None
):
    world, _old, new = canary([])
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.run()
    world.override(3600 * 24)
    world.run()
    assert world.shares() == {new: 100}
    world.verdict = EvaluationPhase.SUCCESSFUL
    world.release("3.0.0")
    world.run()
    third = world.shares()
    assert third != {new: 100}

    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.standards = asked({"spec.overrides.failed": "Refused", "spec.overrides.longest": "1h"})
    world.release("2.0.0")
    world.wait(600)
    assert world.shares() == third
    assert world.candidate.version == "2.0.0"


def test_a_standard_that_lets_overrides_hold_longer_than_time_goes_on_lets_them_and_their_end() -> (
    None
):
    world, old, new, name = undecided(asked({"spec.overrides.longest": "99999999999999d"}))
    assert world.answer_to(name)[0] == "Honoured"
    assert world.shares() == {old: 90, new: 10}

    world.decide(Action.ABORT)
    world.run()
    assert world.shares() == {old: 100}
