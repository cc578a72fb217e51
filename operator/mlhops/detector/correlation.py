"""Requests and responses that wait for their other half, in bounded memory.

Rows and scores are counted when they arrive, so nothing but an id and a time has to wait.
"""

from dataclasses import dataclass
from typing import Literal

from mlhops.detector.counters import Counters, Note

_ENTRY_BYTES = 200
"""What an entry takes beside its id: the entry, its numbers, its place in the dictionary."""

Kind = Literal["request", "response"]


@dataclass(frozen=True, slots=True)
class _Waiting:
    kind: Kind
    since: float
    time: float | None
    size: int


class Join:
    """Joins by id, in any order. Ages are those of a clock that nobody sets."""

    def __init__(self, counters: Counters, *, events: int, size: int, seconds: float) -> None:
        self._counters = counters
        self._events = events
        self._size = size
        self._seconds = seconds
        self._waiting: dict[str, _Waiting] = {}
        self.held = 0
        """Bytes in use."""

    def __len__(self) -> int:
        return len(self._waiting)

    def bound(self, *, events: int, size: int, seconds: float) -> None:
        """Set other bounds."""
        self._events, self._size, self._seconds = events, size, seconds

    def add(self, kind: Kind, key: str, time: float | None, now: float) -> float | None:
        """Take one half; return the seconds from request to response if the other half was there.

        Args:
            kind: which half it is.
            key: the id that both halves share.
            time: when it happened, by the logger's clock; None if that is not known.
            now: the present, by a clock that nobody sets.
        """
        other = self._remove(key)
        if other is not None:
            if other.kind != kind:
                self._counters.notes[Note.JOINED] += 1
                halves = (time, other.time) if kind == "request" else (other.time, time)
                return elapsed(*halves)
            # The id says nothing any more; the newer one is likelier to be completed.
            self._counters.notes[Note.REPEATED_ID] += 1
        entry = _Waiting(kind, now, time, _ENTRY_BYTES + 4 * len(key))
        self._waiting[key] = entry
        self.held += entry.size
        while len(self._waiting) > self._events or self.held > self._size:
            self._remove(next(iter(self._waiting)))
            self._counters.notes[Note.EVICTED] += 1
        return None

    def expire(self, now: float) -> None:
        """Let go of those that have waited for too long."""
        # Entries are in the order in which they came, so the first young one ends the search.
        while self._waiting:
            key, entry = next(iter(self._waiting.items()))
            if now - entry.since < self._seconds:
                return
            self._remove(key)
            lone = Note.UNANSWERED if entry.kind == "request" else Note.ORPHANED
            self._counters.notes[lone] += 1

    def _remove(self, key: str) -> _Waiting | None:
        entry = self._waiting.pop(key, None)
        if entry is not None:
            self.held -= entry.size
        return entry


def elapsed(asked: float | None, answered: float | None) -> float | None:
    """Return the seconds from request to response, None where they are not known or make no sense."""
    if asked is None or answered is None or answered < asked:
        return None
    return answered - asked
