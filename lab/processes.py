"""Child processes that never outlive their parent, however it ends.

A supervisor's own clean-up does not run when it is killed, so a guard does it: a second, tiny
process that waits on a pipe which only the supervisor holds open. When the pipe closes, by `stop`
or by death, the guard ends the process groups that are left and removes the folder. It needs
nothing but POSIX.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from lab.fork_server import ForkServers  # the guard runs this file, and nothing but this file

PIDS = "pids"
CLOSED = "pids.closed"
LOG_TAIL_BYTES = 4000
# The shell records its own process id, then becomes the program: there is no moment in which the
# guard could miss a child. Once the guard has closed the register, the write fails: nothing starts.
REGISTER_THEN_EXEC = ': > "$0/$$" && exec "$@"'


class ProcessFailed(RuntimeError):
    """A child ended, or did not get ready, when it should have been running."""


class Processes:
    """Starts children in their own process groups, with a log file each, below one folder.

    The folder belongs to the supervisor: it is removed once the children are gone. What `servers` can
    start is started there.
    """

    def __init__(self, root: Path, servers: "ForkServers | None" = None) -> None:
        self.root = root
        self._servers = servers
        self.logs = root / "logs"
        (root / PIDS).mkdir(parents=True, mode=0o700)
        self.logs.mkdir(exist_ok=True)
        self._lock = threading.Lock()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._watched: set[str] = set()
        reader, self._lifeline = os.pipe()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(root)],
            stdin=reader,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        os.close(reader)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def spawn(
        self,
        name: str,
        argv: Sequence[str | os.PathLike[str]],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        watched: bool = True,
    ) -> subprocess.Popen[bytes]:
        """Start a program; its output is appended to `<root>/logs/<name>.log`.

        It leads a process group of its own, which is what gets signalled. A watched child is
        expected to run until `end` or `stop`: `check` reports it when it does not. A name can be
        used again once its child has ended.
        """
        with self._lock, self.log(name).open("ab") as log:
            before = self._children.get(name)
            if before is not None:
                if before.poll() is None:
                    raise ValueError(f"a process named {name!r} is already running: end it first")
                self._unregister(before)
            command = [os.fspath(argument) for argument in argv]
            child = self._start(command, env, cwd or self.root, log.fileno())
            self._children[name] = child
            (self._watched.add if watched else self._watched.discard)(name)
        return child

    def _start(
        self, command: Sequence[str], env: Mapping[str, str] | None, cwd: Path, log: int
    ) -> subprocess.Popen[bytes]:
        if self._servers is not None:
            environment = os.environ if env is None else env
            warmed = self._servers.start(command, environment, cwd, log, self.root / PIDS)
            if warmed is not None:
                return warmed
        return subprocess.Popen(
            ["/bin/sh", "-c", REGISTER_THEN_EXEC, self.root / PIDS, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )

    def runs(self, name: str) -> bool:
        """Whether the child of that name was started and has not ended."""
        with self._lock:
            child = self._children.get(name)
        return child is not None and child.poll() is None

    def log(self, name: str) -> Path:
        """Where the output of the child of that name goes."""
        return self.logs / f"{name}.log"

    def log_tail(self, name: str) -> str:
        """The last lines that the child wrote, for an error message."""
        try:
            with self.log(name).open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
                return log.read().decode(errors="replace").strip()
        except FileNotFoundError:
            return ""

    def check(self) -> None:
        """Raise if a watched child has ended, with the end of its log."""
        with self._lock:
            children = [(name, self._children[name]) for name in sorted(self._watched)]
        for name, child in children:
            code = child.poll()
            if code is not None:
                how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
                raise ProcessFailed(f"{name} {how}; the end of its log:\n{self.log_tail(name)}")

    def wait_until(self, ready: Callable[[], bool], what: str, timeout: float) -> None:
        """Poll until `ready()` holds; raise as soon as a child ends, or when the time is over."""
        deadline = time.monotonic() + timeout
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                with self._lock:
                    names = sorted(self._watched)
                tails = "\n".join(f"--- {name}\n{self.log_tail(name)}" for name in names)
                raise ProcessFailed(f"{what} did not happen within {timeout:.0f} s; logs:\n{tails}")
            time.sleep(0.05)

    def end(self, name: str, *, grace: float = 2.0) -> None:
        """Terminate one child and its process group; kill what is left after `grace` seconds."""
        with self._lock:
            child = self._children.pop(name, None)
            self._watched.discard(name)
        if child is not None:
            self._end([child], grace)

    @contextmanager
    def standing_still(self, name: str) -> Iterator[None]:
        """Stop a child's process group, and let it go on afterwards."""
        with self._lock:
            leader = self._children[name].pid
        signal_group(leader, signal.SIGSTOP)
        try:
            yield
        finally:
            signal_group(leader, signal.SIGCONT)

    def stop(self, *, grace: float = 2.0) -> None:
        """End every child and remove the folder. Calling it again does nothing."""
        with self._lock:
            children, self._children = list(self._children.values()), {}
            lifeline, self._lifeline = self._lifeline, -1
        if lifeline < 0:
            return
        try:
            self._end(children, grace)
        finally:
            os.close(lifeline)
            self._guard.wait()

    def _end(self, children: Sequence[subprocess.Popen[bytes]], grace: float) -> None:
        # A child that has been reaped is not signalled: its id may be somebody else's by now.
        running = [child for child in children if child.poll() is None]
        for child in running:
            signal_group(child.pid, signal.SIGTERM if grace > 0 else signal.SIGKILL)
        deadline = time.monotonic() + grace
        for child in running:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                signal_group(child.pid, signal.SIGKILL)
                child.wait()
            signal_group(child.pid, signal.SIGKILL)  # what the child itself had started
        for child in children:
            self._unregister(child)

    def _unregister(self, child: subprocess.Popen[bytes]) -> None:
        (self.root / PIDS / str(child.pid)).unlink(missing_ok=True)


def signal_group(leader: int, number: signal.Signals) -> bool:
    """Signal a process group; False if it has no process that could be signalled."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return False  # macOS answers EPERM for a group of zombies
    return True


def guard(root: Path, *, grace: float = 2.0) -> None:
    """Wait for the parent to go, then end what it left behind and remove its folder."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 1):
        pass
    closed = root / CLOSED
    try:
        (root / PIDS).rename(closed)
        left = {int(entry.name) for entry in closed.iterdir() if entry.name.isdigit()}
    except OSError:
        left = set()  # somebody removed the folder by hand
    deadline = time.monotonic() + grace
    left = {leader for leader in left if signal_group(leader, signal.SIGTERM)}
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = {leader for leader in left if group_lives(leader)}
    for leader in left:
        signal_group(leader, signal.SIGKILL)
    remove_folder(root)


def group_lives(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def remove_folder(root: Path) -> None:
    """Remove the folder, also while a dying process still writes into it."""
    for _ in range(50):
        shutil.rmtree(root, ignore_errors=True)
        if not root.exists():
            return
        time.sleep(0.1)


if __name__ == "__main__":
    guard(Path(sys.argv[1]))
