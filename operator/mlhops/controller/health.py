"""What the kubelet asks: /healthz, is a restart due, and /readyz, does it see the cluster.

The thread of `controller/inbound.py` answers, so that a loop that hangs is told of instead of hanging the answer as
well. An API server that is away makes the operator unready and never unhealthy: a restart would not bring it back.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from mlhops.controller.inbound import Reply, Request, text_reply

Check: TypeAlias = Callable[[], str]
"""Returns what is wrong, nothing where all is well; called from another thread."""

PULSE_SECONDS = 1.0
_STOPPED_SECONDS = 30.0
"""So long may a loop do one thing: unpacking thousands of objects on a busy machine takes seconds."""


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


class Health:
    """The checks behind each of the two paths, by name."""

    def __init__(self) -> None:
        self.live: dict[str, Check] = {}
        self.ready: dict[str, Check] = {}

    def answer(self, path: str) -> tuple[int, str]:
        """Return the HTTP status for a path, and a line for each check as Kubernetes' own servers write them."""
        checks = {"/healthz": self.live, "/readyz": self.ready}.get(path)
        if checks is None:
            return 404, "there are /healthz and /readyz\n"
        told = {name: check() for name, check in checks.items()}
        return (503 if any(told.values()) else 200), _lines(told)

    async def reply(self, request: Request) -> Reply:
        """Return the answer to a request."""
        return text_reply(*self.answer(request.path))


def _lines(told: Mapping[str, str]) -> str:
    lines = [f"[-]{name}: {wrong}" if wrong else f"[+]{name} ok" for name, wrong in told.items()]
    return "\n".join((*lines, ""))
