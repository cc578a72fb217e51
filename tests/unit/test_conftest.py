"""A test that is skipped fails the run, and a test without its captured data is left out."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def outcome(folder: Path, test: str) -> str:
    """Run one test file below a copy of the project's own conftest and return pytest's output."""
    (folder / "tests").mkdir()
    (folder / "tests" / "conftest.py").write_text((REPOSITORY / "tests/conftest.py").read_text())
    (folder / "tests" / "test_one.py").write_text(f"import pytest\n{test}\n")
    (folder / "pyproject.toml").write_text((REPOSITORY / "pyproject.toml").read_text())
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize(
    "test",
    [
        "def test_it():\n    pytest.skip('no reason')",
        "@pytest.mark.skip(reason='no reason')\ndef test_it(): pass",
        "pytest.skip('no reason', allow_module_level=True)",
        "@pytest.fixture\ndef f(): pytest.skip('no reason')\ndef test_it(f): pass",
    ],
)
def test_a_skip_is_a_failure(tmp_path: Path, test: str) -> None:
    said = outcome(tmp_path, test)

    assert "skipped, which counts as a failure here" in said
    assert "1 failed" in said or "1 error" in said
    assert "1 skipped" not in said


def test_a_test_whose_captured_data_is_not_here_is_deselected(tmp_path: Path) -> None:
    test = (
        "@pytest.mark.reference('never-there')\ndef test_it(): assert False\ndef test_two(): pass"
    )

    assert "1 passed, 1 deselected" in outcome(tmp_path, test)


def test_a_test_whose_module_is_not_there_is_deselected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.setenv("EXTRA_MODULES", str(tmp_path))
    test = (
        "@pytest.mark.module('never_there')\ndef test_it(): assert False\n"
        "@pytest.mark.module('there')\ndef test_two(extra_modules): assert extra_modules.is_dir()"
    )

    assert "1 passed, 1 deselected" in outcome(tmp_path, test)


def test_a_warning_is_a_failure(tmp_path: Path) -> None:
    said = outcome(tmp_path, "import warnings\ndef test_it(): warnings.warn('old')")

    assert "UserWarning: old" in said
    assert "1 failed" in said
