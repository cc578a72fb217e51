"""Posts CloudEvents to the sinks that policies name: once, bounded in time, and led nowhere else.

No pass waits for a sink. A notification that does not arrive is told by an Event and not sent again: whether a
sink took it before its answer was lost, nobody knows.
"""

import asyncio
from typing import Protocol
from urllib.parse import urlsplit

import aiohttp
import orjson
import structlog

from mlhops.api.base import ObjectMeta
from mlhops.api.destinations import ANYWHERE, Destinations
from mlhops.controller.kube.events import Recorder
from mlhops.controller.outbound.session import DestinationRefusedError, session
from mlhops.rollout.intents import Event, PostCloudEvent
from mlhops.rollout.reasons import Reason

SECONDS = 5.0
"""For a whole request."""
_SPARE = 1.0
"""A request begins a moment after it was asked for."""
AT_ONCE = 16
_WAITING = 256
"""More notifications than this at a time are refused: there is a sink that does not answer."""
_log = structlog.get_logger(__name__)


class Sinks(Protocol):
    """Takes notifications on their way."""

    def post(self, about: ObjectMeta, notice: PostCloudEvent) -> None:
        """Post a notification about a model, and say so if it cannot be."""
        ...

    async def close(self) -> None:
        """End what is under way."""
        ...


class HttpSinks:
    """Posts by HTTP, in the binary mode of the CloudEvents HTTP binding."""

    def __init__(
        self, recorder: Recorder, allowed: Destinations = ANYWHERE, seconds: float = SECONDS
    ) -> None:
        self._recorder = recorder
        self._allowed = allowed
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def post(self, about: ObjectMeta, notice: PostCloudEvent) -> None:
        """Post a notification about a model, and say so if it cannot be."""
        task = asyncio.create_task(self._post(about, notice, full=len(self._tasks) >= _WAITING))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let what is under way end, which takes no longer than a request may, and close."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._seconds + _SPARE)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _post(self, about: ObjectMeta, notice: PostCloudEvent, *, full: bool) -> None:
        problem = "too many notifications wait for their sinks" if full else await self._try(notice)
        if not problem:
            return
        message = f"action {notice.action}: the sink did not take the notification: {problem}"
        event = Event(Reason.NOTIFICATION_FAILED, message, warning=True)
        await self._recorder.tell(about, "ClinicalModel", event)

    async def _try(self, notice: PostCloudEvent) -> str:
        """Post a notification once; return what went wrong, in words that tell nothing of the answer."""
        parts = urlsplit(notice.sink)
        if parts.scheme not in ("http", "https"):
            return "its URL is neither http nor https"
        if why := self._allowed.refuses_host(parts.hostname or ""):
            return f"sink: {why}"
        attributes = {k: v for k, v in notice.event.items() if k not in ("data", "datacontenttype")}
        headers = {f"ce-{name}": str(value) for name, value in attributes.items()}
        headers["Content-Type"] = "application/json"
        body = orjson.dumps(notice.event["data"])
        try:
            async with self._open().post(
                notice.sink, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return "" if 200 <= answer.status < 300 else f"HTTP {answer.status}"
        except TimeoutError:
            return f"no answer within {self._seconds:g} s"
        except aiohttp.ClientConnectorDNSError as error:
            refused = isinstance(error.os_error, DestinationRefusedError)
            return f"sink: {error.os_error}" if refused else type(error).__name__
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return type(error).__name__
        except Exception as error:
            _log.exception("a sink was asked in vain", error=str(error))
            return type(error).__name__

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = session(self._seconds, AT_ONCE, self._allowed)
        return self._session
