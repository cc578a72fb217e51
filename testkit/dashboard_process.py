"""kubectl mlhops dashboard as a program, and a browser that has opened its link."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from lab.binaries import kubectl as real_kubectl


class RunningDashboard:
    """A dashboard as a program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.link = process.stdout.readline().split()[-1]
        self.origin = self.link.partition("/login")[0]

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """Somebody who has opened the link."""
        with httpx.Client(base_url=self.origin, timeout=30) as client:
            assert client.get(self.link).status_code == 303
            yield client

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


@contextmanager
def running(kubeconfig: Path, *arguments: str) -> Iterator[RunningDashboard]:
    """A dashboard of a kubeconfig's user, for some minutes at most."""
    environment = {**os.environ, "PATH": f"{Path(real_kubectl()).parent}:/usr/bin:/bin"}
    command = [sys.executable, "-m", "mlhops.cli", "dashboard", *arguments]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(
            [*command, "--kubeconfig", str(kubeconfig)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    over = threading.Timer(240, process.kill)
    over.start()
    with process:
        try:
            yield RunningDashboard(process)
        finally:
            over.cancel()
            process.kill()
