"""What monitoring found, carried out on a real API server: Jobs, notifications, and a policy's status."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import cast

import pytest
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from lab.control import ControlPlane
from mlhops.api.base import Json, Manifest
from mlhops.controller.cache.store import Store
from mlhops.controller.kube.client import Client
from mlhops.controller.kube.events import Recorder
from mlhops.controller.operator import now
from mlhops.controller.outbound.sinks import HttpSinks
from mlhops.controller.reconcile.models import Models
from mlhops.controller.resources import EVALUATIONS, EVENTS, JOBS, MODELS, PODS, POLICIES, Key
from mlhops.json_access import at, items, text
from mlhops.kserve.detector import Detectors
from mlhops.kserve.names import MODEL_LABEL
from mlhops.rollout.monitoring.drift_snapshot import Found, Look, Side, Verdict
from testkit.api import until
from testkit.builders import monitoring_policy
from testkit.fake_controllers import MODEL, Hands, OperatorProcess
from testkit.loopback import LOOPBACK

CREATININE = Found("creatinine", "Feature", "hour", "KS", "Drift", 1.2e-8, 0.84, 4724)
WATCHED: Manifest = {"policyRef": {"name": "ward"}}


class Received(ThreadingHTTPServer):
    """A sink that keeps what it is sent, and answers as it is told."""

    def __init__(self, status: int = 202) -> None:
        """Listen on loopback."""
        self.status = status
        self.got: list[tuple[str, dict[str, str], Json]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/alerts?ward=7"


class _Handler(BaseHTTPRequestHandler):
    server: Received

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.append((self.path, headers, body))
        self.send_response(self.server.status)
        if self.server.status in range(300, 400):
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


@contextmanager
def sink(status: int = 202) -> Iterator[Received]:
    with Received(status) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Ward:
    """A model that serves under a policy; looks are given, and passes made, by the test."""

    def __init__(self, plane: ControlPlane, hands: Hands, operator: OperatorProcess) -> None:
        """Let the operator bring the model up, and take its place."""
        self.plane, self.hands = plane, hands
        hands.promote_first(monitoring=WATCHED)
        assert operator.stop() == 0
        self.revision = hands.status("stable", "revision")

    def act(self, *actions: Manifest) -> None:
        """Create a policy with these actions."""
        manifest = monitoring_policy({"spec.actions": [*actions]})
        self.hands.api.create(POLICIES, self.hands.namespace, manifest)

    def look(self, *verdicts: Verdict) -> None:
        """Make some looks, one after the other, with two passes on each."""
        asyncio.run(self._look(verdicts))

    async def _look(self, verdicts: tuple[Verdict, ...]) -> None:
        client = await _client(self.plane)
        sinks = HttpSinks(Recorder(client, now), LOOPBACK, seconds=1.0)
        newest: list[Look] = []
        # Nobody lists for it, so that all is read as it is.
        store = Store()
        store.doubt(EVALUATIONS)
        models = Models(
            client,
            store,
            Detectors("detector", "detector-alibi"),
            now,
            sinks,
            lambda _: newest[-1] if newest else None,
            lambda *_: None,
        )
        try:
            for verdict in verdicts:
                side = Side(self.revision, verdict, CREATININE, "NoDrift", None)
                newest.append(Look(datetime.now(UTC), side, None))
                for _ in range(2):
                    await models.reconcile(Key("ClinicalModel", self.hands.namespace, MODEL))
        finally:
            await sinks.close()
            await client.close()

    def events(self, reason: str) -> list[str]:
        """The messages of Events of a reason."""
        found = self.hands.api.list(EVENTS, self.hands.namespace)
        return [text(event, "message") for event in found if text(event, "reason") == reason]

    def jobs(self) -> list[Manifest]:
        """The Jobs that retrain."""
        found = self.hands.api.list(JOBS, self.hands.namespace)
        return [job for job in found if text(job, "metadata", "labels", "mlhops.io/action")]


async def _client(plane: ControlPlane) -> Client:
    configuration = Configuration()
    await config.load_kube_config(
        config_file=str(plane.kubeconfig), client_configuration=configuration
    )
    return Client(configuration)


@pytest.fixture
def ward(control_plane: ControlPlane, hands: Hands, operator: OperatorProcess) -> Ward:
    return Ward(control_plane, hands, operator)


def retrain(container: Manifest) -> Manifest:
    template: Manifest = {"template": {"spec": {"containers": [container]}}}
    return {
        "name": "retrain",
        "type": "Retrain",
        "when": ["Drift"],
        "cooldown": "7d",
        "retrain": {"template": template},
    }


def notify(url: str) -> Manifest:
    return {"name": "tell", "type": "Notify", "when": ["Drift"], "notify": {"sink": url}}


def test_drift_is_in_the_status_and_starts_one_job_that_belongs_to_the_model(ward: Ward) -> None:
    ward.act(retrain({"name": "train", "image": "trainer:1"}))
    ward.look("NoDrift", "Drift", "Drift", "Drift")
    ward.look("Drift")  # another life of the operator

    assert ward.hands.condition("DriftDetected")["status"] == "True"
    assert ward.hands.status("monitoring", "worst", "of") == "creatinine"
    listed = ward.plane.kubectl("get", "clm", MODEL, "--namespace", ward.hands.namespace)
    assert " Drift " in listed.splitlines()[1]
    (told,) = ward.events("DriftDetected")
    assert "creatinine (KS, p=1.2e-08, effect=0.84" in told
    (job,) = ward.jobs()
    owner = at(job, "metadata", "ownerReferences")
    assert cast("list[Manifest]", owner)[0]["uid"] == text(ward.hands.model(), "metadata", "uid")
    env = items(items(at(job, "spec", "template", "spec"), "containers")[0], "env")
    assert {"name": "MLHOPS_FEATURE", "value": "creatinine"} in env
    (started,) = ward.events("RetrainingStarted")
    assert text(job, "metadata", "name") in started

    def pod() -> Manifest | None:
        pods = ward.hands.api.list(PODS, ward.hands.namespace)
        name = text(job, "metadata", "name")
        return next((p for p in pods if text(p, "metadata", "name").startswith(name)), None)

    made = until("the Job's pod", pod)
    assert text(made, "metadata", "labels", MODEL_LABEL) == "", "it is no server of the model"


def test_a_job_that_the_api_server_refuses_is_told_and_holds_up_nothing(ward: Ward) -> None:
    ward.act(retrain({"image": "a container without a name"}))
    ward.look("Drift", "Drift")

    (told,) = ward.events("RetrainingFailed")
    assert "name" in told
    assert ward.jobs() == []
    assert ward.hands.status("monitoring", "verdict") == "Drift"
    assert ward.hands.condition("Stalled")["status"] == "False"


def test_a_sink_gets_one_cloud_event_once_the_status_says_it(ward: Ward) -> None:
    with sink() as server:
        ward.act(notify(server.url))
        ward.look("Drift", "Drift")

    ((path, headers, body),) = server.got
    assert path == "/alerts?ward=7"
    assert headers["ce-specversion"] == "1.0"
    assert headers["ce-type"] == "io.mlhops.clinicalmodel.drift"
    assert headers["ce-subject"] == MODEL
    assert text(body, "finding", "of") == "creatinine"
    acted = items(ward.hands.model(), "status", "monitoring", "acted")
    assert [text(each, "name") for each in acted] == ["tell"]
    assert ward.events("NotificationFailed") == []


@pytest.mark.parametrize("status", [302, 307, 500])
def test_a_sink_that_does_not_take_it_is_told_and_asked_once(ward: Ward, status: int) -> None:
    with sink(status) as server:
        ward.act(notify(server.url))
        ward.look("Drift", "Drift")

    assert [path for path, _, _ in server.got] == ["/alerts?ward=7"], "no redirect is followed"
    (told,) = ward.events("NotificationFailed")
    assert told.endswith(f"HTTP {status}")


def test_a_sink_that_nobody_listens_on_is_told(ward: Ward) -> None:
    with sink() as server:
        url = server.url
    ward.act(notify(url))
    ward.look("Drift")

    (told,) = ward.events("NotificationFailed")
    assert "the sink did not take the notification" in told


def test_a_policy_counts_its_models_and_names_the_worst(
    hands: Hands, operator: OperatorProcess
) -> None:
    service = hands.promote_first(monitoring=WATCHED)
    assert hands.condition("DriftDetected")["reason"] == "PolicyMissing"
    hands.run_pod(service, ready=False)  # so that no detector can be asked
    hands.api.create(POLICIES, hands.namespace, monitoring_policy())

    def counted(field: str) -> bool:
        status = at(hands.api.get(POLICIES, hands.namespace, "ward"), "status")
        return isinstance(status, dict) and status.get(field) == 1

    until("one model of which nothing is known", lambda: counted("insufficient"), 30)
    assert hands.condition("DriftDetected")["reason"] == "InsufficientData"
    found: Manifest = {
        "revision": hands.status("stable", "revision"),
        "verdict": "Drift",
        "quality": "NoDrift",
        "lookedAt": (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "looks": [{"drift": "Drift", "quality": "NoDrift"}],
        "worst": {"of": "creatinine", "kind": "Feature", "test": "KS", "window": "hour"},
    }
    hands.api.patch(MODELS, hands.namespace, MODEL, {"status": {"monitoring": found}}, "status")
    until("drift", lambda: counted("drift"), 30)
    worst = at(hands.api.get(POLICIES, hands.namespace, "ward"), "status", "worst")
    assert text(worst, "model") == MODEL
    assert text(worst, "finding", "of") == "creatinine"
