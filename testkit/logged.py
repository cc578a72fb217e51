"""What a process has logged."""

import json
from datetime import UTC, datetime
from typing import TypeAlias

Line: TypeAlias = dict[str, str]


def lines(text: str) -> list[Line]:
    """Return what was logged, of which each line must be JSON and have the keys of the operator's lines."""
    found: list[Line] = [json.loads(line) for line in text.splitlines()]
    for line in found:
        assert {"event", "level", "timestamp"} <= line.keys(), line
        assert datetime.fromisoformat(line["timestamp"]).tzinfo == UTC, line
    return found


def events(text: str) -> list[str]:
    """Return what was logged in words alone."""
    return [line["event"] for line in lines(text)]
