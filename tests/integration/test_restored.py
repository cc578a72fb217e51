"""etcd is restored from an older backup while the operator runs: it notices, and goes on from what is there.

docs/backup.md tells what this test holds.
"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.control import ControlPlane, gateway_api_crds, kserve_crds
from mlhops.api.base import Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.cache.entry import version_of
from mlhops.controller.resources import CONFIG_MAPS, EVALUATIONS, EVENTS
from mlhops.json_access import text
from testkit.api import until
from testkit.fake_controllers import Hands, OperatorProcess, hands_in_namespace

REPOSITORY = Path(__file__).resolve().parents[2]
NOTICED = 60.0
"""Seconds: a look each 30, and what it takes."""
BY_LEASE = 30.0
"""As long as another holder may go on, and what it takes."""
WATCHED = 8.0
STEPS: dict[str, object] = {"steps": [{"setWeight": 10}, {"setWeight": 50}, {"pause": {}}]}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One of its own, since all on it are set back."""
    crds = (REPOSITORY / "crds", kserve_crds(), gateway_api_crds())
    with ControlPlane.start(install=crds) as plane:
        yield plane


@pytest.fixture
def ward(plane: ControlPlane) -> Iterator[Hands]:
    with hands_in_namespace(plane, "restored") as hands:
        yield hands


@pytest.fixture
def operator(
    plane: ControlPlane, ward: Hands, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[OperatorProcess]:
    """The operator of that namespace with a Lease, or one of the whole cluster without."""
    lease = ("--leader-elect", "--lease-namespace", ward.namespace)
    leads, log = getattr(request, "param", True), tmp_path / "operator.log"
    namespace = ward.namespace if leads else ""
    process = OperatorProcess(plane.kubeconfig, namespace, log, lease if leads else ())
    process.start()
    yield process
    process.signal(signal.SIGCONT)
    process.kill()
    print(log.read_text()[-8000:])


def told(hands: Hands) -> bool:
    """Whether the model's owner was told."""
    events = hands.api.list(EVENTS, hands.namespace)
    return any(text(one, "reason") == "ClusterRestored" for one in events)


def promote(hands: Hands, version: str) -> None:
    """Bring another version into service."""
    hands.apply_model(version)
    service = hands.candidate_service()
    hands.load(service)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    until("weight", lambda: f"{service}-predictor" in hands.weights())
    hands.accept_route()
    until(f"{version} serves", lambda: hands.status("stable", "version") == version)


@pytest.mark.parametrize(
    "operator", [True, False], indirect=True, ids=["leads", "is alone, of all namespaces"]
)
def test_what_people_want_after_a_restore_is_done_by_the_operator_that_ran_all_along(
    plane: ControlPlane, ward: Hands, operator: OperatorProcess, request: pytest.FixtureRequest
) -> None:
    """It was deaf until it was started again."""
    first = ward.promote_first(rollout={"steps": []})
    backup = plane.snapshot(ward.namespace)
    promote(ward, "2.0.0")
    newest = version_of(ward.model() or {})

    plane.restore(backup)
    began = time.monotonic()
    assert version_of(ward.model() or {}) < newest
    assert ward.status("stable", "version") == "1.0.0"
    ward.apply_model("3.0.0")

    seconds = BY_LEASE if "leads" in request.node.name else NOTICED
    until("an Event", lambda: told(ward), seconds)
    until("a third version", lambda: ward.candidate().get("version") == "3.0.0", 10)
    print(f"noticed within {time.monotonic() - began:.1f} s")
    assert ward.weights() == {f"{first}-predictor": 100}
    assert "2.0.0" not in str(ward.model())
    promote_there(ward)
    assert ward.status("stable", "version") == "3.0.0"


def promote_there(hands: Hands) -> None:
    """Bring the candidate into service that is there."""
    service = hands.candidate_service()
    hands.load(service)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    until("weight", lambda: f"{service}-predictor" in hands.weights())
    hands.accept_route()
    hands.wait_for_phase("Healthy")


@pytest.mark.parametrize("overtaken", [False, True], ids=["behind", "overtaken"])
def test_no_weight_rests_on_a_verdict_that_is_gone(
    plane: ControlPlane, ward: Hands, operator: OperatorProcess, overtaken: bool
) -> None:
    """Nor where the resourceVersions of the restored cluster are past what was told before."""
    first = ward.promote_first(rollout=STEPS)
    ward.apply_model("2.0.0")
    second = until("a second version", ward.candidate_service)
    ward.load(second)
    evaluation = ward.running_evaluation()
    backup = plane.snapshot(f"{ward.namespace}-b")
    ward.finish(EvaluationPhase.SUCCESSFUL)
    ward.accept_weight(10)
    until("weight 50", lambda: ward.weights().get(f"{second}-predictor") == 50)
    newest = version_of(ward.model() or {})

    operator.signal(signal.SIGSTOP)
    plane.restore(backup)
    if overtaken:
        overtake(ward, newest)
    assert ward.weights() == {f"{first}-predictor": 100}
    operator.signal(signal.SIGCONT)
    until("an Event", lambda: told(ward), NOTICED)
    seen = set()
    end = time.monotonic() + WATCHED
    while time.monotonic() < end:
        seen.add(ward.weights().get(f"{second}-predictor", 0))
        time.sleep(0.2)

    assert seen == {0}
    live = ward.api.get(EVALUATIONS, ward.namespace, evaluation)
    assert text(live, "status", "phase") in ("", "Pending", "Running")
    assert "proof" not in ward.candidate()
    assert ward.finish(EvaluationPhase.SUCCESSFUL) == evaluation
    ward.accept_weight(10)
    ward.accept_weight(50)
    ward.wait_for_phase("Paused")


def overtake(hands: Hands, newest: int) -> None:
    """Others write until the cluster is past a resourceVersion."""
    made: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}
    version = version_of(hands.api.create(CONFIG_MAPS, hands.namespace, made))
    n = 0
    while version <= newest + 50:
        n += 1
        live = hands.api.patch(CONFIG_MAPS, hands.namespace, "other", {"data": {"n": str(n)}})
        version = version_of(live)
