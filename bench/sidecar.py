"""What the drift detector costs beside a model server: events a second, answers, memory, start."""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.load import FEATURES, Seen
from bench.results import Result
from bench.usage import Stolen
from testkit.sidecar import Sidecar, config, profile, sidecar

STARTS = 5
FAST = 100_000
"""Events as fast as they are answered, for the rate."""
PACED = 10_000
RATE = 1_000.0
ROUNDS = 6
"""Paced rounds. A virtual machine's host takes its cores away for some milliseconds when it wants, and every
answer waits: so each round tells how much was taken."""
MANY = 1_000_000
_WARM = 100_000
"""Events after which memory must not grow any more."""


@dataclass(frozen=True)
class Round:
    """How the detector answered for a while, and what the host did meanwhile."""

    seen: Seen
    stolen: float
    """Percent of the cores' time that the machine's host gave to others."""


def measure(many: int = MANY) -> list[Result]:
    """Measure on one core for the detector; the load comes from another, where there is one."""
    with tempfile.TemporaryDirectory() as folder:
        starts = [_start(Path(folder)) for _ in range(STARTS)]
        with sidecar(Path(folder), config(FEATURES), profile(FEATURES)) as running:
            process = psutil.Process(running.process.pid)
            cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
            if cores:
                process.cpu_affinity(cores[:1])
            before = _cpu(process)
            fast = _load(running, cores[1:], FAST)
            spent = _cpu(process) - before
            rounds = [_round(running, cores[1:]) for _ in range(ROUNDS)]
            warm = [_resident(running, cores[1:], _WARM)]
            later = [_resident(running, cores[1:], _WARM) for _ in range(max(many // _WARM - 1, 1))]
            events = FAST + ROUNDS * PACED + (1 + len(later)) * _WARM
            lost = _lost(running, events)
    return [
        Result(
            "events a second on one core, 20 features, one row an event",
            round(fast.events / fast.seconds),
            "/s",
            3000,
            better="higher",
        ),
        Result("CPU for one event", round(spent / fast.events * 1e6, 1), "µs"),
        *_answers(rounds),
        Result(f"RSS over {events:,} events, highest", max(warm + later), "MiB", 80),
        Result(
            f"RSS, growth over the last {len(later) * _WARM:,} events",
            round(later[-1] - warm[0], 1),
            "MiB",
            2,
        ),
        Result(
            "events shed, lost, refused or not decoded",
            lost + fast.refused + sum(each.seen.refused for each in rounds),
            "",
            0,
        ),
        Result("process start to ready", round(statistics.median(starts), 2), "s", 1),
    ]


def _answers(rounds: Sequence[Round]) -> list[Result]:
    what = "answer at 1,000 events/s"
    rows = [
        Result(
            f"{what}, p50, median of {len(rounds)} rounds",
            _milliseconds(statistics.median(each.seen.p50 for each in rounds)),
            "ms",
        )
    ]
    ordered = sorted(rounds, key=lambda each: each.stolen)
    for kind, each in (("least", ordered[0]), ("most", ordered[-1])):
        seen = each.seen
        told = f"{what}, p99, round from which the host took {kind}"
        note = f"a process that only slept woke up {_milliseconds(seen.late)} ms late (p99)"
        rows += [
            Result(told, _milliseconds(seen.p99), "ms", 5, note=note),
            Result(f"{told}: that much", each.stolen, "% of the cores' time"),
        ]
    slowest = max(each.seen.slowest for each in rounds)
    return [*rows, Result(f"{what}, slowest of all", _milliseconds(slowest), "ms")]


def _round(running: Sidecar, cores: Sequence[int]) -> Round:
    before = Stolen.now()
    return Round(_load(running, cores, PACED, RATE), before.since)


def _start(folder: Path) -> float:
    began = time.perf_counter()
    with sidecar(folder, config(FEATURES), profile(FEATURES)):
        return time.perf_counter() - began


def _load(running: Sidecar, cores: Sequence[int], events: int, rate: float = 0.0) -> Seen:
    command = [sys.executable, "-m", "bench.load", "--port", str(running.sink)]
    command += ["--events", str(events), "--rate", str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        if cores:
            psutil.Process(process.pid).cpu_affinity(list(cores))
        told = process.communicate()[0]
    return Seen(**json.loads(told))


def _resident(running: Sidecar, cores: Sequence[int], events: int) -> float:
    _load(running, cores, events)
    return round(running.resident, 1)


def _lost(running: Sidecar, events: int) -> float:
    """Return how many events are not counted as rows or scores; NaN if it is not even known."""
    counters = running.settled(events).counters
    if counters["received"] != events:
        return math.nan
    return events - counters["outcome.rows"] - counters["outcome.scores"]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
