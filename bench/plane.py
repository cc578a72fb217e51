"""The control plane, the operator and the world that are measured; an audit log counts requests."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

import psutil

from bench import trouble, world
from lab.binaries import Programs
from lab.cache import REPOSITORY
from lab.control import ControlPlane, gateway_api_crds, kserve_crds
from mlhops.controller.resources import MODELS
from mlhops.json_access import text
from testkit.fake_controllers import Hands, hands_in_namespace

AUDITED = "audited-operator"
"""The user whose requests are counted."""

_OPERATOR, _WORLD, _TROUBLE = "operator", "world", "trouble"
_ADMIN = ("system:masters",)
# What tells the control plane's processes apart; all may be one binary.
_FLAGS = {
    "API server": "--etcd-servers=",
    "etcd": "--listen-client-urls=",
    "controllers": "--controllers=",
}


class Plane(ControlPlane):
    """A control plane whose API server keeps an audit log."""

    audited = (AUDITED,)
    without: Sequence[str] = ()
    """Controllers whose part the world plays."""

    def __init__(self, root: Path, found: Programs) -> None:
        # The first word on a controller counts.
        off = tuple(f"--controllers=-{name}" for name in self.without)
        super().__init__(root, replace(found, controllers=(*found.controllers, *off)))
        self._log_starts: dict[str, int] = {}

    @classmethod
    def with_kinds(cls) -> Self:
        """Start one that knows our kinds, KServe's and Gateway API's."""
        return cls.start(install=(REPOSITORY / "crds", kserve_crds(), gateway_api_crds()))

    @contextmanager
    def namespace(self) -> Iterator[Hands]:
        """A fresh namespace with a Gateway, and hands that play everybody but the operator."""
        with hands_in_namespace(self, "bench") as hands:
            yield hands

    @contextmanager
    def operator(
        self,
        namespace: str = "",
        user: str = "operator",
        profile: Path | None = None,
        *,
        elects: bool = False,
        arguments: Sequence[str] = (),
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """The operator as users run it, in a process of its own; of all namespaces by default.

        In a cluster it elects a leader, as it does here where it is told to.
        """
        kubeconfig = self.kubeconfig_for(user, _ADMIN)
        module = ("mlhops.controller", *(("--namespace", namespace) if namespace else ()))
        module = (*module, *arguments)
        if elects:
            module = (*module, "--leader-elect", "--lease-namespace=default")
        under = ("bench.profiled", str(profile.absolute())) if profile else ()
        yield self._spawn(_OPERATOR, (*under, *module), {"KUBECONFIG": str(kubeconfig)})
        self.processes.check()
        self.processes.end(_OPERATOR, grace=60 if profile else 2)

    @contextmanager
    def world(
        self, leave_alone: str = "", address: str = ""
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """Everybody but the operator, answering at once; pods of models are at an address. See `bench.world`."""
        kubeconfig = self.kubeconfig_for("world", _ADMIN)
        options = (f"--leave-alone={leave_alone}", f"--address={address}")
        module = ("bench.world", str(kubeconfig), *options)
        process = self._spawn(_WORLD, module)
        self._wait_for_word(_WORLD, world.READY)
        yield process
        self.processes.check()
        self.processes.end(_WORLD)

    @contextmanager
    def trouble(
        self, namespace: str, taken: str, least: float
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """Ten models that fail in every way, each once in so many seconds at the most; see `bench.trouble`."""
        kubeconfig = self.kubeconfig_for("trouble", _ADMIN)
        arguments = (str(kubeconfig), namespace, taken, "--least", str(least))
        process = self._spawn(_TROUBLE, ("bench.trouble", *arguments))
        self._wait_for_word(_TROUBLE, trouble.READY)
        yield process
        self.processes.check()
        self.processes.end(_TROUBLE)

    def wait_for_operator(self, seconds: float = 60) -> None:
        """Wait until the operator watches what it must."""
        self._wait_for_word(_OPERATOR, "operator ready", seconds)

    def pids(self) -> dict[str, int]:
        """The control plane's processes by name."""
        found = {}
        for child in psutil.Process().children():
            arguments = child.cmdline()
            for name, flag in _FLAGS.items():
                if any(argument.startswith(flag) for argument in arguments):
                    found[name] = child.pid
        return found

    def _spawn(
        self, name: str, module: Sequence[str], env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Run a module as `python -m` does; it finds the same packages as this process."""
        log = self.processes.log(name)
        self._log_starts[name] = log.stat().st_size if log.exists() else 0
        path = os.pathsep.join(entry for entry in sys.path if Path(entry).is_dir())
        return self.processes.spawn(
            name,
            (sys.executable, "-m", *module),
            env={**os.environ, "PYTHONPATH": path, **(env or {})},
        )

    def _wait_for_word(self, process: str, word: str, seconds: float = 60) -> None:
        """Wait until a process has written something since it was started."""
        log, start = self.processes.log(process), self._log_starts[process]
        self.processes.wait_until(
            lambda: word.encode() in log.read_bytes()[start:], f"{process}: {word}", seconds
        )


class OwnPlane(Plane):
    """A control plane for a benchmark of its own, in which the world also runs the Jobs."""

    without = ("job-controller",)


def settle(hands: Hands, seconds: float = 0.5) -> None:
    """Wait until nobody has written anything, to any object, for so long."""
    version, since = "", time.monotonic()
    while time.monotonic() - since < seconds:
        answer = hands.api.http.get(MODELS.path(hands.namespace)).raise_for_status().json()
        latest = text(answer, "metadata", "resourceVersion")
        if latest != version:
            version, since = latest, time.monotonic()
        time.sleep(0.05)
