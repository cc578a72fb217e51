"""How long a rollout stands still when the operator that leads goes: from its end to the next one's first write.

Both moments are of one clock: the API server's audit log has the write, and the signal was sent on the same
machine.
"""

import signal
import statistics
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from bench.results import Result
from lab.cache import REPOSITORY
from lab.control import gateway_api_crds, kserve_crds
from testkit.audited import AuditedPlane
from testkit.fake_controllers import hands_in_namespace
from testkit.pair import halfway, two_operators

TIMES = 5
_TOLD, _KILLED = "told to stop (SIGTERM)", "killed (SIGKILL)"
_SIGNALS = {_TOLD: (signal.SIGTERM, 2.0), _KILLED: (signal.SIGKILL, 20.0)}
"""What ends the leader, and the target in seconds."""


def takeover() -> list[Result]:
    """Let the leader of two go in mid-rollout, some times in each way."""
    crds = (REPOSITORY / "crds", kserve_crds(), gateway_api_crds())
    results = []
    with AuditedPlane.start(install=crds) as plane:
        for name, (number, target) in _SIGNALS.items():
            took = [_once(plane, number) for _ in range(TIMES)]
            results += [
                Result(f"takeover when {name}, median", statistics.median(took), "s"),
                Result(f"takeover when {name}, longest of {TIMES}", max(took), "s", target),
            ]
    return results


def _once(plane: AuditedPlane, number: signal.Signals) -> float:
    """Return the seconds from a signal to the leader until the other one writes."""
    with (
        tempfile.TemporaryDirectory() as folder,
        hands_in_namespace(plane, "bench") as hands,
        two_operators(plane, hands, Path(folder)) as pair,
    ):
        halfway(hands)
        leader = pair.holder()
        sent = datetime.now(UTC)
        pair.operators[leader].signal(number)
        hands.accept_route()
        return round((pair.first_write(pair.other(leader)) - sent).total_seconds(), 2)
