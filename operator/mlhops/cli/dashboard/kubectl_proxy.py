"""`kubectl proxy` as the dashboard's way to the cluster: the caller's login, on a socket that nobody else can open."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlhops.api import GROUP
from mlhops.cli.dashboard.cluster import SocketReader
from mlhops.cli.exits import Trouble
from mlhops.cli.kubectl import Kubectl
from mlhops.cli.refusals import ApiRequest, explained

_PATIENCE = 30.0
_LOOK = 0.02
_PATHS = ",".join(
    (
        rf"^/apis/{GROUP}/",
        "^/api/v1/namespaces/[^/]+/events$",
        "^/apis/apps/v1/namespaces/[^/]+/controllerrevisions$",
    )
)
"""What the dashboard reads, and no Secret, pod or log."""
_NO_METHODS = "^(POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE)$"


@contextmanager
def proxied(kubectl: Kubectl) -> Iterator[SocketReader]:
    """Run `kubectl proxy` as long as the context lasts.

    Raises:
        Trouble: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="mlhops-") as folder:
        path = Path(folder) / "api"
        command = kubectl.command(
            "proxy",
            f"--unix-socket={path}",
            f"--accept-paths={_PATHS}",
            f"--reject-methods={_NO_METHODS}",
        )
        said = Path(folder) / "said"
        with said.open("w") as log:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        try:
            _wait(process, path, said)
            yield SocketReader(path)
        finally:
            process.terminate()
            process.wait()


def _wait(process: subprocess.Popen[bytes], path: Path, said: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not _listens(path):
        if process.poll() is not None:
            raise explained(said.read_text(errors="replace"), ApiRequest("get", "the API server"))
        if time.monotonic() > end:
            raise Trouble(f"kubectl proxy does not listen after {_PATIENCE:g} s")
        time.sleep(_LOOK)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial, suppress(OSError):
        trial.connect(str(path))
        return True
    return False
