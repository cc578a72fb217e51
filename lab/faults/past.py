"""What an API server would have said at an earlier moment, asked of it now.

etcd keeps every revision for some minutes, and a list can name the one that it wants
(`resourceVersionMatch=Exact`). A single object is found by a list of that one.
"""

import json
import re
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlencode

from lab.faults.requests import Target

_VERSION = re.compile(rb'"resourceVersion":\s*"([0-9]+)"')


class Moments:
    """The newest resourceVersion that a client has been told before each of its writes."""

    def __init__(self) -> None:
        self._newest = 0
        self._before: list[int] = []

    def clear(self) -> None:
        """Count writes from here."""
        self._before.clear()

    def hear(self, body: bytes) -> None:
        """Take note of what the client is told."""
        told = max(map(int, _VERSION.findall(body)), default=0)
        self._newest = max(self._newest, told)

    def write(self) -> None:
        """The client writes."""
        self._before.append(self._newest)

    def before(self, number: int) -> int:
        """The moment before the write of a number, counted from 1."""
        return self._before[max(number, 1) - 1]


def is_told(target: Target) -> bool:
    """Whether it reads objects of a namespace, which alone have a past here."""
    read = target.verb in ("get", "list") and not target.subresource
    return read and bool(target.namespace) and bool(target.resource)


def question(path: str, query: Mapping[str, str], target: Target, at: int) -> str:
    """The path and query of the list that tells what was."""
    asked = {k: v for k, v in query.items() if k in ("labelSelector", "fieldSelector")}
    if target.verb == "get":
        asked["fieldSelector"] = f"metadata.name={target.name}"
        path = path.rpartition("/")[0]
    asked |= {"resourceVersion": str(at), "resourceVersionMatch": "Exact"}
    return f"{path}?{urlencode(asked)}"


def only(listed: bytes) -> bytes | None:
    """The one object of a list as it would be told by itself, None where there is none."""
    found = cast(dict[str, object], json.loads(listed))
    items = found.get("items")
    if not isinstance(items, list) or not items:
        return None
    kind = str(found.get("kind", "")).removesuffix("List")
    return json.dumps({"kind": kind, "apiVersion": found.get("apiVersion"), **items[0]}).encode()
