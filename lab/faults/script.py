"""Faults, and when they strike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.faults.requests import Target


class Action(StrEnum):
    """What goes wrong."""

    KILL_BEFORE = "kill-before"
    """The client is killed, and its request never arrives."""
    KILL_AFTER = "kill-after"
    """The request is carried out; the client is killed before it hears the answer."""
    OLDER = "older"
    """The request is carried out and the client killed; to the next one, reads tell for some seconds what was
    before some earlier write, and watches stand still there. Writes reach what is."""
    CONFLICT = "409"
    BUSY = "429"
    """Too many requests, with Retry-After."""
    ERROR = "500"
    UNAVAILABLE = "503"
    TIMEOUT = "timeout"
    """Neither carried out nor answered."""
    LOST = "lost"
    """Carried out, never answered."""
    CUT = "cut"
    """Carried out, and the connection ends in the middle of the answer."""
    CUT_SILENTLY = "cut-silently"
    """The same, where the answer does not say how long it is: it looks complete, and is not."""
    LATE = "late"
    """This answer and those of the next seconds come late."""
    AWAY = "away"
    """All connections end, and none is served for some time."""
    OVERLOAD = "overload"
    """Everything is turned away for some time, with Retry-After."""
    OUTAGE = "outage"
    """Everything is answered with 503 for some time."""
    SNAPSHOT = "snapshot"
    """The owner of the proxy is told before the request is carried out, who keeps a copy of all that there is."""
    RESTORED = "restored"
    """The request is carried out and never answered; the owner of the proxy is told, who puts in the place of all that
    there is what was before some earlier write. The client goes on running."""
    RESTART = "restart"
    """The owner of the proxy is told, who may restart the API server."""
    DROP = "drop"
    """One event of a watch does not arrive."""
    FREEZE = "freeze"
    """That event and all later ones of its watch do not arrive; the connection stays."""
    GONE = "410"
    """Instead of that event, the watch says that it can go on no longer."""


EVENT_ACTIONS = frozenset({Action.DROP, Action.FREEZE, Action.GONE})
KILLS = frozenset({Action.KILL_BEFORE, Action.KILL_AFTER, Action.OLDER})
LASTING = frozenset({Action.OLDER, Action.LATE, Action.AWAY, Action.OVERLOAD, Action.OUTAGE})


class Counted(StrEnum):
    """What is counted to find the moment; `<verb>.<resource>` counts only those."""

    WRITE = "write"
    READ = "read"
    EVENT = "event"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, at the Nth write, read or event of a watch, counted from 1."""

    action: Action
    at: int
    counted: str = Counted.WRITE
    times: int = 1
    """How many in a row it strikes."""
    seconds: float = 0.0
    """How long, for those that last."""
    back: int = 0
    """How many writes before the one at which it strikes, for those that look back."""

    def strikes(self, counted: str, number: int) -> bool:
        """Whether it is due."""
        return counted == self.counted and self.at <= number < self.at + self.times

    def __str__(self) -> str:
        return f"{self.action}@{self.counted}{self.at}"


@dataclass(frozen=True)
class Struck:
    """A request or an event as the proxy saw it."""

    moment: float
    counted: Counted | None
    """None for what is not counted: watches themselves."""
    number: int
    target: Target
    fault: Fault | None = None
    request: str = ""
    """Method, path, query and what is created; two with the same are the same request again."""
    busy: bool = False
    """Whether it was turned away with Retry-After."""


def due(faults: Sequence[Fault], counts: Mapping[str, int]) -> Fault | None:
    """The fault that is due at this write, read or event, by all the counters that it moves."""
    for fault in faults:
        if any(fault.strikes(counted, number) for counted, number in counts.items()):
            return fault
    return None
