"""Runs kopf beside the operator's own loop."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import kopf
import structlog

from mlhops import __version__
from mlhops.api.base import Manifest
from mlhops.controller.kube.watch import Listener, NoMemories, registry, settings
from mlhops.controller.resources import Kind
from mlhops.controller.telemetry.pulse import Pulse

_log = structlog.get_logger(__name__)
_GONE = 410
_SETTLE = 2.0
"""For so many seconds after its kinds are served a group may be missing from what the API server says there is."""


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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._enough = asyncio.Event()
        self._stopped = False

    def run(self) -> None:
        """Watch until told to stop."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """End `run`; from any thread."""
        self._stopped = True
        self._interrupt()

    def installed(self) -> None:
        """Take note of a kind that is new; from any thread.

        For the whole cluster kopf notices it by itself. For some namespaces it looks once which kinds there
        are, so it has to begin anew.
        """
        if self._namespaces:
            self._interrupt()

    def begin_anew(self) -> None:
        """List and watch anew; from any thread.

        A watch that goes on from a resourceVersion which the API server has not reached yet is silent until it has.
        """
        self._interrupt()

    def _interrupt(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._enough.set)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        others = [asyncio.create_task(self._announce(ready)), asyncio.create_task(self.pulse.run())]
        while not self._stopped:
            self._enough.clear()
            outlived = await self._outlived_its_list(ready)
            if not self._enough.is_set() and not outlived:
                break  # of itself, which nobody is to overlook
            if not self._stopped:
                await asyncio.sleep(_SETTLE)
        for task in others:
            task.cancel()

    async def _outlived_its_list(self, ready: asyncio.Event) -> bool:
        """Watch, and return whether that ended since a list took longer than the API server kept it for."""
        try:
            await self._watch(ready)
        except Exception as error:
            # kopf's errors are not public, and it gives up on this one.
            if getattr(error, "status", None) != _GONE:
                raise
            _log.warning("there is too much to list in time: the watches begin anew")
            return True
        return False

    async def _watch(self, ready: asyncio.Event) -> None:
        clusterwide = not self._namespaces
        await kopf.operator(
            registry=registry(self._listener, clusterwide=clusterwide),
            settings=settings(clusterwide=clusterwide),
            memories=NoMemories(),
            clusterwide=clusterwide,
            namespaces=self._namespaces,
            stop_flag=self._enough,
            ready_flag=ready,
        )

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
