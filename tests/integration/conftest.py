"""One real control plane for all integration tests, and a namespace for each."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.control import ControlPlane, gateway_api_crds, kserve_crds
from testkit.api import Api
from testkit.fake_controllers import Hands, OperatorProcess
from testkit.installed import MANIFESTS, USER, apply_kustomization

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="package")
def control_plane() -> Iterator[ControlPlane]:
    """A control plane that serves this project's kinds, KServe's and Gateway API's."""
    crds = (REPOSITORY / "crds", kserve_crds(), gateway_api_crds())
    with ControlPlane.start(install=crds) as plane:
        yield plane


@pytest.fixture(scope="package")
def installed_plane() -> Iterator[ControlPlane]:
    """A control plane on which the manifests are installed, and the operator's requests recorded."""
    kinds = (kserve_crds(), gateway_api_crds())
    with ControlPlane.start(install=kinds, audited=[USER]) as plane:
        apply_kustomization(plane, MANIFESTS / "default")
        yield plane


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A fresh namespace in which pods are admitted; its deletion is not waited for."""
    name = f"test-{secrets.token_hex(4)}"
    control_plane.kubectl("create", "namespace", name)
    accounts = ("get", "serviceaccounts", "--namespace", name, "--output", "name")
    while "serviceaccount/default" not in control_plane.kubectl(*accounts):
        control_plane.processes.check()
        time.sleep(0.05)
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[Api]:
    """The API server, as its administrator."""
    api = Api(control_plane.kubeconfig)
    yield api
    api.close()


@pytest.fixture
def operator(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> Iterator[OperatorProcess]:
    """The operator of one namespace."""
    process = OperatorProcess(control_plane.kubeconfig, namespace, tmp_path / "operator.log")
    process.start()
    yield process
    code = process.stop()
    print((tmp_path / "operator.log").read_text()[-8000:])
    assert code == 0


@pytest.fixture
def hands(api: Api, namespace: str, operator: OperatorProcess) -> Hands:
    """Hands in that namespace, with a Gateway."""
    hands = Hands(api, namespace)
    hands.make_gateway()
    return hands
