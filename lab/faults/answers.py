"""Answers that the API server itself did not give, in its words."""

import json

from aiohttp import web

from lab.faults.requests import Target
from lab.faults.script import Action

STATUSES = {
    Action.CONFLICT: 409,
    Action.BUSY: 429,
    Action.ERROR: 500,
    Action.UNAVAILABLE: 503,
    Action.OVERLOAD: 429,
    Action.OUTAGE: 503,
}
RETRY_AFTER = 1
_REASONS = {
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


def refuse(status: int, target: Target) -> web.Response:
    """An answer with which the API server turns a request away."""
    headers = {"Retry-After": str(RETRY_AFTER)} if status == 429 else {}
    return web.json_response(
        _status(status, _REASONS[status], str(target)), status=status, headers=headers
    )


def not_found(target: Target) -> bytes:
    """The answer of an API server that has no such object."""
    status = _status(404, "NotFound", str(target))
    status["message"] = f'{target.resource} "{target.name}" not found'
    return json.dumps(status).encode()


def gone() -> bytes:
    """The event with which a watch ends that can go on no longer."""
    event = {"type": "ERROR", "object": _status(410, "Expired", "too old resource version")}
    return json.dumps(event).encode() + b"\n"


def _status(code: int, reason: str, about: str) -> dict[str, object]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"the fault proxy was told to fail this: {about}",
        "reason": reason,
        "code": code,
    }
