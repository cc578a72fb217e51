"""What a running operator tells: metrics of a rollout, and ids that its log and the API server's audit log share."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from lab.control import ControlPlane, free_ports
from mlhops import __version__
from mlhops.api.base import Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import MODELS, Kind
from mlhops.json_access import text
from testkit.api import Api, until
from testkit.exposition import labels_of
from testkit.fake_controllers import MODEL, Hands, OperatorProcess
from testkit.installed import kubeconfig_of_operator
from tools.metrics_docs import OF_PYTHON, described_of_operator

ACCOUNTS = Kind("", "v1", "serviceaccounts")
STEPS = {"steps": [{"setWeight": 10}, {"setWeight": 50}]}


@dataclass(frozen=True)
class Scene:
    """An operator, one namespace, and what is told of both."""

    hands: Hands
    port: int
    log: Path
    audit: Path

    def page(self) -> str:
        """What it tells Prometheus."""
        return httpx.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False).text

    def value(self, metric: str, **labels: str) -> float | None:
        """One sample of that, with the labels that are named."""
        for family in text_string_to_metric_families(self.page()):
            for sample in family.samples:
                if sample.name == metric and labels.items() <= sample.labels.items():
                    return sample.value
        return None

    def of_model(self, metric: str, **labels: str) -> float | None:
        """One sample of the model's."""
        return self.value(metric, namespace=self.hands.namespace, name=MODEL, **labels)


@pytest.fixture
def scene(installed_plane: ControlPlane, tmp_path: Path) -> Iterator[Scene]:
    namespace = f"test-{secrets.token_hex(4)}"
    installed_plane.kubectl("create", "namespace", namespace)
    kubeconfig = kubeconfig_of_operator(installed_plane, tmp_path)
    api, log, (port,) = Api(installed_plane.kubeconfig), tmp_path / "operator.log", free_ports(1)
    operator = OperatorProcess(kubeconfig, "", log, (f"--metrics-port={port}",))
    operator.start()
    try:
        until("a service account for pods", lambda: api.get(ACCOUNTS, namespace, "default"))
        until("the operator", lambda: "operator ready" in log.read_text(), 60)
        hands = Hands(api, namespace)
        hands.make_gateway()
        yield Scene(hands, port, log, installed_plane.audit_log)
        assert operator.stop() == 0
    finally:
        operator.kill()
        print(log.read_text()[-6000:])
        installed_plane.kubectl("delete", "namespace", namespace, "--wait=false")
        api.close()


def test_prometheus_sees_a_rollout_and_each_call_of_a_pass_bears_its_id(scene: Scene) -> None:
    hands = scene.hands
    hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    hands.load(hands.candidate_service())
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)
    until("10 percent", lambda: scene.of_model("mlhops_rollout_weight") == 10)

    assert_all_is_described(scene)
    assert scene.value("mlhops_leader") == 1
    assert scene.value("mlhops_build_info", version=__version__) == 1
    assert scene.of_model("mlhops_model_phase", phase="Progressing") == 1
    assert scene.of_model("mlhops_model_revision", role="stable", version="1.0.0") == 1
    assert scene.of_model("mlhops_model_revision", role="candidate", version="2.0.0") == 1
    passed = {"role": "candidate", "verdict": "Successful"}
    assert scene.of_model("mlhops_gate_verdict", **passed) == 1
    assert scene.of_model("mlhops_rollouts_total", outcome="Promoted") == 1
    assert scene.of_model("mlhops_rollouts_total", outcome="RolledBack") == 0
    assert scene.of_model("mlhops_evaluations_total", verdict="Successful") == 2
    assert scene.of_model("mlhops_gates_total", verdict="Successful") == 2
    assert (scene.value("mlhops_reconcile_total", kind="ClinicalModel", result="ok") or 0) > 0
    assert (scene.value("mlhops_api_requests_total", method="PATCH", code="200") or 0) > 0

    told = [json.loads(line) for line in scene.log.read_text().splitlines()]
    called = audited(scene)
    ended = [each for each in told if each["event"] == "pass ended"]
    passes = {each["trace_id"]: each["requests"] for each in ended}
    assert passes
    for trace, requests in passes.items():
        assert sorted(called.get(trace, [])) == list(range(1, requests + 1))
    promoted = [each for each in told if each.get("reason") == "Promoted"]
    assert promoted
    assert all(each["trace_id"] in called for each in promoted)

    hands.api.delete(MODELS, hands.namespace, MODEL)
    until("no series of it", lambda: scene.of_model("mlhops_model_phase") is None)
    until("no counts of it", lambda: scene.of_model("mlhops_rollouts_total") is None)


def assert_all_is_described(scene: Scene) -> None:
    """Every metric of a running operator is on the page about metrics, and the reverse."""
    told = labels_of(scene.page())
    described = {each.name: set(each.labels) for each in described_of_operator()}
    assert told.keys() - set(OF_PYTHON) == described.keys()
    for name, labels in told.items():
        assert labels <= described.get(name, labels), name


def audited(scene: Scene) -> dict[str, list[int]]:
    """The numbers of the requests of each pass, as the API server has them."""
    found: dict[str, list[int]] = {}
    for line in scene.audit.read_bytes().rpartition(b"\n")[0].splitlines():
        event: Manifest = json.loads(line)
        trace, _, number = text(event, "auditID").partition("-")
        if len(trace) == 32 and number.isdecimal():
            found.setdefault(trace, []).append(int(number))
    return found
