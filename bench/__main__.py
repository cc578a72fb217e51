"""`python -m bench` measures everything on a real control plane, in minutes."""

import sys
import time
from collections.abc import Callable

from bench.latency import first_write, start
from bench.memory import memory
from bench.plane import Plane
from bench.report import FOLDER, Machine, write
from bench.results import Result
from bench.rollout import rollout
from bench.verdict import verdict
from lab.cache import REPOSITORY
from lab.control import gateway_api_crds, kserve_crds

_BENCHMARKS: tuple[Callable[[Plane], list[Result]], ...] = (first_write, start, memory, rollout)


def main() -> int:
    """Measure, print, and write results.json and RESULTS.md."""
    machine, results = Machine.here(), list[Result]()
    crds = (REPOSITORY / "crds", kserve_crds(), gateway_api_crds())
    with Plane.start(install=crds) as plane:
        for benchmark in _BENCHMARKS:
            began = time.monotonic()
            found = benchmark(plane)
            _show(found, time.monotonic() - began)
            results += found
    began = time.monotonic()
    found = verdict()
    _show(found, time.monotonic() - began)
    results += found
    write(results, machine)
    print(f"written: {FOLDER / 'RESULTS.md'}")
    return 0


def _show(results: list[Result], seconds: float) -> None:
    for result in results:
        goal = "" if result.target is None else f" (target {result.target:g} {result.unit})"
        print(f"{result.name}: {result.value:g} {result.unit}{goal}", flush=True)
    print(f"  took {seconds:.0f} s", flush=True)


sys.exit(main())
