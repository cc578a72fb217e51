"""One lab for all end-to-end tests, one operator in it, and a ward (namespace) of its own for each test."""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.cluster import Cluster
from lab.demo.train import Data, load, train
from lab.images import detector, program
from lab.mlserver import IMAGE, NoMLServer, mlserver
from testkit.api import Api
from testkit.installed import MANIFESTS, USER, forbidden, kustomized
from testkit.lab_operator import LabOperator
from testkit.ward import Ward

REPOSITORY = Path(__file__).resolve().parents[2]


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
    with suppress(NoMLServer):  # the test that needs it says so
        images[IMAGE] = mlserver()
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
