"""Operators that are asked how they are, stop, and take over from each other, on a real API server."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from lab.control import free_ports, gateway_api_crds, kserve_crds
from testkit.api import until
from testkit.audited import AuditedPlane
from testkit.fake_controllers import Hands, OperatorProcess, hands_in_namespace
from testkit.pair import halfway, two_operators

pytestmark = pytest.mark.alone
REPOSITORY = Path(__file__).resolve().parents[2]
AFTER_SIGTERM, AFTER_SIGKILL = 2.0, 20.0


@pytest.fixture(scope="module")
def plane() -> Iterator[AuditedPlane]:
    """A control plane of its own: it is ended and started again here."""
    crds = (REPOSITORY / "crds", kserve_crds(), gateway_api_crds())
    with AuditedPlane.start(install=crds) as plane:
        yield plane


@pytest.fixture
def hands(plane: AuditedPlane) -> Iterator[Hands]:
    """Everybody but the operator, in a namespace of their own."""
    with hands_in_namespace(plane) as hands:
        yield hands


def health(port: int, path: str) -> tuple[int, str]:
    """What the operator answers, 0 where nobody does."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/{path}", trust_env=False)
    except httpx.TransportError:
        return 0, ""
    return answer.status_code, answer.text


def test_an_operator_that_is_told_to_stop_hands_over_within_2_s(
    plane: AuditedPlane, hands: Hands, tmp_path: Path
) -> None:
    with two_operators(plane, hands, tmp_path) as pair:
        first, second = halfway(hands)
        leader = pair.holder()
        assert not pair.writes(pair.other(leader))

        told = datetime.now(UTC)
        leader_process = pair.operators[leader]
        leader_process.signal(signal.SIGTERM)
        hands.accept_route()

        taken = pair.first_write(pair.other(leader))
        assert leader_process.wait() == 0
        assert (taken - told).total_seconds() <= AFTER_SIGTERM
        assert pair.writes(leader)[-1].at < taken
        pair.rollout_goes_on(first, second)


def test_an_operator_that_is_killed_is_replaced_within_20_s(
    plane: AuditedPlane, hands: Hands, tmp_path: Path
) -> None:
    with two_operators(plane, hands, tmp_path) as pair:
        first, second = halfway(hands)
        leader = pair.holder()

        pair.operators[leader].kill()
        killed = datetime.now(UTC)
        hands.accept_route()

        taken = pair.first_write(pair.other(leader))
        assert (taken - killed).total_seconds() <= AFTER_SIGKILL
        assert pair.writes(leader)[-1].at < taken
        pair.rollout_goes_on(first, second)


def test_an_operator_that_slept_through_its_term_writes_nothing_and_stands_by(
    plane: AuditedPlane, hands: Hands, tmp_path: Path
) -> None:
    with two_operators(plane, hands, tmp_path) as pair:
        first, second = halfway(hands)
        sleeper = pair.holder()

        pair.operators[sleeper].signal(signal.SIGSTOP)
        hands.accept_route()
        taken = pair.first_write(pair.other(sleeper))
        until("50 percent", lambda: hands.weights().get(f"{second}-predictor") == 50)
        # It wakes to news that it would have acted on.
        hands.accept_route()
        pair.operators[sleeper].signal(signal.SIGCONT)
        pair.rollout_goes_on(first, second)
        until(
            "that it notices",
            lambda: "no longer leading" in pair.operators[sleeper].log.read_text(),
        )
        assert pair.writes(sleeper)[-1].at < taken

        hands.apply_model("3.0.0")
        until("a third one", lambda: hands.status("candidate", "version") == "3.0.0")
        assert pair.operators[pair.other(sleeper)].stop() == 0
        until("that it leads again", lambda: pair.holder() == sleeper, AFTER_SIGTERM)


def test_an_operator_without_api_server_is_not_ready_and_needs_no_restart(
    plane: AuditedPlane, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    arguments = ("--health-address=127.0.0.1", f"--health-port={port}")
    operator = OperatorProcess(plane.kubeconfig, "", tmp_path / "operator.log", arguments)
    operator.start()
    try:
        until("readiness", lambda: health(port, "readyz")[0] == 200, 60)
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
