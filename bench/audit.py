"""Counts the operator's requests in the API server's own audit log."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from mlhops.api.base import Json
from mlhops.json_access import number, text

_READS = frozenset({"get", "list"})
_STREAM = "watch"
_REFUSED = "refused"
_POLL = 0.2


@dataclass(frozen=True)
class Requests:
    """Requests by verb and resource; a refused write has the verb `refused`."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def reads(self) -> int:
        """Gets and lists; a watch is one request for ever, and not counted."""
        return sum(count for (verb, _), count in self.counts.items() if verb in _READS)

    @property
    def writes(self) -> int:
        """Writes that the API server took."""
        return sum(self.taken.values())

    @property
    def refused(self) -> int:
        """Writes that were answered with a conflict or an error."""
        return sum(count for (verb, _), count in self.counts.items() if verb == _REFUSED)

    @property
    def taken(self) -> dict[tuple[str, str], int]:
        """Writes that the API server took, by verb and resource."""
        others = _READS | {_STREAM, _REFUSED}
        return {key: count for key, count in sorted(self.counts.items()) if key[0] not in others}

    def __add__(self, more: "Requests") -> "Requests":
        return Requests(self.counts + more.counts)


class AuditLog:
    """Reads on from where it was read last; of one user's requests, if one is named."""

    def __init__(self, path: Path, user: str = "") -> None:
        self._path = path
        self._user = user
        self._offset = 0

    def read(self) -> Requests:
        """Return the requests that were answered since the last call."""
        if not self._path.exists():
            return Requests()
        with self._path.open("rb") as log:
            log.seek(self._offset)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return Requests(
            Counter(key for line in whole.splitlines() if (key := _key(line, self._user)))
        )

    def read_until_quiet(self, seconds: float, longest: float = 60.0) -> tuple[Requests, bool]:
        """Return what comes until nothing was written for so long, and whether that was reached."""
        found, quiet_since, began = self.read(), time.monotonic(), time.monotonic()
        while time.monotonic() - quiet_since < seconds:
            if time.monotonic() - began > longest:
                return found, False
            time.sleep(_POLL)
            more = self.read()
            found += more
            if more.writes or more.refused:
                quiet_since = time.monotonic()
        return found, True


def _key(line: bytes, user: str) -> tuple[str, str] | None:
    event: Json = json.loads(line)
    if text(event, "stage") != "ResponseComplete":
        return None  # a watch that is still open
    if user and text(event, "user", "username") != user:
        return None
    verb, kind = text(event, "verb"), text(event, "objectRef", "resource")
    part = text(event, "objectRef", "subresource")
    code = number(event, "responseStatus", "code") or 0
    refused = code >= 400 and verb not in _READS | {_STREAM}
    return _REFUSED if refused else verb, f"{kind}/{part}" if part else kind
