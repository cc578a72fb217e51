"""Writes RESULTS.md: the numbers of results.json, their meaning and their machine."""

import json
import math
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import psutil

from bench.characteristics import Characteristics, table
from bench.characteristics import saved as simulated
from bench.growth import CHART, Point, saved, sentence
from bench.latency import FIRST_WRITE, FLOOR
from bench.results import Result

FOLDER = Path(__file__).parent
_MUCH_TAKEN = 5.0
"""Percent of the cores' time that its host may take before every time is too long."""
_OF_MEMORY = ("KiB", "MiB", "GiB")
"""Units of what does not depend on who else uses the machine."""
_MEANINGS = """
- **Spec change to first write**: from the moment at which the client has the API server's answer
  to its change of `spec.version` and `spec.predictor.storageUri`, to the moment at which a watch in
  the same client receives the operator's first write: the status that names the candidate. In
  between lie the watch event to the operator, the plan, the write, and the watch event to the
  client. Before each change the operator had written nothing for 2 s.
- **The API server's floor** is what one small write takes, taken right before each change: the
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
- **At rest**: an operator that elects a leader, as in a cluster, while nothing changes for five
  minutes; gets, lists, writes, and watches that were taken up anew, each times twelve.
- **1,000 models**: created as fast as the API server takes them, each with a host name of its own;
  then given a new version each, with the steps 10 % and 50 %. All run in one namespace and the
  operator watches all, with its default settings. The time runs from the first request until a
  watch has shown the last model `Healthy`, of that version, without a candidate. A process of its
  own plays KServe, the Gateway, the Job controller and the evaluator, and answers each object at
  once (`bench/world.py`). Requests are counted until the operator has written nothing for 3 s; CPU
  is that of the processes in the same time. All processes share the machine's cores.
- **Bare writes**: the same objects, written as often as the targets for writes allow (8 and 14 by
  the operator, with what people and the world write), by a client that has no logic, reads
  next to nothing and watches nothing: what an operator cannot undercut on this machine but by
  writing less. Sixteen models at a time.
- **Idle operator**: nobody writes anything; a refused write counts as a write.
- **Change to first write among 200 models**: as above, at two changes a second over 190 models, each
  of which waits for its model server until the next change of it supersedes it. The ten others
  (`bench/trouble.py`): a status that cannot be read, a foreign InferenceService under the name that is
  needed, an admission policy that refuses it, readiness that flaps, a model server that crashes with
  50 kB of last words, a spec that is edited, Decisions by the hundred, a host name that is taken, a
  Gateway that is missing, and an evaluator that never starts. All of that goes on happening: first
  once in ten seconds to each of the ten, as often as a kubelet starts a container again at the earliest
  or asks a probe; then ten times a second where it flaps or is edited, five where it crashes or is
  decided, and once a second to the others, which is some forty writes a second that are not the
  operator's. The answer to the change itself is what the client waits for before that time begins; the
  operator has no part in it.
- **Outside**: so many connections to the metrics and health ports on which nothing is said, and
  Jobs of a megabyte with the label of a model.
- **Scrape**: so many models under one policy, each with a pod whose detector is asked and a profile that
  what it tells is tested against; 20 features. One detector, a real process with 2,000 rows, answers for all
  pods at loopback (`bench/scrape.py`), and holds the question of each how its model serves. *All looked at
  once*: from the change of the policy, after which each model is looked at within two seconds, until the last
  look has ended. Then the policy asks for a look each ten seconds, which is more than the operator makes of so many:
  passes of other models are timed meanwhile as in *change to first write*. What does not serve within two minutes is
  left out, and a round that has not ended after 45 s is told of as if it went on so.
- **Soak**: twelve models, of which one gets a new version every four seconds (steps 10 % and 50 %),
  among neighbours who mean harm all together (`bench/hostile.py`): 300 idle connections, 100 that
  send a byte a second and 20 that read no answer, each back five seconds after it was shown out;
  Jobs, ConfigMaps and pods of up to a megabyte with the models' labels, and pods behind the Service
  of one of them; a Decision a second on what never was; a drift detector, which the operator asks,
  under 100 events a second and junk. They keep so many of each and take away the oldest. A pass'
  time is that of *change to first write*; one is late after 2 s. In the same run, once a second,
  another client writes a small ConfigMap, and a process sleeps 0.2 s, works some milliseconds, and
  says how late it was done: whoever else uses the cores delays these as well, and a late pass is
  the machine's where 2 s are left without that.
- **Evaluations, Decisions**: an operator is started anew on ten models, of which one has all of
  them; at once somebody aborts its candidate, which has 10 %. The time runs from the API server's
  answer to the route that gives it nothing. Of Evaluations the operator reads all after a start, a watch and
  a list side by side and twenty kilobytes each: the Abort does not wait for that, and all else of the model does.
- **Rollouts of one model**: one version after the other, with no steps and `keepPrevious: 0s`.
  What is left is counted when the operator has written nothing for 3 s. Kubernetes removes Events
  after an hour, so they are counted for each rollout.
- **Gates**: simulated data sets with a known truth, decided by the functions that the evaluator
  decides by. Positives are 10 % of the rows; the smallest group's false negative rate differs from
  that of all others by so many times the limit of 0.10.
- **Planning**: data sets that leave a gate open; the evaluator says how many more cases would decide it, with
  80 % if the truth is what was seen. So many people are drawn, group by group and with replacement, from those
  who were seen (for AUPRC from where these came), and the whole gate is judged anew. Each design is to be decided
  in 75 to 90 % of 300 such data sets. Gates by CalibrationError are told no number.
- **Intervals**: from labels, scores and groups to simultaneous intervals of false negative, false
  positive and selection rate, positive predictive value and AUROC of each group against everybody
  else, in one thread or as many as BLAS takes. fairlearn's `MetricFrame(n_boot=...)` resamples the
  same five metrics of the same rows; what it needs without resamples is subtracted.
- **Rows, scored, to a verdict**: data of 17 columns on disk (text ids, sex, age, 12 measurements,
  outcome, score), from the start of the run to its result: digest, types, outcomes, groups, repeated
  ids, and two gates: FalseNegativeRate over sex, over age band and over both, and AUROC. In place
  of the model's answers stands a column of the data; imports are not in it. The RSS is the largest
  of that process.
- **Report**: from verdicts and predictions of 50,000 people to the bytes of its HTML, with 32 gates
  over a group of 64 values whose names are as long as they may be. Memory is what Python allocates.
- **Dashboard**: `kubectl mlhops dashboard`, a real kubectl and a real API server with 1,000 models in all standings in
  turn: from the request for `/models` to the last byte of the page, one after the other; its CPU is that of the
  dashboard's own process.
- **Drift**: windows of rows against references of 10,000 rows, numbers correlated and some rounded,
  one look an hour and a budget of one false alarm in 30 days: so many of 10,000 looks may be false
  (the target). By the corrected chance alone, and with the effect that a policy asks for besides.
  *Seen within 1,000 rows* is the power, *rows until seen* the delay, by a sliding window of 1,000
  rows every 100; what is not seen within 2,000 counts as 2,100. alibi-detect is asked about the
  same rows at the same chance, with Bonferroni's correction on both sides, in an environment of its
  own (`make alibi`, or `ALIBI_PYTHON`).
- **Drift, speed**: a window's rows are counted, and tested by KS, CVM, chi-squared, PSI,
  Jensen-Shannon and Wasserstein for each feature and the score, by MMD for all together, and for
  missing values; alibi-detect's KSDrift alone on the same sizes, right after.
- **Drift, engine AlibiDetect**: the process that a sidecar asks, on the packages of its image, gets
  each window through its pipe, and the operator's code judges its answer: one pod, one detector, one
  look an hour. The windows without a shift are the looks of 30 days, of which one may be false (the
  target). Rows are those of *Drift*; detectors that take no numbers get these by fifths
  (ChiSquareDrift) or halves (FETDrift) of the reference. ClassifierDrift compares 500 rows with a
  baseline of 500, drawn anew for each window, which have not shifted.
- **Sidecar**: the drift detector as a process on one core, with a profile of 20 features and their
  joint sketch. A process on the other core posts what KServe's agent would, a request and a response
  of one row in turn, over five connections. An answer's time runs from the moment at which the event
  is there, so that an event that waits for a connection counts that too. A virtual machine's host
  takes its cores away for some milliseconds when others want them, and whatever runs there waits:
  so answers are timed in six rounds of ten seconds, and each tells how much was taken. Ready is the
  first answer of `/readyz` after the process was started. For contrast: TrustyAI's service (Python, snapshot
  45603ec) took 110 inferences a second of 20 features, that is 220 such events, one after the other
  on such a machine; that was measured before and is not part of this run.

Control plane: etcd, kube-apiserver and kube-controller-manager of the lab, on the same machine as
operator and client. The client, or a process of its own, plays KServe, the gateway and the
evaluator.
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


@dataclass(frozen=True)
class Run:
    """One benchmark's numbers, and on what they were taken."""

    benchmark: str
    machine: Machine
    results: list[Result]
    stolen: float | None = None
    """Percent of the cores' time that the machine's host gave to others meanwhile; None: not looked at."""


def record(run: Run, folder: Path = FOLDER) -> None:
    """Put a run in the place of the same benchmark's last, and write the report again."""
    file = folder / "results.json"
    runs = {of.benchmark: of for of in _load(file)} | {run.benchmark: run}
    entries = [asdict(of) for of in runs.values()]
    for entry in (result for of in entries for result in of["results"]):
        if math.isnan(entry["value"]):
            entry["value"] = None  # JSON has no NaN
    file.write_text(json.dumps(entries, indent=2, allow_nan=False) + "\n")
    (folder / "RESULTS.md").write_text(render(_load(file), saved(), simulated()))


def _load(file: Path) -> list[Run]:
    if not file.exists():
        return []
    return [read(entry) for entry in json.loads(file.read_text())]


def read(entry: dict[str, Any]) -> Run:
    """Return a run as it was written."""
    return Run(
        entry["benchmark"],
        Machine(**entry["machine"]),
        [_result(result) for result in entry["results"]],
        entry.get("stolen"),
    )


def _result(entry: dict[str, Any]) -> Result:
    return Result(**{**entry, "value": math.nan if entry["value"] is None else entry["value"]})


def render(
    runs: Sequence[Run], points: Sequence[Point] = (), gates: Characteristics | None = None
) -> str:
    """Return the report as Markdown; `points` are the sizes in the plot of growth."""
    tables = [line for run in runs for line in _table(run)]
    return "\n".join(
        (
            "# Benchmark results",
            "",
            "Written by `make bench`. Not edited by hand.",
            *tables,
            *(_growth(points) if points else ()),
            *(_gates(gates) if gates else ()),
            "",
            "## What is measured",
            _MEANINGS.rstrip(),
            "",
        )
    )


def _table(run: Run) -> list[str]:
    machine = run.machine
    rows = [
        f"| {result.name} | {_number(result.value)} | {result.unit} | {_target(result)} | "
        f"{_verdict(result, run)} |"
        for result in run.results
    ]
    return [
        "",
        f"## {run.benchmark}",
        "",
        (
            f"{machine.date}, commit {machine.commit}, {machine.cpu}, {machine.cores} cores, "
            f"{machine.memory_gib} GiB, {machine.system}, {machine.python}; "
            f"load average at the start {machine.load}{_taken(run)}"
        ),
        "",
        "| What | Value | Unit | Target | Met |",
        "| --- | ---: | --- | ---: | --- |",
        *rows,
    ]


def _growth(points: Sequence[Point]) -> list[str]:
    names = ", ".join(f"{point.models:,}" for point in points)
    title = f"Time, writes, CPU and memory at {names} models"
    return ["", "## How it grows", "", f"![{title}]({CHART.name})", "", sentence(points)]


def _gates(gates: Characteristics) -> list[str]:
    about = (
        "Pass / Fail / Inconclusive, in percent of simulated data sets; coverage of the intervals "
        "in percent. What it means, and other designs: "
        "[docs/gates-operating-characteristics.md](../docs/gates-operating-characteristics.md)."
    )
    return ["", "## How often a gate is right", "", about, "", *table(gates.required)]


def _number(value: float) -> str:
    if math.isnan(value):
        return "not measured"
    return f"{value:,.0f}" if value == int(value) else f"{value:,}"


def _target(result: Result) -> str:
    if result.target is None:
        return ""
    sign = "≤" if result.better == "lower" else "≥"
    return f"{sign} {_number(result.target)}"


def _taken(run: Run) -> str:
    if run.stolen is None:
        return ""
    return f"; its host took {run.stolen:g} % of the cores' time meanwhile"


def _verdict(result: Result, run: Run) -> str:
    """Return whether the target is met, and what is known of the reason where it is not."""
    machine = run.machine
    if result.met is None:
        return ""
    if result.met:
        return "yes"
    reasons = [result.note] if result.note else []
    floor = next((each for each in run.results if each.name == f"{FLOOR}, p50"), None)
    if floor is not None and result.name.startswith(FIRST_WRITE):
        share = floor.value / result.value
        reasons.append(f"{share:.0%} of it is the API server's own floor of {floor.value} ms")
    shared = result.unit not in _OF_MEMORY
    if shared and machine.load > machine.cores / 2 and not result.note:
        reasons.append(f"{machine.load} processes wanted the {machine.cores} cores when it began")
    if shared and run.stolen is not None and run.stolen > _MUCH_TAKEN:
        reasons.append(f"the host took {run.stolen:g} % of the cores' time")
    return "no: " + ("; ".join(reasons) or "it is the operator's own")


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
