"""Runs kopf beside the operator's own loop."""

import asyncio
import threading
from collections.abc import Sequence

import kopf
import structlog

from mlhops import __version__
from mlhops.api.base import Manifest
from mlhops.controller.health import Pulse
from mlhops.controller.kinds import Kind
from mlhops.controller.watch import Listener, registry, settings

_log = structlog.get_logger(__name__)


class Watches:
    """kopf, in a thread and a loop of its own: it ends every task of its loop that it did not start."""

    def __init__(
        self, listener: Listener, loop: asyncio.AbstractEventLoop, namespaces: Sequence[str]
    ) -> None:
        self._listener = _Threadsafe(listener, loop)
        self._namespaces = namespaces
        self.pulse = Pulse()
        self.ready = False
        """Whether kopf has begun to watch."""

    def run(self, stop: threading.Event) -> None:
        """Watch until told to stop."""
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        ready = asyncio.Event()
        others = [asyncio.create_task(self._announce(ready)), asyncio.create_task(self.pulse.run())]
        await kopf.operator(
            registry=registry(self._listener, clusterwide=not self._namespaces),
            settings=settings(),
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            stop_flag=stop,
            ready_flag=ready,
        )
        for task in others:
            task.cancel()

    async def _announce(self, ready: asyncio.Event) -> None:
        await ready.wait()
        self.ready = True
        _log.info("operator ready", version=__version__)


class _Threadsafe:
    """Passes on what kopf's thread sees to the operator's own loop."""

    def __init__(self, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        self._listener = listener
        self._loop = loop

    def hear(self, kind: Kind, manifest: Manifest) -> None:
        self._loop.call_soon_threadsafe(self._listener.hear, kind, manifest)

    def hear_gone(self, kind: Kind, manifest: Manifest) -> None:
        self._loop.call_soon_threadsafe(self._listener.hear_gone, kind, manifest)

    def kinds_changed(self, group: str) -> None:
        self._loop.call_soon_threadsafe(self._listener.kinds_changed, group)
