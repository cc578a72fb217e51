"""How many may be connected at once, whoever they are."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from mlhops.detector.counters import Counters, Note

RESTING = 5.0
"""Silent for so many seconds, who posts events is not about to post more."""
_LARGEST_HEADER = 2**16
_LINGER = 2.0
"""How long the rest of a body that was not wanted is read, so that its sender sees the answer."""
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _Silent:
    """A logger for aiohttp, whose own messages quote what it could not parse: a row, maybe."""

    def debug(self, *_: object, **__: object) -> None: ...

    info = warning = error = exception = debug


class ConnectionLimit(web.Server):
    """A server of few connections. A flood gets no more than its share of them, and those that do
    something keep theirs."""

    def __init__(
        self,
        handler: Handler,
        counters: Counters,
        *,
        limit: int,
        idle: float,
        resting: float = RESTING,
    ) -> None:
        """Make a door.

        Args:
            handler: answers.
            counters: where refusals are counted.
            limit: so many connections are let in.
            idle: for so many seconds one may be silent.
            resting: one that was silent for so many seconds gives its place up to a new one.
        """
        super().__init__(
            handler,
            access_log=None,
            logger=_Silent(),
            auto_decompress=False,
            keepalive_timeout=idle,
            lingering_time=_LINGER,
            max_line_size=_LARGEST_HEADER,
            max_field_size=_LARGEST_HEADER,
        )
        self._counters = counters
        self._limit = limit
        self._resting = resting
        self._used: dict[asyncio.BaseTransport, float] = {}
        """When each connection last did something, the longest silent one first."""

    def __len__(self) -> int:
        return len(self._used)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Let a connection in if there is a place for it."""
        super().connection_made(handler, transport)
        now = time.monotonic()
        if len(self._used) >= self._limit:
            longest = next(iter(self._used))
            if now - self._used[longest] < self._resting:
                self._counters.notes[Note.REFUSED_CONNECTION] += 1
                transport.abort()
                return
            self._counters.notes[Note.CLOSED_IDLE] += 1
            self._leave(longest)
        self._used[transport] = now

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Give a connection's place free."""
        transport = handler.transport
        if transport is not None:
            self._used.pop(transport, None)
        super().connection_lost(handler, exc)

    def used(self, request: web.BaseRequest) -> None:
        """Note that a connection does something."""
        transport = request.transport
        if transport is not None and self._used.pop(transport, None) is not None:
            self._used[transport] = time.monotonic()

    def _leave(self, transport: asyncio.BaseTransport) -> None:
        del self._used[transport]
        if isinstance(transport, asyncio.Transport):
            transport.abort()
