"""Operators as processes that are started again whenever they end, as their Deployment would."""

import os
import threading
import time
from pathlib import Path

from lab.cache import REPOSITORY
from lab.fork_server import ForkedProcess, ForkServer

MODULE = "mlhops.controller"
_RESTART_SECONDS = 0.2
_DEATH_SECONDS = 10.0


class Operator:
    """The operator of one namespace, or of all, kept running."""

    def __init__(
        self, server: ForkServer, kubeconfig: Path, log: Path, namespace: str | None = None
    ) -> None:
        self._server = server
        self._arguments = ["--namespace", namespace] if namespace else []
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self.log = log
        self._lock = threading.Lock()
        self._process: ForkedProcess | None = None
        self._stopping = False
        self._killed: set[ForkedProcess] = set()
        self.started = 0.0
        """When the present process was started, on the monotonic clock."""
        self.deaths: list[int] = []
        """Exit codes of processes that ended by themselves; below 0 the signal that ended one."""
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Start it, and keep it running.

        Raises:
            RuntimeError: it cannot be imported.
        """
        self._server.wait_until_warm()
        self._keeper.start()

    def kill(self) -> None:
        """SIGKILL, as when the machine below it goes away; when this returns, it does nothing any more."""
        with self._lock:
            process = self._process
            if process is not None:
                self._killed.add(process)
        if process is not None:
            process.kill()
            process.wait(_DEATH_SECONDS)

    def stop(self) -> None:
        """End it for good."""
        with self._lock:
            self._stopping = True
        self.kill()
        self._keeper.join(_DEATH_SECONDS)

    def _keep(self) -> None:
        while True:
            with self._lock:
                if self._stopping:
                    return
                process = self._process = self._start()
                self.started = time.monotonic()
            code = process.wait()
            if process not in self._killed and not self._stopping:
                self.deaths.append(code)
                time.sleep(_RESTART_SECONDS)

    def _start(self) -> ForkedProcess:
        with self.log.open("ab") as log:
            process = self._server.start(
                self._arguments, self._environment, REPOSITORY, log.fileno(), None
            )
        if process is None:
            raise RuntimeError("what starts operators has ended")
        return process
