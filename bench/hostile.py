"""A process that plays neighbours who mean harm, all together and without end.

They hold connections to the operator's ports, give Jobs, pods and ConfigMaps the labels of models, decide
nonsense, and post what is no event to a drift detector. Of what they make they keep so many and take away the
oldest, so that what grows is the operator's own.
"""

import argparse
import asyncio
import itertools
import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from bench.load import HOST
from lab.client import CONFIG_MAPS, PODS, ApiError, Client, Object, Resource
from mlhops.api.base import Json, Manifest
from mlhops.kserve.names import MODEL_LABEL
from testkit.builders import decision, override
from testkit.noise import crowded_pod, noisy_job, noisy_map

READY = "the neighbours are there"
FROM = "127.0.0.2"
IDLE, SLOW, GREEDY = 300, 100, 20
JUNK_BYTES = 200_000
_JOBS = Resource("batch", "v1", "jobs", "Job")
_DECISIONS = Resource("mlhops.io", "v1alpha1", "decisions", "Decision")
_AGAIN = 5.0
"""Seconds until somebody who was shown out comes again."""
Make = Callable[[int], tuple[Resource, Manifest]]


class Neighbours:
    """Whoever means harm in one namespace.

    `models` have their labels borrowed; behind the Service of `victim`, an InferenceService, stand strange pods.
    """

    def __init__(self, client: Client, namespace: str, models: Sequence[str], victim: str) -> None:
        self._client = client
        self._namespace = namespace
        self._models = models
        self._victim = victim

    async def run(self, ports: Sequence[int], sink: int) -> None:
        """Go on until the process is ended."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(IDLE + SLOW + GREEDY):
                tasks.create_task(_guest(ports[number % len(ports)], number))
            tasks.create_task(_junk(sink))
            for make, seconds, kept in (
                (self._job, 5.0, 40),
                (self._map, 10.0, 20),
                (self._stray, 5.0, 20),
                (self._crowd, 30.0, 3),
                (self._decision, 1.0, 1000),
            ):
                tasks.create_task(self._again_and_again(make, seconds, kept))
            print(READY, flush=True)

    async def _again_and_again(self, make: Make, seconds: float, kept: int) -> None:
        made: deque[tuple[Resource, str]] = deque()
        for number in itertools.count():
            resource, manifest = make(number)
            metadata = manifest["metadata"]
            assert isinstance(metadata, dict)
            with suppress(ApiError):  # the API server may be busy
                await self._client.create(resource, manifest, namespace=self._namespace)
                made.append((resource, str(metadata["name"])))
            if len(made) > kept:
                oldest, name = made.popleft()
                options: Object = {"propagationPolicy": "Background", "gracePeriodSeconds": 0}
                with suppress(ApiError):
                    await self._client.delete(oldest, self._namespace, name, options)
            await asyncio.sleep(seconds)

    def _job(self, number: int) -> tuple[Resource, Manifest]:
        return _JOBS, self._labelled(noisy_job(f"noise-{number}"), number)

    def _map(self, number: int) -> tuple[Resource, Manifest]:
        return CONFIG_MAPS, self._labelled(noisy_map(f"noise-{number}"), number)

    def _stray(self, number: int) -> tuple[Resource, Manifest]:
        """A pod that says of itself no more than whose it is."""
        labels: Manifest = {MODEL_LABEL: self._model(number)}
        containers: list[Json] = [{"name": "c", "image": "x", "args": ["x" * 50_000]}]
        metadata: Manifest = {"name": f"stray-{number}", "labels": labels}
        return PODS, {"metadata": metadata, "spec": {"containers": containers}}

    def _crowd(self, number: int) -> tuple[Resource, Manifest]:
        return PODS, crowded_pod(f"crowd-{number}", self._victim)

    def _decision(self, number: int) -> tuple[Resource, Manifest]:
        """Decisions on a revision that never was, on a gate that is none, on a model that is none."""
        name, model = f"nonsense-{number}", self._model(number)
        kinds: list[Manifest] = [
            {"spec.action": "Promote", "spec.revision": "never-was", "spec.reason": "x" * 900},
            {"spec.action": "Abort", "spec.revision": "never-was"},
            {"spec.action": "Rollback", "spec.revision": "zzzzzzzzzz"},
            {"spec.action": "Approve", "spec.model": "no-such-model"},
        ]
        if number % 5 == 4:
            return _DECISIONS, override({"spec.model": model, "spec.gates": ["no-gate"]}, name)
        return _DECISIONS, decision({"spec.model": model, **kinds[number % 5]}, name)

    def _model(self, number: int) -> str:
        return self._models[number % len(self._models)]

    def _labelled(self, manifest: Manifest, number: int) -> Manifest:
        metadata = manifest["metadata"]
        assert isinstance(metadata, dict)
        return {
            **manifest,
            "metadata": {**metadata, "labels": {MODEL_LABEL: self._model(number)}},
        }


async def _guest(port: int, number: int) -> None:
    """Connect, and stay for as long as one may: with no word, with one byte a second, or reading no answer."""
    await asyncio.sleep(_AGAIN * number / (IDLE + SLOW + GREEDY))
    while True:
        with suppress(OSError, TimeoutError):
            await _stay(port, number)
        await asyncio.sleep(_AGAIN)


async def _stay(port: int, number: int) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as connected:
        connected.setblocking(False)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connected.bind((FROM, 0))
        async with asyncio.timeout(10):
            await loop.sock_connect(connected, (HOST, port))
        if number < IDLE:
            await loop.sock_recv(connected, 1)
        elif number < IDLE + SLOW:
            for byte in b"GET /metrics HTTP/1.1\r\n" + b"x" * 60:
                await loop.sock_sendall(connected, bytes([byte]))
                await asyncio.sleep(1)
        else:
            await loop.sock_sendall(connected, b"GET /metrics HTTP/1.1\r\n\r\n")
            await asyncio.sleep(60)


async def _junk(port: int) -> None:
    """Post to the detector what is no event: too long, cut off, no HTTP at all."""
    noise = os.urandom(JUNK_BYTES)
    words = (
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000000\r\n\r\n" + noise,
        b"POST / HTTP/1.1\r\nHost: x\r\nCe-Id: " + b"i" * 60_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nCe-Type: org.kubeflow.serving.inference.request\r\n"
        b"Content-Length: %d\r\n\r\n" % (JUNK_BYTES) + noise,
        noise,
    )
    for number in itertools.count():
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                _, writer = await asyncio.open_connection(HOST, port)
                writer.write(words[number % len(words)])
                await writer.drain()
                writer.close()
        await asyncio.sleep(0.5)


async def main(kubeconfig: Path, options: argparse.Namespace) -> None:
    """Go on until the process is ended."""
    async with Client(kubeconfig) as client:
        neighbours = Neighbours(client, options.namespace, options.models, options.victim)
        await neighbours.run(options.ports, options.sink)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("namespace")
    parser.add_argument("victim", help="an InferenceService")
    parser.add_argument("--ports", type=int, nargs="+", required=True, help="the operator's")
    parser.add_argument("--sink", type=int, required=True, help="where a detector takes events")
    parser.add_argument("--models", nargs="+", required=True)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.kubeconfig, given)))
