"""docs/metrics.md names every metric there is, and no other."""

import shutil
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, generate_latest

from mlhops.controller.cache.store import Store
from mlhops.controller.endpoints.model_metrics import Fleet
from mlhops.detector.event_queue import Intake
from mlhops.detector.report import Reporter
from mlhops.detector.window import Clock
from mlhops.detector.window_counter import Watcher
from testkit.exposition import labels_of
from testkit.images import REPOSITORY
from tools import metrics_docs


def test_the_page_is_up_to_date() -> None:
    assert metrics_docs.main([str(REPOSITORY), "--check"]) == 0


def test_a_file_that_lacks_something_is_out_of_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("docs", "charts/mlhops/files", "manifests/components"):
        shutil.copytree(REPOSITORY / part, tmp_path / part)
    for name, word in ((metrics_docs.PAGE, "`mlhops_queue_depth`"), (metrics_docs.RULE, "for: 5m")):
        assert metrics_docs.main([str(tmp_path), "--check"]) == 0
        lines = (tmp_path / name).read_text().splitlines(keepends=True)
        (tmp_path / name).write_text("".join(line for line in lines if word not in line))

        assert metrics_docs.main([str(tmp_path), "--check"]) == 1
        assert f"{name} is out of date: run `make telemetry`" in capsys.readouterr().err
        assert metrics_docs.main([str(tmp_path)]) == 0


def test_what_the_operator_tells_is_described_and_the_reverse() -> None:
    fleet = Fleet(Store(), lambda: True)
    REGISTRY.register(fleet)
    try:
        told = labels_of(generate_latest(REGISTRY).decode())
    finally:
        REGISTRY.unregister(fleet)

    # Other tests load what has metrics of its own, and only who serves leaves out `_created`.
    own = {name for name in told if name.startswith("mlhops_") and not name.endswith("_created")}
    assert own == {each.name for each in metrics_docs.described_of_operator()}


def test_what_a_detector_tells_is_described_and_the_reverse() -> None:
    reporter = Reporter(Watcher(Clock(0.0, 0.0), 0.0), Intake(events=1, size=1))
    told = labels_of(reporter.metrics(1.0).decode())

    described = {each.name: set(each.labels) for each in metrics_docs.described_of_detector()}
    assert {name: each for name, each in told.items() if name in described} == described
    assert set(told) - described.keys() <= set(metrics_docs.OF_PYTHON)
