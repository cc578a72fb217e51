"""`python -m campaign.fork_server` has the operator's code in memory and forks it: a start costs no second of imports.

Each operator is a process of its own all the same, in a session of its own, with its own log, and is ended by
SIGKILL. Orders are lines of JSON on standard input, and what became of them lines on standard output; when the
input ends, so do all operators.
"""

import gc
import json
import os
import selectors
import signal
import sys
import threading
import traceback
from typing import NoReturn, TypedDict

from kubernetes.aio.config import kube_config

from mlhops.controller.main import main as operator


class Order(TypedDict, total=False):
    """What is to be done with the operator of a number."""

    number: int
    do: str
    """`start` or `kill`."""
    arguments: list[str]
    environment: dict[str, str]
    log: str


def _become(order: Order) -> NoReturn:
    """Be the operator, as if this process had been started for it."""
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, standard in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(number, standard)
        os.closerange(3, 256)
        os.environ.update(order["environment"])
        # That module looked into the environment when it was imported.
        kube_config.KUBE_CONFIG_DEFAULT_LOCATION = os.environ["KUBECONFIG"]
        code = operator(order["arguments"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class _Nursery:
    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        """By process id, of those that have not been waited for: their ids are nobody else's."""

    def obey(self, order: Order) -> None:
        if order["do"] == "start":
            pid = os.fork()
            if pid == 0:
                _become(order)
            self._numbers[pid] = order["number"]
            return
        for pid, number in self._numbers.items():
            if number == order["number"]:
                os.kill(pid, signal.SIGKILL)

    def reap(self) -> None:
        while self._numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            print(json.dumps({"number": self._numbers.pop(pid), "code": code}), flush=True)

    def end(self) -> None:
        for pid in self._numbers:
            os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Obey until the input ends."""
    if threading.active_count() != 1:
        raise SystemExit("the operator's modules start threads when imported: do not fork them")
    wakes, wake = os.pipe()
    for end in (wakes, wake):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    gc.collect()
    gc.freeze()  # so that a child's collector does not touch, and so copy, what all share
    nursery = _Nursery()
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(wakes, selectors.EVENT_READ)
        print(json.dumps({"ready": True}), flush=True)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if wakes in ready:
                os.read(wakes, 4096)
                nursery.reap()
            if 0 in ready:
                chunk = os.read(0, 65536)
                if not chunk:
                    nursery.end()
                    return
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    nursery.obey(json.loads(line))


if __name__ == "__main__":
    main()
