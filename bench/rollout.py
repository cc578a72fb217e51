"""What one whole rollout costs the API server, counted in its own audit log."""

import json
import statistics
from collections import Counter
from pathlib import Path

from bench.plane import AUDITED, Plane, settle
from bench.results import Result
from mlhops.api.base import Json
from mlhops.api.evaluation import EvaluationPhase
from mlhops.kserve.read import number, text
from tests.cluster_api import until
from tests.integration.hands import Hands

ROLLOUTS = 3
STEPS = {"steps": [{"setWeight": 10}, {"setWeight": 50}]}
_READS = frozenset({"get", "list", "watch"})


def rollout(plane: Plane) -> list[Result]:
    """Roll out version after version: gates, 10 %, 50 %, 100 %, promoted, the oldest removed."""
    with plane.namespace() as hands, plane.operator(hands.namespace, AUDITED):
        hands.promote_first("1.0.0", rollout=STEPS)
        _roll_out(hands, "2.0.0")  # from now on each rollout also removes the one before the last
        counts = []
        for version in range(3, 3 + ROLLOUTS):
            settle(hands, 1)
            before = _requests(plane.audit_log)
            _roll_out(hands, f"{version}.0.0")
            settle(hands, 1)
            counts.append(_requests(plane.audit_log) - before)
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


def _requests(log: Path) -> "Counter[tuple[str, str]]":
    """Return the requests so far, by verb and resource; a refused one has the verb `refused`."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in log.read_text().splitlines():
        event: Json = json.loads(line)
        if text(event, "stage") != "ResponseComplete":
            continue  # a watch that is still open
        verb, kind = text(event, "verb"), text(event, "objectRef", "resource")
        part = text(event, "objectRef", "subresource")
        refused = (number(event, "responseStatus", "code") or 0) >= 400 and verb not in _READS
        counts["refused" if refused else verb, f"{kind}/{part}" if part else kind] += 1
    return counts


def _results(counts: "list[Counter[tuple[str, str]]]") -> list[Result]:
    """Return medians over the rollouts: in all, then write by write."""
    keys = sorted({key for count in counts for key in count if key[0] not in _READS})
    writes = [sum(count[key] for key in keys if key[0] != "refused") for count in counts]
    refused = [sum(count[key] for key in keys if key[0] == "refused") for count in counts]
    reads = [sum(n for key, n in count.items() if key[0] in ("get", "list")) for count in counts]
    totals = {
        "one rollout, writes": writes,
        "one rollout, refused writes": refused,
        "one rollout, reads": reads,
    }
    each = {f"one rollout, {verb} {kind}": [c[verb, kind] for c in counts] for verb, kind in keys}
    return [
        Result(name, statistics.median(values), "requests")
        for name, values in {**totals, **each}.items()
    ]
