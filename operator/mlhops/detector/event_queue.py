"""Between the sink and the counting: what arrived waits here, within bounds."""

import asyncio
from collections import deque

from mlhops.detector.envelope import LoggedEvent


class Intake:
    """A queue that refuses what is too much, so that nobody ever waits to put something in."""

    def __init__(self, *, events: int, size: int) -> None:
        self._events = events
        self._size = size
        self._waiting: deque[tuple[LoggedEvent, int]] = deque()
        self._filled = asyncio.Event()
        self.reserved_events = 0
        self.reserved_bytes = 0

    def bound(self, *, events: int, size: int) -> None:
        """Set other bounds; what is already waiting stays."""
        self._events, self._size = events, size

    def reserve(self, size: int) -> bool:
        """Take room for an event of so many bytes; return whether there was any."""
        if self.reserved_events >= self._events or self.reserved_bytes + size > self._size:
            return False
        self.reserved_events += 1
        self.reserved_bytes += size
        return True

    def grow(self, size: int) -> bool:
        """Take more room for an event that has some; return whether there was any."""
        if self.reserved_bytes + size > self._size:
            return False
        self.reserved_bytes += size
        return True

    def release(self, size: int) -> None:
        """Give an event's room back."""
        self.reserved_events -= 1
        self.reserved_bytes -= size

    def put(self, event: LoggedEvent, size: int) -> None:
        """Let an event wait, for which room of this size was taken; `take` gives it back."""
        self._waiting.append((event, size))
        self._filled.set()

    def take(self) -> LoggedEvent | None:
        """Return the event that has waited longest, None if there is none."""
        if not self._waiting:
            self._filled.clear()
            return None
        event, size = self._waiting.popleft()
        self.release(size)
        return event

    async def filled(self) -> None:
        """Wait until something waits."""
        await self._filled.wait()
