"""The Dockerfile, as far as it can be judged without building it."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from testkit.images import MODULES, REPOSITORY, requirements

DOCKERFILE = REPOSITORY / "Dockerfile"


@dataclass(frozen=True)
class Stage:
    """One stage: what it begins from, and its instructions."""

    base: str
    instructions: list[tuple[str, str]]

    def all(self, instruction: str) -> list[str]:
        return [value for name, value in self.instructions if name == instruction]


def stages() -> dict[str, Stage]:
    found: dict[str, Stage] = {}
    last: Stage | None = None
    for each in DockerfileParser(path=str(DOCKERFILE)).structure:
        name, value = each["instruction"], each["value"]
        if name == "FROM":
            base, _, stage = value.split()
            last = found[stage] = Stage(base, [])
        elif last is not None and name != "COMMENT":
            last.instructions.append((name, value))
    return found


def lineage(name: str) -> list[Stage]:
    """A stage and those that it is built on, itself first."""
    found, all_ = [], stages()
    while name in all_:
        found.append(all_[name])
        name = all_[name].base
    return found


def test_the_linter_has_no_objection() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None
    done = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_stages_begin_from_bases_that_are_pinned_by_digest() -> None:
    found = stages()
    bases = {stage.base for stage in found.values()} - set(found)
    pinned = re.findall(r"^ARG (PYTHON\w*)=(.*)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert bases == {f"${{{name}}}" for name, _ in pinned}
    for _, base in pinned:
        assert re.fullmatch(r"python:[0-9.]+-slim-[a-z]+@sha256:[0-9a-f]{64}", base)
    last = {name: lineage(name)[-1].base for name in MODULES}
    assert {name for name, base in last.items() if base != "${PYTHON}"} == {"detector-alibi"}


@pytest.mark.parametrize("target", MODULES)
def test_an_image_runs_its_module_as_nobody_on_its_own_packages(target: str) -> None:
    stage = stages()[target]
    assert json.loads(stage.all("ENTRYPOINT")[0]) == ["python", "-m", MODULES[target]]
    users = [user for each in lineage(target) for user in each.all("USER")]
    assert users == ["65532:65532"]
    copied = {value.split()[0] for value in stage.all("COPY")}
    code = "code-3.12" if target == "detector-alibi" else "code"
    assert copied == {f"--from={target}-packages", f"--from={code}"}
    packages = stages()[f"{target}-packages"]
    assert requirements(target).name in " ".join(packages.all("COPY"))
    last = packages.all("RUN")[-1]
    assert f"install --require-hashes --requirement {target}.txt" in last


@pytest.mark.parametrize("target", MODULES)
def test_what_is_shipped_needs_no_shell(target: str) -> None:
    for stage in lineage(target):
        assert not stage.all("RUN")
        for health in stage.all("HEALTHCHECK"):
            assert health == "NONE" or json.loads(health.split("CMD", 1)[1])[0] == "python"


def test_only_what_is_named_can_get_into_an_image() -> None:
    rules = (REPOSITORY / ".dockerignore").read_text().splitlines()
    rules = [rule for rule in rules if rule and not rule.startswith("#")]
    assert rules[0] == "*"
    assert all(rule.startswith("!") or rule == "**/__pycache__" for rule in rules[1:])
    for stage in stages().values():
        for value in stage.all("COPY"):
            *sources, _ = (word for word in value.split() if not word.startswith("--"))
            for source in sources if "--from" not in value else ():
                assert (REPOSITORY / source).exists()
                assert any(Path(source).match(rule[1:]) for rule in rules if rule[0] == "!")
