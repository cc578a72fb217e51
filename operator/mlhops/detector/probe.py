"""Asks the model server beside the detector whether it answers, with a row that is nobody's.

It asks by loopback, past KServe's agent, so that what it asks is neither logged nor counted.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import aiohttp

from mlhops.api.detector import ProbeSettings
from mlhops.api.serving import FailureReason, ProbeReport
from mlhops.detector.decode import DecodedAnswer

SECONDS = 3.0
"""For one answer."""
AGAIN = 1.0
"""After so many seconds what failed once is asked again."""
TWICE = 2
"""So many failures in a row are no accident."""
_LARGEST = 2**16
_BUSY = frozenset({429, 503})
Reason = Literal["", "notReady", "timeout", "refused", "status", "wrongAnswer", "notANumber"]
_UNUSABLE = frozenset({"status", "wrongAnswer", "notANumber"})


@dataclass(frozen=True)
class ProbeAnswer:
    """What came of asking once."""

    reason: Reason = ""
    """Why it failed, empty where it did not."""
    message: str = ""
    ready: bool = True
    """Whether the model says that it is loaded."""
    busy: bool = False
    """Whether the server only has too much to do."""


class ProbeVerdict:
    """What answers and failures in a row come to; no clock but the one that is passed in."""

    def __init__(self) -> None:
        self.report = ProbeReport(message="not asked yet")
        self.unusable = False
        """Whether the model answers what it has answered before, but so that it is of no use."""
        self._was_ready = False
        self._has_answered = False
        self._failed = 0
        self._busy = False

    def pass_over(self) -> None:
        """Take it that the server was too busy for this question, since it answered callers meanwhile."""
        self._busy = True

    def hear(self, heard: ProbeAnswer, now: datetime) -> None:
        """Take what came of asking once more."""
        self._busy = False
        self._was_ready = self._was_ready or heard.ready
        if not heard.reason:
            self._failed, self._has_answered, self.unusable = 0, True, False
            self._tell("Answers", "", "", now)
            return
        self._failed += 1
        if not self._was_ready:
            self._tell("Unknown", heard.reason, f"it has not been ready yet: {heard.message}", now)
        elif heard.ready and not self._has_answered:
            # The row may be one that the model cannot take.
            message = f"the row was never answered: {heard.message}"
            self._tell("Unknown", heard.reason, message, now)
        elif self._failed >= TWICE:
            self.unusable = heard.reason in _UNUSABLE and not heard.busy
            self._tell("Fails", heard.reason, heard.message, now)

    def rest(self, every: float) -> float:
        """Return after how many seconds to ask again."""
        if self._busy:
            return AGAIN
        if not self._failed:
            return every
        return AGAIN if self._failed < TWICE else max(AGAIN, every / 2)

    def _tell(
        self,
        state: Literal["Answers", "Fails", "Unknown"],
        reason: str,
        message: str,
        now: datetime,
    ) -> None:
        since = self.report.since if self.report.state == state else None
        self.report = ProbeReport(
            state=state, reason=reason, message=message[:256], since=since or now
        )


class Probe:
    """Asks one model server."""

    def __init__(
        self,
        host: str,
        worth: Callable[[bytes], DecodedAnswer],
        live: Callable[[], int] = lambda: 0,
    ) -> None:
        """Make a probe.

        Args:
            host: where the model server is.
            worth: returns what an answer is worth.
            live: returns how many callers' requests were answered so far.
        """
        self._live = live
        self._host: Final = host
        self._worth = worth
        self._answered: bytes | None = None
        """The last row that was answered well."""
        self._settings: ProbeSettings | None = None
        self.verdict = ProbeVerdict()

    async def ask(self, settings: ProbeSettings, row: bytes | None, problem: str = "") -> None:
        """Ask once; nothing is raised for what comes of it.

        Args:
            settings: which model to ask, and how.
            row: a request for a prediction; None where none can be made.
            problem: why there is none.
        """
        if settings != self._settings:
            self._settings, self._answered, self.verdict = settings, None, ProbeVerdict()
        before = self._live()
        heard = await self._ready(settings)
        if not heard.reason:
            heard = await self._rows(settings, row, problem)
        late = heard.reason == "timeout" or heard.busy
        if late and self._live() > before:
            self.verdict.pass_over()
            return
        self.verdict.hear(heard, datetime.now(UTC))

    async def _rows(self, settings: ProbeSettings, row: bytes | None, problem: str) -> ProbeAnswer:
        """Ask about a row; of a new one that is not answered, ask about the one that was."""
        heard = ProbeAnswer("status", problem or "there is no row to ask about")
        for each in dict.fromkeys(one for one in (row, self._answered) if one is not None):
            heard = await self._predicted(settings, each)
            if not heard.reason:
                self._answered = each
                break
        return heard

    async def _ready(self, settings: ProbeSettings) -> ProbeAnswer:
        path = ready_path(settings)
        status, body = await self._sent(settings, "GET", path, None)
        if isinstance(status, str):
            return ProbeAnswer(status, f"{path}: {_WORDS[status]}", ready=False)
        if status != 200 or (settings.protocol == "v1" and _is_unready(body)):
            return ProbeAnswer("notReady", f"{path}: not ready, status {status}", ready=False)
        return ProbeAnswer()

    async def _predicted(self, settings: ProbeSettings, row: bytes) -> ProbeAnswer:
        path = _predict_path(settings)
        status, body = await self._sent(settings, "POST", path, row)
        if isinstance(status, str):
            return ProbeAnswer(status, f"{path}: {_WORDS[status]}")
        if status != 200:
            return ProbeAnswer("status", f"{path}: status {status}", busy=status in _BUSY)
        answer = self._worth(body) if len(body) <= _LARGEST else DecodedAnswer()
        if answer.flaw == FailureReason.NOT_A_NUMBER:
            return ProbeAnswer("notANumber", f"{path}: the score is missing or not finite")
        if answer.flaw is not None or answer.rows != 1:
            return ProbeAnswer("wrongAnswer", f"{path}: the answer is not one score")
        return ProbeAnswer()

    async def _sent(
        self, settings: ProbeSettings, method: str, path: str, body: bytes | None
    ) -> tuple[int | Literal["timeout", "refused"], bytes]:
        """Return the status and the beginning of the answer, or why there is none."""
        # A connection each time: one that was kept may have ended with a server that was restarted.
        connector = aiohttp.TCPConnector(force_close=True)
        try:
            async with asyncio.timeout(SECONDS):
                async with (
                    aiohttp.ClientSession(
                        connector=connector, trust_env=False, auto_decompress=False
                    ) as session,
                    session.request(
                        method,
                        f"http://{self._host}:{settings.port}{path}",
                        data=body,
                        headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
                        allow_redirects=False,
                    ) as answer,
                ):
                    return answer.status, await _beginning(answer.content)
        except TimeoutError:
            return "timeout", b""
        except (aiohttp.ClientError, OSError, ValueError):
            return "refused", b""


_WORDS = {"timeout": f"no answer within {SECONDS:g} s", "refused": "no connection, or it broke"}


def ready_path(settings: ProbeSettings) -> str:
    """Return where the server tells whether the model is loaded."""
    if settings.protocol == "v1":
        return f"/v1/models/{settings.model}"
    return f"/v2/models/{settings.model}/ready"


def _predict_path(settings: ProbeSettings) -> str:
    if settings.protocol == "v1":
        return f"/v1/models/{settings.model}:predict"
    return f"/v2/models/{settings.model}/infer"


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """Read a body, or as much of it as tells that it is too large."""
    parts: list[bytes] = []
    size = 0
    while size <= _LARGEST and (part := await content.readany()):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _is_unready(body: bytes) -> bool:
    """Return whether a v1 server says in words that the model is not ready."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and str(told.get("ready", "true")).lower() == "false"
