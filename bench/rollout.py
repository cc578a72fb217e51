"""What one whole rollout costs the API server, counted in its own audit log."""

import statistics

from bench.audit import AuditLog, Requests
from bench.plane import AUDITED, Plane, settle
from bench.results import Result
from mlhops.api.evaluation import EvaluationPhase
from mlhops.json_access import text
from testkit.api import until
from testkit.fake_controllers import Hands

ROLLOUTS = 3
STEPS = {"steps": [{"setWeight": 10}, {"setWeight": 50}]}


def rollout(plane: Plane) -> list[Result]:
    """Roll out version after version: gates, 10 %, 50 %, 100 %, promoted, the oldest removed."""
    with plane.namespace() as hands, plane.operator(hands.namespace, AUDITED):
        hands.promote_first("1.0.0", rollout=STEPS)
        _roll_out(hands, "2.0.0")  # from now on each rollout also removes the one before the last
        audit, counts = AuditLog(plane.audit_log), []
        for version in range(3, 3 + ROLLOUTS):
            settle(hands, 1)
            audit.read()
            _roll_out(hands, f"{version}.0.0")
            settle(hands, 1)
            counts.append(audit.read())
    return _results(counts)


def _roll_out(hands: Hands, version: str) -> None:
    hands.apply_model(version)
    until(f"candidate {version}", lambda: text(hands.candidate(), "version") == version)
    hands.load(hands.candidate_service())
    hands.finish(EvaluationPhase.SUCCESSFUL)
    for weight in (10, 50, 100):
        hands.accept_weight(weight)
    until(f"{version} promoted", lambda: hands.status("stable", "version") == version)
    hands.wait_for_phase("Healthy")


def _results(counts: list[Requests]) -> list[Result]:
    """Return medians over the rollouts: in all, then write by write."""
    totals = {
        "one rollout, writes": [count.writes for count in counts],
        "one rollout, refused writes": [count.refused for count in counts],
        "one rollout, reads": [count.reads for count in counts],
    }
    keys = sorted({key for count in counts for key in count.taken})
    each = {
        f"one rollout, {verb} {kind}": [count.counts[verb, kind] for count in counts]
        for verb, kind in keys
    }
    return [
        Result(name, statistics.median(values), "requests")
        for name, values in {**totals, **each}.items()
    ]
