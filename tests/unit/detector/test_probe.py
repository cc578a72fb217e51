"""The detector's own row, and what it says of a model server that answers, or does not: each a real one."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlhops.api.base import Json
from mlhops.api.detector import ProbeSettings
from mlhops.api.interface import Feature, Protocol, Request
from mlhops.api.profile import AskedProfile, Profile
from mlhops.api.serving import ProbeReport, ServingReport
from mlhops.detector.decode import DecodedAnswer
from mlhops.detector.probe import Probe, ProbeAnswer, ProbeVerdict
from mlhops.detector.row import body, row
from mlhops.evaluator.scoring.features import inputs, payload
from mlhops.statistics.drift import edges
from testkit.sidecar import HOST, Sidecar, config, free_port, profile, sidecar

START = datetime(2026, 1, 1, tzinfo=UTC)
READY = ProbeAnswer()
NOT_READY = ProbeAnswer("notReady", "GET: status 404", ready=False)
ERROR = ProbeAnswer("status", "POST: status 500")


def heard(*given: ProbeAnswer) -> ProbeVerdict:
    verdict = ProbeVerdict()
    for second, each in enumerate(given):
        verdict.hear(each, START + timedelta(seconds=second))
    return verdict


# The verdict.


def test_two_failures_in_a_row_make_a_verdict_and_one_answer_ends_it() -> None:
    assert heard(READY, ERROR).report.state == "Answers"
    failing = heard(READY, ERROR, READY, ERROR, NOT_READY)
    assert (failing.report.state, failing.report.reason) == ("Fails", "notReady")
    assert failing.report.since == START + timedelta(seconds=4)
    assert heard(READY, ERROR, ERROR, READY).report.state == "Answers"


def test_a_server_that_starts_up_is_not_known_to_fail() -> None:
    starting = heard(*[ProbeAnswer("refused", "no connection", ready=False)] * 50).report
    assert (starting.state, starting.reason) == ("Unknown", "refused")
    assert starting.message.startswith("it has not been ready yet")
    assert starting.since == START


def test_a_row_that_was_never_answered_may_be_the_row_s_own_fault() -> None:
    unknown = heard(ERROR, ERROR, ERROR)
    assert unknown.report.state == "Unknown"
    assert unknown.report.message == "the row was never answered: POST: status 500"
    assert not unknown.unusable


def test_a_model_that_is_gone_fails_though_its_row_was_never_answered() -> None:
    assert heard(ERROR, NOT_READY, NOT_READY).report.state == "Fails"


@pytest.mark.parametrize(
    ("reason", "unusable"),
    [
        (ProbeAnswer("wrongAnswer"), True),
        (ProbeAnswer("notANumber"), True),
        (ProbeAnswer("status"), True),
        (ProbeAnswer("status", busy=True), False),
        (ProbeAnswer("timeout"), False),
        (ProbeAnswer("refused", ready=False), False),
        (NOT_READY, False),
    ],
)
def test_only_answers_that_are_of_no_use_take_a_pod_out(
    reason: ProbeAnswer, unusable: bool
) -> None:
    assert heard(READY, reason, reason).unusable is unusable
    assert not heard(READY, reason, reason, READY).unusable


def test_what_failed_once_is_asked_again_soon() -> None:
    assert [heard(*[READY, ERROR, ERROR][:n]).rest(10.0) for n in (1, 2, 3)] == [10.0, 1.0, 5.0]


# The row: its values and their types are guessed from the profile, the evaluator's are the data's own.

COLUMNS: dict[str, Any] = {
    "age": pa.array([50, 61, 61, 72, 80] * 20),
    "crp": pa.array([0.5, 1.25, 2.75, None, 9.0] * 20),
    "sex": pa.array(["F", "F", "M", "F", None] * 20),
    "code": pa.array([3, 3, 3, 1, 2] * 20),
    "smoker": pa.array([True, True, False, True, None] * 20),
    "ward": pa.array(["01", "01", "01", "7", "7"] * 20),
}
FEATURES = [
    Feature(name="age"),
    Feature(name="crp"),
    Feature(name="sex", type="Binary", categories=["F", "M"]),
    Feature(name="code", type="Categorical"),
    Feature(name="smoker", type="Binary"),
    Feature(name="ward", type="Categorical"),
]
MIDDLE = {"age": 61, "crp": 1.25, "sex": "F", "code": 3, "smoker": True, "ward": "01"}
NUMBERS = FEATURES[:2]


def profile_of(features: Sequence[Feature]) -> Profile:
    """The profile as the evaluation makes it."""
    parts = []
    for feature in features:
        values = COLUMNS[feature.name].to_pylist()
        if feature.type == "Numeric":
            known = np.array([np.nan if v is None else v for v in values], dtype=float)
            parts.append(edges.numeric(feature.name, known))
        else:
            binary = feature.type == "Binary"
            parts.append(edges.categorical(feature.name, values, feature.categories, binary=binary))
    kinds = {"sex": "Text", "ward": "Text", "smoker": "Boolean"}
    asked = AskedProfile.model_validate(
        {
            "protocol": "v2",
            "encoding": "Columns",
            "kinds": [kinds.get(feature.name, "Number") for feature in features],
        }
    )
    digest = f"sha256:{'0' * 64}"
    return Profile(revision="r1", created_from=digest, rows=100, features=parts, asked=asked)


def sent(
    features: Sequence[Feature],
    request: Request | None,
    protocol: Protocol,
    profile: Profile | None,
) -> Json:
    asked, values = row(features, request, profile)
    document: Json = json.loads(body(asked, values, protocol))
    return document


@pytest.mark.parametrize("protocol", ["v1", "v2"])
@pytest.mark.parametrize(
    ("features", "request_"),
    [
        (FEATURES, None),
        (FEATURES, Request(encoding="Columns")),
        (FEATURES, Request(encoding="Tensors")),
        (NUMBERS, None),
        (NUMBERS, Request(encoding="Tensors")),
        (NUMBERS, Request(encoding="Matrix", name="x", datatype="FP32")),
        (NUMBERS[:1], Request(encoding="Matrix", datatype="INT32")),
    ],
)
def test_the_row_is_sent_as_the_evaluator_would_send_it(
    features: Sequence[Feature], request_: Request | None, protocol: Protocol
) -> None:
    names = {feature.name for feature in features}
    one = {k: pa.array([v], COLUMNS[k].type) for k, v in MIDDLE.items() if k in names}
    wanted = json.loads(json.dumps(payload(inputs(one, features, request_), protocol)))
    assert repr(sent(features, request_, protocol, profile_of(features))) == repr(wanted)


def test_without_a_profile_the_row_is_the_middle_of_what_the_interface_says() -> None:
    features = [
        Feature.model_validate(each)
        for each in (
            {"name": "age", "range": {"min": 20, "max": 80}},
            {"name": "crp"},
            {"name": "dose", "range": {"max": 4}, "datatype": "INT32"},
            {"name": "sex", "type": "Categorical", "categories": ["F", "M"]},
            {"name": "code", "type": "Categorical", "categories": ["3", "7"]},
            {"name": "word", "type": "Categorical"},
            {"name": "flag", "type": "Binary"},
            {"name": "yes", "type": "Binary", "datatype": "BOOL"},
        )
    ]
    _, values = row(features, None, None)
    assert [(each.datatype, *each.values) for each in values] == [
        ("FP64", 50.0),
        ("FP64", 0.0),
        ("INT32", 4),
        ("BYTES", "F"),
        ("INT64", 3),
        ("BYTES", ""),
        ("INT64", 0),
        ("BOOL", False),
    ]


def test_a_word_in_a_matrix_of_numbers_makes_no_row() -> None:
    words = [Feature(name="sex", type="Categorical", categories=["F", "M"])]
    with pytest.raises(ValueError, match="could not convert"):
        row(words, Request(encoding="Matrix"), None)


def test_a_code_is_sent_to_its_last_digit() -> None:
    code = "9007199254740993"
    features = [Feature(name="code", type="Categorical", categories=[code])]
    assert row(features, None, None)[1][0].values == [int(code)]


# The processes.

NAME = "sepsis"


@dataclass
class Serving:
    """A model server, what it is to answer, and the detector beside it."""

    port: int
    mode: Path
    running: Sidecar
    process: subprocess.Popen[bytes]

    def probe(self) -> ProbeReport:
        return ServingReport.model_validate_json(self.running.get("/serving")[1]).probe

    def becomes(self, state: str, seconds: float = 40.0) -> tuple[ProbeReport, float]:
        """Wait for a state; return it, and after how many seconds it was told."""
        began = time.monotonic()
        while (found := self.probe()).state != state:
            assert time.monotonic() - began < seconds, found
            time.sleep(0.1)
        return found, time.monotonic() - began

    def unload(self) -> None:
        url = f"http://{HOST}:{self.port}/v2/repository/models/{NAME}/unload"
        urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=10).close()


@pytest.fixture(params=["v1", "v2"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def served(folder: Path, mode: str, protocol: str = "v2") -> Iterator[Serving]:
    port, file = free_port(), folder / "mode"
    file.write_text(mode)
    program = Path(__file__).with_name("turncoat.py")
    command = [sys.executable, str(program), str(file), f"--http_port={port}"]
    command += [f"--model_name={NAME}", "--workers=1"]
    settings = ProbeSettings.model_validate(
        {"model": NAME, "protocol": protocol, "port": port, "every": 2}
    )
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with sidecar(folder, config(probe=settings.to_json()), profile()) as running:
            yield Serving(port, file, running, process)
    finally:
        process.kill()
        process.wait()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("mode", "reason", "out"),
    [
        ("error", "status", True),
        ("wide", "wrongAnswer", True),
        ("nan", "notANumber", True),
        ("hang", "timeout", False),
        ("block", "timeout", False),
    ],
)
def test_a_server_that_answers_no_more_what_it_did_fails_within_seconds_and_recovers(
    tmp_path: Path, mode: str, reason: str, out: bool
) -> None:
    with served(tmp_path, "well") as serving:
        serving.becomes("Answers")
        assert serving.running.get("/servingz")[0] == 200
        serving.mode.write_text(mode)
        found, seconds = serving.becomes("Fails", 15)
        print(f"{mode}: told after {seconds:.1f} s")
        assert found.reason == reason, found
        status, text = serving.running.get("/servingz")
        assert (status == 503) is out
        assert ("of no use" in text) is out
        if mode != "block":
            serving.mode.write_text("well")
            serving.becomes("Answers", 15)
            assert serving.running.get("/servingz")[0] == 200


@pytest.mark.thorough
def test_a_model_that_somebody_unloads_fails_within_seconds(tmp_path: Path, protocol: str) -> None:
    with served(tmp_path, "well", protocol) as serving:
        serving.becomes("Answers")
        serving.unload()
        found, seconds = serving.becomes("Fails", 15)
        print(f"unloaded, {protocol}: told after {seconds:.1f} s")
        assert found.reason == "notReady"
        assert "status 404" in found.message
        assert serving.running.get("/servingz")[0] == 200
        assert 'mlhops_detector_probe{state="Fails"} 1.0' in serving.running.get("/metrics")[1]


@pytest.mark.thorough
def test_a_server_that_ends_is_refused_and_one_that_never_answered_is_unknown(
    tmp_path: Path,
) -> None:
    with served(tmp_path, "error") as serving:
        found, _ = serving.becomes("Unknown")
        time.sleep(6)
        found = serving.probe()
        assert (found.state, found.reason) == ("Unknown", "status"), found
        serving.mode.write_text("well")
        serving.becomes("Answers", 15)
        serving.process.kill()
        assert serving.becomes("Fails", 15)[0].reason == "refused"


@pytest.mark.thorough
def test_what_the_probe_asks_is_not_counted_and_who_waits_hears_of_it(tmp_path: Path) -> None:
    with served(tmp_path, "well") as serving:
        serving.becomes("Answers")
        time.sleep(1.5)
        tag = json.loads(serving.running.get("/serving")[1])["tag"]
        serving.mode.write_text("nan")
        began = time.monotonic()
        told = serving.running.get(f"/serving?tag={tag}&wait=15")[1]
        report = ServingReport.model_validate_json(told)
        assert time.monotonic() - began < 10
        assert report.probe.state == "Fails"
        assert report.hour.requests == 0
        assert report.quiet_seconds is None


@pytest.mark.parametrize(("live", "state"), [([0, 1, 2, 3, 4, 5], "Answers"), ([0] * 6, "Fails")])
def test_a_server_that_answers_callers_while_the_probe_waits_is_busy_and_does_not_fail(
    monkeypatch: pytest.MonkeyPatch, live: list[int], state: str
) -> None:
    monkeypatch.setattr("mlhops.detector.probe.SECONDS", 0.1)
    settings = ProbeSettings(
        model="sepsis", protocol="v2", request=Request(encoding="Columns"), port=free_port()
    )
    answered = iter(live)

    async def ask() -> ProbeVerdict:
        async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()  # until the client has gone
            writer.close()

        server = await asyncio.start_server(late, HOST, settings.port)
        probe = Probe(HOST, lambda _: DecodedAnswer(1), lambda: next(answered))
        async with server:
            probe.verdict.hear(READY, START)
            settled = probe.verdict
            monkeypatch.setattr(probe, "_settings", settings)
            for _ in range(3):
                await probe.ask(settings, b"{}")
            await asyncio.sleep(0.05)
        return settled

    verdict = asyncio.run(ask())
    assert verdict.report.state == state
    assert verdict.rest(10.0) < 10.0
