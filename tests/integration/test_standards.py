"""A safety board's floor on a real API server: who may write it, and that nobody's model goes below it."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lab.control import ControlPlane, gateway_api_crds, kserve_crds
from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import MODELS, NAMESPACES, STANDARDS
from mlhops.json_access import text
from testkit.api import Api, until
from testkit.builders import DIGEST, clinical_standard
from testkit.fake_controllers import MODEL, Hands, OperatorProcess, hands_in_namespace

PAUSE = 3
STEPS: Manifest = {
    "steps": [{"setWeight": 10}, {"pause": {"duration": f"{PAUSE}s"}}, {"setWeight": 50}]
}
PINNED: Manifest = {"evaluation": {"data": {"digest": DIGEST}}}
UNPINNED: Manifest = {"evaluation": {"data": {"digest": None}}}
PATIENTS = "example.org/use"
AT_ONCE = 5.0


@pytest.fixture
def board(api: Api, hands: Hands) -> Iterator[str]:
    """A standard for one namespace alone that asks for a digest; its name."""
    name = f"board-{hands.namespace}"
    label: Manifest = {"kubernetes.io/metadata.name": hands.namespace}
    asked: dict[str, Json] = {
        "spec.appliesTo": {"namespaceSelector": {"matchLabels": label}},
        "spec.data": {"digest": True},
    }
    api.create(STANDARDS, "", clinical_standard(asked, name))
    yield name
    api.delete(STANDARDS, "", name)


def edit(hands: Hands, spec: Manifest) -> None:
    hands.api.patch(MODELS, hands.namespace, MODEL, {"spec": spec})


def look_again(hands: Hands) -> None:
    """An operator of one namespace watches no standards, and sees at its next look what has changed."""
    edit(hands, {"rollout": {"keepPrevious": "2h"}})


def waits_for(hands: Hands, reason: str) -> bool:
    return text(hands.candidate(), "pause", "reason") == reason


def test_below_the_standard_a_first_version_gets_no_route_until_that_is_mended(
    hands: Hands, board: str
) -> None:
    hands.apply_model("1.0.0")
    hands.load(hands.candidate_service())
    hands.finish(EvaluationPhase.SUCCESSFUL)
    until("a wait", lambda: waits_for(hands, "BelowStandard") and at_proof(hands))

    assert hands.weights() == {}
    condition = hands.condition("MeetsStandard")
    assert (condition["status"], condition["reason"]) == ("False", "BelowStandard")
    assert f"spec.evaluation.data.digest is left out, and ClinicalStandard {board} asks for" in (
        text(condition, "message")
    )

    edit(hands, PINNED)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    until("the route", hands.weights)
    hands.accept_route()
    hands.wait_for_phase("Healthy")
    assert hands.condition("MeetsStandard")["status"] == "True"


def at_proof(hands: Hands) -> bool:
    return bool(text(hands.candidate(), "proof", "evaluation"))


def test_a_standard_that_is_edited_in_mid_rollout_counts_at_once_and_takes_nothing_away(
    api: Api, hands: Hands, board: str
) -> None:
    api.patch(STANDARDS, "", board, {"spec": {"data": {"digest": False}}})
    first = hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    second = hands.candidate_service()
    hands.load(second)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)
    api.patch(STANDARDS, "", board, {"spec": {"data": {"digest": True}}})
    until("a wait", lambda: waits_for(hands, "BelowStandard"), AT_ONCE)
    time.sleep(PAUSE)
    assert hands.weights() == {f"{first}-predictor": 90, f"{second}-predictor": 10}

    api.patch(STANDARDS, "", board, {"spec": {"data": {"digest": False}}})
    look_again(hands)
    until("the next weight", lambda: hands.weights().get(f"{second}-predictor") == 50)


def test_what_serves_goes_on_below_a_standard_and_says_so(
    api: Api, hands: Hands, board: str
) -> None:
    api.patch(STANDARDS, "", board, {"spec": {"data": {"digest": False}}})
    first = hands.promote_first()
    api.patch(STANDARDS, "", board, {"spec": {"data": {"digest": True}}})
    look_again(hands)

    until("the word", lambda: hands.condition("MeetsStandard").get("status") == "False", AT_ONCE)
    assert hands.status("phase") == "Healthy"
    assert hands.weights() == {f"{first}-predictor": 100}
    until("an Event", lambda: "BelowStandard" in hands.reasons())


def test_a_namespace_comes_under_a_standard_by_its_labels(api: Api, hands: Hands) -> None:
    name = f"patients-{hands.namespace}"
    selector: Manifest = {"matchLabels": {PATIENTS: hands.namespace}}
    asked: dict[str, Json] = {
        "spec.appliesTo": {"namespaceSelector": selector},
        "spec.data": {"digest": True},
    }
    api.create(STANDARDS, "", clinical_standard(asked, name))
    try:
        hands.promote_first()
        assert hands.condition("MeetsStandard") == {}
        labels: Manifest = {"metadata": {"labels": {PATIENTS: hands.namespace}}}
        api.patch(NAMESPACES, "", hands.namespace, labels)
        look_again(hands)
        until("the word", lambda: hands.condition("MeetsStandard").get("status") == "False")
    finally:
        api.delete(STANDARDS, "", name)


def test_who_edits_and_who_administers_a_namespace_writes_no_standard(
    installed_plane: ControlPlane,
) -> None:
    for role, user, may in (
        ("edit", "eve", False),
        ("admin", "eve", False),
        ("mlhops-decider", "ada", False),
        ("mlhops-standards", "board", True),
    ):
        who = f"{user}-{role}"
        installed_plane.kubectl(
            *("create", "clusterrolebinding", who, f"--clusterrole={role}", f"--user={who}")
        )
        until(f"{who} to be known", partial(known, installed_plane, who, role))
        for verb in ("create", "patch", "delete"):
            assert allowed(installed_plane, who, verb, "clinicalstandards") is may, (who, verb)


def known(plane: ControlPlane, user: str, role: str) -> bool:
    """Whether the API server has taken up the binding."""
    sign = {"edit": "pods", "admin": "pods"}.get(role, "clinicalstandards")
    return allowed(plane, user, "list", sign)


def allowed(plane: ControlPlane, user: str, verb: str, resource: str) -> bool:
    try:
        plane.kubectl("auth", "can-i", verb, resource, f"--as={user}", "--all-namespaces")
    except RuntimeError:
        return False
    return True


def test_without_the_kind_all_is_as_before_and_once_it_was_there_nothing_is_raised_without(
    tmp_path: Path,
) -> None:
    crds = Path(__file__).resolve().parents[2] / "crds"
    with ControlPlane.start(install=(crds, kserve_crds(), gateway_api_crds())) as plane:
        definition = "clinicalstandards.mlhops.io"
        plane.kubectl("delete", "crd", definition)
        with hands_in_namespace(plane) as hands:
            log = tmp_path / "operator.log"
            process = OperatorProcess(plane.kubeconfig, "", log)
            process.start()
            try:
                first = hands.promote_first(rollout=STEPS)
                assert hands.condition("MeetsStandard") == {}
                said = "ClinicalStandard is not installed"
                assert log.read_text().count(said) == 1

                plane.kubectl(
                    "apply", "--filename", crds / f"mlhops.io_{definition.split('.')[0]}.yaml"
                )
                until("the kind", lambda: hands.api.http.get(STANDARDS.path("")).is_success)
                asked = clinical_standard({"spec.data": {"digest": False}}, "none")
                hands.api.create(STANDARDS, "", asked)
                edit(hands, {"rollout": {"progressDeadline": "9m"}})
                met = lambda: hands.condition("MeetsStandard").get("status") == "True"  # noqa: E731
                until("a standard that is met", met, 40)

                plane.kubectl("delete", "crd", definition)
                # Until then its objects are gone, as by whoever may delete them, and a list of none is true.
                gone = lambda: hands.api.http.get(STANDARDS.path("")).status_code == 404  # noqa: E731
                until("no such kind", gone)
                hands.apply_model("2.0.0")
                second = hands.candidate_service()
                hands.load(second)
                hands.finish(EvaluationPhase.SUCCESSFUL)
                until("a wait", lambda: waits_for(hands, "StandardUnknown"))
                assert hands.weights() == {f"{first}-predictor": 100}
                assert "install its definition again" in hands.status("message")
            finally:
                process.kill()
                print(log.read_text()[-4000:])
