"""The operator lives on the rights of its own ServiceAccount, and has none that it does not use."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from lab.control import ControlPlane
from mlhops.api.base import Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.cache.entry import name_of
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.cache.store import LABELLED, WATCHED
from mlhops.controller.kube.client import Client
from mlhops.controller.kube.relist import Relist
from mlhops.controller.resources import (
    CLUSTER_RUNTIMES,
    CONFIG_MAPS,
    POLICIES,
    RUNTIMES,
    STANDARDS,
    Kind,
)
from mlhops.json_access import at, text
from mlhops.kserve.names import MODEL_LABEL
from testkit.api import Api, until
from testkit.builders import (
    clinical_model,
    clinical_standard,
    monitoring_policy,
    serving_runtime,
)
from testkit.fake_controllers import MODEL, Hands, OperatorProcess
from testkit.installed import Right, forbidden, granted, kubeconfig_of_operator, rules_of, used

NAMED = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://models/1", "runtime": "sklearn"}
STEPS = {"steps": [{"approve": {}}, {"setWeight": 50}], "keepPrevious": "1h"}


@pytest.fixture(scope="module")
def story(installed_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The audit log of an operator that ran a canary through all that can happen to it."""
    folder = tmp_path_factory.mktemp("operator")
    kubeconfig = kubeconfig_of_operator(installed_plane, folder)
    log = folder / "operator.log"
    process = OperatorProcess(kubeconfig, "", log)
    process.start()
    api = Api(installed_plane.kubeconfig)
    hands = Hands(api, "default")
    try:
        until("the operator", lambda: "operator ready" in log.read_text(), 60)
        hands.make_gateway()
        run_canaries(hands)
        assert process.stop() == 0
        add_config_map(api, hands.namespace)
        asyncio.run(miss_changes(kubeconfig, api, hands.namespace))
    finally:
        process.kill()
        api.close()
        print(log.read_text()[-8000:])
    return installed_plane.audit_log


def run_canaries(hands: Hands) -> None:
    """One version serves, one cannot be evaluated and is superseded, one climbs after an approval."""
    hands.api.create(RUNTIMES, hands.namespace, serving_runtime("ServingRuntime"))
    hands.api.create(CLUSTER_RUNTIMES, "", serving_runtime("ClusterServingRuntime"))
    hands.api.create(STANDARDS, "", clinical_standard())
    hands.promote_first(predictor=NAMED)
    hands.api.create(POLICIES, hands.namespace, monitoring_policy())
    evaluation = at(clinical_model(), "spec", "evaluation")
    assert isinstance(evaluation, dict)
    nobody = {**evaluation, "serviceAccountName": "nobody"}
    watched = {"policyRef": {"name": "ward"}}
    hands.apply_model("2.0.0", evaluation=nobody, monitoring=watched)
    second = hands.candidate_service()
    hands.load(second)
    until("why there is no pod", lambda: "cannot start" in hands.status("message"), 30)
    told = {**evaluation, "serviceAccountName": None}
    hands.apply_model("3.0.0", evaluation=told, rollout=STEPS, monitoring=None)
    until("the end of the second", lambda: second not in hands.services())
    third = until("a third", lambda: hands.candidate_service())
    hands.load(third)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    until("a wait for approval", lambda: hands.status("phase") == "Paused")
    hands.decide("Approve", "go", decidedBy="lab-admin")
    for weight in (50, 100):
        hands.accept_weight(weight)
    hands.wait_for_phase("Healthy")


def add_config_map(api: Api, namespace: str) -> None:
    """What belonged to the second version went with it."""
    labels: Manifest = {MODEL_LABEL: MODEL}
    metadata: Manifest = {"name": "spare", "labels": labels}
    api.create(CONFIG_MAPS, namespace, {"metadata": metadata, "data": {}})


class Answers(Hearing):
    """Notes of which kinds the API server answers with an object."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[Kind] = set()

    def hear(self, kind: Kind, manifest: Manifest) -> None:
        """Take note of the kind alone."""
        del manifest
        self.read.add(kind)


async def miss_changes(kubeconfig: Path, api: Api, namespace: str) -> None:
    """Change an object of each kind that is watched while nobody watches: the relist reads it afresh."""
    configuration = Configuration()
    await config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    hearing, answers = Hearing(), Answers()
    client = Client(configuration, answers)
    relist = Relist(client, hearing, installed=lambda: None)
    store, read = hearing.store, answers.read
    looking = asyncio.create_task(relist.run())
    try:
        await reached(lambda: all(store.is_complete(kind) for kind in WATCHED), looking)
        for kind in WATCHED:
            where = "" if kind.cluster else namespace
            labelled = [
                each
                for each in api.list(kind, where)
                if kind not in LABELLED or text(each, "metadata", "labels", MODEL_LABEL)
            ]
            name = name_of(labelled[0]).name
            labels: Manifest = {"metadata": {"annotations": {"seen": "no"}}}
            api.patch(kind, where, name, labels)
        relist.soon()
        await reached(lambda: read >= set(WATCHED), looking)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await client.close()
        await asyncio.sleep(0.25)  # a request that was cancelled has yet to say its TLS farewell


async def reached(what: Callable[[], bool], task: "asyncio.Task[None]") -> None:
    """Wait until something is so; a task that ends meanwhile says why."""
    deadline = time.monotonic() + 20
    while not what():
        if task.done():
            task.result()
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def test_no_call_of_the_operator_is_forbidden(story: Path) -> None:
    assert forbidden(story) == []


def test_the_operator_has_no_right_that_it_does_not_use(
    installed_plane: ControlPlane, story: Path
) -> None:
    assert granted(rules_of(installed_plane, "mlhops-operator")) - used(story) == set()


def test_no_right_has_a_wildcard(installed_plane: ControlPlane) -> None:
    for right in granted(rules_of(installed_plane, "mlhops-operator")):
        assert "*" not in (right.group, right.resource, right.verb)


def test_the_operator_reads_no_secret_and_runs_no_pod_of_its_own(
    installed_plane: ControlPlane,
) -> None:
    rights = granted(rules_of(installed_plane, "mlhops-operator"))

    assert not [right for right in rights if right.resource in ("secrets", "serviceaccounts")]
    assert Right("", "pods", "create") not in rights


@pytest.mark.parametrize("account", ["evaluator", "default"])
def test_who_evaluates_and_who_serves_has_no_access_to_the_api(
    installed_plane: ControlPlane, story: Path, account: str
) -> None:
    who = f"--as=system:serviceaccount:default:{account}"
    listed = installed_plane.kubectl(
        "auth", "can-i", "--list", who, "--namespace", "default", "--no-headers"
    )

    assert "mlhops.io" not in listed
    assert "pods" not in listed
    assert MODEL not in listed
