"""What an operator at rest asks of the API server, counted in its own audit log."""

import time
from contextlib import ExitStack

from bench.audit import AuditLog, Requests
from bench.plane import AUDITED, Plane, settle
from bench.results import Result

MODELS = 10
SECONDS = 300.0
_HOUR = 3600.0


def idle(plane: Plane) -> list[Result]:
    """Let one model rest, and then some more: what they add is what a model costs."""
    audit = AuditLog(plane.audit_log)
    with ExitStack() as stack, plane.operator(user=AUDITED, elects=True):
        one = _rest(plane, stack, audit, 1)
        many = _rest(plane, stack, audit, MODELS - 1)
    added = (_all(many) - _all(one)) / (MODELS - 1)
    return [
        Result("at rest, requests an hour in all, one model", _hourly(_all(one)), "requests"),
        Result(
            "at rest, requests an hour for the Lease among them", _hourly(_lease(one)), "requests"
        ),
        Result("at rest, requests an hour for each more model", _hourly(added), "requests"),
        Result(
            "at rest, writes an hour, of all but the Lease",
            _hourly(many.writes + many.refused - _lease(many, "update", "patch", "refused")),
            "requests",
        ),
    ]


def _rest(plane: Plane, stack: ExitStack, audit: AuditLog, more: int) -> Requests:
    """Add some models, let all come to rest, and count."""
    for _ in range(more):
        hands = stack.enter_context(plane.namespace())
        hands.promote_first()
        settle(hands, 1)
    time.sleep(10)  # the last timers and lists of what has changed
    audit.read()
    time.sleep(SECONDS)
    return audit.read()


def _all(requests: Requests) -> int:
    """Reads, writes, and watches that were taken up anew."""
    return sum(requests.counts.values())


def _lease(requests: Requests, *verbs: str) -> int:
    """Requests for the Lease; only some, if there are verbs."""
    return sum(
        count
        for (verb, kind), count in requests.counts.items()
        if kind == "leases" and (not verbs or verb in verbs)
    )


def _hourly(count: float) -> float:
    return round(count * _HOUR / SECONDS, 1)
