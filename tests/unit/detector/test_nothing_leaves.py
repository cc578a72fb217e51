"""Values that nobody else has are planted wherever a request can hold them, and found nowhere that can be read."""

import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mlhops.api.base import Json
from mlhops.api.detector import DetectorConfig
from mlhops.api.profile import Profile
from mlhops.statistics.drift import edges
from testkit.sidecar import HOST, PATIENCE, Sidecar, headers, sidecar

NUMBER = 31337.424242
WORD = "Lovelace-1815"
FEATURES: Json = [{"name": "age"}, {"name": "ward", "type": "Categorical", "categories": ["icu"]}]
CONFIG = {
    "revision": "r1",
    "features": FEATURES,
    "output": {"name": "risk", "threshold": 0.5},
    "windows": [{"name": "hour", "length": "1h"}],
    "bounds": {"bodyBytes": 4096, "requestSeconds": 0.5},
}
BINARY_HEAD = json.dumps(
    {
        "inputs": [
            {
                "name": "ward",
                "datatype": "BYTES",
                "shape": [1],
                "parameters": {"binary_data_size": len(WORD) + 4},
            }
        ]
    }
).encode()


def known() -> Profile:
    values = np.random.default_rng(0).normal(60, 9, size=1000)
    wards: list[object] = ["icu"] * 1000
    return Profile(
        revision="r1",
        created_from=f"sha256:{'0' * 64}",
        rows=1000,
        features=[edges.numeric("age", values), edges.categorical("ward", wards, ["icu"])],
        score=edges.numeric("risk", np.random.default_rng(1).random(1000)),
    )


def v1(*rows: Json, key: str = "instances") -> bytes:
    return json.dumps({key: [*rows]}).encode()


def v2(*tensors: Json, key: str = "inputs") -> bytes:
    return json.dumps({key: [*tensors]}).encode()


def tensor(name: str, datatype: str, shape: list[Json], data: Json) -> Json:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


MANY: list[Json] = [[NUMBER, "icu"]] * 300
REQUESTS = {
    "v1 lists": v1([NUMBER, WORD]),
    "v1 dicts": v1({"age": NUMBER, "ward": WORD}),
    "v1 columns": v1({"age": [NUMBER], "ward": [WORD]}),
    "v1 with a name that is a value": v1({WORD: NUMBER, "age": 1}),
    "v1 with a text for a number": v1([WORD, NUMBER]),
    "v1 of another width": v1([NUMBER]),
    "v1 nested": v1([[[NUMBER]], {"ward": {WORD: WORD}}]),
    "v2 by name": v2(tensor("age", "FP64", [1], [NUMBER]), tensor("ward", "BYTES", [1], [WORD])),
    "v2 with a name that is a value": v2(tensor(WORD, "FP64", [1, 2], [NUMBER, NUMBER])),
    "v2 with a type that is a value": v2(tensor("age", WORD, [1], [NUMBER])),
    "v2 that does not fit its shape": v2(tensor("age", "FP64", [7], [NUMBER, WORD])),
    "v2 with a shape of texts": v2(tensor("age", "FP64", [WORD], [NUMBER])),
    "v2 binary": BINARY_HEAD + len(WORD).to_bytes(4, "little") + WORD.encode(),
    "v2 binary, cut off": BINARY_HEAD + WORD.encode(),
    "not JSON": f"{WORD} {NUMBER}".encode(),
    "half JSON": v1([NUMBER, WORD])[:-3],
    "not UTF-8": b'{"instances": [["\xff' + WORD.encode() + b'"]]}',
    "gzip": gzip.compress(v1([NUMBER, WORD])),
    "bad gzip": b"\x1f\x8b" + WORD.encode(),
    "too large": v1(*MANY),
    "something else": json.dumps({WORD: {WORD: NUMBER}}).encode(),
    "a text": json.dumps(WORD).encode(),
    "no rows": b"",
}
RESPONSES = {
    "scores": v1(NUMBER, key="predictions"),
    "texts": v1(WORD, key="predictions"),
    "dicts": v1({WORD: NUMBER}, key="predictions"),
    "tensor": v2(tensor("risk", "FP64", [1], [NUMBER]), key="outputs"),
    "another output": v2(tensor(WORD, "BYTES", [1], [WORD]), key="outputs"),
    "several outputs": v2(
        tensor(WORD, "FP64", [1], [NUMBER]), tensor("b", "FP64", [1], [1]), key="outputs"
    ),
    "an error": json.dumps({"error": f"ValueError: {WORD} {NUMBER}"}).encode(),
}


def told(running: Sidecar) -> dict[str, str]:
    """All that can be read of a detector without a look into its memory."""
    pages = {path: running.get(path)[1] for path in ("/report", "/metrics", "/healthz", "/readyz")}
    return pages | {"log": running.log}


def found(running: Sidecar) -> set[str]:
    """Where one of the values is, as it was sent or as a number is written otherwise."""
    marks = (WORD, str(NUMBER), f"{NUMBER:g}", "31337")
    return {place for place, words in told(running).items() if any(m in words for m in marks)}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Sidecar]:
    with sidecar(tmp_path, DetectorConfig.model_validate(CONFIG), known()) as process:
        yield process


def test_no_value_of_a_request_or_an_answer_is_told_in_whatever_form_it_comes(
    running: Sidecar,
) -> None:
    bodies = [("request", body) for body in REQUESTS.values()]
    bodies += [("response", body) for body in RESPONSES.values()]
    for number, (kind, body) in enumerate(bodies):
        assert running.post(body, headers(kind, f"{WORD}-{number}")) == 200
    report = running.settled(len(bodies))
    assert report.windows["hour"].rows > 5, "some were counted"
    assert report.counters["outcome.failed"] == 0
    assert len([name for name, n in running.counts().items() if name.startswith("outcome.")]) > 8
    assert found(running) == set()


def test_no_value_in_a_head_or_of_what_breaks_off_is_told(running: Sidecar) -> None:
    odd = {"Ce-Type": WORD, "Ce-Metadata": WORD, "Ce-Id": WORD, "Content-Type": WORD, WORD: WORD}
    assert running.post(v1([NUMBER, WORD]), headers() | odd) == 200
    heads = [
        f"POST /{WORD} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{{}}",
        f"{WORD} / HTTP/1.1\r\nHost: a\r\n\r\n",
        f"POST / HTTP/1.1\r\n{WORD}\r\n\r\n",
        f"POST / HTTP/1.1\r\nContent-Length: {WORD}\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{WORD}",
        f"{WORD}\r\n\r\n",
    ]
    for port in (running.sink, running.reports):
        for head in heads:
            with socket.create_connection((HOST, port), PATIENCE) as stream:
                stream.sendall(head.encode())
                stream.shutdown(socket.SHUT_WR)
                while stream.recv(65536):
                    pass
    assert found(running) == set()


TALKATIVE = '''
import inspect, pathlib, sys

class KSDrift:
    def __init__(self, reference): ...

    def predict(self, window):
        """Say all that can be known, wherever anybody may hear it."""
        words = repr([frame.frame.f_locals for frame in inspect.stack()])
        pathlib.Path(__file__).with_name("said").write_text(words)
        print(words)
        print(words, file=sys.stderr)
        raise ValueError(words)

CVMDrift = ChiSquareDrift = FETDrift = TabularDrift = KSDrift
'''


@pytest.mark.thorough
def test_no_value_is_told_where_alibi_detect_fails_and_quotes_all_that_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "alibi_detect").mkdir()
    (tmp_path / "alibi_detect" / "__init__.py").touch()
    (tmp_path / "alibi_detect" / "cd.py").write_text(TALKATIVE)
    monkeypatch.syspath_prepend(str(tmp_path))
    asked = {"detectors": [{"type": "KSDrift"}], "minRows": 100, "every": 1}
    config = DetectorConfig.model_validate(CONFIG | {"alibi": asked})
    with sidecar(tmp_path, config, known()) as running:
        running.post(v1(*MANY[:120]), headers())
        running.until("a failure", lambda report: bool(report.engine and report.engine.results))
        assert str(NUMBER) in (tmp_path / "alibi_detect" / "said").read_text()
        assert found(running) == set()
