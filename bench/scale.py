"""Very many models at once: `python -m bench.scale --models 1000` deploys them, then updates them.

Everybody but the operator answers at once (`bench.world`), so that its own time is what is left.
"""

import argparse
import asyncio
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from bench.audit import AuditLog
from bench.fleet import Fleet
from bench.plane import AUDITED, OwnPlane
from bench.scaled import CLIENT, DEPLOY, OPERATOR, UPDATE, WORLD, Idle, Phase, Scale, lines
from bench.usage import Usage, peak, resident
from lab.informer import Key
from mlhops.api.base import Json

STEPS: list[Json] = [{"setWeight": 10}, {"setWeight": 50}]
PATIENCE = 600.0
IDLE_SECONDS = 660.0
"""Longer than the longest time between two looks at all names (`controller/kube/relist.py`), so that it has one."""
_QUIET_SECONDS = 3.0


def scale(
    models: int,
    namespaces: int = 1,
    *,
    patience: float = PATIENCE,
    idle: float = IDLE_SECONDS,
    profile: Path | None = None,
) -> Scale:
    """Measure on a control plane of its own."""
    with ExitStack() as stack:
        plane = stack.enter_context(OwnPlane.with_kinds())
        names = [stack.enter_context(plane.namespace()).namespace for _ in range(namespaces)]
        keys = [Key(names[n % namespaces], f"model-{n:04d}") for n in range(models)]
        world = stack.enter_context(plane.world())
        operator = stack.enter_context(plane.operator(user=AUDITED, profile=profile))
        plane.wait_for_operator()
        pids = {OPERATOR: operator.pid, WORLD: world.pid, CLIENT: os.getpid(), **plane.pids()}
        audit = AuditLog(plane.audit_log)
        audit.read_until_quiet(_QUIET_SECONDS)
        before, load = resident(operator.pid), os.getloadavg()[0]
        phases = asyncio.run(_phases(plane.kubeconfig, keys, audit, pids, patience))
        rested = _idle(audit, pids, idle) if idle and phases[-1].quiet else None
        rss = peak(operator.pid), resident(operator.pid)
        plane.processes.check()
        return Scale(models, namespaces, phases, rested, before, *rss, load)


async def _phases(
    kubeconfig: Path, keys: list[Key], audit: AuditLog, pids: dict[str, int], patience: float
) -> list[Phase]:
    phases: list[Phase] = []
    async with Fleet.followed(kubeconfig, keys, steps=STEPS) as fleet:
        for name, version, act in (
            (DEPLOY, "1.0.0", fleet.deploy),
            (UPDATE, "2.0.0", fleet.update),
        ):
            before = Usage.now(pids)
            arrival = await act(version, patience)
            if arrival.arrived < len(keys):  # nobody waits for the rest
                phase = Phase(
                    name, len(keys), arrival, audit.read(), False, Usage.now(pids) - before
                )
                return [*phases, phase]
            requests, quiet = await asyncio.to_thread(audit.read_until_quiet, _QUIET_SECONDS)
            usage = Usage.now(pids) - before
            phases.append(Phase(name, len(keys), arrival, requests, quiet, usage))
    return phases


def _idle(audit: AuditLog, pids: dict[str, int], seconds: float) -> Idle:
    """Watch the operator do nothing. Nobody else does anything either."""
    audit.read()
    before = Usage.now(pids)
    time.sleep(seconds)
    return Idle(audit.read(), Usage.now(pids) - before)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--namespaces", type=int, default=1)
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds for each phase")
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS, help="seconds; 0: do not look")
    parser.add_argument("--profile", type=Path, help="run the operator under cProfile (slower)")
    options = parser.parse_args()
    found = scale(
        options.models,
        options.namespaces,
        patience=options.patience,
        idle=options.idle,
        profile=options.profile,
    )
    print("\n".join(lines(found)))
    return 0 if len(found.phases) > 1 and found.phases[-1].complete else 1


if __name__ == "__main__":
    sys.exit(main())
