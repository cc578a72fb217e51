"""A test that is skipped fails the run, and a test without its captured data is left out."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SKIPS = {
    "call": "def test_it(): pytest.skip('no reason')",
    "mark": "@pytest.mark.skip(reason='no reason')\ndef test_it(): pass",
    "module": "pytest.skip('no reason', allow_module_level=True)",
    "fixture": "@pytest.fixture\ndef f(): pytest.skip('no reason')\ndef test_it(f): pass",
}
FILES = SKIPS | {
    "data": "@pytest.mark.reference('never-there')\ndef test_it(): assert False\ndef test_two(): pass",
    "extra": (
        "@pytest.mark.module('never_there')\ndef test_it(): assert False\n"
        "@pytest.mark.module('there')\ndef test_two(extra_modules): assert extra_modules.is_dir()"
    ),
    "warning": "import warnings\ndef test_it(): warnings.warn('old')",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[ElementTree.Element]]:
    """What one run of all FILES below a copy of the project's own conftest told of each file."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "tests").mkdir()
    (folder / "there").mkdir()
    (folder / "tests/conftest.py").write_text((REPOSITORY / "tests/conftest.py").read_text())
    (folder / "pyproject.toml").write_text((REPOSITORY / "pyproject.toml").read_text())
    for name, text in FILES.items():
        (folder / f"tests/test_{name}.py").write_text(f"import pytest\n{text}\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests"]
    subprocess.run(
        [*command, "--continue-on-collection-errors", "--junitxml=told.xml"],
        cwd=folder,
        env=os.environ | {"EXTRA_MODULES": str(folder)},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    cases = list(ElementTree.parse(folder / "told.xml").getroot().iter("testcase"))
    return {
        name: [
            one for one in cases if f"test_{name}" in f"{one.get('classname')} {one.get('name')}"
        ]
        for name in FILES
    }


@pytest.mark.parametrize("skip", SKIPS)
def test_a_skip_is_a_failure(told: dict[str, list[ElementTree.Element]], skip: str) -> None:
    [case] = told[skip]

    assert {part.tag for part in case} <= {"failure", "error"}
    assert "skipped, which counts as a failure here" in ElementTree.tostring(case, "unicode")


@pytest.mark.parametrize("file", ["data", "extra"])
def test_a_test_whose_data_or_module_is_not_here_is_left_out(
    told: dict[str, list[ElementTree.Element]], file: str
) -> None:
    [case] = told[file]

    assert case.get("name") == "test_two"
    assert list(case) == []


def test_a_warning_is_a_failure(told: dict[str, list[ElementTree.Element]]) -> None:
    [case] = told["warning"]

    assert [part.tag for part in case] == ["failure"]
    assert "UserWarning: old" in ElementTree.tostring(case, "unicode")
