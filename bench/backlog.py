"""How soon an Abort takes effect among thousands of Decisions that wait for their answers.

Once while the operator is at it, and once when it has been away: stopped, and let go on with all of them and the
Abort unheard. The clock stops when the route no longer has the candidate, and when the Abort has its answer.
"""

import signal
import time
from collections.abc import Callable
from typing import cast

from bench.plane import Plane
from bench.results import Result
from mlhops.api.base import Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import DECISIONS
from mlhops.json_access import text
from testkit.api import until
from testkit.builders import decision
from testkit.fake_controllers import MODEL, Hands

PENDING = 2000
TARGET = 1.0
_PATIENCE = 600.0


def backlog() -> list[Result]:
    """Abort a rollout among the pending Decisions, in both ways."""
    results = []
    with Plane.with_kinds() as plane:
        for name, away in (("at work", False), ("just back", True)):
            with plane.namespace() as hands, plane.operator(hands.namespace) as process:
                _wait_at_a_tenth(hands)
                weight, answer = _abort(hands, process.send_signal, away=away)
            among = f"Abort among {PENDING:,} pending Decisions, operator {name}"
            results += [
                Result(f"{among}: weight 0", round(weight, 2), "s", TARGET),
                Result(f"{among}: answered", round(answer, 2), "s"),
            ]
    return results


def _wait_at_a_tenth(hands: Hands) -> None:
    """A second version has a tenth of the requests, and waits for a person."""
    hands.promote_first(rollout={"steps": [{"setWeight": 10}, {"pause": {}}]})
    hands.apply_model("2.0.0")
    hands.load(hands.candidate_service())
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)
    hands.wait_for_phase("Paused")


def _abort(
    hands: Hands, send: Callable[[signal.Signals], None], *, away: bool
) -> tuple[float, float]:
    """Return the seconds from an Abort, or from the operator's return, to its effect and to its answer."""
    send(signal.SIGSTOP)
    revision = text(hands.candidate(), "revision")
    for number in range(PENDING):
        _approve(hands, revision, number)
    if away:
        hands.decide("Abort", "stop")
        began = time.monotonic()
        send(signal.SIGCONT)
    else:
        send(signal.SIGCONT)
        until("the first answers", lambda: _answered(hands, "flood-0001"), _PATIENCE)
        began = time.monotonic()
        hands.decide("Abort", "stop")
    until("weight 0", lambda: len(hands.weights()) == 1, _PATIENCE)
    weight = time.monotonic() - began
    until("the answer", lambda: _answered(hands, "stop"), _PATIENCE)
    return weight, time.monotonic() - began


def _approve(hands: Hands, revision: str, number: int) -> None:
    manifest = decision(name=f"flood-{number:04}")
    spec = {"model": MODEL, "revision": revision, "action": "Approve", "reason": "r" * 1000}
    manifest["spec"] = cast(Manifest, {**spec, "decidedBy": "bob@hospital.example"})
    hands.api.create(DECISIONS, hands.namespace, manifest)


def _answered(hands: Hands, name: str) -> bool:
    return bool(text(hands.api.get(DECISIONS, hands.namespace, name), "status", "phase"))
