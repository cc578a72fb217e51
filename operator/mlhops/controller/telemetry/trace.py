"""One id for all that a pass does: in each line of its log, and in the Audit-ID of each of its requests.

The API server keeps the Audit-ID that a client sends, and names the request by it in its audit log. There one id
stands for one request, so a request has the id of its pass and a number.
"""

import secrets
from contextvars import ContextVar
from dataclasses import dataclass

from structlog.contextvars import bind_contextvars


@dataclass
class Trace:
    """What is done under one id."""

    id: str
    """Of the form that W3C Trace Context has: 32 hexadecimal digits."""
    requests: int = 0
    """Requests that were sent to the API server."""
    answers: int = 0
    """Those of them that answered a person; nobody is slowed down for answers."""


_present: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin_trace() -> Trace:
    """Give what the task does from here on, and what it starts, an id."""
    trace = Trace(secrets.token_hex(16))
    _present.set(trace)
    bind_contextvars(trace_id=trace.id)
    return trace


def audit_headers() -> dict[str, str]:
    """Return the header that names the next request; none where nothing is traced."""
    trace = _present.get()
    if trace is None:
        return {}
    trace.requests += 1
    return {"Audit-ID": f"{trace.id}-{trace.requests}"}


def count_answer() -> None:
    """Take note that the last request answered a person."""
    trace = _present.get()
    if trace is not None:
        trace.answers += 1
