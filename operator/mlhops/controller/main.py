"""The operator's process: everything made, wired up and run until it is told to stop."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from prometheus_client import REGISTRY

from mlhops.controller import files
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.endpoints.exposition import Exposition
from mlhops.controller.endpoints.health import Health
from mlhops.controller.endpoints.server import Inbound
from mlhops.controller.kube.client import Client, for_ever
from mlhops.controller.kube.lease import Elector
from mlhops.controller.kube.relist import Relist
from mlhops.controller.kube.watches import Watches
from mlhops.controller.operator import Operator
from mlhops.controller.settings import Settings, parse
from mlhops.controller.telemetry import logs, metrics
from mlhops.controller.telemetry.pulse import Pulse

_SWITCH_SECONDS = 0.001
"""For so long a thread goes on while the other waits: a pass waits so at each request while kopf lists thousands."""
_STUCK_SECONDS = 900.0
"""No pass takes so long, not even where the API server asks for a minute's rest before each request."""


@dataclass(frozen=True)
class _Parts:
    """What runs side by side."""

    client: Client
    operator: Operator
    elector: Elector | None
    watches: Watches
    relist: Relist
    pulse: Pulse


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then finish the passes that are under way and let another operator lead.

    Raises:
        Exception: whatever ended kopf's watches, since an operator that sees nothing must not go on.
    """
    async with AsyncExitStack() as opened:
        parts = await _make(opened, settings)
        operator, elector = parts.operator, parts.elector
        _listen(opened, settings, _health(parts))
        lead = partial(operator.lead, settings.workers)
        watch = asyncio.create_task(asyncio.to_thread(parts.watches.run))
        tasks = [
            asyncio.create_task(_told_to_stop()),
            asyncio.create_task(elector.run(lead) if elector else lead()),
            asyncio.create_task(operator.queue.run_clock()),
            asyncio.create_task(parts.relist.run()),
            asyncio.create_task(parts.pulse.run()),
        ]
        try:
            # Any of them that ends, ends the operator: one without timers or workers must not linger.
            ended, _ = await asyncio.wait({watch, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            await operator.finish()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if elector is not None:
                await elector.release()
            parts.watches.stop()
            await watch


async def _make(opened: AsyncExitStack, settings: Settings) -> _Parts:
    """Make all parts, each of those that it needs; what they open is closed in the end."""
    hearing = Hearing(settings.namespaces)
    elector = None
    if settings.lease:
        # With connections of its own, so that a renewal waits for no other request.
        own, lease = await _connect(opened), settings.lease
        elector = Elector(own, lease.namespace, lease.name, set_back=hearing.lease_set_back)
    client = await _connect(opened, hearing, elector.left if elector else for_ever)
    operator = Operator(
        client,
        hearing,
        settings.evaluator,
        settings.detectors,
        allowed=settings.destinations,
        hostnames=settings.hostnames,
        held=files.budget(files.raise_limit(), settings.namespaces).held,
    )
    REGISTRY.register(operator.fleet)
    opened.callback(REGISTRY.unregister, operator.fleet)
    metrics.LONGEST_PASS.set_function(lambda: operator.queue.longest_work)
    for one in (operator.scraper, operator.serving, operator.profiles, operator.sinks):
        opened.push_async_callback(one.close)
    watches = Watches(hearing, asyncio.get_running_loop(), settings.namespaces)
    hearing.restored.subscribe(watches.begin_anew)
    relist = Relist(client, hearing, installed=watches.installed)
    return _Parts(client, operator, elector, watches, relist, Pulse())


async def _connect(
    opened: AsyncExitStack,
    hearing: Hearing | None = None,
    term: Callable[[], float] = for_ever,
) -> Client:
    client = await Client.connect(hearing, term)
    opened.push_async_callback(client.close)
    return client


def _listen(opened: AsyncExitStack, settings: Settings, health: Health) -> None:
    """Answer the kubelet and Prometheus."""
    inbound = Inbound()
    opened.callback(inbound.close)
    pages = {
        "metrics": (settings.metrics, Exposition().reply),
        "health": (settings.health, health.reply),
    }
    for name, (address, reply) in pages.items():
        if address.port:
            inbound.listen(name, address.host, address.port, reply)


async def _told_to_stop() -> None:
    """Wait for SIGTERM or SIGINT."""
    told = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, told.set)
    await told.wait()


def _health(parts: _Parts) -> Health:
    """Return the checks that the kubelet asks for."""

    def passes() -> str:
        seconds = parts.operator.queue.longest_work
        return f"one has not ended for {seconds:.0f} s" if seconds > _STUCK_SECONDS else ""

    return Health(
        live={
            "loop": parts.pulse.check,
            "watches": parts.watches.pulse.check,
            "passes": passes,
        },
        ready={
            "watches": lambda: "" if parts.watches.ready else "have not begun",
            "list": lambda: "" if parts.relist.looked else "not every kind was listed yet",
            "api-server": lambda: (
                "" if parts.client.answered else "the latest request was not answered"
            ),
        },
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the operator."""
    settings = parse(argv)
    logs.configure(settings.log_level)
    # What was imported stays: collecting garbage need not look at it again, for which both loops would
    # stand still for 30 ms each time.
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_SWITCH_SECONDS)
    asyncio.run(run(settings))
    return 0
