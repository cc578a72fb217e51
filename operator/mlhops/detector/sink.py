"""The sink of KServe's logger: answers 200 at once, whatever it was sent.

An answer that is late or not 200 helps nobody: the logger holds the bodies of all events that it
could not post yet, and when its memory is full, inference ends with it.
"""

import asyncio
from collections.abc import Callable

from aiohttp import StreamReader, web

from mlhops.api.detector import DetectorBounds
from mlhops.detector.counters import Counters, RequestOutcome
from mlhops.detector.envelope import LoggedEvent, event
from mlhops.detector.event_queue import Intake


class Sink:
    """Reads events within bounds and lets them wait to be counted."""

    def __init__(
        self,
        counters: Counters,
        intake: Intake,
        bounds: Callable[[], DetectorBounds],
        lost: Callable[[LoggedEvent], None] = lambda _: None,
    ) -> None:
        """Make a sink.

        Args:
            counters: where it is counted what arrived, and what was let go.
            intake: where events wait to be counted.
            bounds: what is taken at most, now.
            lost: hears of each event that was let go, without its body.
        """
        self._counters = counters
        self._intake = intake
        self._bounds = bounds
        self._lost = lost

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Take one event."""
        if request.method != "POST":
            return web.Response(status=405, text="post an event\n", headers={"Allow": "POST"})
        self._counters.received += 1
        try:
            outcome = await self._take(request)
        except Exception:  # whatever it is, the logger must have its answer
            outcome = RequestOutcome.FAILED
        if outcome is not None:
            self._counters.outcomes[outcome] += 1
            self._lost(event(request.headers, b""))
        return web.Response()

    async def _take(self, request: web.BaseRequest) -> RequestOutcome | None:
        """Return what became of an event, None if it waits to be counted."""
        bounds = self._bounds()
        length = request.content_length or 0
        if length > bounds.body_bytes:
            return RequestOutcome.OVERSIZED
        if not self._intake.reserve(length):
            return RequestOutcome.SHED
        room = _Room(self._intake, length, bounds.body_bytes)
        try:
            body = await _body(request.content, room, bounds.request_seconds)
        except _TooMuch as reason:
            return reason.outcome
        except Exception:  # the connection broke, or the time is over
            return RequestOutcome.CUT_OFF
        else:
            self._intake.put(event(request.headers, body), room.keep())
            return None
        finally:
            room.leave()


class _TooMuch(Exception):
    def __init__(self, outcome: RequestOutcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


class _Room:
    """The room that one event has in the intake."""

    def __init__(self, intake: Intake, size: int, limit: int) -> None:
        self._intake = intake
        self._size = size
        self._limit = limit
        self._kept = False

    def fit(self, size: int) -> None:
        """Take more room if so many bytes need it, as those of a body of untold length do."""
        if size > self._limit:
            raise _TooMuch(RequestOutcome.OVERSIZED)
        if size > self._size:
            if not self._intake.grow(size - self._size):
                raise _TooMuch(RequestOutcome.SHED)
            self._size = size

    def keep(self) -> int:
        """Hand the room over to the event that waits; return its size."""
        self._kept = True
        return self._size

    def leave(self) -> None:
        """Give the room back, unless it was handed over."""
        if not self._kept:
            self._intake.release(self._size)


async def _body(content: StreamReader, room: _Room, seconds: float) -> bytes:
    """Read a body; most are there already, with the head of their request."""
    if content.is_eof():
        body = content.read_nowait(-1)
        room.fit(len(body))
        return body
    parts: list[bytes] = []
    size = 0
    async with asyncio.timeout(seconds):
        while part := await content.readany():
            size += len(part)
            room.fit(size)
            parts.append(part)
    return b"".join(parts)
