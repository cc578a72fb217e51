"""Requests are counted once each, as what they were."""

import json
from pathlib import Path

from bench.audit import AuditLog


def line(verb: str, resource: str, code: int = 200, part: str = "", stage: str = "") -> str:
    event = {
        "stage": stage or "ResponseComplete",
        "verb": verb,
        "objectRef": {"resource": resource, **({"subresource": part} if part else {})},
        "responseStatus": {"code": code},
    }
    return json.dumps(event) + "\n"


def test_writes_and_reads_are_told_apart_and_a_watch_is_neither(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(
        line("get", "clinicalmodels", 404)
        + line("list", "pods")
        + line("watch", "pods")
        + line("watch", "jobs", stage="ResponseStarted")
        + line("patch", "clinicalmodels", part="status")
        + line("create", "events", 201)
    )

    found = AuditLog(log).read()

    assert (found.reads, found.writes, found.refused) == (2, 2, 0)
    assert found.taken == {("create", "events"): 1, ("patch", "clinicalmodels/status"): 1}


def test_a_write_that_was_not_taken_is_refused_and_no_write(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(line("patch", "clinicalmodels", 409, "status") + line("delete", "jobs", 500))

    found = AuditLog(log).read()

    assert (found.writes, found.refused) == (0, 2)
    assert found.taken == {}


def test_each_request_is_counted_once_even_if_half_of_its_line_is_there(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    whole, half = line("create", "jobs"), line("create", "events")
    audit = AuditLog(log)
    assert audit.read().writes == 0
    log.write_text(whole + half[:20])
    assert audit.read().taken == {("create", "jobs"): 1}

    with log.open("a") as file:
        file.write(half[20:])

    assert audit.read().taken == {("create", "events"): 1}
    assert audit.read().writes == 0
