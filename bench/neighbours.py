"""Do models that fail delay the others? `python -m bench.neighbours` measures it among 200."""

import argparse
import asyncio
import itertools
import os
import sys
import time
from dataclasses import dataclass

from bench.fleet import Fleet, change_of, host_of
from bench.plane import OwnPlane
from bench.results import Result, percentile
from bench.trouble import PREFIX
from bench.usage import Usage
from bench.watching import Change, Watch
from lab.informer import Key
from mlhops.controller.resources import MODELS
from mlhops.json_access import text
from testkit.api import Api

MANY = 200
BAD = 10
CHANGES = 200
CHANGES_A_SECOND = 2.0
"""So that a small machine has cores left: where it has none, all wait for the API server."""
PACES = {"once in ten seconds": 10.0, "up to ten times a second": 0.0}
"""The least seconds from one failure of a model to its next. The first is as often as a kubelet starts a container
again or asks a probe if nobody says otherwise; the second is a script that has run wild, or somebody who means harm."""
MOST_RATIO = 2.0
_SETTLE_SECONDS = 5.0
_PATIENCE = 300.0


@dataclass(frozen=True)
class Delays:
    """Seconds from a change of a good model to the operator's first write for it."""

    seconds: list[float]
    answers: list[float]
    """Seconds that the API server took for the changes themselves, no operator being asked."""
    usage: Usage
    """What the processes took meanwhile."""

    @property
    def busy(self) -> float:
        """Percent of all cores' time that anybody took."""
        return round(100 * sum(self.usage.cpu.values()) / self.usage.at / (os.cpu_count() or 1))

    @property
    def p50(self) -> float:
        return percentile(self.seconds, 50)

    @property
    def p99(self) -> float:
        return percentile(self.seconds, 99)

    @property
    def answers_p99(self) -> float:
        return percentile(self.answers, 99)


@dataclass(frozen=True)
class Neighbours:
    """The same changes among models that are well, and among some that fail."""

    models: int
    without: Delays
    among: dict[str, Delays]
    """By how often they fail."""
    complaints: dict[str, str]
    """What the models that fail say of themselves."""


def neighbours(
    models: int = MANY, changes: int = CHANGES, rate: float = CHANGES_A_SECOND
) -> Neighbours:
    """Measure without, and then with, ten models that fail; on a control plane of its own.

    The first versions are served; what the good ones are changed to waits for its model server, so
    that their number a second can be held. Each change that is measured supersedes one before, which
    takes the operator three times as many requests as the first does.
    """
    with OwnPlane.with_kinds() as plane, plane.namespace() as hands, plane.operator() as operator:
        plane.wait_for_operator()
        keys = [Key(hands.namespace, f"model-{n:04d}") for n in range(models - BAD)]
        with plane.world(PREFIX):
            asyncio.run(_deploy(plane, keys))
        watch = Watch(plane.kubeconfig, MODELS, hands.namespace)
        pids = {"operator": operator.pid, **plane.pids()}
        stream = Stream(hands.api, watch, keys, pids)
        stream.run(len(keys), 2 * rate)
        without, among = stream.run(changes, rate), {}
        for pace, least in PACES.items():
            with plane.trouble(hands.namespace, host_of(keys[0]), least):
                among[pace] = stream.run(changes, rate)
        complaints = {
            text(live, "metadata", "name"): text(live, "status", "message")
            for live in hands.api.list(MODELS, hands.namespace)
            if text(live, "metadata", "name").startswith(PREFIX)
        }
    return Neighbours(models, without, among, complaints)


class Stream:
    """Changes of good models at a steady pace, and the operator's first write after each."""

    def __init__(self, api: Api, watch: Watch, keys: list[Key], pids: dict[str, int]) -> None:
        self._api, self._watch, self._keys, self._pids = api, watch, keys, pids
        self._majors = itertools.count(2)

    def run(self, changes: int, rate: float) -> Delays:
        """Change so many models, one after the other, and return how long each had to wait."""
        time.sleep(_SETTLE_SECONDS)
        major = next(self._majors)
        asked: dict[tuple[str, str], float] = {}
        answers = []
        before = Usage.now(self._pids)
        began = time.perf_counter()
        for number in range(changes):
            time.sleep(max(began + number / rate - time.perf_counter(), 0))
            key = self._keys[number % len(self._keys)]
            change = change_of(key, f"{major}.{number}.0")
            sent = time.perf_counter()
            self._api.patch(MODELS, *key, {"spec": change})
            asked[key.name, text(change, "version")] = answered = time.perf_counter()
            answers.append(answered - sent)
        seconds = []
        while asked:
            seen = self._watch.first(lambda seen: _candidate(seen) in asked, _PATIENCE)
            seconds.append(seen.at - asked.pop(_candidate(seen)))
        return Delays(seconds, answers, Usage.now(self._pids) - before)


async def _deploy(plane: OwnPlane, keys: list[Key]) -> None:
    async with Fleet.followed(plane.kubeconfig, keys, steps=[]) as fleet:
        arrival = await fleet.deploy("1.0.0", _PATIENCE)
        if arrival.arrived < len(keys):
            raise RuntimeError(f"only {arrival.arrived} of {len(keys)} models were ever healthy")


def _candidate(seen: Change) -> tuple[str, str]:
    """The model, and the version that its status names as the candidate."""
    return seen.name, text(seen.item, "status", "candidate", "version")


def results(measured: Neighbours) -> list[Result]:
    """Return percentiles, and how much worse the last is among models that fail."""
    what = f"change to first write among {measured.models} models"
    found = _percentiles(measured.without, what)
    for pace, among in measured.among.items():
        found += [
            *_percentiles(among, f"{what}, {BAD} failing {pace}"),
            *_compared(measured.without, among, f"{BAD} failing {pace}"),
        ]
    return found


def _percentiles(delays: Delays, what: str) -> list[Result]:
    return [
        Result(f"{what}, p50", round(delays.p50 * 1000, 1), "ms"),
        Result(f"{what}, p99", round(delays.p99 * 1000, 1), "ms"),
        Result(f"{what}, all cores in use", delays.busy, "%"),
    ]


def _compared(without: Delays, among: Delays, where: str) -> list[Result]:
    return [
        Result(
            f"p99 with {where} over p99 without",
            round(among.p99 / without.p99, 2),
            "times",
            MOST_RATIO,
            note=f"{among.busy:.0f} % of all cores were in use then: whoever wants the API server waits",
        ),
        Result(
            f"API server's answer to the change itself, p99 with {where} over p99 without",
            round(among.answers_p99 / without.answers_p99, 2),
            "times",
        ),
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__)
    parser.add_argument("--models", type=int, default=MANY)
    parser.add_argument("--changes", type=int, default=CHANGES)
    parser.add_argument("--rate", type=float, default=CHANGES_A_SECOND, help="changes a second")
    options = parser.parse_args()
    measured = neighbours(options.models, options.changes, options.rate)
    for result in results(measured):
        print(f"{result.name}: {result.value:g} {result.unit}")
    for pace, delays in {"none failing": measured.without, **measured.among}.items():
        shares = (f"{name} {s / delays.usage.at:.0%}" for name, s in delays.usage.cpu.items())
        print(f"of one core, {pace}: {', '.join(shares)}")
    for name, message in measured.complaints.items():
        print(f"{name}: {message[:200]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
