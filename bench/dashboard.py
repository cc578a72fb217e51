"""How long the dashboard takes to show a thousand models, from a request to the last byte of the page."""

import time
from collections.abc import Callable, Sequence
from typing import cast

import httpx
import psutil

from bench.plane import Plane
from bench.results import Result, milliseconds
from mlhops.api.base import Manifest
from mlhops.controller.resources import MODELS
from testkit.api import Api
from testkit.dashboard_process import running
from testkit.standings import STANDINGS

_MODELS = 1000
_RUNS = 20
_MOST_MS = 1000.0


def dashboard() -> list[Result]:
    """Ask for the fleet, and for one model of it, again and again, through kubectl and a real API server."""
    with Plane.with_kinds() as plane:
        plane.kubectl("create", "namespace", "bench")
        _create(Api(plane.kubeconfig))
        with running(plane.kubeconfig) as server, server.browser() as tab:
            fleet = _asked(tab, "/models")
            size = len(tab.get("/models").content) / 1024
            spent = _cpu(server.process.pid, lambda: tab.get("/models"))
            model = _asked(tab, "/models/bench/m0007")
    name = f"dashboard: {_MODELS:,} models"
    return [
        *milliseconds(f"{name}, the fleet's page", fleet, _MOST_MS),
        Result(f"{name}, the fleet's page, CPU", round(spent * 1000, 1), "ms", _MOST_MS),
        Result(f"{name}, the fleet's page", round(size, 1), "KiB"),
        *milliseconds(f"{name}, the page of one", model),
    ]


def _create(api: Api) -> None:
    """Create as many models, in all standings in turn."""
    makers = list(STANDINGS.values())
    for number in range(_MODELS):
        made, name = makers[number % len(makers)](), f"m{number:04}"
        api.create(MODELS, "bench", {**made, "metadata": {"name": name}})
        if "status" in made:
            status = cast(Manifest, {"status": made["status"]})
            api.patch(MODELS, "bench", name, status, "status")
    api.close()


def _asked(tab: httpx.Client, path: str) -> Sequence[float]:
    """Return how long each answer took, in seconds; the first one, for which templates are read, is not among them."""
    _timed(lambda: tab.get(path))
    return [_timed(lambda: tab.get(path)) for _ in range(_RUNS)]


def _cpu(pid: int, ask: Callable[[], httpx.Response]) -> float:
    """Return the dashboard's CPU time for an answer, in seconds, however busy the machine is."""
    process = psutil.Process(pid)
    before = sum(process.cpu_times()[:2])
    for _ in range(_RUNS):
        ask().raise_for_status()
    return (sum(process.cpu_times()[:2]) - before) / _RUNS


def _timed(ask: Callable[[], httpx.Response]) -> float:
    began = time.perf_counter()
    ask().raise_for_status()
    return time.perf_counter() - began
