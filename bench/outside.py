"""What others in the cluster cost the operator: connections to its ports, and large objects with a model's label."""

import resource
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import httpx
import psutil

from bench.plane import Plane, settle
from bench.results import Result
from lab.control import free_ports
from mlhops.controller.resources import JOBS
from testkit.noise import noisy_job, resident

CONNECTIONS = 10_000
LOOKS = 50
LARGE = 200


def outside(plane: Plane) -> list[Result]:
    """Ask for each page, and let a version be made, while others connect; then label many Jobs."""
    metrics, health = free_ports(2)
    arguments = (
        f"--metrics-port={metrics}",
        f"--health-port={health}",
        "--health-address=127.0.0.1",
    )
    with plane.namespace() as hands, plane.operator(hands.namespace, arguments=arguments) as run:
        process = psutil.Process(run.pid)
        hands.promote_first()
        settle(hands, 2)
        before = resident(process)
        with _connected((metrics, health), CONNECTIONS):
            began = time.monotonic()
            hands.apply_model("2.0.0")
            hands.candidate_service()
            made = time.monotonic() - began
            probe = max(_answered(health, "healthz") for _ in range(LOOKS))
            page = max(_answered(metrics, "metrics") for _ in range(LOOKS))
            crowded = resident(process)
        for number in range(LARGE):
            hands.api.create(JOBS, hands.namespace, noisy_job(f"noise-{number}"))
        settle(hands, 2)
        full = resident(process)
    crowd, jobs = f"{CONNECTIONS:,} idle connections", f"{LARGE} Jobs of a megabyte with a label"
    return [
        Result(f"{crowd}, slowest of {LOOKS} probes", round(probe, 3), "s", 1),
        Result(f"{crowd}, slowest of {LOOKS} scrapes", round(page, 3), "s", 1),
        Result(f"{crowd}, from a new version to its InferenceService", round(made, 3), "s", 2),
        Result(f"{crowd}, operator RSS", round(crowded - before, 1), "MiB more", 20),
        Result(f"{jobs}, operator RSS", round(full - crowded, 1), "MiB more", 20),
    ]


@contextmanager
def _connected(ports: Sequence[int], number: int) -> Iterator[None]:
    """Connect so often, to one port after the other, and say nothing."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as opened:
        for one in range(number):
            address = ("127.0.0.1", ports[one % len(ports)])
            opened.enter_context(socket.create_connection(address, 10))
        yield


def _answered(port: int, path: str) -> float:
    """Return the seconds until a page was there."""
    began = time.monotonic()
    url = f"http://127.0.0.1:{port}/{path}"
    httpx.get(url, trust_env=False, timeout=30).raise_for_status()
    return time.monotonic() - began
