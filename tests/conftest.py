"""What holds for every test: no silent skips, and the same random examples on every CI run."""

import os
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parents[1]
# What the real KServe and a real gateway wrote, where it lies beside the repository.
REFERENCE = REPOSITORY.parent / "shared"
# A folder with modules that no requirement set brings, such as torch, and nothing else.
EXTRA_MODULES = os.environ.get("EXTRA_MODULES")
# Reasons for which a test may be skipped. A skipped test is one that nobody runs: keep this empty.
ALLOWED_SKIPS: frozenset[str] = frozenset()

settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("default", deadline=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests whose captured data, program or module is not here; pytest counts them as deselected."""
    absent = [item for item in items if not _all_is_there(item)]
    if absent:
        config.hook.pytest_deselected(items=absent)
        items[:] = [item for item in items if item not in absent]


def _all_is_there(item: pytest.Item) -> bool:
    data = [name for mark in item.iter_markers("reference") for name in mark.args]
    programs = [name for mark in item.iter_markers("program") for name in mark.args]
    modules = [name for mark in item.iter_markers("module") for name in mark.args]
    return (
        all((REFERENCE / name).is_dir() for name in data)
        and all(map(shutil.which, programs))
        and all(EXTRA_MODULES and (Path(EXTRA_MODULES) / name).is_dir() for name in modules)
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _fail_if_unexpected(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skip of a whole module into a failure."""
    report = yield
    if report.skipped:
        _fail_if_unexpected(report)
    return report


def _fail_if_unexpected(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if reason.removeprefix("Skipped: ") not in ALLOWED_SKIPS:
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as a failure here: {reason}"


@pytest.fixture
def extra_modules() -> Path:
    """The folder of modules; who uses it says what it needs with the mark `module`."""
    assert EXTRA_MODULES
    return Path(EXTRA_MODULES).resolve()


@pytest.fixture
def reference() -> Path:
    """The folder of captured data; who uses it says what it needs with the mark `reference`."""
    return REFERENCE
