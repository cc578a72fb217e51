"""Two operators with one Lease, and a rollout that is under way when the leader goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import LEASES
from mlhops.json_access import text
from testkit.api import until
from testkit.audited import FIRST, SECOND, AuditedPlane, Write
from testkit.fake_controllers import Hands, OperatorProcess

ADMIN = ("system:masters",)
LEASE = "mlhops-operator"
STEPS = {"steps": [{"setWeight": 10}, {"setWeight": 50}], "keepPrevious": "1h"}


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
