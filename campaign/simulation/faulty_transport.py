"""What stands between the operator and the API server: requests that wait, fail, are lost or are answered late."""

import random
from asyncio import Future
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from campaign.simulation.client import Call
from campaign.simulation.server import Server
from mlhops.api.base import Manifest
from mlhops.controller.kube.client import ApiError
from mlhops.controller.resources import MODELS, Kind

Answer = Manifest | list[Manifest]


class Fate(Enum):
    """What becomes of a request."""

    ANSWERED = auto()
    REFUSED = auto()
    """It never arrives: the API server is busy or broken."""
    SWALLOWED = auto()
    """It never arrives, and nobody says so until the time is out."""
    UNANSWERED = auto()
    """It arrives, and the answer is lost."""
    CONFLICT = auto()
    """Somebody was faster, says the API server."""
    KILL_BEFORE = auto()
    KILL_AFTER = auto()


KILLS = frozenset({Fate.KILL_BEFORE, Fate.KILL_AFTER})
_ON_READS = (Fate.REFUSED, Fate.SWALLOWED, Fate.KILL_BEFORE)
_ON_WRITES = (
    Fate.REFUSED,
    Fate.SWALLOWED,
    Fate.UNANSWERED,
    Fate.UNANSWERED,
    Fate.CONFLICT,
    Fate.KILL_BEFORE,
    Fate.KILL_AFTER,
)
_REFUSALS = (
    (429, "TooManyRequests", "too many requests"),
    (500, "InternalError", "etcdserver: request timed out"),
    (503, "ServiceUnavailable", "apiserver is shutting down"),
    (422, "Invalid", "admission webhook denied the request"),
    (403, "Forbidden", "exceeded quota"),
)


class Lost(TimeoutError):
    """An answer that never came."""


@dataclass
class Faults:
    """How often requests fail, and which kinds may not be read or are read from an old view."""

    reads: float = 0.0
    writes: float = 0.0
    fates: frozenset[Fate] = frozenset(Fate)


class Front:
    """Requests of the operator, each waiting for its turn."""

    def __init__(
        self, server: Server, rng: random.Random, future: Callable[[], "Future[Answer]"]
    ) -> None:
        self._server = server
        self._rng = rng
        self._future = future
        self.faults = Faults()
        self.forbidden: set[Kind] = set()
        self._waiting: list[tuple[Call, Future[Answer]]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def answer(self, call: Call) -> Awaitable[Answer]:
        """Let a call wait for its turn."""
        future = self._future()
        self._waiting.append((call, future))
        return future

    def forget(self) -> list[Call]:
        """Nobody waits for these any more; they may arrive all the same."""
        calls = [call for call, _ in self._waiting]
        self._waiting.clear()
        return calls

    def cut_off(self) -> None:
        """Nobody answers any of these: the API server has gone."""
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(Lost())
        self._waiting.clear()

    def take(self) -> tuple[Call, Fate]:
        """Let one call have its turn, whichever."""
        index = self._rng.randrange(len(self._waiting)) if len(self._waiting) > 1 else 0
        call, future = self._waiting.pop(index)
        fate = self._fate(call)
        if fate is Fate.KILL_BEFORE:
            return call, fate
        answer = self._carry_out(call, fate)
        if fate is not Fate.KILL_AFTER and not future.done():
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        return call, fate

    def _fate(self, call: Call) -> Fate:
        rate = self.faults.writes if call.is_write else self.faults.reads
        if not rate or self._rng.random() >= rate:
            return Fate.ANSWERED
        fate = self._rng.choice(_ON_WRITES if call.is_write else _ON_READS)
        return fate if fate in self.faults.fates else Fate.ANSWERED

    def _carry_out(self, call: Call, fate: Fate) -> Answer | Exception:
        if fate is Fate.REFUSED:
            refusals = _REFUSALS if call.is_write else _REFUSALS[:3]
            return ApiError(*self._rng.choice(refusals))
        if fate is Fate.SWALLOWED:
            return Lost()
        if fate is Fate.CONFLICT:
            return ApiError(409, "Conflict", "the object has been modified")
        if call.kind in self.forbidden:
            return ApiError(403, "Forbidden", f"{call.kind.plural} is forbidden")
        try:
            answer = self.arrive(call)
        except ApiError as error:
            return error
        return Lost() if fate is Fate.UNANSWERED else answer

    def arrive_unseen(self, call: Call) -> None:
        """A call arrives for which nobody waits any more."""
        with suppress(ApiError):
            self.arrive(call)

    def arrive(self, call: Call) -> Answer:
        """The API server takes a call.

        Raises:
            ApiError: it refuses.
        """
        read = len(self._server.history)
        answer = call.send()
        # A status is written on a version that was read, or not at all.
        if call.by is not None and (not call.is_write or call.kind == MODELS):
            call.by.read[call.kind.plural] = max(read, len(self._server.history))
        return answer
