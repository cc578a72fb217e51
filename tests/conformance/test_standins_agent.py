"""The stand-in for KServe's agent posts the events that the real one posted."""

import asyncio
import base64
import gzip
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from lab.client import Object

pytestmark = pytest.mark.reference("kserve-samples")

IP = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
GENERATED = ("Ce-Recordedtime", "Ce-Time")
CHOSEN = "client-chosen"
PROBE = {"K-Network-Probe": "queue", "User-Agent": "kube-probe/1.36"}
SECONDS = 10.0


@dataclass(frozen=True)
class Exchange:
    """One request through the agent, and the events that the real one made of it."""

    events: tuple[Object, ...]

    @property
    def request(self) -> Object:
        return self.events[0]

    @property
    def answer(self) -> tuple[int, bytes]:
        """What the model server answered: events exist for status 200 only."""
        return (200, body_of(self.events[1])) if len(self.events) > 1 else (400, b"{}")

    @property
    def headers(self) -> dict[str, str]:
        """What the client sent."""
        logged = self.request["headers"]
        headers = {name: values[0] for name, values in json.loads(logged["Ce-Metadata"]).items()}
        if "Content-Type" in logged:
            headers["Content-Type"] = logged["Content-Type"]
        if logged["Ce-Id"] == CHOSEN:
            headers["Ce-Id"] = CHOSEN
        if body_of(self.request).startswith(gzip.compress(b"")[:2]):
            headers["Content-Encoding"] = "gzip"
        return headers


@dataclass
class Surroundings:
    """The model server behind the agent, and the sink beside it."""

    answer: tuple[int, bytes] = (200, b"")
    events: list[Object] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, _: web.Request) -> web.Response:
        status, body = self.answer
        return web.Response(status=status, body=body, content_type="application/json")

    async def sink(self, request: web.Request) -> web.Response:
        body = await request.read()
        line = (
            f"{request.method} {request.path} HTTP/{request.version.major}.{request.version.minor}"
        )
        self.events.append({"request": line, "headers": dict(request.headers), "body": body})
        self.arrived.set()
        return web.Response()

    async def wait(self, count: int) -> list[Object]:
        async with asyncio.timeout(SECONDS):
            while len(self.events) < count:
                self.arrived.clear()
                await self.arrived.wait()
        events, self.events = self.events, []
        return sorted(events, key=lambda one: str(one["headers"]["Ce-Type"]))


def body_of(event: Object) -> bytes:
    if "bodyBase64" in event:
        return base64.b64decode(event["bodyBase64"])
    return str(event["body"]).encode()


def exchanges(folder: Path) -> list[Exchange]:
    text = (folder / "kserve-samples" / "events.jsonl").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    identities = list(dict.fromkeys(one["headers"]["Ce-Id"] for one in events))
    return [
        Exchange(tuple(one for one in events if one["headers"]["Ce-Id"] == identity))
        for identity in identities
    ]


def comparable(event: Object) -> Object:
    headers = {name: text for name, text in event["headers"].items() if name not in GENERATED}
    if headers["Ce-Id"] != CHOSEN:
        headers["Ce-Id"] = "generated"
    return {"request": event["request"], "headers": headers}


def test_every_captured_exchange_makes_the_same_events(reference: Path) -> None:
    asyncio.run(replay(exchanges(reference)))


async def replay(samples: list[Exchange]) -> None:
    surroundings = Surroundings()
    runners = [
        await listen(surroundings.serve, 8080),
        await listen(surroundings.sink, 9500),
    ]
    agent = await start_agent()
    try:
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            await wait_until_ready(session)
            assert surroundings.events == [], "probes are not logged"
            for sample in samples:
                surroundings.answer = sample.answer
                await send(session, sample)
                events = await surroundings.wait(len(sample.events))
                assert [comparable(one) for one in events] == [
                    comparable(one) for one in sample.events
                ]
                assert [one["body"] for one in events] == [body_of(one) for one in sample.events]
                assert len({one["headers"]["Ce-Id"] for one in events}) == 1
    finally:
        agent.terminate()
        await agent.wait()
        for runner in runners:
            await runner.cleanup()


async def send(session: aiohttp.ClientSession, sample: Exchange) -> None:
    body = body_of(sample.request)
    skip = ("Content-Type",)
    async with session.request(
        "POST" if body else "GET",
        f"http://{IP}:9081/v2/models/sepsis/infer",
        data=body or None,
        headers=sample.headers,
        skip_auto_headers=skip,
    ) as answer:
        assert (answer.status, await answer.read()) == sample.answer


async def listen(handler: object, port: int) -> web.AppRunner:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app, auto_decompress=False, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, IP, port).start()
    return runner


async def start_agent() -> asyncio.subprocess.Process:
    """The command line of the captured pod; one more header is listed, as when events were made."""
    headers = "X-Request-Id,Inference-Header-Content-Length"
    arguments = {
        "--log-url": "http://localhost:9500/",
        "--source-uri": "",
        "--log-mode": "all",
        "--inference-service": "ok",
        "--namespace": "icu",
        "--endpoint": "v2",
        "--component": "predictor",
        "--metadata-headers": headers,
        "--logger-tls-skip-verify": "false",
        "--component-port": "8080",
    }
    words = [word for pair in arguments.items() for word in pair]
    probe = '{"tcpSocket":{"port":8080}}'
    environment = {**os.environ, "LAB_POD_IP": IP, "SERVING_READINESS_PROBE": probe}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lab.agent", *words, env=environment
    )


async def wait_until_ready(session: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                async with session.get(f"http://{IP}:9081/", headers=PROBE) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
