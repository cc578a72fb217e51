"""Writes RESULTS.md: the numbers of results.json, their meaning and their machine."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psutil

from bench.latency import FIRST_WRITE, FLOOR
from bench.results import Result

FOLDER = Path(__file__).parent
_MEANINGS = """
- **Spec change to first write**: from the moment at which the client has the API server's answer
  to its change of `spec.version` and `spec.predictor.storageUri`, to the moment at which a watch in
  the same client receives the operator's first write: the ControllerRevision that records the new
  revision. In between lie the watch event to the operator, its reads of everything about the
  model, the plan, the write, and the watch event to the client. Before each change the operator had
  written nothing for 0.5 s.
- **The API server's floor** is the last part of that alone, taken right before each change: the
  client creates a ControllerRevision itself, and the time runs from its request to the event of
  its watch.
- **Process start to first write**: from starting the process, beside a model that waits for it, to
  the same event. Includes Python's imports.
- **RSS**: the resident set. The first of the models is promoted; the others wait for their model
  servers.
- **One rollout**: what the operator asks of the API server from the change of the version (gates,
  10 %, 50 %, 100 %, promoted) until all is quiet and the oldest revision is removed. Counted in the
  API server's audit log; medians; watches are not counted. A refused write is one that was answered
  with a conflict or an error.
- **Bootstrap verdict**: one fairness gate over two sexes, and over sex by three age bands, from
  predictions that are there already.

Control plane: etcd, kube-apiserver and kube-controller-manager of the lab, on the same machine as
operator and client. The client plays KServe, the gateway and the evaluator, so that no time of
theirs is in any number.
"""


@dataclass(frozen=True)
class Machine:
    """Where and on what the numbers were taken."""

    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str
    commit: str
    date: str
    load: float
    """Processes that wanted a core in the minute before."""

    @classmethod
    def here(cls) -> Self:
        """Return this machine as it is now."""
        return cls(
            cpu=_cpu(),
            cores=os.cpu_count() or 1,
            memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
            system=f"{platform.system()} {platform.release()} {platform.machine()}",
            python=f"{platform.python_implementation()} {platform.python_version()}",
            commit=_commit(),
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            load=round(os.getloadavg()[0], 1),
        )


def write(results: Sequence[Result], machine: Machine, folder: Path = FOLDER) -> None:
    """Write results.json, and RESULTS.md from it."""
    file = folder / "results.json"
    file.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    read = [Result(**entry) for entry in json.loads(file.read_text())]
    (folder / "RESULTS.md").write_text(render(read, machine))


def render(results: Sequence[Result], machine: Machine) -> str:
    """Return the report as Markdown."""
    rows = [
        f"| {result.name} | {_number(result.value)} | {result.unit} | {_target(result)} | "
        f"{_verdict(result, results, machine)} |"
        for result in results
    ]
    return "\n".join(
        (
            "# Benchmark results",
            "",
            "Written by `make bench`. Not edited by hand.",
            "",
            f"- Machine: {machine.cpu}, {machine.cores} cores, {machine.memory_gib} GiB",
            f"- System: {machine.system}, {machine.python}",
            f"- Load average at the start: {machine.load}",
            f"- Commit: {machine.commit}",
            f"- Date: {machine.date}",
            "",
            "| What | Value | Unit | Target | Met |",
            "| --- | ---: | --- | ---: | --- |",
            *rows,
            "",
            "## What is measured",
            _MEANINGS.rstrip(),
            "",
        )
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,}"


def _target(result: Result) -> str:
    if result.target is None:
        return ""
    sign = "≤" if result.better == "lower" else "≥"
    return f"{sign} {_number(result.target)}"


def _verdict(result: Result, results: Sequence[Result], machine: Machine) -> str:
    """Return whether the target is met, and what is known of the reason where it is not."""
    if result.met is None:
        return ""
    if result.met:
        return "yes"
    reasons = []
    floor = next((each for each in results if each.name == f"{FLOOR}, p50"), None)
    if floor is not None and result.name.startswith(FIRST_WRITE):
        share = floor.value / result.value
        reasons.append(f"{share:.0%} of it is the API server's own floor of {floor.value} ms")
    if machine.load > machine.cores / 2:
        reasons.append(f"{machine.load} processes wanted the {machine.cores} cores when it began")
    return "no: " + ("; ".join(reasons) or "the machine was idle: the time is the operator's own")


def _cpu() -> str:
    """The processor's name, by whichever way this system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return _output("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()


def _commit() -> str:
    return _output("git", "-C", str(FOLDER), "describe", "--always", "--dirty") or "none yet"


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
