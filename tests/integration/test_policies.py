"""What an institution demands of gates by admission policy, on a real API server: manifests/policies."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import yaml

from lab.control import ControlPlane
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import MODELS
from mlhops.json_access import at, items, text
from testkit.api import Api, until
from testkit.builders import clinical_model
from testkit.installed import MANIFESTS

POLICIES = MANIFESTS / "policies"
STEPS: Json = [{"setWeight": 10}, {"approve": {}}]
NO_WORSE: Manifest = {
    "name": "no-worse",
    "type": "Performance",
    "metric": "AUROC",
    "nonInferiority": {"margin": 0.05},
}


def objects(file: str) -> list[Manifest]:
    return [cast(Manifest, each) for each in yaml.safe_load_all((POLICIES / file).read_text())]


def model(risk: str, *more: Manifest, limit: float = 0.1, **changes: Json) -> Manifest:
    """A model of a risk class, with a fairness gate of a limit and further gates."""
    gates = at(clinical_model(), "spec", "evaluation", "gates")
    fairness = {**cast("list[Manifest]", gates)[0], "limit": limit}
    every: dict[str, Json] = {f"spec.{name.replace('__', '.')}": of for name, of in changes.items()}
    return clinical_model(
        {"spec.card.riskClass": risk, "spec.evaluation.gates": [fairness, *more], **every}
    )


@pytest.fixture
def guarded(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Api]:
    """An API server that holds the policy in one namespace, as its page says how."""
    policy, binding = objects("validating-admission-policy.yaml")
    selector: Manifest = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    cast(Manifest, binding["spec"])["matchResources"] = {"namespaceSelector": selector}
    api = Api(control_plane.kubeconfig)
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump_all([policy, binding]))
    control_plane.kubectl("apply", "--server-side", "--filename", file)
    until("the policy", lambda: refusal(api, namespace, model("III")))
    yield api
    control_plane.kubectl("delete", "--filename", file)
    api.close()


def refusal(api: Api, namespace: str, manifest: Manifest) -> str:
    """What the API server says against a model, empty where it takes it; none is left there."""
    try:
        api.create(MODELS, namespace, manifest)
    except RuntimeError as error:
        return str(error)
    api.delete(MODELS, namespace, text(manifest, "metadata", "name"))
    return ""


def test_a_bar_that_is_too_low_for_its_risk_class_is_refused(guarded: Api, namespace: str) -> None:
    for taken in (
        model("I", limit=0.3),
        model("II", limit=0.15),
        model("III", NO_WORSE, rollout__steps=STEPS),
    ):
        assert refusal(guarded, namespace, taken) == ""
    for refused, words in (
        (model("II", limit=0.2), "at most 0.15 on a difference"),
        (model("III", rollout__steps=STEPS), "needs a required Performance gate"),
        (model("IV", {**NO_WORSE, "required": False}, rollout__steps=STEPS), "nonInferiority"),
        (model("III", NO_WORSE), "needs an approve step"),
    ):
        assert words in refusal(guarded, namespace, refused)


def test_kyverno_is_given_the_same_expressions() -> None:
    policy, _ = objects("validating-admission-policy.yaml")
    (kyverno,) = objects("kyverno.yaml")

    assert text(kyverno, "kind") == "ValidatingPolicy"
    for part in ("matchConstraints", "validations"):
        assert items(kyverno, "spec", part) == items(policy, "spec", part)
        assert at(kyverno, "spec", part) == at(policy, "spec", part)
