"""Two people at the API server: nobody decides in another's name, or moves a model's risk class alone."""

from collections.abc import Iterator
from functools import partial

import pytest

from lab.control import ControlPlane
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import DECISIONS, MODELS
from mlhops.json_access import text
from testkit.api import Api, until
from testkit.builders import clinical_model, decision, with_path

NAMESPACE = "default"
ADA, BEN = "ada@hospital.example", "ben@hospital.example"


@pytest.fixture(scope="module")
def people(installed_plane: ControlPlane) -> Iterator[dict[str, Api]]:
    """Ada decides and edits, Ben edits; each by the roles that are installed and Kubernetes' own."""
    for name, role, user in (
        ("ada-decides", "mlhops-decider", ADA),
        ("ada-edits", "edit", ADA),
        ("ben-edits", "edit", BEN),
    ):
        installed_plane.kubectl(
            *("create", "rolebinding", name, "--namespace", NAMESPACE),
            *(f"--clusterrole={role}", f"--user={user}"),
        )
    for user, right in (
        (ADA, "update clinicalmodels"),
        (ADA, "create decisions"),
        (BEN, "update clinicalmodels"),
    ):
        until(f"{user} to be let", partial(may, installed_plane, user, right))
    found = {user: Api(installed_plane.kubeconfig_for(user)) for user in (ADA, BEN)}
    admin = Api(installed_plane.kubeconfig)
    admin.create(MODELS, NAMESPACE, clinical_model(name="guarded"))
    until_policies_hold(admin)
    yield found
    admin.delete(MODELS, NAMESPACE, "guarded")
    for api in (admin, *found.values()):
        api.close()


def may(plane: ControlPlane, user: str, right: str) -> bool:
    """Whether a user has a right in the namespace; kubectl fails where the answer is no."""
    try:
        plane.kubectl("auth", "can-i", *right.split(), f"--as={user}", "--namespace", NAMESPACE)
    except RuntimeError:
        return False
    return True


def until_policies_hold(admin: Api) -> None:
    """The API server takes a policy up a moment after it was written."""

    def refused() -> bool:
        try:
            admin.create(DECISIONS, NAMESPACE, decision(name="early"))
        except RuntimeError:
            return True
        admin.delete(DECISIONS, NAMESPACE, "early")
        return False

    until("the policies", refused)


def decide(api: Api, decided_by: str, name: str) -> Manifest:
    """Create a Decision in somebody's name."""
    return api.create(
        DECISIONS, NAMESPACE, with_path(decision(name=name), "spec.decidedBy", decided_by)
    )


def set_in_spec(api: Api, path: str, value: Json) -> Manifest:
    """Change a field of the model's spec."""
    patch = with_path({"spec": {}}, f"spec.{path}", value)
    return api.patch(MODELS, NAMESPACE, "guarded", patch)


def test_a_decision_in_ones_own_name_is_taken(people: dict[str, Api]) -> None:
    made = decide(people[ADA], ADA, "ada-herself")

    assert text(made, "spec", "decidedBy") == ADA


def test_a_decision_in_anothers_name_is_refused_and_says_who_one_is(
    people: dict[str, Api],
) -> None:
    with pytest.raises(RuntimeError, match=f"you are {ADA}"):
        decide(people[ADA], BEN, "not-ben")


def test_who_may_only_edit_does_not_decide(people: dict[str, Api]) -> None:
    with pytest.raises(RuntimeError, match='cannot create resource \\\\"decisions\\\\"'):
        decide(people[BEN], BEN, "ben-himself")


def test_not_even_an_administrator_decides_in_anothers_name(
    installed_plane: ControlPlane, people: dict[str, Api]
) -> None:
    admin = Api(installed_plane.kubeconfig)

    with pytest.raises(RuntimeError, match="you are lab-admin"):
        decide(admin, ADA, "from-above")
    admin.close()


def test_the_name_on_a_decision_cannot_be_changed_later(
    installed_plane: ControlPlane, people: dict[str, Api]
) -> None:
    decide(people[ADA], ADA, "for-good")
    admin = Api(installed_plane.kubeconfig)

    with pytest.raises(RuntimeError, match="spec"):
        admin.patch(DECISIONS, NAMESPACE, "for-good", {"spec": {"decidedBy": BEN}})
    admin.close()


def test_an_editor_changes_a_model_but_not_its_risk_class(people: dict[str, Api]) -> None:
    set_in_spec(people[BEN], "version", "1.0.1")

    with pytest.raises(RuntimeError, match="role mlhops-decider in namespace default: it was III"):
        set_in_spec(people[BEN], "card", {"riskClass": "I"})


def test_a_decider_changes_the_risk_class(people: dict[str, Api]) -> None:
    changed = set_in_spec(people[ADA], "card", {"riskClass": "IV"})

    assert text(changed, "spec", "card", "riskClass") == "IV"


def test_the_policies_are_free_of_type_errors(installed_plane: ControlPlane) -> None:
    told = installed_plane.kubectl(
        *("get", "validatingadmissionpolicies", "--output"),
        "jsonpath={.items[*].status.typeChecking.expressionWarnings}",
    )

    assert told.strip() == ""
