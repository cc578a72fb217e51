"""The bills of materials say what the images hold, and the same commit says it in the same bytes."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from packaging.markers import Marker, default_environment

from lab.cache import REPOSITORY
from testkit import images as installed
from tools import licences, sbom
from tools.pins import Image, Pin, images

IMAGES = {image.name: image for image in images(REPOSITORY)}


@cache
def bills() -> dict[str, str]:
    """The bills of this checkout."""
    return sbom.bills(REPOSITORY)


def parts(image: str) -> list[dict[str, Any]]:
    """The components of an image's bill."""
    return cast("list[dict[str, Any]]", json.loads(bills()[f"{image}.cdx.json"])["components"])


def libraries(image: str) -> dict[str, dict[str, Any]]:
    """The packages of an image's bill, by name."""
    return {part["name"]: part for part in parts(image) if "purl" in part}


@pytest.mark.thorough
def test_each_image_of_the_dockerfile_has_a_bill() -> None:
    assert set(IMAGES) == set(installed.MODULES)
    assert set(bills()) == {f"{name}.cdx.json" for name in IMAGES}


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_a_bill_names_what_the_requirement_set_installs_on_the_images_python(image: Image) -> None:
    minor = ".".join(image.python.split(".")[:2])
    there = {"python_full_version": image.python, "python_version": minor}
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    environment = {**{k: str(v) for k, v in default_environment().items()}, **linux, **there}
    pinned = installed.pins(image.name, environment)
    told = libraries(image.name)

    assert {name: part["version"] for name, part in told.items()} == pinned
    assert {part["purl"] for part in told.values()} == {
        f"pkg:pypi/{name}@{version}" for name, version in pinned.items()
    }


@pytest.mark.parametrize("image", IMAGES)
def test_a_bill_has_the_hashes_that_the_build_insists_on(image: str) -> None:
    text = installed.requirements(image).read_text()
    told = libraries(image)
    for name, part in told.items():
        pin = re.escape(f"{name}=={part['version']}")
        block = re.search(rf"^{pin}[ \\].*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
        assert block is not None
        hashes = {each["content"] for each in part["hashes"]}
        assert hashes == set(re.findall(r"sha256:(\w+)", block[0])) != set()


def test_a_bill_names_the_base_by_its_digest_and_the_licences_as_they_are_declared() -> None:
    (base,) = (part for part in parts("operator") if part["type"] == "container")
    image = IMAGES["operator"]
    digest = base["hashes"][0]["content"]
    assert f"{base['name']}:{base['version']}@sha256:{digest}" == image.base
    told = libraries("operator")
    assert told["kopf"]["licenses"] == [{"license": {"acknowledgement": "declared", "id": "MIT"}}]
    either = {"acknowledgement": "declared", "expression": "MIT OR Apache-2.0"}
    assert told["structlog"]["licenses"] == [either]


def test_what_depends_on_the_machine_or_has_no_digest_has_no_bill() -> None:
    image = IMAGES["detector"]
    arm = Pin("only-there", "1", Marker("platform_machine == 'aarch64'"))
    with pytest.raises(ValueError, match="only-there is installed depends on the machine"):
        sbom.bill(replace(image, pins=(arm,)), "1.0", {})
    with pytest.raises(ValueError, match="python:3 has no digest"):
        sbom.bill(replace(image, base="python:3"), "1.0", {})


def test_a_licence_that_nobody_knows_is_left_out_and_one_in_own_words_is_quoted() -> None:
    pins = (Pin("a", "1"), Pin("b", "1"), Pin("c", "1"))
    declared = {pins[0]: licences.NONE, pins[1]: "BSD License; Apache Software License"}
    image = replace(IMAGES["detector"], pins=pins)
    told = {p["name"]: p for p in json.loads(sbom.bill(image, "1.0", declared))["components"]}

    assert "licenses" not in told["a"]
    assert "licenses" not in told["c"]
    assert told["b"]["licenses"][0]["license"]["name"] == declared[pins[1]]


@pytest.mark.thorough
def test_the_same_commit_gives_the_same_bytes(tmp_path: Path) -> None:
    assert sbom.main([str(tmp_path), "--repository", str(REPOSITORY)]) == 0
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == bills()
    assert not any("timestamp" in text for text in bills().values())
    assert len({json.loads(text)["serialNumber"] for text in bills().values()}) == len(bills())
