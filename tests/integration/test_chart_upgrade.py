"""The upgrade that docs/install.md tells, by the real Helm, from charts that lack what the present one has."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import yaml

from lab.control import ControlPlane, gateway_api_crds, kserve_crds
from mlhops.api.base import Json, Manifest
from mlhops.json_access import at, items
from testkit.helm import Helm, HelmError
from testkit.installed import CHART, NAMESPACE, REPOSITORY

RELEASE = "mlhops"
SECTIONS = sorted(cast(Manifest, yaml.safe_load((CHART / "values.yaml").read_text())))


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane.start(install=(kserve_crds(), gateway_api_crds())) as plane:
        yield plane


@pytest.fixture
def helm(plane: ControlPlane) -> Iterator[Helm]:
    helm = Helm(plane.kubeconfig, NAMESPACE)
    yield helm
    helm.uninstall(RELEASE)


def documented_flag() -> str:
    """The flag that docs/install.md gives Helm's upgrade; each of its commands has the same."""
    told = (REPOSITORY / "docs" / "install.md").read_text()
    commands = re.findall(r"^helm upgrade mlhops .*$", told, re.MULTILINE)
    flags = {word for one in commands for word in one.split() if word.endswith("-values")}
    assert len(commands) > 1
    [flag] = flags
    return cast(str, flag)


def without_section(section: str, folder: Path) -> Path:
    """The present chart as it was before a section: without its values, their schema and what uses them."""
    chart = folder / "mlhops"
    shutil.copytree(CHART, chart)
    values = cast(Manifest, yaml.safe_load((chart / "values.yaml").read_text()))
    del values[section]
    (chart / "values.yaml").write_text(yaml.safe_dump(values))
    schema = cast(Manifest, json.loads((chart / "values.schema.json").read_text()))
    del cast(dict[str, Json], schema["properties"])[section]
    (chart / "values.schema.json").write_text(json.dumps(schema))
    for template in (chart / "templates").glob("[!_]*"):
        if f".Values.{section}" in template.read_text():
            template.unlink()
    return chart


def kept(section: str) -> Manifest:
    """Values that an installation has of its own, of other sections; without the kinds, which take their time."""
    own: Manifest = {"imagePullPolicy": "Always"}
    if section == "imagePullPolicy":
        own = {"registry": "a.example"}
    return own if section == "crds" else {**own, "crds": {"enabled": False}}


def container(plane: ControlPlane) -> Json:
    """The operator's container, as the API server has it."""
    told = plane.kubectl(
        *("get", "deployment", "mlhops-operator", "--namespace", NAMESPACE, "--output=json")
    )
    return items(json.loads(told), "spec", "template", "spec", "containers")[0]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_chart_without_a_section_is_upgraded_and_its_own_values_stay(
    plane: ControlPlane, helm: Helm, section: str, tmp_path: Path
) -> None:
    own = kept(section)
    helm.install(without_section(section, tmp_path), RELEASE, own)

    helm.upgrade(CHART, RELEASE, flag=documented_flag())

    if "registry" in own:
        assert str(at(container(plane), "image")).startswith("a.example/mlhops/operator:")
    else:
        assert at(container(plane), "imagePullPolicy") == "Always"


def test_the_flag_that_people_know_would_lose_the_defaults_of_a_new_section(
    helm: Helm, tmp_path: Path
) -> None:
    helm.install(without_section("dashboard", tmp_path), RELEASE)

    with pytest.raises(HelmError, match="nil pointer"):
        helm.upgrade(CHART, RELEASE, flag="--reuse-values")


def earlier_charts() -> list[str]:
    """The commits after which the chart had other values; none in a checkout without history."""
    git = ("git", "-C", str(REPOSITORY), "log", "--format=%h", "--", "charts/mlhops/values.yaml")
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    return done.stdout.split()[1:] if done.returncode == 0 else []


def test_every_chart_of_the_history_is_upgraded(plane: ControlPlane, tmp_path: Path) -> None:
    helm = Helm(plane.kubeconfig, NAMESPACE)
    for commit in earlier_charts():
        folder = tmp_path / commit
        folder.mkdir()
        archive = subprocess.run(
            ("git", "-C", str(REPOSITORY), "archive", commit, "charts"),
            capture_output=True,
            check=True,
        )
        subprocess.run(("tar", "-x", "-C", folder), input=archive.stdout, check=True)
        helm.install(folder / "charts" / "mlhops", RELEASE, kept(""))

        helm.upgrade(CHART, RELEASE, flag=documented_flag())

        assert at(container(plane), "imagePullPolicy") == "Always", commit
        helm.uninstall(RELEASE)
