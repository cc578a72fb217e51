"""The lab's stand-in for KServe's agent makes the events that KServe's own makes, byte for byte."""

import asyncio
import gzip
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import aiohttp
from aiohttp import web

from lab.agent import PORT
from lab.control import free_everywhere, free_ports
from lab.kserve_upstream.release import agent

HOST = "127.0.0.1"
SECONDS = 10.0
# Names, times and the port that the agent itself listens at.
GENERATED = ("Ce-Id", "Ce-Recordedtime", "Ce-Source", "Ce-Time")
CHOSEN = "chosen-by-the-caller"
PREDICT, INFER = "/v1/models/sepsis:predict", "/v2/models/sepsis/infer"
JSON = {"Content-Type": "application/json"}
KUBELET = {"User-Agent": "kube-probe/1.36"}
ROW, ANSWER = b'{"instances": [[70, 1.5]]}', b'{"predictions": [0.25]}'
BINARY = b'{"inputs": []}' + bytes(range(256))


@dataclass(frozen=True)
class Event:
    """What a sink gets."""

    request: str
    headers: Mapping[str, str]
    body: bytes


Seen: TypeAlias = tuple[object, list[Event]]
"""What a caller was answered, and the events of it."""


@dataclass(frozen=True)
class Exchange:
    """What a caller sends through an agent, and what the model server answers."""

    path: str
    body: bytes | None
    sent: Mapping[str, str] = field(default_factory=lambda: JSON)
    status: int = 200
    answer: bytes = ANSWER
    answered: Mapping[str, str] = field(default_factory=lambda: JSON)
    probe: bool = False

    @property
    def events(self) -> int:
        return 0 if self.probe else 2 if self.status == 200 else 1


EXCHANGES = (
    Exchange(PREDICT, ROW),
    Exchange(INFER, b'{"inputs": []}', {**JSON, "X-Request-Id": "a-1"}),
    Exchange(
        INFER,
        BINARY,
        {
            "Content-Type": "application/octet-stream",
            "X-Request-Id": "b-2",
            "Inference-Header-Content-Length": "14",
        },
        answer=BINARY[::-1],
        answered={"Content-Type": "application/octet-stream"},
    ),
    Exchange(PREDICT, gzip.compress(ROW, mtime=0), {**JSON, "Content-Encoding": "gzip"}),
    Exchange(
        PREDICT,
        ROW,
        {**JSON, "Accept-Encoding": "gzip"},
        answer=gzip.compress(ANSWER, mtime=0),
        answered={**JSON, "Content-Encoding": "gzip"},
    ),
    Exchange(PREDICT, ROW, {**JSON, "Ce-Id": CHOSEN}),
    Exchange(INFER, "{'naïve': \"&<>\"}".encode()),
    Exchange("/v2/models/sepsis", None, {}),
    Exchange(PREDICT, b"", {}),
    Exchange(PREDICT, b"{", status=400, answer=b'{"error": "no JSON"}'),
    Exchange(PREDICT, ROW, status=500, answer=b"", answered={}),
    Exchange(PREDICT, ROW, status=202),
    Exchange("/", None, {"K-Network-Probe": "queue"}),
    Exchange("/", None, KUBELET, probe=True),
    Exchange("/", None, {**KUBELET, "K-Network-Probe": "queue"}, probe=True),
)


@dataclass
class Surroundings:
    """The model server behind an agent, and the sink of its events."""

    server_port: int
    sink_port: int
    exchange: Exchange = EXCHANGES[0]
    events: list[Event] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, _: web.Request) -> web.Response:
        exchange = self.exchange
        return web.Response(
            status=exchange.status, body=exchange.answer, headers=dict(exchange.answered)
        )

    async def sink(self, request: web.Request) -> web.Response:
        version = f"HTTP/{request.version.major}.{request.version.minor}"
        headers = {
            name: text
            for name, text in request.headers.items()
            if name not in GENERATED or text == CHOSEN
        }
        line = f"{request.method} {request.path} {version}"
        self.events.append(Event(line, headers, await request.read()))
        self.arrived.set()
        return web.Response()

    async def taken(self, count: int) -> list[Event]:
        """The events of an exchange, request first."""
        async with asyncio.timeout(SECONDS):
            while len(self.events) < count:
                self.arrived.clear()
                await self.arrived.wait()
        events, self.events = self.events, []
        return sorted(events, key=lambda one: one.headers["Ce-Type"])


def test_the_stand_in_makes_the_events_that_the_real_agent_makes() -> None:
    real, stand_in = asyncio.run(both(agent()))
    for exchange, ours, theirs in zip(EXCHANGES, stand_in, real, strict=True):
        assert ours == theirs, exchange
    assert sum(len(events) for _, events in real) == sum(one.events for one in EXCHANGES)


async def both(program: Path) -> tuple[list[Seen], list[Seen]]:
    """What callers and the sink got of KServe's agent, and of the stand-in."""
    server_port, sink_port = free_ports(2)
    around = Surroundings(server_port, sink_port)
    async with (
        listening(around.serve, around.server_port),
        listening(around.sink, around.sink_port),
    ):
        port = free_everywhere()
        real = await replayed(around, (str(program), f"--port={port}"), port)
        stand_in = await replayed(around, (sys.executable, "-m", "lab.agent"), PORT)
    return real, stand_in


async def replayed(around: Surroundings, command: Sequence[str], port: int) -> list[Seen]:
    seen: list[Seen] = []
    async with running(around, command), aiohttp.ClientSession(auto_decompress=False) as session:
        await until_ready(session, port)
        for exchange in EXCHANGES:
            around.exchange = exchange
            answer = await ask(session, port, exchange)
            seen.append((answer, await around.taken(exchange.events)))
    return seen


async def ask(session: aiohttp.ClientSession, port: int, exchange: Exchange) -> object:
    async with session.request(
        "GET" if exchange.body is None else "POST",
        f"http://{HOST}:{port}{exchange.path}",
        data=exchange.body,
        headers=exchange.sent,
        skip_auto_headers=("Content-Type",),
    ) as answer:
        kinds = (answer.headers.get("Content-Type"), answer.headers.get("Content-Encoding"))
        return answer.status, kinds, await answer.read()


@asynccontextmanager
async def listening(handler: object, port: int) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, auto_decompress=False, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, port).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(around: Surroundings, command: Sequence[str]) -> AsyncIterator[None]:
    """An agent with the arguments that KServe gives it."""
    arguments = {
        "--log-url": f"http://localhost:{around.sink_port}/",
        "--source-uri": "",
        "--log-mode": "all",
        "--inference-service": "sepsis-bcd",
        "--namespace": "icu",
        "--endpoint": "bcd",
        "--component": "predictor",
        "--metadata-headers": "X-Request-Id,Inference-Header-Content-Length",
        "--logger-tls-skip-verify": "false",
        "--component-port": str(around.server_port),
    }
    words = [word for pair in arguments.items() for word in pair]
    probe = json.dumps({"tcpSocket": {"port": around.server_port, "host": HOST}})
    environment = {**os.environ, "LAB_POD_IP": HOST, "SERVING_READINESS_PROBE": probe}
    process = await asyncio.create_subprocess_exec(*command, *words, env=environment)
    try:
        yield
    finally:
        process.kill()  # the real one would wait half a minute first
        await process.wait()


async def until_ready(session: aiohttp.ClientSession, port: int) -> None:
    probe = {**KUBELET, "K-Network-Probe": "queue"}
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                async with session.get(f"http://{HOST}:{port}/", headers=probe) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
