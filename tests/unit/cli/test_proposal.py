"""A Decision before it is made: about what was seen, and refused where it would be about something else."""

from datetime import timedelta
from typing import cast

import pytest

from mlhops.api.base import Manifest
from mlhops.api.decision import Action, Decision
from mlhops.api.evaluation import EvaluationPhase
from mlhops.cli.views.proposal import VERBS, Asked, Objection, Proposal, propose
from testkit.builders import with_path
from testkit.standings import NEW, NOW, OLD, STANDINGS, an_evaluation

DIGEST, GATES, STEPS = "b" * 64, "2" * 64, "3" * 64
REASON, WHO = "a week on the ward without complaint", "ada@hospital.example"


def made(found: Proposal) -> Manifest:
    """The spec of a Decision, which the API's own type takes."""
    manifest = found.manifest(REASON, WHO)
    metadata = {**cast(Manifest, manifest["metadata"]), "name": "x"}
    read = Decision.model_validate({**manifest, "metadata": metadata})
    assert read.to_json()["spec"] == manifest["spec"] or found.expires is not None
    return cast(Manifest, manifest["spec"])


def test_there_is_a_command_for_each_action() -> None:
    assert set(VERBS.values()) == {action.value for action in Action}


@pytest.mark.parametrize(
    ("verb", "standing", "revision", "seen"),
    [
        ("approve", "approval", NEW, {"digest": DIGEST, "gatesHash": GATES, "stepsHash": STEPS}),
        ("promote", "timed pause", NEW, {"digest": DIGEST, "gatesHash": GATES, "stepsHash": STEPS}),
        ("resume", "timed pause", NEW, {"digest": DIGEST, "gatesHash": GATES, "stepsHash": STEPS}),
        ("abort", "approval", NEW, {}),
        ("reject", "inconclusive", NEW, {}),
        ("pause", "timed pause", NEW, {}),
        ("retry", "gates failed", NEW, {"digest": DIGEST}),
        ("evaluate", "override over", OLD, {"digest": "a" * 64, "gatesHash": "1" * 64}),
        ("rollback", "requests fail", "9" * 10, {"digest": "a" * 64}),
        ("resume", "held", OLD, {"digest": "a" * 64, "gatesHash": "1" * 64}),
        ("retry", "rolled back", NEW, {}),
    ],
)
def test_a_decision_names_what_was_seen(
    verb: str, standing: str, revision: str, seen: dict[str, str]
) -> None:
    spec = made(propose(Asked(verb), STANDINGS[standing]()))

    told = {name: spec[name] for name in ("digest", "gatesHash", "stepsHash") if name in spec}
    assert spec["revision"] == revision
    assert told == seen
    assert (spec["action"], spec["reason"], spec["decidedBy"]) == (VERBS[verb], REASON, WHO)


@pytest.mark.parametrize(
    ("verb", "standing", "why"),
    [
        ("approve", "healthy", "no candidate is on its way"),
        ("pause", "not looked at", "no candidate is on its way"),
        ("rollback", "healthy", "no version before is kept"),
        ("evaluate", "first version is measured", "nothing serves yet"),
        ("retry", "healthy", "nothing was rolled back"),
        ("resume", "healthy", "no candidate"),
        ("override", "not looked at", "neither a candidate nor anything that serves"),
    ],
)
def test_a_decision_on_nothing_is_not_made(verb: str, standing: str, why: str) -> None:
    with pytest.raises(Objection, match=why):
        propose(Asked(verb, gates=("equal-misses",)), STANDINGS[standing]())


def test_a_screen_that_is_stale_promotes_no_other_version() -> None:
    with pytest.raises(Objection, match=f"{OLD} is not what Promote is about now"):
        propose(Asked("promote", revision=OLD), STANDINGS["timed pause"]())


def overrides(*gates: str, failed: bool = False, serving: bool = False) -> Asked:
    """An Override for a week."""
    return Asked("override", "", serving, gates, NOW + timedelta(days=7), failed)


def test_an_override_names_its_gates_its_end_and_what_was_seen() -> None:
    found = propose(overrides("equal-misses"), STANDINGS["inconclusive"](), [an_evaluation()])

    spec = made(found)
    assert spec["gates"] == ["equal-misses"]
    assert spec["expires"] == "2026-05-08T12:00:00Z"
    assert (spec["digest"], spec["gatesHash"]) == (DIGEST, GATES)
    assert not {"stepsHash", "failed"} & spec.keys()


def test_an_override_without_gates_is_told_which_ones_did_not_pass() -> None:
    with pytest.raises(Objection, match="--gate equal-misses"):
        propose(overrides(), STANDINGS["inconclusive"](), [an_evaluation()])
    with pytest.raises(Objection, match="no gate speed: one of equal-misses"):
        propose(overrides("speed"), STANDINGS["inconclusive"](), [an_evaluation()])


def test_what_has_failed_is_let_pass_only_where_that_is_meant() -> None:
    measured = [an_evaluation(phase=EvaluationPhase.FAILED)]
    failed = STANDINGS["gates failed"]()

    with pytest.raises(Objection, match="add --failed"):
        propose(overrides("equal-misses"), failed, measured)
    found = propose(overrides("equal-misses", failed=True), failed, measured)

    assert made(found)["failed"] is True
    assert "FAILED" in found.consequences[0]


def test_an_override_of_what_serves_is_asked_for_beside_a_candidate() -> None:
    beside = STANDINGS["approval"]()

    assert made(propose(overrides("equal-misses"), beside))["revision"] == NEW
    assert made(propose(overrides("equal-misses", serving=True), beside))["revision"] == OLD


def test_it_says_what_will_happen() -> None:
    approved = propose(Asked("approve"), STANDINGS["approval"]())
    promoted = propose(Asked("promote"), STANDINGS["timed pause"]())

    assert approved.consequences == ("2.0.0 passes the approve step; then all requests",)
    assert "skipped: pause 1h, evaluate, setWeight 50, approve" in promoted.consequences
    assert "never before" in promoted.consequences[0]


def test_it_warns_of_what_the_operator_would_ignore_and_of_gates_that_did_not_pass() -> None:
    early = propose(Asked("approve"), STANDINGS["timed pause"]())
    bad = propose(Asked("approve"), STANDINGS["approval"](), [an_evaluation()])

    assert early.warnings == ("nothing waits for Approve now: the operator would ignore it",)
    assert bad.warnings == ("not every gate passed: equal-misses",)


def test_hashes_that_an_older_operator_does_not_tell_are_left_out() -> None:
    old = STANDINGS["approval"]()
    for name in ("digest", "gatesHash", "stepsHash"):
        old = with_path(old, f"status.candidate.{name}", None)

    assert propose(Asked("approve"), old).seen == {}
