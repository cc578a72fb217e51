"""The detector as a process: what it takes, what it tells, and that it takes new files as they come."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlhops.api.summary import merge
from testkit.logged import events, lines
from testkit.sidecar import HOST, Sidecar, config, headers, profile, sidecar

REQUEST = json.dumps({"instances": [[0.5, 0.1], [None, 2]]}).encode()
RESPONSE = json.dumps({"predictions": [0.2, 0.9]}).encode()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Sidecar]:
    with sidecar(tmp_path, config(), profile()) as process:
        yield process


def test_rows_and_scores_are_counted_against_the_profile(running: Sidecar) -> None:
    assert running.post(RESPONSE, headers("response")) == 200
    assert running.post(REQUEST, headers()) == 200
    report = running.settled(2)
    assert report.revision == "r1"
    assert report.profile_digest == profile().digest()
    assert report.windows.keys() == {"hour", "all"}
    for summary in report.windows.values():
        assert summary.profile_digest == profile().digest()
        assert summary.rows == 2
        assert [feature.rows for feature in summary.features] == [1, 2]
        assert [feature.missing for feature in summary.features] == [1, 0]
        assert summary.score is not None
        assert summary.score.rows == 2
        assert summary.joint is not None
        assert summary.joint.n == 2
    assert report.counters["note.joined"] == 1


def test_what_an_evaluator_asks_is_no_patient(running: Sidecar) -> None:
    theirs = "mlhops-evaluation-7"
    running.post(REQUEST, headers(identity=theirs))
    running.post(RESPONSE, headers("response", identity=theirs))
    running.post(REQUEST, headers())
    report = running.settled(3)
    assert report.counters["outcome.evaluation"] == 2
    assert report.counters["rows"] == report.windows["hour"].rows == 2
    assert report.counters["scores"] == report.counters["note.joined"] == 0


def test_a_batch_of_thousands_of_rows_is_counted_in_full(running: Sidecar) -> None:
    rows = [[n / 3000 + 1 / 7, None if n % 3 else -n / 7] for n in range(6000)]
    body = json.dumps({"instances": rows}).encode()
    assert len(body) > 2**16
    assert running.post(body, headers()) == 200
    assert running.post(REQUEST, headers(identity="b")) == 200
    summary = running.settled(2).windows["hour"]
    assert summary.rows == 6002
    assert [feature.missing for feature in summary.features] == [1, 4000]


def test_what_each_replica_counted_adds_up(running: Sidecar, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with sidecar(tmp_path / "other", config(), profile()) as other:
        for each in (running, other):
            each.post(REQUEST, headers())
        first, second = running.settled(1), other.settled(1)
    assert first.instance != second.instance
    assert merge(first.windows["hour"], second.windows["hour"]).rows == 4


@pytest.mark.thorough
def test_without_a_profile_it_counts_and_takes_the_profile_when_it_comes(tmp_path: Path) -> None:
    with sidecar(tmp_path, config()) as running:
        running.post(REQUEST, headers())
        before = running.settled(1)
        assert (before.profile_digest, before.windows["hour"].rows) == ("", 2)
        assert before.windows["hour"].features == []
        running.write("profile.json", profile().to_text())
        running.until("the profile", lambda report: report.profile_digest != "")
        running.post(REQUEST, headers(identity="b"))
        after = running.settled(2)
    assert after.counters["rows"] == 4
    assert after.windows["hour"].rows == 2
    assert after.windows["hour"].profile_digest == profile().digest()


@pytest.mark.thorough
def test_without_a_configuration_it_answers_and_counts_and_takes_it_when_it_comes(
    tmp_path: Path,
) -> None:
    with sidecar(tmp_path, reference=profile()) as running:
        assert running.post(REQUEST, headers()) == 200
        assert running.settled(1).counters["outcome.notConfigured"] == 1
        assert "not configured yet, without a profile yet" in running.get("/readyz")[1]
        running.write("config.json", json.dumps(config().to_json()))
        running.until("both files", lambda report: report.profile_digest != "")
        assert "configured, with a profile" in running.get("/readyz")[1]


@pytest.mark.thorough
def test_another_configuration_takes_effect_and_loses_no_counts(running: Sidecar) -> None:
    running.post(REQUEST, headers())
    running.settled(1)
    windows = [{"name": "hour", "length": "1h"}, {"name": "day", "length": "1d"}]
    running.write("config.json", json.dumps(config(windows=windows).to_json()))
    report = running.until("the windows", lambda report: "day" in report.windows)
    assert {name: summary.rows for name, summary in report.windows.items()} == {
        "hour": 2,
        "day": 0,
    }


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("config.json", "{", "Invalid JSON"),
        ("config.json", '{"revision": "r1", "output": {}}', "features: Field required"),
        (
            "config.json",
            json.dumps(config().to_json() | {"windows": [{"name": "a", "length": "soon"}]}),
            "windows.0.length",
        ),
        ("profile.json", "[]", "profile.json is refused"),
        ("profile.json", profile(("age", "lactate")).to_text(), "features: they are not those"),
        ("profile.json", profile(revision="r2").to_text(), "another revision"),
        ("profile.json", "\0" * (9 * 2**20), "larger than"),
    ],
)
def test_a_bad_file_is_refused_while_the_last_good_one_stays(
    running: Sidecar, name: str, text: str, told: str
) -> None:
    which = name.removesuffix(".json").capitalize()
    running.write(name, text)
    report = running.until(
        "the refusal", lambda report: report.counters[f"note.refused{which}"] == 1
    )
    assert any(told in event for event in events(running.log))
    assert report.counters[f"state.{which.lower()}Stale"] == 1
    assert report.profile_digest == profile().digest()
    running.post(REQUEST, headers())
    assert running.settled(1).windows["hour"].rows == 2
    good = config().to_json() if name == "config.json" else profile().to_json()
    running.write(name, json.dumps(good))
    running.until("recovery", lambda report: not report.counters[f"state.{which.lower()}Stale"])


@pytest.mark.thorough
def test_a_swapped_folder_is_a_new_file_as_with_a_configmap(tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
    (tmp_path / "one" / "config.json").write_text(json.dumps(config().to_json()))
    grown = config(windows=[{"name": "day", "length": "1d"}])
    (tmp_path / "two" / "config.json").write_text(json.dumps(grown.to_json()))
    (tmp_path / "data").symlink_to("one")
    (tmp_path / "config.json").symlink_to("data/config.json")
    with sidecar(tmp_path) as running:
        assert running.report().windows.keys() == {"hour", "all"}
        (tmp_path / "fresh").symlink_to("two")
        (tmp_path / "fresh").replace(tmp_path / "data")
        running.until("the new folder", lambda report: report.windows.keys() == {"day"})


def test_metrics_are_in_prometheus_format_with_closed_label_sets(running: Sidecar) -> None:
    running.post(REQUEST, headers())
    running.post(b"?", headers("someone-elses"))
    running.settled(2)
    status, text = running.get("/metrics")
    assert status == 200
    lines = text.splitlines()
    assert 'mlhops_detector_events_total{outcome="rows"} 1.0' in lines
    assert 'mlhops_detector_events_total{outcome="notAnEvent"} 1.0' in lines
    assert "mlhops_detector_rows_total 2.0" in lines
    assert "mlhops_detector_profile_loaded 1.0" in lines
    assert "someone" not in text
    assert len([line for line in lines if line.startswith("mlhops_detector")]) < 120


def test_pages_that_are_not_there_say_which_are(running: Sidecar) -> None:
    assert running.get("/healthz") == (200, "ok\n")
    status, text = running.get("/")
    assert (status, "/report" in text) == (404, True)


def test_it_ends_in_good_order_when_told_to(tmp_path: Path) -> None:
    with sidecar(tmp_path, config(), profile()) as running:
        pass
    assert running.process.returncode == 0
    assert {line["level"] for line in lines(running.log)} == {"info"}


def test_a_port_that_is_taken_is_told_in_one_line(running: Sidecar) -> None:
    command = [sys.executable, "-m", "mlhops.detector", "--sink-port", str(running.sink)]
    command += ["--report-host", HOST]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    [line] = [line for line in lines(done.stderr) if line["level"] != "info"]
    assert line["event"].startswith("the detector cannot listen: ")
    assert "exception" not in line
