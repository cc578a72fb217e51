"""Starts containers' processes and tells when they end."""

import asyncio
import itertools
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lab.fork_server import ForkServers
from lab.processes import Processes, signal_group

POLL_SECONDS = 0.03
LOG_TAIL_LINES, LOG_TAIL_BYTES = 80, 2048


class Process:
    """One running process of a container, leader of a process group of its own."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        return self._child.pid

    def terminate(self) -> None:
        """SIGTERM to the container's first process, as a kubelet does."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        signal_group(self.pid, signal.SIGKILL)

    def settle(self) -> bool:
        """Publish the exit code once there is one; a signal counts as 128 + its number."""
        code = self._child.poll()
        if code is None:
            return False
        if not self.ended.done():
            self.ended.set_result(code if code >= 0 else 128 - code)
        return True


class Runtime:
    """The processes of all containers, below one folder that goes when this process does.

    `modules` are Python programs that are started again and again.
    """

    def __init__(self, root: Path, modules: Iterable[str] = ()) -> None:
        self._processes = Processes(root, ForkServers(modules))
        self._running: dict[str, Process] = {}
        self._count = itertools.count()

    def start(
        self, log: Path, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path
    ) -> Process:
        """Start a program whose output is appended to `log` (a path below the root's logs)."""
        name = f"{next(self._count)}"
        link = self._processes.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        link.symlink_to(log)
        try:
            child = self._processes.spawn(name, argv, env=env, cwd=cwd, watched=False)
        finally:
            link.unlink()
        process = self._running[name] = Process(child)
        return process

    async def run(self) -> None:
        """Look for processes that ended, for ever."""
        while True:
            for name, process in list(self._running.items()):
                if process.settle():
                    del self._running[name]
                    self._processes.end(name, grace=0)
            await asyncio.sleep(POLL_SECONDS)

    def stop(self) -> None:
        self._processes.stop(grace=1.0)


def tail(log: Path, start: int) -> str:
    """The end of what was written to a log since `start`."""
    try:
        with log.open("rb") as file:
            file.seek(max(start, file.seek(0, 2) - LOG_TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])
