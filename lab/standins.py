"""The process in which the stand-ins run: kubelet and gateway, beside a real Envoy."""

import argparse
import asyncio
import json
import logging
import signal
import ssl
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab.addresses import Block, NoAddress, claim
from lab.certificates import Authority
from lab.client import Client
from lab.envoy import Envoy
from lab.gateway.configuration import PROXY_PORT
from lab.gateway.controller import Controller as Gateway
from lab.images import Images
from lab.informer import Informers
from lab.kubelet.claims import Claims
from lab.kubelet.logs import LogServer
from lab.kubelet.node import Kubelet
from lab.processes import Processes

READY_FILE = "ready.json"


class Controller(Protocol):
    """Whoever keeps objects as others wish them to be."""

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Start, once the informers have read what is there."""


@dataclass(frozen=True)
class Settings:
    """What the stand-ins are told."""

    kubeconfig: Path
    root: Path
    volumes: Path
    images: Images
    backoff_base: float


async def run(settings: Settings, block: Block, stop: asyncio.Event) -> None:
    """Run all stand-ins until `stop` is set."""
    async with AsyncExitStack() as stack, Client(settings.kubeconfig) as client:
        informers = Informers(client)
        processes = stack.enter_context(Processes(settings.root / "processes"))
        envoy = Envoy(processes, settings.root / "envoy", block.node)
        kubelet = Kubelet(
            client,
            informers,
            block=block,
            images=settings.images,
            claims=settings.volumes,
            root=settings.root / "kubelet",
            proxy=f"http://{block.node}:{PROXY_PORT}",
            backoff_base=settings.backoff_base,
        )
        claims = Claims(client, informers, settings.volumes)
        logs = LogServer(kubelet.pods_folder)
        gateway = Gateway(client, informers, envoy, block)
        controllers: list[Controller] = [claims, kubelet, gateway]
        for server in (envoy, kubelet, logs):
            stack.push_async_callback(server.stop)
        await asyncio.gather(envoy.start(), logs.start(block.holder, _tls(settings.root, block)))
        with suppress(asyncio.CancelledError):
            async with asyncio.TaskGroup() as tasks:
                informers.start(tasks)
                await informers.synced()
                for controller in controllers:
                    await controller.start(tasks)
                await gateway.settled()
                _report(settings.root, block)
                await stop.wait()
                raise asyncio.CancelledError


def _tls(root: Path, block: Block) -> ssl.SSLContext:
    pair = Authority(root / "kubelet-certificates", "lab-kubelet").server("kubelet", (block.node,))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


def _report(root: Path, block: Block) -> None:
    fresh = root / f".{READY_FILE}"
    proxy = f"http://{block.node}:{PROXY_PORT}"
    fresh.write_text(json.dumps({"node": block.node, "proxy": proxy}))
    fresh.replace(root / READY_FILE)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--volumes", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True, help="JSON: repository to argv")
    parser.add_argument("--backoff-base", type=float, default=1.0)
    given = parser.parse_args()
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = Settings(
        given.kubeconfig,
        given.root,
        given.volumes,
        json.loads(given.images.read_text()),
        given.backoff_base,
    )
    try:
        block = claim()
    except NoAddress as error:
        raise SystemExit(str(error)) from error
    await run(settings, block, stop)


if __name__ == "__main__":
    asyncio.run(main())
