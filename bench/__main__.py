"""`python -m bench` measures everything on real control planes, in minutes."""

import argparse
import math
import sys
import time
from collections.abc import Callable
from functools import partial

from bench import (
    crowd,
    drift,
    drift_engine,
    endurance,
    evaluate,
    floor,
    growth,
    kserve,
    neighbours,
    scaled,
    scrape,
    sidecar,
)
from bench.backlog import backlog
from bench.dashboard import dashboard
from bench.gates import gates
from bench.idle import idle
from bench.latency import first_write, start
from bench.memory import memory
from bench.outside import outside
from bench.plane import Plane
from bench.planning import planning
from bench.plugin import plugin
from bench.rendering import rendering
from bench.report import Machine, Run, record
from bench.results import Result
from bench.rollout import rollout
from bench.serving import serving
from bench.takeover import takeover
from bench.task_gates import task_gates
from bench.usage import Stolen
from bench.verdict import verdict
from bench.weight import weight

SCALE = 1000
_PATIENCE = 900.0
"""Seconds for each phase at each size."""


def _scale() -> list[Result]:
    runs = growth.grow(growth.SIZES, _PATIENCE, idle_at=SCALE)
    if SCALE in runs:
        return scaled.results(runs[SCALE])
    note = f"{max(runs):,} were not completed"
    return [Result(f"{SCALE:,} models", math.nan, "s", scaled.SECONDS[scaled.DEPLOY], note=note)]


def _floor() -> list[Result]:
    return floor.results(floor.floor())


def _neighbours() -> list[Result]:
    return neighbours.results(neighbours.neighbours())


def _scrape() -> list[Result]:
    return scrape.results(scrape.scrape())


def _endurance() -> list[Result]:
    return endurance.results(endurance.endure())


# These share one control plane; the others have one each, or need none.
_TOGETHER: dict[str, Callable[[Plane], list[Result]]] = {
    "first-write": first_write,
    "start": start,
    "memory": memory,
    "rollout": rollout,
    "idle": idle,
    "outside": outside,
}
_ALONE: dict[str, Callable[[], list[Result]]] = {
    "scale": _scale,
    "floor": _floor,
    "neighbours": _neighbours,
    "scrape": _scrape,
    "endurance": _endurance,
    "takeover": takeover,
    "evaluations": crowd.evaluations,
    "decisions": crowd.decisions,
    "backlog": backlog,
    "serving": serving,
    "kserve-rest": kserve.at_rest,
    "kserve-trouble": kserve.trouble,
    "weight": weight,
    "verdict": verdict,
    "gates": gates,
    "task-gates": task_gates,
    "planning": planning,
    "evaluate": evaluate.evaluate,
    "rendering": rendering,
    "plug-in": plugin,
    "dashboard": dashboard,
    "drift": drift.detection,
    "drift-speed": drift.speed,
    "drift-alibi": drift_engine.calibration,
    "sidecar": sidecar.measure,
}


def main() -> int:
    """Measure and print, and write each result into results.json and RESULTS.md."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = (*_TOGETHER, *_ALONE)
    told = "measure this alone; may be given several times"
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=told)
    parser.add_argument("--dry", action="store_true", help="write nothing")
    options = parser.parse_args()
    chosen = options.only or names
    together = {name: benchmark for name, benchmark in _TOGETHER.items() if name in chosen}
    if together:
        with Plane.with_kinds() as plane:
            for name, benchmark in together.items():
                _measure(name, partial(benchmark, plane), dry=options.dry)
    for name, alone in _ALONE.items():
        if name in chosen:
            _measure(name, alone, dry=options.dry)
    return 0


def _measure(name: str, benchmark: Callable[[], list[Result]], *, dry: bool) -> None:
    machine, before, began = Machine.here(), Stolen.now(), time.monotonic()
    results = benchmark()
    stolen = before.since
    for result in results:
        goal = "" if result.target is None else f" (target {result.target:g} {result.unit})"
        print(f"{result.name}: {result.value:g} {result.unit}{goal}", flush=True)
    print(f"  {name} took {time.monotonic() - began:.0f} s", flush=True)
    if not dry:
        record(Run(name, machine, results, stolen))


sys.exit(main())
