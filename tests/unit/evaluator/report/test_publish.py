"""Where reports go, and that nothing that befalls one changes a verdict."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mlhops.api.result import decode
from mlhops.evaluator.report import publish as publishing
from mlhops.evaluator.report.publish import file_name

from ..conftest import ROWS, SPEC, Bench, changed, columns
from .reading import Page, evaluated


@pytest.mark.thorough
def test_a_run_stores_its_report_where_the_spec_says_with_the_digest_of_its_bytes(
    bench: Bench, tmp_path: Path
) -> None:
    result = bench.run({**SPEC, "report": {"uri": (tmp_path / "reports").as_uri()}})
    assert result.phase == "Successful"
    assert result.report is not None
    (path,) = (tmp_path / "reports").iterdir()
    assert result.report.uri == path.as_uri()
    assert result.report.error is None
    assert result.report.digest == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    text = Page(path.read_text()).text
    assert all(gate.message[1:] in text for gate in result.gates)
    assert any(path.as_uri() in said for said in bench.said)


def test_a_value_that_few_rows_have_is_told_nowhere(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    surname = np.where(np.arange(ROWS) < ROWS - 6, "(none)", "x").astype(object)
    surname[-6:] = [f"Patient-{letter}" for letter in "ABCDEF"]
    spec = changed("interface.groups.0", {"name": "sex", "feature": "sex"})
    spec["profile"] = True
    sink = {"uri": (tmp_path / "reports").as_uri()}
    with caplog.at_level(0):
        result = bench.run({**spec, "report": sink}, {**columns(), "sex": surname})
    (path,) = (tmp_path / "reports").iterdir()
    told = result.model_dump_json() + path.read_text() + str(bench.profile)
    assert "sex=(fewer than 10 rows, no. 6)" in told
    assert "Patient-" not in told + "".join(bench.said) + caplog.text


def test_a_run_without_a_sink_has_no_report(bench: Bench) -> None:
    assert bench.run().report is None


def test_a_report_that_cannot_be_stored_leaves_the_verdict(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    plain = bench.run()
    result = bench.run({**SPEC, "report": {"uri": (tmp_path / "file" / "in").as_uri()}})
    assert result.report is not None
    assert result.report.uri is None
    assert "cannot be written" in (result.report.error or "")
    assert result.model_copy(update={"report": None}) == plain


def test_a_report_that_cannot_be_rendered_leaves_the_verdict(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = bench.run()

    words = "patient 17"

    def broken(_: object) -> bytes:
        raise ZeroDivisionError(words)

    monkeypatch.setattr(publishing, "page", broken)
    result = bench.run({**SPEC, "report": {"uri": tmp_path.as_uri()}})
    assert result.report is not None
    assert "could not be rendered (ZeroDivisionError)" in (result.report.error or "")
    assert words not in str(result) + "".join(capsys.readouterr())
    assert result.model_copy(update={"report": None}) == plain


def test_data_that_cannot_answer_are_reported_too(bench: Bench, tmp_path: Path) -> None:
    people = columns()
    people["death"][:] = 1
    sink = {"uri": (tmp_path / "reports").as_uri()}
    result = bench.run({**SPEC, "report": sink}, people)
    assert result.phase == "Inconclusive"
    (path,) = (tmp_path / "reports").iterdir()
    assert "has only one class" in Page(path.read_text()).text


@pytest.mark.thorough
def test_being_stopped_while_the_report_is_stored_does_not_take_the_verdict_away(
    models: str, tmp_path: Path
) -> None:
    data = Bench(tmp_path, models, pytest.MonkeyPatch()).write()
    pipe = tmp_path / "pipe"
    log = tmp_path / "log"
    # Rendering waits for a pipe that nobody writes to.
    program = (
        "import sys; from mlhops.evaluator import __main__ as main; "
        "from mlhops.evaluator.report import publish; "
        f"publish.page = lambda _: open({str(pipe)!r}, 'rb').read(); "
        f"sys.exit(main.main(['--endpoint', {models!r}, '--termination-log', {str(log)!r}]))"
    )
    os.mkfifo(pipe)
    spec = {
        **SPEC,
        "data": {**SPEC["data"], "uri": data},
        "report": {"uri": (tmp_path / "reports").as_uri()},
    }
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "MLHOPS_EVALUATION": json.dumps(spec),
    }
    with subprocess.Popen([sys.executable, "-c", program], env=environment) as process:
        try:
            _wait_until_waiting(pipe)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
    told = decode(log.read_text())
    assert told.phase == "Successful"
    assert told.report is not None
    assert told.report.error == "the evaluator was stopped before the report was stored"


def _wait_until_waiting(pipe: Path) -> None:
    """Return when somebody reads from a pipe, by holding its other end open without a word."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the report was not rendered")


def test_a_later_run_does_not_replace_an_earlier_report() -> None:
    run = evaluated()
    later = type(run)(**{**vars(run), "at": run.at.replace(hour=9)})
    assert file_name(run) == "good-r1-20260301T080500Z.html"
    assert file_name(later) != file_name(run)


def test_a_file_name_cannot_leave_its_folder() -> None:
    run = evaluated()
    spec = run.spec.model_copy(update={"model": "../../x", "revision": "a/b\\c\n"})
    name = file_name(type(run)(**{**vars(run), "spec": spec}))
    assert "/" not in name
    assert "\\" not in name
    assert "\n" not in name
