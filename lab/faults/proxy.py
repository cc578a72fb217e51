"""A TLS reverse proxy in front of an API server, which does what its script says."""

import asyncio
import logging
import ssl
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from lab.certificates import KeyPair
from lab.faults.answers import STATUSES, gone, refuse
from lab.faults.requests import Target, target_of
from lab.faults.script import KILLS, Action, Counted, Fault, Struck, due

HOST = "127.0.0.1"
# Of a connection, not of a message; the length of the body is written anew.
_HOP = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
_LATENESS = 2.0
_FOREVER = 3600.0
# Connections that were told to close do so in the loop, after the call.
_LAST_WORDS = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Upstream:
    """The API server behind the proxy, and who the proxy's client is there."""

    url: str
    authority: Path
    client: KeyPair


class FaultProxy:
    """Serves one client from a thread of its own. Faults can be set at any time."""

    def __init__(
        self, upstream: Upstream, serving: KeyPair, struck: Callable[[Fault, Target], None]
    ) -> None:
        self._upstream = upstream
        self._struck = struck
        self._listening = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._listening.load_cert_chain(serving.certificate, serving.key)
        self._lock = threading.Lock()
        self._faults: tuple[Fault, ...] = ()
        self._counts: Counter[str] = Counter()
        self._frozen: set[int] = set()
        self._late_until = self._away_until = 0.0
        self._transports: set[asyncio.Transport] = set()
        self.seen: list[Struck] = []
        self.in_flight = 0
        self.last_request = time.monotonic()
        self.watched: dict[str, float] = {}
        """When a watch on each resource was last begun."""
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(30):
            raise RuntimeError("the proxy does not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Where the client finds the API server."""
        return f"https://{HOST}:{self.port}"

    def begin(self, *faults: Fault) -> None:
        """Count from here, and let these strike."""
        with self._lock:
            self._faults = faults
            self._counts.clear()
            self._frozen.clear()
            self.seen.clear()

    def trace(self, counted: Counted) -> list[Struck]:
        """What was counted since `begin`, in order."""
        with self._lock:
            return [one for one in self.seen if one.counted is counted]

    def requests_since(self, moment: float) -> int:
        """How many requests of any kind arrived since a moment of the monotonic clock."""
        with self._lock:
            asked = [one for one in self.seen if one.counted is not Counted.EVENT]
            return sum(one.moment >= moment for one in asked)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
            self._loop.run_until_complete(asyncio.sleep(_LAST_WORDS))
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        out = ssl.create_default_context(cafile=str(self._upstream.authority))
        out.load_cert_chain(self._upstream.client.certificate, self._upstream.client.key)
        connector = aiohttp.TCPConnector(ssl=out, limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False
        ) as self._session:
            application = web.Application(client_max_size=16 * 2**20)
            application.router.add_route("*", "/{path:.*}", self._handle)
            runner = web.AppRunner(
                application,
                access_log=None,
                handler_cancellation=True,
                shutdown_timeout=0.1,
                logger=_log,
            )
            await runner.setup()
            site = web.TCPSite(runner, HOST, self.port, ssl_context=self._listening)
            await site.start()
            self.port = runner.addresses[0][1]
            self._ready.set()
            await self._stop.wait()
            for transport in list(self._transports):
                transport.abort()
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            raise ConnectionResetError
        self._transports.add(transport)
        target = target_of(request.method, request.path, request.query)
        try:
            if target.verb == "watch":
                self._note(None, target)
                self.watched[target.resource] = time.monotonic()
                return await self._watch(request, target)
            self.in_flight += 1
            try:
                return await self._answer(request, target)
            finally:
                self.in_flight -= 1
                self.last_request = time.monotonic()
        finally:
            self._transports.discard(transport)

    def _note(self, counted: Counted | None, target: Target) -> Fault | None:
        """Number it, and return the fault that is due."""
        with self._lock:
            number, fault = 0, None
            if counted is not None:
                self._counts.update((counted, target.sort))
                number = self._counts[counted]
                moved = {name: self._counts[name] for name in (counted, target.sort)}
                fault = due(self._faults, moved)
            self.seen.append(Struck(time.monotonic(), counted, number, target, fault))
            return fault

    async def _answer(self, request: web.Request, target: Target) -> web.StreamResponse:
        counted = Counted.WRITE if target.is_write else Counted.READ
        fault = self._note(counted, target)
        self._check_away(request)
        action = fault.action if fault is not None else None
        if fault is not None and action is Action.KILL_BEFORE:
            self._struck(fault, target)
            raise _abort(request)
        if fault is not None and action is Action.AWAY:
            self._away_until = time.monotonic() + fault.seconds
            self._struck(fault, target)
            for transport in list(self._transports):
                transport.abort()
            raise _Ended
        if fault is not None and action in STATUSES:
            self._struck(fault, target)
            return refuse(STATUSES[action], target)
        if fault is not None and action is Action.TIMEOUT:
            self._struck(fault, target)
            await asyncio.sleep(_FOREVER)
        if fault is not None and action is Action.LATE:
            self._late_until = time.monotonic() + fault.seconds
            self._struck(fault, target)
        status, headers, body = await self._forward(request)
        if time.monotonic() < self._late_until:
            await asyncio.sleep(_LATENESS)
        if fault is not None and action in (*KILLS, Action.LOST, Action.RESTART):
            self._struck(fault, target)
            if action is Action.LOST:
                await asyncio.sleep(_FOREVER)
            raise _abort(request)
        if fault is not None and action in (Action.CUT, Action.CUT_SILENTLY):
            self._struck(fault, target)
            return await _cut(request, status, body, silently=action is Action.CUT_SILENTLY)
        return web.Response(status=status, headers=headers, body=body)

    async def _forward(self, request: web.Request) -> tuple[int, dict[str, str], bytes]:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        url = f"{self._upstream.url}{request.path_qs}"
        data = await request.read()
        try:
            async with self._session.request(
                request.method, url, headers=headers, data=data or None
            ) as answer:
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP}
                return answer.status, kept, await answer.read()
        except aiohttp.ClientError as error:
            raise _abort(request) from error  # as the API server did to the proxy

    def _check_away(self, request: web.Request) -> None:
        if time.monotonic() < self._away_until:
            raise _abort(request)

    async def _watch(self, request: web.Request, target: Target) -> web.StreamResponse:
        self._check_away(request)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        headers["Accept-Encoding"] = "identity"
        url = f"{self._upstream.url}{request.path_qs}"
        try:
            async with self._session.get(url, headers=headers) as answer:
                kind = answer.headers.get("Content-Type", "application/json")
                response = web.StreamResponse(status=answer.status, headers={"Content-Type": kind})
                await response.prepare(request)
                async for line in self._lines(answer, target):
                    await response.write(line)
                await response.write_eof()
                return response
        except aiohttp.ClientError as error:
            raise _abort(request) from error

    async def _lines(self, answer: aiohttp.ClientResponse, target: Target) -> AsyncIterator[bytes]:
        """The events of one watch, less those that a fault takes away."""
        buffer = b""
        async for chunk in answer.content.iter_any():
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                if b'"type":"BOOKMARK"' in line:
                    yield line + b"\n"
                    continue
                fault = self._note(Counted.EVENT, target)
                if fault is None:
                    yield line + b"\n"
                    continue
                self._struck(fault, target)
                if fault.action is Action.FREEZE:
                    await asyncio.sleep(_FOREVER)
                if fault.action is Action.GONE:
                    yield gone()
                    return
        if buffer:
            yield buffer


async def _cut(
    request: web.Request, status: int, body: bytes, *, silently: bool
) -> web.StreamResponse:
    """Send half of an answer; the client can tell, unless it is done silently."""
    half = body[: len(body) // 2]
    if silently:
        return web.Response(status=status, content_type="application/json", body=half)
    response = web.StreamResponse(status=status, headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(half)
    raise _abort(request)


class _Ended(ConnectionResetError):
    """The script wants this connection to end."""


_log.addFilter(lambda record: record.exc_info is None or record.exc_info[0] is not _Ended)


def _abort(request: web.Request) -> _Ended:
    """End the connection at once; what is returned is to be raised."""
    if request.transport is not None:
        request.transport.abort()
    return _Ended()
