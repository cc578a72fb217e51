"""One lab for all end-to-end tests, one operator in it, and a ward (namespace) of its own for each test."""

import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.cluster import Cluster
from lab.demo.train import Data, load, train
from lab.images import detector, program
from tests.cluster_api import Api
from tests.e2e.ward import Ward
from tests.forked import start
from tests.installed import MANIFESTS, USER, forbidden, kubeconfig_of_operator, kustomized
from tests.sidecar import HOST, free_port

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
REPOSITORY = Path(__file__).resolve().parents[2]


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


@pytest.fixture(scope="package")
def people() -> Data:
    """The people of the demo."""
    return load()


@pytest.fixture(scope="package")
def models(people: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models of the demo, by version."""
    folder = tmp_path_factory.mktemp("models")
    train(people, folder)
    return folder


@pytest.fixture(scope="package")
def cluster() -> Iterator[Cluster]:
    """A lab with the project's kinds and images, and all that is installed but the operator's pod."""
    images = {
        "mlhops/evaluator": program("mlhops.evaluator"),
        "mlhops/detector": detector("mlhops.detector"),
    }
    with Cluster.start(
        images=images, install=[REPOSITORY / "crds"], backoff_base=0.3, audited=[USER]
    ) as running:
        objects = kustomized(MANIFESTS / "base", running.control)
        running.apply(*(each for each in objects if each["kind"] != "Deployment"))
        yield running


@pytest.fixture(scope="package")
def operator(cluster: Cluster) -> Iterator[LabOperator]:
    """One operator for all namespaces; whatever the tests ask of it, it asks for nothing that is forbidden."""
    process = LabOperator(cluster)
    process.start()
    yield process
    process.kill()
    assert forbidden(cluster.control.audit_log) == []


@pytest.fixture(scope="package")
def api(cluster: Cluster) -> Iterator[Api]:
    """The API server, as an administrator."""
    api = Api(cluster.kubeconfig)
    yield api
    api.close()


@pytest.fixture
def ward(
    cluster: Cluster, operator: LabOperator, api: Api, people: Data, models: Path
) -> Iterator[Ward]:
    """A namespace with a Gateway, the demo's models and its held-out data."""
    namespace = f"ward-{secrets.token_hex(3)}"
    ward = Ward(cluster, api, namespace)
    ward.prepare(people.held_out, models)
    yield ward
    print((cluster.root / "operator.log").read_text()[-6000:])
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")
