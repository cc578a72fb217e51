"""One control plane for a whole campaign, and for each point a namespace, a proxy and an operator of its own."""

import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from campaign.history import Recorder
from campaign.operators import MODULE, Operator
from campaign.witness_client import Hearing
from campaign.world import World
from lab.binaries import Programs
from lab.control import HOST, ControlPlane
from lab.faults.proxy import FaultProxy, Upstream
from lab.faults.requests import Target
from lab.faults.script import Fault
from lab.fork_server import ForkServer
from testkit.api import Api

_USER = "campaign-operator"


class Plane(ControlPlane):
    """A control plane whose API server can be reached through fault proxies."""

    _numbers = itertools.count(1)
    _issuing = threading.Lock()

    def __init__(self, root: Path, found: Programs) -> None:
        super().__init__(root, found)
        self.operators = ForkServer(MODULE)
        """Starts operators without their seconds of imports."""
        self.keep: Path | None = None
        """A folder for the histories of all namespaces, where somebody wants to look at them again."""
        self._hearing: Hearing | None = None

    @property
    def hearing(self) -> Hearing:
        """The witness to all that happens from when it is first asked for."""
        with self._issuing:
            if self._hearing is None:
                log = self.processes.log("witness")
                self._hearing = Hearing(self.kubeconfig, log, self.keep)
            return self._hearing

    def stop(self) -> None:
        """End all of it, operators first."""
        self.operators.close()
        if self._hearing is not None:
            self._hearing.close()
        super().stop()

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
        last = max(watched, changed, self.proxy.last_request, self.proxy.over)
        return time.monotonic() - last > seconds


@contextmanager
def stage(
    plane: Plane, recorder: Recorder, struck: Callable[[Stage, Fault, Target], None]
) -> Iterator[Stage]:
    """Set a stage in a fresh namespace; it is cleared away afterwards."""
    namespace = f"campaign-{secrets.token_hex(4)}"
    _ = plane.hearing  # whoever judges is there before the first thing happens
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
        log = plane.processes.log(namespace)
        operator = Operator(plane.operators, plane.kubeconfig_through(proxy), log, namespace)
        found.append(Stage(world, proxy, operator))
        world.make_gateway()
        operator.start()
        undo.callback(operator.stop)
        undo.callback(lambda: world.sidecars.close() if world.sidecars is not None else None)
        yield found[0]


def _remove(http: httpx.Client, namespace: str) -> None:
    try:
        http.delete(f"/api/v1/namespaces/{namespace}")
    except httpx.HTTPError:
        return  # the control plane goes as well
