"""The page with all metrics, which Prometheus and anybody else may ask for as often as they like.

It is written once for all who ask at that time, in a thread of its own so that no probe waits for it, and again only
after a rest: with thousands of models it takes a second of CPU.
"""

import asyncio
import gzip
import time
from collections.abc import Callable

from prometheus_client import REGISTRY, CollectorRegistry, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from mlhops import __version__
from mlhops.controller.endpoints.server import HttpRequest, Reply, text_reply
from mlhops.controller.telemetry import metrics

PATH = "/metrics"
_SHARE = 0.1
"""The share of one core that writing may take, however many ask."""
_FAST = 1
"""How hard gzip tries; a page shrinks to a tenth all the same."""


class Exposition:
    """Writes the page."""

    def __init__(
        self, registry: CollectorRegistry = REGISTRY, cpu: Callable[[], float] = time.thread_time
    ) -> None:
        # A second series for each of a counter's, of which nobody asks.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        metrics.BUILD.info({"version": __version__})
        self._registry = registry
        self._cpu = cpu
        self._pages: dict[bool, asyncio.Task[bytes]] = {}
        """What is being written, or was and is told still, by whether it is compressed."""

    async def reply(self, request: HttpRequest) -> Reply:
        """Return the answer to a request."""
        if request.path != PATH:
            return text_reply(404, f"there is {PATH}\n")
        accepted = request.headers.get("accept-encoding", "").lower().split(",")
        compressed = any(one.partition(";")[0].strip() == "gzip" for one in accepted)
        page = self._pages.get(compressed)
        if page is None:
            page = self._pages[compressed] = asyncio.create_task(self._write(compressed))
        # Whoever goes away leaves the page to the others.
        body = await asyncio.shield(page)
        headers = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4}
        return Reply(200, body, headers | ({"Content-Encoding": "gzip"} if compressed else {}))

    async def _write(self, compressed: bool) -> bytes:
        loop, took = asyncio.get_running_loop(), 0.0
        try:
            body, took = await loop.run_in_executor(None, self._page, compressed)
        finally:
            loop.call_later(took / _SHARE, self._pages.pop, compressed, None)
        return body

    def _page(self, compressed: bool) -> tuple[bytes, float]:
        """Return the page, and the seconds of CPU that it took."""
        began = self._cpu()
        page = generate_latest(self._registry)
        body = gzip.compress(page, _FAST) if compressed else page
        return body, self._cpu() - began
