"""One lab for all end-to-end tests, one operator in it, and a ward (namespace) of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.cluster import Cluster
from lab.demo.train import Data, load, train
from testkit.api import Api
from testkit.installed_lab import installed_lab, operator_in
from testkit.lab_operator import LabOperator
from testkit.ward import Ward, ward_in


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
    with installed_lab() as running:
        yield running


@pytest.fixture(scope="package")
def operator(cluster: Cluster) -> Iterator[LabOperator]:
    """One operator for all namespaces."""
    with operator_in(cluster) as process:
        yield process


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
    with ward_in(cluster, api, people, models) as ward:
        yield ward
