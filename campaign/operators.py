"""Operators as processes that are started again whenever they end, as their Deployment would."""

import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

_RESTART_SECONDS = 0.2
_READY_SECONDS = 60.0
_DEATH_SECONDS = 10.0
REPOSITORY = Path(__file__).resolve().parents[1]


class Child:
    """One operator's process."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ended = threading.Event()
        self.code = 0
        """Its exit code once it has ended; below 0 the signal that ended it."""


class Nursery:
    """Starts operators by fork from a process that has imported them (`campaign.fork_server`)."""

    def __init__(self, logs: Path) -> None:
        self._log = logs / "nursery.log"
        self._numbers = itertools.count(1)
        self._children: dict[int, Child] = {}
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._closed = False
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "campaign.fork_server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=REPOSITORY,
                text=True,
            )
        self._ear = threading.Thread(target=self._hear, daemon=True)
        self._ear.start()

    def start(self, arguments: Sequence[str], environment: dict[str, str], log: Path) -> Child:
        """Start an operator.

        Raises:
            RuntimeError: the operator cannot be imported.
        """
        self.check()
        with self._lock:
            child = Child(next(self._numbers))
            self._children[child.number] = child
        self._tell(
            number=child.number,
            do="start",
            arguments=list(arguments),
            environment=environment,
            log=str(log),
        )
        return child

    def check(self) -> None:
        """Wait until operators can be started.

        Raises:
            RuntimeError: the operator cannot be imported.
        """
        if not self._ready.wait(_READY_SECONDS) or self._process.poll() is not None:
            raise RuntimeError(f"no operator can be started:\n{self._log.read_text()[-2000:]}")

    def kill(self, child: Child) -> None:
        """SIGKILL; when this returns, the process does nothing any more."""
        if not child.ended.is_set():
            self._tell(number=child.number, do="kill")
            child.ended.wait(_DEATH_SECONDS)

    def close(self) -> None:
        """End all that is left."""
        with self._lock:
            if self._closed or self._process.stdin is None:
                return
            self._closed = True
            self._process.stdin.close()
        self._process.wait(_DEATH_SECONDS)
        self._ear.join(_DEATH_SECONDS)

    def _tell(self, **order: object) -> None:
        with self._lock:
            if self._closed or self._process.stdin is None:
                return
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                told = json.loads(line)
                self._ready.set()
                if "number" in told:
                    with self._lock:
                        child = self._children.pop(told["number"])
                    child.code = told["code"]
                    child.ended.set()
        self._ready.set()
        with self._lock:
            left = list(self._children.values())
        for child in left:
            child.ended.set()


class Operator:
    """The operator of one namespace, kept running."""

    def __init__(self, nursery: Nursery, kubeconfig: Path, namespace: str, log: Path) -> None:
        self._nursery = nursery
        self._arguments = ["--namespace", namespace]
        self._environment = {"KUBECONFIG": str(kubeconfig)}
        self.log = log
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._stopping = False
        self._killed: set[int] = set()
        self.started = 0.0
        """When the present process was started, on the monotonic clock."""
        self.deaths: list[int] = []
        """Exit codes of processes that ended by themselves."""
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Start it, and keep it running."""
        self._nursery.check()
        self._keeper.start()

    def kill(self) -> None:
        """SIGKILL, as when the machine below it goes away."""
        with self._lock:
            child = self._child
            if child is not None:
                self._killed.add(child.number)
        if child is not None:
            self._nursery.kill(child)

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
                child = self._nursery.start(self._arguments, self._environment, self.log)
                self._child = child
                self.started = time.monotonic()
            child.ended.wait()
            if child.number not in self._killed and not self._stopping:
                self.deaths.append(child.code)
                time.sleep(_RESTART_SECONDS)
