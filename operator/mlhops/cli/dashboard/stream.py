"""Changes as server-sent events: that something is different, and not what; the page is asked for anew."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from mlhops.cli.dashboard.cluster import Changes, Expired
from mlhops.cli.kubectl import WatchEvent
from mlhops.json_access import text

MOST = 100
"""Streams at a time; each has a thread, and a watch at the API server."""
_QUIET = 15.0
"""Seconds after which something is said in any case, so that who is gone is noticed."""
_AGAIN = 2000
"""Milliseconds until a browser comes back."""

STALE = "event: stale\ndata: \n\n"
"""What it was to go on from is no longer on record: the page has to be loaded anew."""


@dataclass
class Feed:
    """A watch that a thread reads."""

    watch: Changes
    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[WatchEvent | str]

    @classmethod
    def of(cls, watch: Changes) -> Feed:
        """Begin to read a watch."""
        feed = cls(watch, asyncio.get_running_loop(), asyncio.Queue())
        threading.Thread(target=feed.run, daemon=True, name="dashboard-stream").start()
        return feed

    def run(self) -> None:
        """Read until the watch ends."""
        last = ""
        try:
            for event in self.watch:
                self._put(event)
        except Expired:
            last = STALE
        finally:
            self._put(last)

    def _put(self, said: WatchEvent | str) -> None:
        try:
            self.loop.call_soon_threadsafe(self.queue.put_nowait, said)
        except RuntimeError:  # the loop is closed: nobody listens any more
            self.watch.close()


async def told(watch: Changes) -> AsyncGenerator[str]:
    """Return the changes of a watch as server-sent events, until it ends."""
    feed = Feed.of(watch)
    try:
        yield f"retry: {_AGAIN}\n\n"
        while True:
            try:
                said = await asyncio.wait_for(feed.queue.get(), _QUIET)
            except TimeoutError:
                yield ": nothing new\n\n"
                continue
            if isinstance(said, str):
                if said:
                    yield said
                return
            yield written(said)
    finally:
        watch.close()


def written(event: WatchEvent) -> str:
    """Return a change as a server-sent event, whose id is the version to go on from."""
    version = "".join(filter(str.isalnum, text(event.object, "metadata", "resourceVersion")))
    if event.type == "BOOKMARK":
        return f"id: {version}\n\n"
    said = {
        "type": event.type,
        "namespace": text(event.object, "metadata", "namespace"),
        "name": text(event.object, "metadata", "name"),
        "phase": text(event.object, "status", "phase"),
    }
    return f"id: {version}\nevent: change\ndata: {json.dumps(said)}\n\n"
