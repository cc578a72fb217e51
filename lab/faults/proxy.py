"""A TLS reverse proxy in front of an API server, which does what its script says."""

import asyncio
import hashlib
import logging
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from lab.certificates import KeyPair
from lab.faults.answers import STATUSES, gone, not_found, refuse
from lab.faults.ledger import Ledger
from lab.faults.past import is_told, only, question
from lab.faults.requests import Target, target_of
from lab.faults.script import LASTING, Action, Counted, Fault, Struck

HOST = "127.0.0.1"
# Of a connection, not of a message; the length of the body is written anew.
_HOP = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
_LATENESS = 2.0
_FOREVER = 3600.0
_TICK = 0.05
_JSON = {"Content-Type": "application/json"}
_CUTS = frozenset({Action.CUT, Action.CUT_SILENTLY})
_STRIKE_AFTER = _CUTS | {
    Action.KILL_AFTER,
    Action.OLDER,
    Action.LOST,
    Action.RESTART,
    Action.RESTORED,
}
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
        self._ledger = Ledger()
        self._transports: set[asyncio.Transport] = set()
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
        self._ledger.begin(faults)

    @property
    def over(self) -> float:
        """When the last fault that takes its time is over, on the monotonic clock."""
        return self._ledger.over()

    def trace(self, counted: Counted) -> list[Struck]:
        """What was counted since `begin`, in order."""
        return self._ledger.trace(counted)

    def since(self, moment: float) -> list[Struck]:
        """All that was seen since a moment of the monotonic clock, in order."""
        return self._ledger.since(moment)

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
                self._ledger.note(None, target, await _words(request))
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

    async def _answer(self, request: web.Request, target: Target) -> web.StreamResponse:
        counted = Counted.WRITE if target.is_write else Counted.READ
        fault = self._ledger.note(counted, target, await _words(request))
        self._check_away(request)
        turned_away = self._turned_away(target)
        if turned_away is not None:
            return turned_away
        if fault is not None:
            refused = await self._strike_before(request, target, fault)
            if refused is not None:
                return refused
        status, headers, body = await self._forward(request, target)
        if self._ledger.lasts(Action.LATE):
            await asyncio.sleep(_LATENESS)
        if fault is not None and fault.action in _STRIKE_AFTER:
            if fault.action in LASTING:
                self._ledger.begin_lasting(fault)
            self._struck(fault, target)
            if fault.action in _CUTS:
                silently = fault.action is Action.CUT_SILENTLY
                return await _cut(request, status, body, silently=silently)
            if fault.action is Action.LOST:
                await asyncio.sleep(_FOREVER)
            raise _abort(request)
        return web.Response(status=status, headers=headers, body=body)

    def _turned_away(self, target: Target) -> web.Response | None:
        """The answer to everybody while the API server does not want to hear of anything."""
        for action in (Action.OVERLOAD, Action.OUTAGE):
            if self._ledger.lasts(action):
                return refuse(STATUSES[action], target)
        return None

    async def _strike_before(
        self, request: web.Request, target: Target, fault: Fault
    ) -> web.Response | None:
        """Do what is done before a request is carried out; None if it is to be carried out."""
        if fault.action in _STRIKE_AFTER:
            return None
        if fault.action in LASTING:
            self._ledger.begin_lasting(fault)
        self._struck(fault, target)
        if fault.action is Action.KILL_BEFORE:
            raise _abort(request)
        if fault.action is Action.AWAY:
            for transport in list(self._transports):
                transport.abort()
            raise _Ended
        if fault.action is Action.TIMEOUT:
            await asyncio.sleep(_FOREVER)
        if fault.action in STATUSES:
            return refuse(STATUSES[fault.action], target)
        return None

    async def _forward(
        self, request: web.Request, target: Target
    ) -> tuple[int, dict[str, str], bytes]:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        tells_past = self._ledger.lasts(Action.OLDER) and is_told(target)
        path = request.path_qs
        if tells_past:
            path = question(request.path, request.query, target, self._ledger.past)
            headers["Accept-Encoding"] = "identity"
        data = await request.read()
        try:
            async with self._session.request(
                request.method, f"{self._upstream.url}{path}", headers=headers, data=data or None
            ) as answer:
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP}
                status, body = answer.status, await answer.read()
        except aiohttp.ClientError as error:
            raise _abort(request) from error  # as the API server did to the proxy
        if tells_past and status == 200 and target.verb == "get":
            there = only(body)
            if there is None:
                return 404, _JSON, not_found(target)
            return status, kept, there
        self._ledger.hear(body)
        return status, kept, body

    def _check_away(self, request: web.Request) -> None:
        if self._ledger.lasts(Action.AWAY):
            raise _abort(request)

    async def _watch(self, request: web.Request, target: Target) -> web.StreamResponse:
        self._check_away(request)
        turned_away = self._turned_away(target)
        if turned_away is not None:
            return turned_away
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP}
        headers["Accept-Encoding"] = "identity"
        url = f"{self._upstream.url}{request.path_qs}"
        try:
            async with self._session.get(url, headers=headers) as answer:
                kind = answer.headers.get("Content-Type", "application/json")
                response = web.StreamResponse(status=answer.status, headers={"Content-Type": kind})
                await response.prepare(request)
                while self._ledger.lasts(Action.OLDER):
                    await asyncio.sleep(_TICK)  # it stands still where its list stood
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
                self._ledger.hear(line)
                if b'"type":"BOOKMARK"' in line:
                    yield line + b"\n"
                    continue
                fault = self._ledger.note(Counted.EVENT, target)
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


async def _words(request: web.Request) -> str:
    """What makes it the same request again; a create names its object in its body alone."""
    body = await request.read() if request.method == "POST" else b""
    return f"{request.method} {request.path_qs} {hashlib.sha256(body).hexdigest()[:8]}"


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
