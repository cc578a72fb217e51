"""The operator as a process in a lab, with the rights that it is installed with."""

import os
import subprocess
import sys
import urllib.request

from lab.cluster import Cluster
from testkit.forked import start
from testkit.installed import kubeconfig_of_operator
from testkit.sidecar import HOST, free_port

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class LabOperator:
    """The operator as a process that can be killed and started again, with the rights that it is installed with."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kubeconfig = kubeconfig_of_operator(cluster.control, cluster.root)
        self._process: subprocess.Popen[bytes] | None = None
        self._metrics = free_port()

    def start(self) -> None:
        """Start it."""
        environment = {**os.environ, "KUBECONFIG": str(self._kubeconfig)}
        with (self._cluster.root / "operator.log").open("ab") as log:
            command = (
                sys.executable,
                "-m",
                "mlhops.controller",
                "--evaluator-image=mlhops/evaluator:test",
                "--detector-image=mlhops/detector:test",
                f"--metrics-port={self._metrics}",
                "--allowed-network=127.0.0.0/8",
            )
            self._process = start(command, environment, log)

    def metrics(self) -> str:
        """What it tells Prometheus."""
        with _DIRECT.open(f"http://{HOST}:{self._metrics}/metrics") as answer:
            page: str = answer.read().decode()
            return page

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
