"""How many files the process may have open, and what they are for: a connection is one.

Each use has a number of its own, so that none takes the files of another: whoever connects to the operator's ports,
or models with thousands of pods, must not end its watches.
"""

import resource
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from mlhops.controller.cache.store import WATCHED
from mlhops.controller.endpoints import server as inbound
from mlhops.controller.kube.client import CONNECTIONS
from mlhops.controller.outbound import pods, sinks
from mlhops.controller.sidecars import scrape

_log = structlog.get_logger(__name__)
_MOST = 65536
_OWN = 64
"""Libraries, logs, loops, and what is open for a moment."""
_PORTS = 2
_CLIENTS = 2
"""One for the passes, one for the Lease."""
_LEAST = 64
"""With fewer for held questions an operator of a few models has its trouble already."""


@dataclass(frozen=True)
class FileBudget:
    """So many files for each use."""

    watches: int
    api: int
    """Requests to the API server."""
    asked: int
    """Reports and profiles that are fetched, and sinks that are told."""
    inbound: int
    held: int
    """Questions to sidecars, one for each pod of a model that serves: all that is left."""


def raise_limit() -> int:
    """Allow as many open files as may be, and return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return _MOST if soft == resource.RLIM_INFINITY else soft


def budget(limit: int, namespaces: Sequence[str] = ()) -> FileBudget:
    """Return what so many files are for; what is left is said in the log if it is little."""
    watches = 2 * (len(WATCHED) + 2) * max(len(namespaces), 1)
    api = _CLIENTS * CONNECTIONS
    asked = scrape.AT_ONCE + pods.AT_ONCE + sinks.AT_ONCE
    ports = _PORTS * (inbound.PLACES + 2)
    left = limit - _OWN - watches - api - asked - ports
    if left < _LEAST:
        _log.warning(
            "too few files may be open: raise the hard limit of the container (ulimit -n)",
            limit=limit,
            wanted=limit - left + _LEAST,
        )
    return FileBudget(watches, api, asked, ports, max(left, 1))
