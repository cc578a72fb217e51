"""Operators that are asked how they are, stop, and take over from each other, on a real API server."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lab.control import ControlPlane, free_ports, gateway_api_crds, kserve_crds
from tests.cluster_api import until
from tests.integration.hands import OperatorProcess

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane of its own: it is ended and started again here."""
    crds = (REPOSITORY / "crds", kserve_crds(), gateway_api_crds())
    with ControlPlane.start(install=crds) as plane:
        yield plane


def health(port: int, path: str) -> tuple[int, str]:
    """What the operator answers, 0 where nobody does."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/{path}", trust_env=False)
    except httpx.TransportError:
        return 0, ""
    return answer.status_code, answer.text


def test_an_operator_without_api_server_is_not_ready_and_needs_no_restart(
    plane: ControlPlane, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    arguments = ("--health-address=127.0.0.1", f"--health-port={port}")
    operator = OperatorProcess(plane.kubeconfig, "", tmp_path / "operator.log", arguments)
    operator.start()
    try:
        until("readiness", lambda: health(port, "readyz")[0] == 200)
        assert health(port, "readyz")[1] == "[+]watches ok\n[+]list ok\n[+]api-server ok\n"

        plane.kill_apiserver()
        until("unreadiness", lambda: health(port, "readyz")[0] == 503, 40)
        assert "[-]api-server: the latest request was not answered" in health(port, "readyz")[1]
        status, told = health(port, "healthz")
        assert (status, told) == (200, "[+]loop ok\n[+]watches ok\n[+]passes ok\n")

        plane.restart_apiserver()
        until("readiness again", lambda: health(port, "readyz")[0] == 200, 40)
    finally:
        assert operator.stop() == 0
