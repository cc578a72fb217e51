"""Starts Python programs by fork from a process that has imported them: a start costs no seconds of imports.

Each is a process all the same, with an id, a session, an environment, a folder and a log of its own, and is signalled
as any other. `python -m lab.fork_server MODULE` imports what `python -m MODULE` does, nothing else, and takes orders
from a socket on its standard input until that ends, and so do all whom it has started: no child outlives its owner,
however that ends. Whoever ordered a process sees its end and only then lets go of its id.
"""

import atexit
import contextlib
import gc
import importlib.util
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypedDict

REPOSITORY = Path(__file__).resolve().parents[1]
READY = b"ready"
LARGEST_ORDER = 2**17
FILES = 4096
_WARM_SECONDS = 60.0
# These looked into the environment when they were imported.
KUBE_CONFIGS = ("kubernetes.config.kube_config", "kubernetes.aio.config.kube_config")


class Order(TypedDict, total=False):
    """A process to be started, or one whose end has been seen."""

    arguments: list[str]
    env: dict[str, str]
    cwd: str
    register: str
    """A folder in which a file is made that is named after the process, before it does anything."""
    seen: int


class ForkedProcess(subprocess.Popen[bytes]):
    """A process that was forked for its owner by another one."""

    def __init__(self, argv: Sequence[str], pid: int, news: int, server: "ForkServer") -> None:
        # Not the parent's: that starts a process.
        self.args = argv
        self.pid = pid
        self.returncode = None
        self.stdin = self.stdout = self.stderr = None
        self._child_created = True
        self._news = news
        self._server = server
        self._look = threading.Lock()

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def send_signal(self, sig: int) -> None:
        with self._look:  # until its end was seen, its id is nobody else's
            if self.returncode is None:
                os.kill(self.pid, sig)

    def _internal_poll(self, *_: object, **__: object) -> int | None:
        return self.poll()

    def _ended(self, timeout: float | None) -> int | None:
        with self._look:
            if self.returncode is not None:
                return self.returncode
            news = os.dup(self._news)  # several may wait, and the first closes its own
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(news, selectors.EVENT_READ)
                if not selector.select(timeout):
                    return None
        finally:
            os.close(news)
        with self._look:
            if self.returncode is None:
                told = os.read(self._news, 16)
                os.close(self._news)
                self.returncode = int(told) if told else -signal.SIGKILL
                self._server.seen(self.pid)
            return self.returncode


class ForkServer:
    """The process that has imported the program `python -m MODULE`."""

    def __init__(self, module: str) -> None:
        self.module = module
        self._lock = threading.Lock()
        self._warm = False
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        paths = (str(REPOSITORY), os.environ.get("PYTHONPATH", ""))
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lab.fork_server", module],
                stdin=theirs.fileno(),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                start_new_session=True,
            )
        atexit.register(self.close)

    @property
    def warm(self) -> bool:
        """Whether it has imported the program."""
        if not self._warm:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                self._warm = self._socket.recv(64, socket.MSG_DONTWAIT) == READY
        return self._warm and self._process.poll() is None

    def wait_until_warm(self, seconds: float = _WARM_SECONDS) -> None:
        """Wait until it has imported the program.

        Raises:
            RuntimeError: it cannot; why stands in what this process writes to its standard error.
        """
        with self._lock:
            if not self._warm:
                select.select([self._socket], [], [], seconds)
            if not self.warm:
                raise RuntimeError(f"python -m {self.module} cannot be imported, or forked")

    def start(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        log: int,
        register: Path | None,
    ) -> ForkedProcess | None:
        """Start the program; its output goes to the open file `log`. None if it is not warm."""
        order = Order(arguments=list(arguments), env=dict(env), cwd=str(cwd))
        if register is not None:
            order["register"] = str(register)
        with self._lock:
            if not self.warm:
                return None
            news, tell = os.pipe()
            try:
                socket.send_fds(self._socket, [json.dumps(order).encode()], [log, tell])
                pid = int(self._socket.recv(64))
            finally:
                os.close(tell)
        return ForkedProcess((self.module, *arguments), pid, news, self)

    def close(self) -> None:
        """End it, and what it has started."""
        self._socket.close()
        self._process.wait()

    def seen(self, pid: int) -> None:
        """Let go of the id of a process that has ended."""
        with self._lock, contextlib.suppress(OSError):
            self._socket.send(json.dumps(Order(seen=pid)).encode())


class ForkServers:
    """A server for each program that is started more than once."""

    def __init__(self, modules: Iterable[str]) -> None:
        self._servers: dict[str, ForkServer | None] = dict.fromkeys(modules)

    def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        log: int,
        register: Path | None = None,
    ) -> ForkedProcess | None:
        """Start a command if it runs one of the programs by this interpreter, and its server is warm.

        Nobody waits for that: whoever is answered None starts the command as any other.
        """
        interpreter, flag, module = (*argv[:3], "", "", "")[:3]
        if (interpreter, flag) != (sys.executable, "-m") or module not in self._servers:
            return None
        server = self._servers[module]
        if server is None:
            self._servers[module] = ForkServer(module)
            return None
        return server.start([*argv[3:]], env, cwd, log, register)

    def close(self) -> None:
        """End them and what they have started, for a caller that goes on."""
        for server in self._servers.values():
            if server is not None:
                server.close()


def _become(module: str, order: Order, log: int, there: socket.socket) -> NoReturn:
    """Be the program, as if this process had been started for it."""
    code = 1
    try:
        os.setsid()
        try:
            if "register" in order:
                (Path(order["register"]) / str(os.getpid())).touch()
        finally:
            # Not sooner: whoever knows it may signal its group, or be gone and leave that to a guard.
            there.send(str(os.getpid()).encode())
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, standard in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(number, standard)
        os.closerange(3, FILES)
        os.environ.clear()
        os.environ.update(order["env"])
        os.chdir(order["cwd"])
        for name in KUBE_CONFIGS:
            if name in sys.modules and "KUBECONFIG" in os.environ:
                vars(sys.modules[name])["KUBE_CONFIG_DEFAULT_LOCATION"] = os.environ["KUBECONFIG"]
        sys.argv = [module, *order["arguments"]]
        sys.modules.pop(_main_of(module), None)  # else runpy warns that it is there
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = _code(end.code)
    except BaseException:
        traceback.print_exc()
    finally:
        _leave(code)


def _main_of(module: str) -> str:
    """The module that `python -m` runs."""
    spec = importlib.util.find_spec(module)
    package = spec is not None and spec.submodule_search_locations is not None
    return f"{module}.__main__" if package else module


def _code(told: object) -> int:
    """What an interpreter makes of the argument of `sys.exit`."""
    if told is None or isinstance(told, int):
        return told or 0
    print(told, file=sys.stderr)
    return 1


def _leave(code: int) -> NoReturn:
    """End as an interpreter does, but for what its parent had meant to do at the end."""
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code & 0xFF)


class _Orders:
    def __init__(self, module: str, there: socket.socket) -> None:
        self._module = module
        self._there = there
        self._news: dict[int, int] = {}

    def obey(self) -> bool:
        """Do what is ordered; false once nobody is left to order anything."""
        text, files, *_ = socket.recv_fds(self._there, LARGEST_ORDER, 2)
        if not text:
            return False
        order: Order = json.loads(text)
        if "seen" in order:
            os.waitpid(order["seen"], 0)
            return True
        log, tell = files
        pid = os.fork()
        if pid == 0:
            _become(self._module, order, log, self._there)
        os.close(log)
        self._news[pid] = tell
        return True

    def tell(self) -> None:
        """Tell who has ended; its id stays taken until that was seen."""
        for pid in list(self._news):
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is not None:
                killed = ended.si_code != os.CLD_EXITED
                tell = self._news.pop(pid)
                with contextlib.suppress(BrokenPipeError):
                    os.write(tell, str(-ended.si_status if killed else ended.si_status).encode())
                os.close(tell)

    def end(self) -> None:
        """End all that are left, and what they have started."""
        for pid in self._news:
            os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)  # there is none while it has not got to that


def main() -> None:
    """Import, and obey until the input ends."""
    module = sys.argv[1]
    importlib.import_module(_main_of(module))
    if threading.active_count() != 1:
        print(
            f"{module} starts threads when imported: it cannot be forked",
            file=sys.stderr,
            flush=True,
        )
        os._exit(1)  # waits for none of them
    wakes, wake = os.pipe()
    for end in (wakes, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    gc.collect()
    gc.freeze()  # so that a child's collector does not touch, and so copy, what all share
    with socket.socket(fileno=0) as there, selectors.DefaultSelector() as selector:
        orders = _Orders(module, there)
        there.send(READY)
        selector.register(there, selectors.EVENT_READ)
        selector.register(wakes, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if wakes in ready:
                os.read(wakes, 4096)
                orders.tell()
            if 0 in ready and not orders.obey():
                orders.end()
                return


if __name__ == "__main__":
    main()
