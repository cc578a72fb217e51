"""Models roll out again and again among neighbours who mean harm: `python -m bench.soak --minutes 60`.

What is measured is kept in a file as soon as the time is over, and put into the report from there, so that a run
of an hour takes no part of the report that was written meanwhile away: `python -m bench.soak --record FILE`.
"""

import argparse
import asyncio
import itertools
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiohttp

from bench.fleet import MODELS, Fleet, change_of, healthy_version, model
from bench.load import FEATURES
from bench.plane import OwnPlane
from bench.report import Machine, Run, read, record
from bench.results import Result, percentile
from bench.usage import Stolen, Usage, resident
from lab.client import CONFIG_MAPS, ApiError, Client, Object, Resource
from lab.control import free_ports
from lab.informer import Informer, Key
from mlhops.api.base import Json
from mlhops.controller import resources
from mlhops.json_access import text
from mlhops.kserve.detector import REPORT_PORT
from mlhops.kserve.names import SERVICE_LABEL
from testkit.builders import decision, monitoring_policy, with_path
from testkit.fake_controllers import Hands
from testkit.sidecar import config, profile, sidecar

MINUTES = 60.0
ROLLING = 12
EVERY = 4.0
"""Seconds from one new version to the next: each model has one in forty-eight."""
STEPS: list[Json] = [{"setWeight": 10}, {"setWeight": 50}]
LATE = 2.0
DECIDED_EVERY = 10.0
EVENTS_A_SECOND = 100
_HELD, _WATCHED, _VICTIM = "held", "watched", "victim"
_PATIENCE = 120.0
_WARM = 30.0
"""Seconds before anything counts."""
_MOST_GROWTH = 10.0
_NEAR = 1.0
"""Seconds around a pass in which the machine's own lateness has part in it."""
_ANSWER = "answer"
_POLICIES = Resource("mlhops.io", "v1alpha1", "monitoringpolicies", "MonitoringPolicy")
_DECISIONS = Resource("mlhops.io", "v1alpha1", "decisions", "Decision")


@dataclass(frozen=True)
class Taken:
    """Something that was waited for: when it began, and how many seconds it took."""

    at: float
    seconds: float


@dataclass
class Soak:
    """What was seen."""

    minutes: float
    passes: list[Taken] = field(default_factory=list)
    """From a new version, once the API server has taken it, to the operator's first write for it."""
    answers: list[Taken] = field(default_factory=list)
    """From a Decision, once it is taken, to the operator's answer, which is its last write."""
    effects: list[Taken] = field(default_factory=list)
    """From a Decision, once it is taken, to the model's status that says so, which is its first."""
    pages: list[Taken] = field(default_factory=list)
    """From a scrape or a probe to its answer."""
    server: list[Taken] = field(default_factory=list)
    """What the API server took for a small write of somebody else's."""
    changes: list[Taken] = field(default_factory=list)
    """What it took for the new versions themselves, which nobody else has part in."""
    machine: list[Taken] = field(default_factory=list)
    """By how much a process that sleeps and works a little was done too late, at the most in each second."""
    memory: list[Taken] = field(default_factory=list)
    """The operator's RSS in MiB."""
    asked: int = 0
    """New versions that were asked for."""
    arrived: int = 0
    """New versions that served all requests in the end."""
    unanswered: int = 0
    """Changes and Decisions on which nothing had followed when it was over, and pages that were not there."""
    waits: dict[str, float] = field(default_factory=dict)
    """The operator's own account of how long keys waited for a worker, as its histogram has it."""
    cpu: dict[str, float] = field(default_factory=dict)
    """Percent of one core by process."""
    detector: list[float] = field(default_factory=list)
    """The RSS in MiB of the detector that is flooded."""


def soak(minutes: float = MINUTES, tell: Callable[[str], None] = lambda _: None) -> Soak:
    """Measure for so many minutes, on a control plane of its own."""
    with ExitStack() as stack:
        plane = stack.enter_context(OwnPlane.with_kinds())
        hands = stack.enter_context(plane.namespace())
        world = stack.enter_context(plane.world())
        metrics, health = free_ports(2)
        arguments = (
            f"--metrics-port={metrics}",
            f"--health-port={health}",
            "--health-address=127.0.0.1",
        )
        operator = stack.enter_context(plane.operator(arguments=arguments))
        plane.wait_for_operator()
        found = Soak(minutes)
        names = [f"model-{number:02d}" for number in range(ROLLING)]
        asyncio.run(_begin(plane.kubeconfig, hands.namespace, names))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        revision = _of_stable(hands, _WATCHED, "revision")
        detector = stack.enter_context(
            sidecar(
                folder,
                config(FEATURES, revision=revision),
                profile(FEATURES, revision),
                reports=REPORT_PORT,
            )
        )
        _give_address(hands, _of_stable(hands, _WATCHED, "inferenceService"))
        beats = folder / "heartbeat"
        heart = stack.enter_context(_process("bench.heartbeat", output=beats))
        events = str(int(60 * (minutes + 5) * EVENTS_A_SECOND))
        flood = ("--port", str(detector.sink), "--rate", str(EVENTS_A_SECOND), "--events", events)
        stack.enter_context(_process("bench.load", *flood))
        others = stack.enter_context(
            _process(
                *("bench.hostile", str(plane.kubeconfig), hands.namespace),
                _of_stable(hands, _VICTIM, "inferenceService"),
                *("--ports", str(metrics), str(health), "--sink", str(detector.sink)),
                *("--models", *names, _VICTIM),
            )
        )
        time.sleep(_WARM)
        pids = {
            "operator": operator.pid,
            "world": world.pid,
            "neighbours": others.pid,
            "detector": detector.process.pid,
            **plane.pids(),
        }
        before = Usage.now(pids)
        driver = Driver(found, hands.namespace, names, (metrics, health), pids, tell)
        asyncio.run(driver.run(plane.kubeconfig))
        used = Usage.now(pids) - before
        found.cpu = {name: round(100 * s / used.at, 1) for name, s in used.cpu.items()}
        if any(process.poll() is not None for process in (others, heart)):
            raise RuntimeError("the neighbours or the heartbeat have ended too early")
        plane.processes.check()
        found.machine = [
            Taken(float(moment), float(late))
            for moment, late in (line.split() for line in beats.read_text().splitlines())
            if float(moment) >= before.at
        ]
    return found


def _process(module: str, *arguments: str, output: Path | None = None) -> "_Child":
    return _Child(module, arguments, output)


class _Child:
    """A module as a process, ended with the block."""

    def __init__(self, module: str, arguments: Sequence[str], output: Path | None) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._output = output

    def __enter__(self) -> "subprocess.Popen[bytes]":
        with (self._output or Path("/dev/null")).open("ab") as output:
            self._process = subprocess.Popen(self._command, stdout=output)
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


async def _begin(kubeconfig: Path, namespace: str, names: Sequence[str]) -> None:
    """Create all models, and wait until all are healthy."""
    keys = [Key(namespace, name) for name in names]
    rest = [Key(namespace, name) for name in (_HELD, _VICTIM)]
    watched = model(Key(namespace, _WATCHED), "1.0.0", {"steps": []})
    watched = with_path(watched, "spec.monitoring", {"policyRef": {"name": "ward"}})
    policy = monitoring_policy({"spec.drift": {"every": "10s"}})
    async with (
        Client(kubeconfig) as client,
        Fleet.followed(kubeconfig, [*keys, *rest], steps=STEPS, keepPrevious="0s") as fleet,
    ):
        await client.create(_POLICIES, policy, namespace=namespace)
        await client.create(MODELS, watched, namespace=namespace)
        map_: Object = {"metadata": {"name": "floor"}}
        await client.create(CONFIG_MAPS, map_, namespace=namespace)
        if (await fleet.deploy("1.0.0", _PATIENCE)).arrived < len(fleet.keys):
            raise RuntimeError("not all models were ever healthy")
        await asyncio.gather(*(_wait_for_approval(client, key) for key in rest))
        while healthy_version(await client.get(MODELS, namespace, _WATCHED) or {}) != "1.0.0":
            await asyncio.sleep(0.2)


async def _wait_for_approval(client: Client, key: Key) -> None:
    """Give a model a candidate that gets no further than to a person, who can hold it."""
    steps: list[Json] = [{"setWeight": 10}, {"approve": {}}]
    spec: Object = {"spec": {**change_of(key, "2.0.0"), "rollout": {"steps": steps}}}
    await client.patch(MODELS, key.namespace, key.name, spec)
    while text((await client.get(MODELS, *key)), "status", "phase") != "Paused":
        await asyncio.sleep(0.2)


def _of_stable(hands: Hands, name: str, what: str) -> str:
    models = {
        text(one, "metadata", "name"): one
        for one in hands.api.list(resources.MODELS, hands.namespace)
    }
    return text(models[name], "status", "stable", what)


def _give_address(hands: Hands, service: str) -> None:
    """The pods of an InferenceService are at loopback, where a detector answers."""
    for pod in hands.api.list(resources.PODS, hands.namespace):
        if text(pod, "metadata", "labels", SERVICE_LABEL) == service:
            name = text(pod, "metadata", "name")
            status: dict[str, Json] = {"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]}
            hands.api.patch(resources.PODS, hands.namespace, name, {"status": status}, "status")


class Driver:
    """Whoever waits for the operator meanwhile, and keeps the time."""

    def __init__(
        self,
        found: Soak,
        namespace: str,
        names: Sequence[str],
        ports: tuple[int, int],
        pids: Mapping[str, int],
        tell: Callable[[str], None],
    ) -> None:
        self._found, self._namespace, self._names = found, namespace, names
        self._ports, self._pids, self._tell = ports, pids, tell
        self._asked: dict[tuple[str, str], float] = {}
        self._going: set[tuple[str, str]] = set()
        self._decided: dict[tuple[str, str], float] = {}
        self._seen: set[tuple[str, str]] = set()

    async def run(self, kubeconfig: Path) -> None:
        """Go on for the time, and then wait for what is under way."""
        async with (
            Client(kubeconfig) as client,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as pages,
        ):
            self._client, self._pages = client, pages
            models, decisions = Informer(client, MODELS), Informer(client, _DECISIONS)
            watches = [asyncio.create_task(each.run()) for each in (models, decisions)]
            await models.synced.wait()
            await decisions.synced.wait()
            models.on_change(self._model)
            decisions.on_change(self._decision)
            waits = await self._waits()
            tasks = [
                asyncio.create_task(_again_and_again(act, seconds))
                for act, seconds in (
                    (self._change, EVERY),
                    (self._decide, DECIDED_EVERY),
                    (self._write, 1.0),
                    (self._scrape, 2.0),
                    (self._weigh, 5.0),
                    (self._report, 60.0),
                )
            ]
            done, _ = await asyncio.wait(
                tasks, timeout=60 * self._found.minutes, return_when=asyncio.FIRST_EXCEPTION
            )
            for task in tasks:
                task.cancel()
            for task in done:
                task.result()
            await self._rest()
            now = await self._waits()
            self._found.waits = {edge: n - waits.get(edge, 0.0) for edge, n in now.items()}
            for watch in watches:
                watch.cancel()

    async def _rest(self) -> None:
        """Wait for what is under way; what does not end in time is unanswered."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while self._asked or self._going or self._decided:
                    await asyncio.sleep(0.2)
        self._found.unanswered += len(self._asked) + len(self._decided)

    # what happens

    async def _change(self, number: int) -> None:
        name = self._names[number % len(self._names)]
        change = change_of(Key(self._namespace, name), f"2.{number}.0")
        key = name, text(change, "version")
        began = time.monotonic()
        await self._client.patch(MODELS, self._namespace, name, {"spec": change})
        self._found.changes.append(Taken(began, time.monotonic() - began))
        self._found.asked += 1
        self._going.add(key)
        self._begun(key, self._asked, self._found.passes)

    async def _decide(self, number: int) -> None:
        """Let somebody stop a model, or go on: one that is left alone, and the one with strange pods."""
        name, of = f"mine-{number}", (_HELD, _VICTIM)[number // 2 % 2]
        live = await self._client.get(MODELS, self._namespace, of)
        spec: dict[str, Json] = {
            "spec.model": of,
            "spec.revision": text(live, "status", "candidate", "revision"),
            "spec.action": ("Pause", "Resume")[number % 2],
        }
        await self._client.create(_DECISIONS, decision(spec, name), namespace=self._namespace)
        self._begun((_ANSWER, name), self._decided, self._found.answers)
        if number % 2 == 0:
            self._begun((of, name), self._decided, self._found.effects)

    async def _write(self, number: int) -> None:
        began = time.monotonic()
        body: Object = {"data": {"number": str(number)}}
        await self._client.patch(CONFIG_MAPS, self._namespace, "floor", body)
        self._found.server.append(Taken(began, time.monotonic() - began))

    async def _scrape(self, number: int) -> None:
        metrics, health = self._ports
        places = ((metrics, "metrics"), (health, "healthz"), (health, "readyz"))
        began = time.monotonic()
        if await self._page(*places[number % 3]) is None:
            self._found.unanswered += 1
        self._found.pages.append(Taken(began, time.monotonic() - began))

    async def _weigh(self, _: int) -> None:
        self._found.memory.append(Taken(time.monotonic(), resident(self._pids["operator"])))
        self._found.detector.append(resident(self._pids["detector"]))

    async def _report(self, _: int) -> None:
        found = self._found
        if found.passes:
            self._tell(
                f"{found.asked} asked, {found.arrived} arrived, slowest pass "
                f"{max(each.seconds for each in found.passes):.2f} s, RSS {found.memory[-1].seconds} MiB"
            )

    # what is seen of it

    def _begun(
        self, key: tuple[str, str], waiting: dict[tuple[str, str], float], taken: list[Taken]
    ) -> None:
        """Wait for what follows from now on, where it is not there already."""
        moment = time.monotonic()
        if key in self._seen:
            taken.append(Taken(moment, 0.0))
        else:
            waiting[key] = moment

    def _follows(
        self,
        key: tuple[str, str],
        waiting: dict[tuple[str, str], float],
        taken: list[Taken],
        now: float,
    ) -> None:
        """Note that something has followed, also where nobody knows yet that it is waited for."""
        self._seen.add(key)
        began = waiting.pop(key, None)
        if began is not None:
            taken.append(Taken(began, now - began))

    def _model(self, _: Object | None, live: Object | None) -> None:
        if live is None or live["metadata"]["namespace"] != self._namespace:
            return
        name, now = live["metadata"]["name"], time.monotonic()
        if version := text(live, "status", "candidate", "version"):
            self._follows((name, version), self._asked, self._found.passes, now)
        if hold := _hold_of(live):
            self._follows((name, hold), self._decided, self._found.effects, now)
        served = name, healthy_version(live)
        if served in self._going:
            self._going.discard(served)
            self._found.arrived += 1

    def _decision(self, _: Object | None, live: Object | None) -> None:
        name = live["metadata"]["name"] if live is not None else ""
        if not name.startswith("mine-") or text(live, "status", "phase") in ("", "Pending"):
            return
        self._follows((_ANSWER, name), self._decided, self._found.answers, time.monotonic())

    async def _page(self, port: int, path: str) -> str | None:
        try:
            async with self._pages.get(f"http://127.0.0.1:{port}/{path}") as answer:
                return await answer.text() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _waits(self) -> dict[str, float]:
        page = await self._page(self._ports[0], "metrics") or ""
        found = re.findall(r'^mlhops_queue_wait_seconds_bucket\{le="([^"]+)"\} (\S+)$', page, re.M)
        return {edge: float(count) for edge, count in found}


def _hold_of(live: Object) -> str:
    """Return the Decision that holds a model, empty where none does."""
    return text(live, "status", "hold", "decision")


async def _again_and_again(act: Callable[[int], Awaitable[None]], seconds: float) -> None:
    began = time.monotonic()
    for number in itertools.count():
        await asyncio.sleep(max(began + number * seconds - time.monotonic(), 0))
        with suppress(ApiError):  # the API server did not answer; the next one tells
            await act(number)


def results(found: Soak) -> list[Result]:
    """Return the numbers of a run, and of the machine in the same run."""
    passes = f"among hostile neighbours for {found.minutes:g} min"
    late = [each for each in found.passes if each.seconds > LATE]
    excused = [each for each in late if each.seconds - _late(found, each) <= LATE]
    memory = [each.seconds for each in found.memory]
    third = max(len(memory) // 3, 1)
    first, last = statistics.median(memory[:third]), statistics.median(memory[-third:])
    waited, in_time = found.waits.get("+Inf", 0.0), found.waits.get("2.5", 0.0)
    whole = {name: f"{share:g} %" for name, share in found.cpu.items()}
    note = f"{len(excused)} of {len(late)} while the machine or the API server was late by the rest"
    return [
        Result(f"{passes}, new versions", found.asked, ""),
        Result("new versions that did not serve in the end", found.asked - found.arrived, "", 0),
        Result("changes, Decisions and pages without an answer", found.unanswered, "", 0),
        *_times("new version to first write", found.passes),
        Result(f"passes late by more than {LATE:g} s", len(late), "", 0, note=note),
        *_times("Pause to the model's status that holds it", found.effects, LATE),
        *_times("Pause or Resume to its answer, the last write", found.answers),
        *_times("scrape or probe", found.pages, LATE),
        Result(
            "waits for a worker by the operator's own account, longer than 2.5 s",
            waited - in_time,
            f"of {waited:,.0f}",
            0,
        ),
        *_times("API server's answer to a small write of another", found.server),
        *_times("API server's answer to the new version itself", found.changes),
        *_times(
            "a process that sleeps and works for some ms, late by (the most of each second)",
            found.machine,
        ),
        _ratio("p99 of a pass over p99 of the API server's answer", found.passes, found.server, 99),
        _ratio(
            "slowest pass over the API server's slowest answer", found.passes, found.server, 100
        ),
        Result("operator RSS, median of the first third", first, "MiB"),
        Result(
            "operator RSS, median of the last third",
            round(last - first, 1),
            "MiB more",
            _MOST_GROWTH,
            note="each version that served keeps its Evaluation for good, its Job and pod for an hour",
        ),
        Result("operator RSS, highest", max(memory), "MiB"),
        Result("flooded detector RSS, highest", max(found.detector), "MiB", 80),
        Result("operator, of one core", found.cpu["operator"], "%"),
        Result(
            "all others of this run and of the machine, of one core",
            round(sum(found.cpu.values()) - found.cpu["operator"], 1),
            "%",
            note=", ".join(f"{name} {share}" for name, share in whole.items()),
        ),
    ]


def _late(found: Soak, taken: Taken) -> float:
    """By how much the machine and the API server were late while something was waited for."""
    begin, end = taken.at - _NEAR, taken.at + taken.seconds + _NEAR
    machine = [beat.seconds for beat in found.machine if begin <= beat.at <= end + 1.0]
    server = [
        each.seconds
        for each in (*found.server, *found.changes)
        if begin <= each.at + each.seconds and each.at <= end
    ]
    return max([*machine, *server], default=0.0)


def _times(what: str, taken: Sequence[Taken], target: float | None = None) -> list[Result]:
    seconds = [each.seconds for each in taken]
    return [
        Result(f"{what}, p50", round(percentile(seconds, 50), 3), "s"),
        Result(f"{what}, p99", round(percentile(seconds, 99), 3), "s"),
        Result(f"{what}, slowest of {len(seconds):,}", round(max(seconds), 3), "s", target),
    ]


def _ratio(what: str, over: Sequence[Taken], under: Sequence[Taken], percent: int) -> Result:
    one, other = (percentile([each.seconds for each in of], percent) for of in (over, under))
    return Result(what, round(one / other, 2), "times")


def main() -> int:
    """Measure, keep what was found, and record it by the code that is there by then."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--keep", type=Path, help="where the numbers go, as JSON")
    parser.add_argument(
        "--record", type=Path, help="put these numbers into the report; measure nothing"
    )
    options = parser.parse_args()
    if options.record:
        record(read(json.loads(options.record.read_text())))
        return 0
    machine, before = Machine.here(), Stolen.now()
    found = soak(options.minutes, lambda told: print(told, flush=True))
    run = Run("soak", machine, results(found), before.since)
    for result in run.results:
        print(f"{result.name}: {result.value:g} {result.unit}", flush=True)
    if options.keep:
        options.keep.write_text(json.dumps(asdict(run)))
        raw = options.keep.with_suffix(".raw.json")
        raw.write_text(json.dumps(asdict(found)))
        command = [sys.executable, "-m", "bench.soak", "--record", str(options.keep)]
        return subprocess.call(command)
    return 0


if __name__ == "__main__":
    sys.exit(main())
