"""The pulse of the operator's event loop: whether it still turns."""

import asyncio
import time
from collections.abc import Callable

_STOPPED_SECONDS = 30.0
"""So long may a loop do one thing: unpacking thousands of objects on a busy machine takes seconds."""


PULSE_SECONDS = 1.0


class Pulse:
    """Beats in an event loop, and is felt from elsewhere."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    async def run(self) -> None:
        """Beat for as long as the loop runs."""
        while True:
            self.beat()
            await asyncio.sleep(PULSE_SECONDS)

    def beat(self) -> None:
        """Take note that the loop goes on."""
        self._last = self._clock()

    def check(self) -> str:
        """Return what is wrong with the loop."""
        silent = self._clock() - self._last
        return f"has not gone on for {silent:.0f} s" if silent > _STOPPED_SECONDS else ""
