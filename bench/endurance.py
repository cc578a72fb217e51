"""One model, version after version: what piles up. `python -m bench.endurance --rollouts 1000`."""

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.audit import AuditLog
from bench.fleet import Fleet
from bench.plane import AUDITED, OwnPlane
from bench.results import Result
from bench.usage import OTHERS, Usage, resident
from lab.informer import Key
from mlhops.api.status import HISTORY_LIMIT
from mlhops.controller.resources import EVALUATIONS, JOBS, MODELS, PODS, REVISIONS, SERVICES
from mlhops.json_access import items
from mlhops.rollout.cleanup import EVALUATIONS_KEPT
from testkit.api import Api

ROLLOUTS = 1000
CHECKPOINTS = (100, 200, 400, 600, 800)
PATIENCE = 60.0
# Each revision that served keeps its Evaluation for good, with the Job and its pod for an hour.
OTHER_EVALUATIONS = EVALUATIONS_KEPT + 2
MOST_GROWTH_MIB = 5.0
_COUNTED = (EVALUATIONS, JOBS, PODS, SERVICES, REVISIONS)
OPERATOR = "operator"
_QUIET_SECONDS = 3.0
_SOME = 50


@dataclass(frozen=True)
class Checkpoint:
    """What there is after so many rollouts."""

    rollouts: int
    rss: float
    objects: dict[str, int]
    """Objects by kind."""
    history: int
    conditions: int
    bytes: int
    """The model's size as JSON."""
    events: float
    """Events for each rollout since the checkpoint before."""
    cpu: Mapping[str, float]
    """CPU milliseconds of each process for each rollout since the checkpoint before."""


@dataclass
class Endurance:
    """What came of it."""

    seconds: list[float] = field(default_factory=list)
    """Of each rollout."""
    checkpoints: list[Checkpoint] = field(default_factory=list)


def endure(
    rollouts: int = ROLLOUTS,
    tell: Callable[[str], None] = lambda _: None,
    profile: Path | None = None,
) -> Endurance:
    """Roll out so many versions, one after the other, on a control plane of its own.

    Args:
        rollouts: how many.
        tell: hears of each checkpoint when it is there; a thousand rollouts take a while.
        profile: where the operator's profile is to go, if anywhere.
    """
    with (
        OwnPlane.with_kinds() as plane,
        plane.namespace() as hands,
        plane.world() as world,
        plane.operator(user=AUDITED, profile=profile) as operator,
    ):
        plane.wait_for_operator()
        audit = AuditLog(plane.audit_log)
        key = Key(hands.namespace, "sepsis")
        pids = {**plane.pids(), "world": world.pid, OPERATOR: operator.pid}
        look = Looker(hands.api, key, audit, pids, tell)
        found = asyncio.run(_roll_out(plane.kubeconfig, key, rollouts, look))
        plane.processes.check()
    return found


class Looker:
    """Counts what is there."""

    def __init__(
        self,
        api: Api,
        key: Key,
        audit: AuditLog,
        pids: Mapping[str, int],
        tell: Callable[[str], None],
    ) -> None:
        self._api, self._key, self._audit, self._pids, self._tell = api, key, audit, pids, tell
        self._last, self._usage = 0, Usage.now(pids)

    def look(self, rollouts: int) -> Checkpoint:
        """Wait until the operator is quiet, and count."""
        usage = Usage.now(self._pids)
        requests, _ = self._audit.read_until_quiet(_QUIET_SECONDS)
        namespace, name = self._key
        model = self._api.get(MODELS, namespace, name) or {}
        since = max(rollouts - self._last, 1)
        events = requests.taken.get(("create", "events"), 0) / since
        taken = (usage - self._usage).cpu
        self._last, self._usage = rollouts, usage
        point = Checkpoint(
            rollouts,
            resident(self._pids[OPERATOR]),
            {kind.plural: len(self._api.list(kind, namespace)) for kind in _COUNTED},
            len(items(model, "status", "history")),
            len(items(model, "status", "conditions")),
            len(json.dumps(model)),
            round(events, 2),
            {name: round(1000 * s / since, 1) for name, s in taken.items() if name != OTHERS},
        )
        self._tell(line(point))
        return point


async def _roll_out(kubeconfig: Path, key: Key, rollouts: int, look: Looker) -> Endurance:
    found, at = Endurance(), {*CHECKPOINTS, rollouts}
    async with Fleet.followed(kubeconfig, [key], steps=[], keepPrevious="0s") as fleet:
        await fleet.deploy("1.0.0", PATIENCE)
        for number in range(1, rollouts + 1):
            arrival = await fleet.update(f"1.{number}.0", PATIENCE)
            if not arrival.arrived:
                raise RuntimeError(f"rollout {number} did not end within {PATIENCE:.0f} s")
            found.seconds.append(arrival.seconds)
            if number in at:
                found.checkpoints.append(await asyncio.to_thread(look.look, number))
    return found


def results(found: Endurance) -> list[Result]:
    """Return the numbers that are to stay bounded."""
    first, last = found.checkpoints[0], found.checkpoints[-1]
    after = f"after {last.rollouts:,} rollouts of one model"
    objects = last.objects
    most_evaluations = last.rollouts + 1 + OTHER_EVALUATIONS
    begin = statistics.median(found.seconds[:_SOME])
    end = statistics.median(found.seconds[-_SOME:])
    grown = round(last.rss - first.rss, 1)
    return [
        Result(f"{after}, entries of history", last.history, "", HISTORY_LIMIT),
        Result(f"{after}, Evaluations", objects["evaluations"], "", most_evaluations),
        Result(f"{after}, Jobs", objects["jobs"], "", most_evaluations),
        Result(f"{after}, pods of evaluators", objects["pods"], "", most_evaluations),
        Result(f"{after}, InferenceServices", objects["inferenceservices"], "", 2),
        Result(f"{after}, ControllerRevisions", objects["controllerrevisions"], "", 2),
        Result(f"{after}, conditions", last.conditions, "", max(first.conditions, 1)),
        Result(f"{after}, size of the model", round(last.bytes / 1024, 1), "KiB"),
        Result("Events for each rollout", last.events, ""),
        Result(
            f"operator RSS, rollout {first.rollouts} to {last.rollouts:,}",
            grown,
            "MiB more",
            MOST_GROWTH_MIB,
            note="each Evaluation stays for good, its Job and pod for an hour",
        ),
        Result(
            f"one rollout without steps, median of the first {_SOME}",
            round(begin, 3),
            "s",
            note="a model that changes without rest gets one pass a second",
        ),
        Result(f"one rollout without steps, median of the last {_SOME}", round(end, 3), "s"),
    ]


def line(point: Checkpoint) -> str:
    """Tell what was found at a checkpoint."""
    counts = ", ".join(f"{n} {kind}" for kind, n in point.objects.items())
    cpu = ", ".join(f"{name} {ms:g}" for name, ms in point.cpu.items())
    return (
        f"after {point.rollouts}: {counts}, history {point.history}, conditions "
        f"{point.conditions}, {point.bytes} bytes, RSS {point.rss} MiB, "
        f"{point.events} Events a rollout; CPU ms a rollout: {cpu}"
    )


def times(found: Endurance) -> Iterator[str]:
    """Tell how long rollouts took, hundred by hundred."""
    for start in range(0, len(found.seconds), 100):
        part = found.seconds[start : start + 100]
        yield f"rollouts from {start + 1}: median {1000 * statistics.median(part):.0f} ms"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.endurance", description=__doc__)
    parser.add_argument("--rollouts", type=int, default=ROLLOUTS)
    parser.add_argument("--profile", type=Path, help="write a profile of the operator here")
    options = parser.parse_args()
    found = endure(options.rollouts, lambda told: print(told, flush=True), options.profile)
    print("\n".join(times(found)))
    for result in results(found):
        print(f"{result.name}: {result.value:g} {result.unit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
