"""Operators that are asked how they are, stop, and take over from each other, on a real API server."""

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from lab.control import free_ports, gateway_api_crds, kserve_crds
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.kinds import LEASES, Kind
from mlhops.kserve.read import text
from tests.cluster_api import Api, until
from tests.integration.audited import FIRST, SECOND, AuditedPlane, Write
from tests.integration.hands import Hands, OperatorProcess

pytestmark = pytest.mark.alone
REPOSITORY = Path(__file__).resolve().parents[2]
ACCOUNTS = Kind("", "v1", "serviceaccounts")
ADMIN = ("system:masters",)
LEASE = "mlhops-operator"
STEPS = {"steps": [{"setWeight": 10}, {"setWeight": 50}], "keepPrevious": "1h"}
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
    name = f"test-{secrets.token_hex(4)}"
    plane.kubectl("create", "namespace", name)
    api = Api(plane.kubeconfig)
    until("a service account for pods", lambda: api.get(ACCOUNTS, name, "default"))
    hands = Hands(api, name)
    hands.make_gateway()
    yield hands
    plane.kubectl("delete", "namespace", name, "--wait=false")
    api.close()


@dataclass
class Pair:
    """Two operators with one Lease."""

    plane: AuditedPlane
    hands: Hands
    operators: dict[str, OperatorProcess]

    def holder(self) -> str:
        """The user of the operator that holds the Lease, empty where none does."""
        lease = self.hands.api.get(LEASES, self.hands.namespace, LEASE)
        identity = text(lease, "spec", "holderIdentity")
        for user, operator in self.operators.items():
            if identity and identity in operator.log.read_text():
                return user
        return ""

    def other(self, user: str) -> str:
        """The one that stands by."""
        return SECOND if user == FIRST else FIRST

    def writes(self, user: str) -> list[Write]:
        """What one of the two wrote."""
        return [write for write in self.plane.writes(self.hands.namespace) if write.user == user]

    def first_write(self, user: str) -> datetime:
        """When one of the two wrote for the first time."""
        return until("a write by the other", lambda: self.writes(user), 30.0)[0].at

    def rollout_goes_on(self, first: str, second: str) -> None:
        """Let the rollout that is under way come to its end, and look whether anything was done twice."""
        self.hands.accept_weight(50)
        until("all requests", lambda: self.hands.weights() == {f"{second}-predictor": 100})
        self.hands.accept_route()
        self.hands.wait_for_phase("Healthy")
        assert self.hands.status("stable", "version") == "2.0.0"
        assert set(self.hands.services()) == {first, second}
        made = [
            (write.kind, write.name)
            for write in self.plane.writes(self.hands.namespace)
            if write.created
        ]
        assert sorted(made) == sorted(set(made)), "an object was made twice"
        reasons = self.hands.reasons()
        for once in ("WeightSet", "Promoted"):
            assert reasons.count(once) == {"WeightSet": 3, "Promoted": 2}[once], reasons


@contextmanager
def two_operators(plane: AuditedPlane, hands: Hands, folder: Path) -> Iterator[Pair]:
    """Both run, and one of them leads."""
    arguments = ("--leader-elect", f"--lease-namespace={hands.namespace}")
    operators = {
        user: OperatorProcess(
            plane.kubeconfig_for(user, ADMIN), hands.namespace, folder / f"{user}.log", arguments
        )
        for user in (FIRST, SECOND)
    }
    for operator in operators.values():
        operator.start()
    pair = Pair(plane, hands, operators)
    try:
        until("their watches", lambda: all(_has_begun(o) for o in operators.values()), 60.0)
        until("a leader", pair.holder)
        yield pair
    finally:
        for user, operator in operators.items():
            operator.kill()
            print(user, operator.log.read_text()[-4000:])


def _has_begun(operator: OperatorProcess) -> bool:
    return "operator ready" in operator.log.read_text()


def halfway(hands: Hands) -> tuple[str, str]:
    """Bring the second version to 10 percent, as far as the Gateway's answer; return both InferenceServices."""
    first = hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    second = until("a second one", hands.candidate_service)
    hands.load(second)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    until("10 percent", lambda: hands.weights().get(f"{second}-predictor") == 10)
    return first, second


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
