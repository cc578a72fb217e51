"""What other projects' indexes are told: of the chart, of the plug-in, and of models that Flux applies."""

from typing import cast

import pytest
import yaml
from cel_expr_python import cel

from mlhops.api.base import Manifest
from mlhops.api.decision import Decision
from mlhops.api.model import ClinicalModel
from mlhops.api.policy import MonitoringPolicy
from mlhops.cli.catalog import PROGRAM
from mlhops.json_access import at, items, text
from testkit.builders import with_path
from testkit.images import REPOSITORY
from tools.crd import KINDS
from tools.release import problems

TYPES = {each.__name__: each for each in (ClinicalModel, Decision, MonitoringPolicy)}


def read(file: str) -> Manifest:
    return cast(Manifest, yaml.safe_load((REPOSITORY / file).read_text()))


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    """The annotations of the chart for Artifact Hub, as it reads them."""
    annotations = cast("dict[str, str]", read("charts/mlhops/Chart.yaml")["annotations"])
    prefix = "artifacthub.io/"
    assert all(name.startswith(prefix) for name in annotations)
    return {name.removeprefix(prefix): yaml.safe_load(of) for name, of in annotations.items()}


def test_artifact_hub_is_told_of_the_kinds_that_there_are(told: dict[str, object]) -> None:
    shown = cast("list[dict[str, str]]", told["crds"])

    kinds = {(kind.name, f"{kind.plural}.mlhops.io", "v1alpha1") for kind in KINDS}
    assert {(each["kind"], each["name"], each["version"]) for each in shown} == kinds
    for example in cast("list[Manifest]", told["crdsExamples"]):
        read_ = TYPES[text(example, "kind")].model_validate(example).to_json()
        assert set(cast(Manifest, example["spec"])) <= set(cast(Manifest, read_["spec"]))


def test_the_example_is_the_one_that_an_end_to_end_test_installs(told: dict[str, object]) -> None:
    example, *_ = cast("list[Manifest]", told["crdsExamples"])

    assert example == read("manifests/examples/model/model.yaml")


def test_artifact_hub_is_told_of_this_versions_images(told: dict[str, object]) -> None:
    images = {each["image"] for each in cast("list[dict[str, str]]", told["images"])}
    deployment = (REPOSITORY / "manifests/base/deployment.yaml").read_text()

    assert len(images) == 4
    assert all(image in deployment for image in images)
    assert list(problems()) == []


def test_krews_manifest_keeps_its_rules() -> None:
    manifest = read("manifests/krew/mlhops.yaml")

    assert len(text(manifest, "spec", "shortDescription")) <= 50
    assert f"kubectl {text(manifest, 'metadata', 'name')}" == PROGRAM
    for platform in items(manifest, "spec", "platforms"):
        assert text(platform, "bin") == "kubectl-mlhops"
        assert {"kubectl-mlhops", "LICENSE"} == {
            text(each, "from") for each in items(platform, "files")
        }


def test_flux_never_deletes_a_model_that_left_the_repository() -> None:
    file = REPOSITORY / "manifests/flux/models.yaml"

    for each in yaml.safe_load_all(file.read_text()):
        assert text(each, "kind") == "Kustomization"
        assert at(each, "spec", "prune") is False


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ("unseen", "in progress"),
        ("begun", "in progress"),
        ("serving", "current"),
        ("paused", "current"),
        ("inconclusive", "current"),
        ("failed", "failed"),
        ("rolled_back", "failed"),
    ],
)
def test_flux_takes_a_pause_for_done_where_it_is_told_to(standing: str, expected: str) -> None:
    """By the expressions of the file, evaluated as Flux does: one that cannot be evaluated is not true."""
    _, patient = yaml.safe_load_all((REPOSITORY / "manifests/flux/models.yaml").read_text())
    (check,) = items(patient, "spec", "healthCheckExprs")
    folder = "manifests/argocd/resource_customizations/mlhops.io/ClinicalModel/testdata"
    model = read(f"{folder}/{standing}.yaml")

    holds = [name for name in ("current", "failed") if true(text(check, name), model)]

    assert (text(check, "apiVersion"), text(check, "kind")) == (model["apiVersion"], model["kind"])
    assert holds == ([] if expected == "in progress" else [expected])
    assert not true(text(check, "current"), with_path(model, "metadata.generation", 99))


def true(expression: str, manifest: Manifest) -> bool:
    environment = cel.NewEnv(variables={"status": cel.Type.DYN, "metadata": cel.Type.DYN})
    told = {name: manifest.get(name, {}) for name in ("status", "metadata")}
    return environment.compile(expression).eval(data=told).value() is True


def test_the_picture_of_the_readme_has_the_numbers_of_its_text() -> None:
    picture = (REPOSITORY / "docs/pictures/gate.svg").read_text()
    page = (REPOSITORY / "README.md").read_text()

    assert "docs/pictures/gate.svg" in page
    for number in ("0.057", "0.34", "0.031", "0.15"):
        assert f">{number}<" in picture or f" {number}<" in picture
        assert number in page
