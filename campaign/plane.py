"""One control plane for a whole campaign, and for each point a namespace, a proxy and an operator of its own."""

import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from campaign.history import Recorder
from campaign.world import World
from lab.control import HOST, ControlPlane
from lab.faults.proxy import FaultProxy, Upstream
from lab.faults.requests import Target
from lab.faults.script import Fault
from lab.processes import Processes
from tests.cluster_api import Api

_USER = "campaign-operator"
_RESTART_SECONDS = 0.2


class Plane(ControlPlane):
    """A control plane whose API server can be reached through fault proxies."""

    _numbers = itertools.count(1)
    _issuing = threading.Lock()

    def proxy(self, struck: Callable[[Fault, Target], None]) -> FaultProxy:
        """A proxy in front of the API server; its client is an administrator."""
        with self._issuing:
            number = next(self._numbers)
            file = f"{_USER}-{number}"
            client = self._authority.client(_USER, ("system:masters",), file=file)
            serving = self._authority.server(f"fault-proxy-{number}", (HOST,))
        return FaultProxy(Upstream(self.url, self._authority.certificate, client), serving, struck)

    def kubeconfig_through(self, proxy: FaultProxy) -> Path:
        """A kubeconfig that leads to a proxy."""
        with self._issuing:
            direct = self.kubeconfig_for(_USER, ("system:masters",))
        loaded = json.loads(direct.read_text())
        loaded["clusters"][0]["cluster"]["server"] = proxy.url
        path = direct.with_name(f"{_USER}-{proxy.port}.json")
        path.touch(mode=0o600)
        path.write_text(json.dumps(loaded))
        return path


class Operator:
    """The operator's process, started again whenever it ends, as its Deployment would."""

    def __init__(self, processes: Processes, kubeconfig: Path, namespace: str) -> None:
        self._processes = processes
        self._name = namespace
        self._command = [sys.executable, "-m", "mlhops.controller", "--namespace", namespace]
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        self.log = processes.log(namespace)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._killed = False
        self.started = 0.0
        """When the present process was started, on the monotonic clock."""
        self.deaths: list[int] = []
        """Exit codes of processes that ended by themselves."""
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Start it, and keep it running."""
        self._keeper.start()

    def kill(self) -> None:
        """SIGKILL, as when the machine below it goes away."""
        with self._lock:
            if self._process is not None:
                self._killed = True
                self._process.kill()

    def stop(self) -> None:
        """End it for good."""
        with self._lock:
            self._stopping = True
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGKILL)
        self._keeper.join(10)

    def _keep(self) -> None:
        while True:
            with self._lock:
                if self._stopping:
                    return
                self._killed = False
                self._process = self._processes.spawn(
                    self._name, self._command, env=self._environment, watched=False
                )
                self.started = time.monotonic()
            code = self._process.wait()
            if not self._killed and not self._stopping:
                self.deaths.append(code)
                time.sleep(_RESTART_SECONDS)


class Stage:
    """A namespace with everybody in it: the world, the operator, and the proxy between."""

    def __init__(self, world: World, proxy: FaultProxy, operator: Operator) -> None:
        self.world = world
        self.proxy = proxy
        self.operator = operator

    def at_rest(self, seconds: float) -> bool:
        """Whether the operator watches and has long not asked anything, and nothing has changed."""
        watched = self.proxy.watched.get("clinicalmodels", 0.0)
        if watched < self.operator.started or self.proxy.in_flight:
            return False
        changed = self.world.recorder.last_change(self.world.namespace)
        return time.monotonic() - max(watched, changed, self.proxy.last_request) > seconds


@contextmanager
def stage(
    plane: Plane, recorder: Recorder, struck: Callable[[Stage, Fault, Target], None]
) -> Iterator[Stage]:
    """Set a stage in a fresh namespace; it is cleared away afterwards."""
    namespace = f"campaign-{secrets.token_hex(4)}"
    with ExitStack() as undo:
        api = Api(plane.kubeconfig)
        undo.callback(api.close)
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        api.http.post("/api/v1/namespaces", json=made).raise_for_status()
        undo.callback(_remove, api.http, namespace)
        account = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        while api.http.get(account).status_code != 200:
            plane.processes.check()
            time.sleep(0.05)
        world = World(api, namespace, recorder)
        found: list[Stage] = []
        proxy = undo.enter_context(plane.proxy(lambda *what: struck(found[0], *what)))
        operator = Operator(plane.processes, plane.kubeconfig_through(proxy), namespace)
        found.append(Stage(world, proxy, operator))
        world.make_gateway()
        operator.start()
        undo.callback(operator.stop)
        yield found[0]


def _remove(http: httpx.Client, namespace: str) -> None:
    try:
        http.delete(f"/api/v1/namespaces/{namespace}")
    except httpx.HTTPError:
        return  # the control plane goes as well
