"""What the kubelet asks: /healthz, is a restart due, and /readyz, does it see the cluster.

The thread of `endpoints/server.py` answers, so that a loop that hangs is told of instead of hanging the answer as
well. An API server that is away makes the operator unready and never unhealthy: a restart would not bring it back.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from mlhops.controller.endpoints.server import HttpRequest, Reply, text_reply

Check: TypeAlias = Callable[[], str]
"""Returns what is wrong, nothing where all is well; called from another thread."""


class Health:
    """The checks behind each of the two paths, by name."""

    def __init__(self, live: Mapping[str, Check], ready: Mapping[str, Check]) -> None:
        self._live, self._ready = live, ready

    def answer(self, path: str) -> tuple[int, str]:
        """Return the HTTP status for a path, and a line for each check as Kubernetes' own servers write them."""
        checks = {"/healthz": self._live, "/readyz": self._ready}.get(path)
        if checks is None:
            return 404, "there are /healthz and /readyz\n"
        told = {name: check() for name, check in checks.items()}
        return (503 if any(told.values()) else 200), _lines(told)

    async def reply(self, request: HttpRequest) -> Reply:
        """Return the answer to a request."""
        return text_reply(*self.answer(request.path))


def _lines(told: Mapping[str, str]) -> str:
    lines = [f"[-]{name}: {wrong}" if wrong else f"[+]{name} ok" for name, wrong in told.items()]
    return "\n".join((*lines, ""))
