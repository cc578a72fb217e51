"""The command as the Job runs it: exit code, termination message, signals."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from mlhops.api.profile import PORT, Profile
from mlhops.api.result import Result, decode
from testkit.logged import events

from .conftest import SPEC, Bench, changed

REPOSITORY = Path(__file__).resolve().parents[3]


def start(spec: str | None, log: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "operator"), **variables}
    environment.pop("MLHOPS_EVALUATION", None)
    if spec is not None:
        environment["MLHOPS_EVALUATION"] = spec
    return subprocess.Popen(
        [sys.executable, "-m", "mlhops.evaluator", "--termination-log", str(log), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def spec_for(bench: Bench, **changes: object) -> str:
    data = {**SPEC["data"], "uri": bench.write()}
    return json.dumps({**SPEC, "endpoint": bench.endpoint, "data": data, **changes})


def left(log: Path) -> Result:
    return decode(log.read_text())


@pytest.mark.thorough
def test_a_verdict_is_left_as_the_termination_message_and_told_in_sentences(bench: Bench) -> None:
    log = bench.folder / "termination-log"
    with start(spec_for(bench), log) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    result = left(log)
    assert result.phase == "Successful"
    assert len(log.read_bytes()) <= 4096
    assert any(event.startswith("scored 1,500 of 1,500 rows") for event in events(said))
    assert f"missed: Successful. {result.gates[0].message}" in events(said)
    assert events(said)[-1] == "Successful: 2 of 2 required gates passed"


def test_without_a_spec_there_is_an_error_and_exit_code_1(offline: Bench) -> None:
    log = offline.folder / "termination-log"
    with start(None, log) as process:
        process.communicate(timeout=60)
    assert process.returncode == 1
    assert left(log).phase == "Error"
    assert "MLHOPS_EVALUATION is empty" in left(log).message


def test_a_spec_with_a_wrong_field_is_an_error_that_names_it(offline: Bench) -> None:
    log = offline.folder / "termination-log"
    with start(json.dumps(changed("gates.0.limit", "much")), log) as process:
        process.communicate(timeout=60)
    assert process.returncode == 1
    assert "gates.0.limit" in left(log).message


def test_sigterm_leaves_an_error(bench: Bench) -> None:
    log = bench.folder / "termination-log"
    with start(spec_for(bench), log, "--model-name", "slow", "--batch-size", "10") as process:
        assert process.stdout is not None
        while "read 1,500 rows" not in process.stdout.readline():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 1
    assert left(log).phase == "Error"
    assert "was stopped before it had a verdict" in left(log).message


@pytest.mark.thorough
def test_options_that_kserve_also_knows_do_not_reach_its_own_parser(bench: Bench) -> None:
    log = bench.folder / "termination-log"
    with start(spec_for(bench, model="elsewhere"), log, "--model-name", "good") as process:
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert left(log).phase == "Successful"


HOST = "127.0.95.1"
UID = {"Authorization": "Bearer uid-1"}


def handing_over(bench: Bench, log: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start an evaluator that is asked for a profile, and wait until it hands it over."""
    spec = spec_for(bench, profile=True)
    process = start(spec, log, "--profile-host", HOST, *arguments, MLHOPS_EVALUATION_UID="uid-1")
    for _ in range(600):
        with suppress(httpx.TransportError):
            if httpx.get(f"http://{HOST}:{PORT}/readyz").status_code == 200:
                break
        time.sleep(0.05)
    return process


@pytest.mark.thorough
def test_a_profile_is_handed_over_after_the_verdict_is_left(bench: Bench) -> None:
    log = bench.folder / "termination-log"
    with handing_over(bench, log) as process:
        result = left(log)
        profile = httpx.get(f"http://{HOST}:{PORT}/profile", headers=UID).json()
        httpx.delete(f"http://{HOST}:{PORT}/profile", headers=UID)
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert result.phase == "Successful"
    assert result.profile is not None
    assert result.profile.digest == Profile.model_validate(profile).digest()
    assert events(said)[-1] == "the profile was fetched"


@pytest.mark.thorough
def test_a_profile_that_nobody_fetches_costs_time_and_no_verdict(bench: Bench) -> None:
    log = bench.folder / "termination-log"
    with handing_over(bench, log, "--profile-wait", "1") as process:
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert left(log).phase == "Successful"
    assert events(said)[-1] == "nobody fetched the profile in time"


@pytest.mark.thorough
def test_sigterm_ends_the_handover_and_leaves_the_verdict(bench: Bench) -> None:
    log = bench.folder / "termination-log"
    with handing_over(bench, log) as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 0
    assert left(log).phase == "Successful"


@pytest.mark.thorough
def test_without_a_uid_a_profile_is_for_nobody(bench: Bench) -> None:
    log = bench.folder / "termination-log"
    with start(spec_for(bench, profile=True), log) as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert events(said)[-1] == "the profile is not handed over: MLHOPS_EVALUATION_UID is empty"
