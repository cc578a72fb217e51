"""One id for all that a pass does, and a name of its own for each request."""

import asyncio

from structlog.contextvars import get_contextvars

from mlhops.controller.telemetry.trace import audit_headers, begin_trace


async def work() -> tuple[str, list[str]]:
    """A pass with two requests: its id as the log has it, and the names of the requests."""
    begin_trace()
    named = []
    for _ in range(2):
        await asyncio.sleep(0)
        named.append(audit_headers()["Audit-ID"])
    return get_contextvars()["trace_id"], named


async def two_at_once() -> list[tuple[str, list[str]]]:
    return await asyncio.gather(*(work() for _ in range(2)))


def test_each_request_has_the_id_of_its_pass_and_a_number() -> None:
    found = asyncio.run(two_at_once())

    assert len({trace for trace, _ in found}) == 2
    for trace, named in found:
        assert len(trace) == 32
        assert named == [f"{trace}-1", f"{trace}-2"]


def test_what_is_no_pass_has_no_id() -> None:
    asyncio.run(two_at_once())

    assert get_contextvars() == {}
    assert audit_headers() == {}
