"""Whatever is sent to the sink is answered and counted; it costs bounded memory and ends nothing."""

import gzip
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from testkit.sidecar import HOST, PATIENCE, Sidecar, config, headers, profile, sidecar

BODY_BYTES = 4096
REQUEST = json.dumps({"instances": [[0.5, 0.1]]}).encode()
BOUNDS = {
    "bodyBytes": BODY_BYTES,
    "queueBytes": 16384,
    "connections": 8,
    "requestSeconds": 0.5,
    "idleSeconds": 1.5,
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Sidecar]:
    with sidecar(tmp_path, config(bounds=BOUNDS), profile()) as process:
        yield process
        assert process.process.poll() is None
        assert process.get("/healthz")[0] == 200
        assert process.post(REQUEST, headers(identity="last")) == 200


def connect(running: Sidecar) -> socket.socket:
    return socket.create_connection((HOST, running.sink), PATIENCE)


def head(length: int | None, kind: str = "request", identity: str = "a") -> bytes:
    told = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    lines = [f"{name}: {text}" for name, text in headers(kind, identity).items()]
    return "\r\n".join(["POST / HTTP/1.1", "Host: localhost", told, *lines, "", ""]).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer(stream: socket.socket) -> bytes:
    return stream.recv(65536).split(b"\r\n")[0]


def ended(stream: socket.socket) -> bool:
    """Whether the other side has closed, after whatever it had to say."""
    try:
        while stream.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def test_an_oversized_body_is_answered_and_its_connection_goes_on(running: Sidecar) -> None:
    with connect(running) as stream:
        stream.sendall(head(50 * BODY_BYTES) + b"x" * 50 * BODY_BYTES)
        assert answer(stream) == b"HTTP/1.1 200 OK"
        stream.sendall(head(len(REQUEST)) + REQUEST)
        assert answer(stream) == b"HTTP/1.1 200 OK"
    counters = running.settled(2).counters
    assert (counters["outcome.oversized"], counters["outcome.rows"]) == (1, 1)


def test_a_body_of_untold_length_is_read_up_to_the_bound(running: Sidecar) -> None:
    with connect(running) as stream:
        stream.sendall(head(None) + chunk(REQUEST[:9]) + chunk(REQUEST[9:]) + chunk(b""))
        assert answer(stream) == b"HTTP/1.1 200 OK"
        stream.sendall(head(None) + chunk(b"x" * 2 * BODY_BYTES))
        assert answer(stream) == b"HTTP/1.1 200 OK"
    counters = running.settled(2).counters
    assert (counters["outcome.oversized"], counters["outcome.rows"]) == (1, 1)
    assert counters["state.queuedBytes"] == 0


@pytest.mark.thorough
def test_a_body_that_does_not_come_in_time_is_cut_off_and_answered(running: Sidecar) -> None:
    with connect(running) as stream:
        stream.sendall(head(1000) + b"{")
        assert answer(stream) == b"HTTP/1.1 200 OK"
        assert ended(stream)
    counters = running.settled(1).counters
    assert counters["outcome.cutOff"] == 1
    assert (counters["state.queuedEvents"], counters["state.queuedBytes"]) == (0, 0)


def test_a_sender_that_goes_away_is_cut_off(running: Sidecar) -> None:
    with connect(running) as stream:
        stream.sendall(head(1000) + b"{")
        running.until("its arrival", lambda report: report.counters["received"] == 1)
    counters = running.settled(1).counters
    assert counters["outcome.cutOff"] == 1
    assert counters["state.queuedBytes"] == 0


@pytest.mark.thorough
@pytest.mark.parametrize("start", [b"", b"POST / HTTP/1.1\r\nHost: a\r\nCe-Type: org"])
def test_a_connection_that_never_finishes_its_head_is_closed(
    running: Sidecar, start: bytes
) -> None:
    with connect(running) as stream:
        stream.sendall(start)
        assert ended(stream)


def test_more_than_fits_is_shed_and_counted(tmp_path: Path) -> None:
    bounds = BOUNDS | {"queueBytes": 2048}
    with sidecar(tmp_path, config(bounds=bounds)) as running:
        assert running.post(b" " * 3000, headers()) == 200
        assert running.post(REQUEST, headers()) == 200
        counters = running.settled(2).counters
    assert (counters["outcome.shed"], counters["outcome.rows"]) == (1, 1)


def test_a_flood_of_connections_does_not_take_the_places_of_those_that_work(
    running: Sidecar,
) -> None:
    with ExitStack() as stack:
        worker = stack.enter_context(connect(running))
        for round_ in range(5):
            for _ in range(20):
                stack.enter_context(connect(running))
            worker.sendall(head(len(REQUEST), identity=str(round_)) + REQUEST)
            assert answer(worker) == b"HTTP/1.1 200 OK"
        report = running.settled(5)
        assert report.counters["outcome.rows"] == 5
        assert report.counters["note.refusedConnection"] >= 90
        assert report.counters["state.connections"] <= 8


@pytest.mark.thorough
@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nCe-Id: " + b"a" * 200_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"A: b\r\n" * 5_000 + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0" * 1_000,
    ],
)
def test_what_is_not_http_ends_its_own_connection_only(running: Sidecar, garbage: bytes) -> None:
    with connect(running) as stream:
        try:
            stream.sendall(garbage)
        except ConnectionError:
            return
        assert ended(stream)


@pytest.mark.thorough
def test_hostile_bodies_are_answered_counted_and_leave_no_memory_behind(tmp_path: Path) -> None:
    names = [f"f{i}" for i in range(40)]
    sparse = json.dumps({"instances": [{"f0": 1}] * 90_000}).encode()
    shape = {"name": "x", "shape": [9**9] * 9, "datatype": "FP64", "data": []}
    bodies = {
        "notJson": [b"[" * 60_000, b"\xff" * 1000, b'{"instances": [[1,2', b"NaN" * 100 + b"["],
        "inflatedTooLarge": [gzip.compress(b"0" * 30_000_000)],
        "badGzip": [gzip.compress(b"{}" * 1000)[:-9]],
        "badTensor": [json.dumps({"inputs": [shape]}).encode()],
        "tooManyRows": [sparse, gzip.compress(sparse)],
    }
    all_of_them = [body for kind in bodies.values() for body in kind]
    rounds = 20
    with sidecar(tmp_path, config(names), profile(names)) as running:
        before = running.resident
        for done in range(1, rounds + 1):
            for body in all_of_them:
                assert running.post(body, headers()) == 200
            running.settled(done * len(all_of_them))
        counters = running.report().counters
        # The rows of two rounds alone would be more.
        assert running.resident - before < 45
    for name, kind in bodies.items():
        assert counters[f"outcome.{name}"] == len(kind) * rounds


def test_no_row_is_in_any_report_metric_or_log(running: Sidecar) -> None:
    word, number = "Marker-Petrova", "773177317731"
    planted = [
        json.dumps({"instances": [[float(number), word]]}).encode(),
        json.dumps({"instances": [{"age": word, word: float(number)}]}).encode(),
        json.dumps({"inputs": [{"name": word, "shape": [1], "datatype": word}]}).encode(),
        json.dumps({"predictions": [float(number), word]}).encode(),
        f'{{"instances": [[{number}, "{word}"'.encode(),
        f'{{"instances": [[NaN, {number}], "{word}"]}}'.encode(),
        gzip.compress(f"{word} {number}".encode()),
        gzip.compress(f"{word} {number}".encode())[:-3],
    ]
    sent = 0
    for body in planted:
        for kind in ("request", "response", word):
            for metadata in ("{}", json.dumps({"Inference-Header-Content-Length": [word]})):
                given = headers(kind, word, Ce_Metadata=metadata, Content_Type=word, Ce_Time=word)
                assert running.post(body, given) == 200
                sent += 1
    for line in (f"{word} / HTTP/1.1", f"POST / HTTP/{number}", f"POST /\x01{word} HTTP/1.1"):
        with connect(running) as stream:
            stream.sendall(f"{line}\r\n{word}: {number}\r\n{word}\r\n\r\n".encode())
            ended(stream)
    report = running.settled(sent)
    assert report.windows["hour"].rows > 0
    told = [running.get(path)[1] for path in ("/report", "/metrics", "/healthz", "/readyz")]
    for text in (*told, running.log):
        assert word not in text
        assert number not in text.replace("_", "")


def test_who_holds_all_connections_keeps_neither_the_kubelet_nor_the_operator_out(
    running: Sidecar,
) -> None:
    held = [socket.create_connection((HOST, running.reports), PATIENCE) for _ in range(64)]
    try:
        for _ in range(3):
            assert running.get("/servingz")[0] == 200
            assert running.get("/report")[0] == 200
    finally:
        for each in held:
            each.close()
