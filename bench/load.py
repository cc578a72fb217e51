"""A process that posts events as KServe's agent does: five connections, kept alive, one event each.

It prints what it saw as one line of JSON. Bodies are made before, so that it keeps up with the
detector that it measures.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from array import array
from collections import deque
from dataclasses import dataclass

from bench.results import percentile

HOST = "127.0.0.1"
WORKERS = 5
FEATURES = [f"feature-{number}" for number in range(20)]
_BODIES = 500
_HEAD = (
    "POST / HTTP/1.1\r\nHost: localhost:9500\r\nUser-Agent: Go-http-client/1.1\r\n"
    "Content-Length: {length}\r\nCe-Component: predictor\r\nCe-Endpoint: v2\r\nCe-Id: "
)
_TAIL = (
    "\r\nCe-Inferenceservicename: sepsis-v2\r\nCe-Metadata: {{}}\r\nCe-Namespace: icu\r\n"
    "Ce-Recordedtime: 2026-11-23T18:57:30.594144053Z\r\nCe-Source: http://localhost:9081/\r\n"
    "Ce-Specversion: 1.0\r\nCe-Time: 2026-11-23T18:57:30.593916095Z\r\n"
    "Ce-Type: org.kubeflow.serving.inference.{kind}\r\nContent-Type: application/json\r\n"
    "Accept-Encoding: gzip\r\n\r\n"
)
_OK = b"HTTP/1.1 200 "


@dataclass(frozen=True)
class Seen:
    """How the detector answered."""

    events: int
    refused: int
    """Answers other than 200."""
    seconds: float
    p50: float
    """Seconds from an event that is there to be posted until its answer."""
    p99: float
    slowest: float
    late: float
    """Seconds by which the load itself woke up too late, at the 99th percentile: what the machine
    adds to any time taken on it."""


class Events:
    """Requests and responses of one row in turn, each pair with an id of its own."""

    def __init__(self) -> None:
        numbers = random.Random(0)
        self._requests = [
            _prepared("request", _request([numbers.gauss(0, 1) for _ in FEATURES]))
            for _ in range(_BODIES)
        ]
        self._responses = [
            _prepared("response", _response(numbers.random())) for _ in range(_BODIES)
        ]
        self.made = 0

    def next(self) -> bytes:
        """Return the next event."""
        pair, response = divmod(self.made, 2)
        self.made += 1
        head, tail = (self._responses if response else self._requests)[pair % _BODIES]
        return b"%s%036d%s" % (head, pair, tail)


def _request(row: list[float]) -> object:
    tensor = {"name": "input-0", "shape": [1, len(row)], "datatype": "FP64", "data": row}
    return {"inputs": [tensor]}


def _response(score: float) -> object:
    tensor = {"name": "risk", "shape": [1], "datatype": "FP64", "data": [score]}
    return {"model_name": "sepsis", "model_version": None, "id": "r", "outputs": [tensor]}


def _prepared(kind: str, document: object) -> tuple[bytes, bytes]:
    body = json.dumps(document).encode()
    return _HEAD.format(length=len(body)).encode(), _TAIL.format(kind=kind).encode() + body


class _Worker(asyncio.Protocol):
    """One of the agent's connections."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._load.idle.append(self)

    def post(self, since: float) -> None:
        assert self._transport is not None
        self._since = since
        self._transport.write(self._load.events.next())

    def data_received(self, data: bytes) -> None:
        self._load.answered(self, data.startswith(_OK), time.perf_counter() - self._since)

    def connection_lost(self, _: Exception | None) -> None:
        self._load.broken()


class Load:
    """Posts so many events, as fast as they are answered or at a rate."""

    def __init__(self, events: int, rate: float) -> None:
        self.events = Events()
        self.idle: list[_Worker] = []
        self._count = events
        self._rate = rate
        self._due: deque[float] = deque()
        self._taken = array("d")
        self._late = array("d", [0.0])
        self._refused = 0
        self._done = asyncio.Event()

    async def run(self, port: int) -> Seen:
        """Post all events and wait for their answers."""
        loop = asyncio.get_running_loop()
        for _ in range(WORKERS):
            await loop.create_connection(lambda: _Worker(self), HOST, port)
        start = time.perf_counter()
        if self._rate:
            await self._pace(start)
        else:
            for worker in list(self.idle):
                worker.post(time.perf_counter())
        await self._done.wait()
        elapsed = time.perf_counter() - start
        return Seen(
            events=len(self._taken),
            refused=self._refused,
            seconds=elapsed,
            p50=percentile(self._taken, 50),
            p99=percentile(self._taken, 99),
            slowest=max(self._taken),
            late=percentile(self._late, 99),
        )

    async def _pace(self, start: float) -> None:
        for number in range(self._count):
            due = start + number / self._rate
            while (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
                self._late.append(max(time.perf_counter() - due, 0.0))
            # An event that finds no idle connection waits for one, and its time runs.
            now = time.perf_counter()
            if self.idle:
                self.idle.pop().post(now)
            else:
                self._due.append(now)

    def answered(self, worker: _Worker, good: bool, taken: float) -> None:
        """Note an answer, and let the worker go on."""
        self._taken.append(taken)
        self._refused += not good
        if self._rate:
            if self._due:
                worker.post(self._due.popleft())
            else:
                self.idle.append(worker)
        elif self.events.made < self._count:
            worker.post(time.perf_counter())
        if len(self._taken) == self._count:
            self._done.set()

    def broken(self) -> None:
        """End: the detector has closed a connection, which it must not do while it is used."""
        self._done.set()


def main() -> int:
    """Post events, and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0.0, help="a second; 0 is as fast as can be")
    given = parser.parse_args()

    async def run() -> Seen:
        return await Load(given.events, given.rate).run(given.port)

    print(json.dumps(vars(asyncio.run(run()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
