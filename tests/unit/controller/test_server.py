"""Who connects to the operator's ports, and what that keeps from others."""

import asyncio
import contextlib
import gzip
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge

from mlhops.controller.endpoints import server as module
from mlhops.controller.endpoints.exposition import Exposition
from mlhops.controller.endpoints.server import HttpRequest, Inbound, Reply, text_reply

PLACES = 8
LONG = b"x" * 30_000_000


async def answer(request: HttpRequest) -> Reply:
    if request.path == "/breaks":
        raise ValueError("Anna Muster")
    if request.path == "/never":
        await asyncio.Event().wait()
    return Reply(200, LONG) if request.path == "/long" else text_reply(200, request.path)


@pytest.fixture
def port() -> Iterator[int]:
    inbound = Inbound()
    yield inbound.listen("metrics", "127.0.0.1", 0, answer, PLACES)
    inbound.close()


@contextlib.contextmanager
def connected(
    port: int, number: int, words: bytes = b"", host: str = "127.0.0.1"
) -> Iterator[list[socket.socket]]:
    """So many connections from one address, on each of which the same is said."""
    with contextlib.ExitStack() as opened:
        found = []
        for _ in range(number):
            one = socket.create_connection(("127.0.0.1", port), 5, source_address=(host, 0))
            opened.enter_context(one)
            if words:
                one.sendall(words)
            found.append(one)
        yield found


def get(port: int, path: str = "/", **headers: str) -> httpx.Response:
    url = f"http://127.0.0.1:{port}{path}"
    return httpx.get(url, headers=headers, trust_env=False, timeout=5)


def said(port: int, words: bytes) -> bytes:
    """All that is answered to some bytes."""
    with connected(port, 1, words) as (one,):
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while part := one.recv(65536):
                found += part
        return found


@pytest.mark.parametrize(
    "words",
    [b"", b"GET / HT", b"GET /never HTTP/1.1\r\n\r\n", b"GET /long HTTP/1.1\r\n\r\n"],
    ids=["idle", "slow to ask", "waiting", "slow to read"],
)
def test_any_number_of_connections_leaves_a_place_for_the_next(port: int, words: bytes) -> None:
    with connected(port, 40 * PLACES, words):
        began = time.monotonic()
        assert get(port, "/mine").text == "/mine"
        assert time.monotonic() - began < 1.0


def test_whoever_has_many_places_loses_one_of_them_and_not_the_one_of_another(port: int) -> None:
    asked = connected(port, 1, b"GET / HTTP/1.1\r\n")
    with asked as (other,), connected(port, 20 * PLACES, host="127.0.0.2"):
        other.sendall(b"\r\n")
        assert other.recv(100).startswith(b"HTTP/1.1 200 OK")


def test_a_connection_that_asks_for_nothing_is_ended(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.1)
    assert said(port, b"") == b""
    assert said(port, b"GET / HTTP/1.1\r\n") == b""


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 200),
        (b"HEAD / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\n" + b"a: " + b"x" * module.HEAD_BYTES, 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 2000 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"\x16\x03\x01\r\n\r\n", 400),
        (b"GET /breaks HTTP/1.1\r\n\r\n", 500),
    ],
)
def test_one_short_request_is_answered_and_no_more(port: int, words: bytes, status: int) -> None:
    told = said(port, words)
    assert told.split(b" ")[1] == str(status).encode()
    assert b"Anna" not in told
    assert b"Connection: close" in told


def test_a_page_is_written_once_for_all_who_ask_at_a_time() -> None:
    written = 0

    def count() -> float:
        nonlocal written
        written += 1
        time.sleep(0.2)
        return 7

    registry = CollectorRegistry()
    Gauge("answer", "to all", registry=registry).set_function(count)
    page = Exposition(registry, cpu=time.monotonic)

    async def story() -> list[Reply]:
        plain, packed = HttpRequest("GET", "/metrics", {}), {"accept-encoding": "br, gzip;q=1"}
        asked = [page.reply(plain) for _ in range(50)]
        gone = asyncio.create_task(page.reply(plain))
        await asyncio.sleep(0)
        gone.cancel()
        return [
            *await asyncio.gather(*asked),
            await page.reply(HttpRequest("GET", "/metrics", packed)),
        ]

    *told, packed = asyncio.run(story())
    assert {each.body for each in told} == {gzip.decompress(packed.body)}
    assert b"answer 7.0" in told[0].body
    assert written == 2


def test_a_page_is_written_anew_after_a_rest_that_depends_on_what_it_costs() -> None:
    registry = CollectorRegistry()
    gauge = Gauge("answer", "to all", registry=registry)
    times = iter((0.0, 0.01, 0.02, 0.03))
    page = Exposition(registry, cpu=lambda: next(times))

    async def story() -> list[bytes]:
        asked, told = HttpRequest("GET", "/metrics", {}), []
        for seconds in (0.0, 0.0, 0.2):
            await asyncio.sleep(seconds)
            told.append((await page.reply(asked)).body)
            gauge.inc()
        return told

    first, soon, later = asyncio.run(story())
    assert first == soon
    assert first != later


def test_there_is_one_page() -> None:
    told = asyncio.run(Exposition(CollectorRegistry()).reply(HttpRequest("GET", "/", {})))
    assert (told.status, told.body) == (404, b"there is /metrics\n")
