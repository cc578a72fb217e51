"""The operator's process against a real API server; hands write what KServe, the Gateway and pods would."""

import time
from pathlib import Path
from typing import cast

import pytest

from lab.control import ControlPlane, gateway_api_crds, kserve_crds
from mlhops.api import API_VERSION
from mlhops.api.base import Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.model import ClinicalModel
from mlhops.controller.resources import EVALUATIONS, JOBS, MODELS, ROUTES, SERVICES
from mlhops.json_access import at, items, text
from mlhops.rollout.revisions.revision import revision_of, service_name
from testkit.api import Api, until, until_none
from testkit.builders import clinical_model, with_path
from testkit.fake_controllers import MODEL, Hands, OperatorProcess

REPOSITORY = Path(__file__).resolve().parents[2]
STEPS = {
    "steps": [{"setWeight": 10}, {"setWeight": 50}],
    "keepPrevious": "1h",
    "progressDeadline": "10m",
}


def test_the_first_version_serves_only_after_its_gates(hands: Hands) -> None:
    hands.apply_model("1.0.0", rollout=STEPS)
    service = hands.candidate_service()
    until("Reconciling", lambda: hands.condition("Reconciling").get("status") == "True")
    assert hands.condition("Ready")["status"] == "Unknown"
    hands.load(service)
    hands.running_evaluation()
    assert hands.api.get(ROUTES, hands.namespace, MODEL) is None

    hands.finish(EvaluationPhase.SUCCESSFUL)

    until("the route", hands.weights)
    assert hands.weights() == {f"{service}-predictor": 100}
    hands.accept_route()
    hands.wait_for_phase("Healthy")
    assert hands.condition("Ready")["status"] == "True"
    assert hands.condition("Promoted")["status"] == "True"
    assert hands.status("stable", "version") == "1.0.0"
    assert hands.status("url") == "http://sepsis.models.example:8080"


def test_a_fair_version_climbs_step_by_step(hands: Hands) -> None:
    first = hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    second = until("a second one", lambda: hands.candidate_service())
    assert second != first
    hands.load(second)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    for weight in (10, 50):
        hands.accept_weight(weight)
        assert hands.weights()[f"{first}-predictor"] == 100 - weight
    until("all requests", lambda: hands.weights() == {f"{second}-predictor": 100})
    hands.accept_route()
    hands.wait_for_phase("Healthy")

    assert hands.status("stable", "version") == "2.0.0"
    assert hands.status("previous", "version") == "1.0.0"
    assert set(hands.services()) == {first, second}
    outcomes = [text(entry, "outcome") for entry in items(hands.model(), "status", "history")]
    assert outcomes == ["Promoted", "Promoted"]
    assert {"CandidateCreated", "GatesPassed", "WeightSet", "Promoted"} <= set(hands.reasons())


def test_a_version_gets_all_requests_only_with_all_of_its_replicas(hands: Hands) -> None:
    first = hands.promote_first(rollout=STEPS)
    two: Manifest = {"spec": {"predictor": {"minReplicas": 2}}}
    hands.api.patch(MODELS, hands.namespace, MODEL, two)
    hands.apply_model("2.0.0")
    second = hands.candidate_service()
    hands.load(second, pods=1)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)
    hands.accept_weight(50)

    waits = lambda: text(hands.candidate(), "pause", "reason") == "NotEnoughReplicas"  # noqa: E731
    until("a wait for the other pod", waits)
    assert hands.weights() == {f"{first}-predictor": 50, f"{second}-predictor": 50}
    assert "1 of 2 replicas (spec.predictor.minReplicas) are" in hands.status("message")

    hands.run_pod(second)
    until("all requests", lambda: hands.weights() == {f"{second}-predictor": 100})


def test_a_version_that_fails_its_gates_never_gets_traffic(hands: Hands) -> None:
    first = hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    second = hands.candidate_service()
    hands.load(second)

    hands.finish(EvaluationPhase.FAILED, "FalseNegativeRate is too far apart")

    hands.wait_for_phase("Degraded")
    assert hands.weights() == {f"{first}-predictor": 100}
    assert "too far apart" in hands.status("message")
    assert hands.condition("Stalled")["reason"] == "GatesFailed"
    assert hands.condition("GatesPassed")["reason"] == "Failed"
    until("removal of the candidate", lambda: hands.services() == [first])


NO_WORSE: Manifest = {
    "name": "no-worse",
    "type": "Performance",
    "metric": "AUROC",
    "nonInferiority": {"margin": 0.05},
}


def test_data_go_to_no_server_but_those_of_the_candidate_and_of_stable(hands: Hands) -> None:
    gates = [*items(clinical_model(), "spec", "evaluation", "gates"), NO_WORSE]
    data = at(clinical_model(), "spec", "evaluation", "data")
    first = hands.promote_first(rollout=STEPS, evaluation={"data": data, "gates": gates})
    hands.apply_model("2.0.0")
    second = hands.candidate_service()
    hands.load(second)
    name = hands.running_evaluation()
    made = hands.api.get(EVALUATIONS, hands.namespace, name)
    stable = at(made, "spec", "stable")
    assert isinstance(made, dict)
    assert isinstance(stable, dict)
    assert stable["endpoint"] == f"http://{first}-predictor.{hands.namespace}.svc.cluster.local"
    assert (stable["version"], "interface" in stable) == ("1.0.0", False)

    evil: Manifest = {**stable, "endpoint": "http://elsewhere.example"}
    awaited = f"{name}-s3"  # any other name is deleted at once
    forged = {
        "apiVersion": API_VERSION,
        "kind": "Evaluation",
        "metadata": {
            "name": awaited,
            "labels": at(made, "metadata", "labels"),
            "ownerReferences": at(made, "metadata", "ownerReferences"),
        },
        "spec": {**cast(Manifest, made["spec"]), "stable": evil},
    }
    hands.api.create(EVALUATIONS, hands.namespace, cast(Manifest, forged))

    def verdict() -> str:
        return text(hands.api.get(EVALUATIONS, hands.namespace, awaited), "status", "message")

    until("the refusal of the forged one", verdict)
    assert verdict() == f"its endpoint is not that of revision {stable['revision']} of sepsis"
    assert hands.api.get(JOBS, hands.namespace, awaited) is None
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)


def test_an_evaluator_that_dies_without_a_word_pauses_the_rollout(hands: Hands) -> None:
    first = hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    hands.load(hands.candidate_service())

    hands.end_evaluator(hands.running_evaluation(), "", 1)

    hands.wait_for_phase("Paused")
    assert hands.condition("GatesPassed")["reason"] == "Error"
    assert hands.weights() == {f"{first}-predictor": 100}
    hands.decide("Retry", "again")
    until("a second attempt", lambda: hands.candidate().get("attempt") == 2)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)


def test_a_crash_is_named_with_the_containers_last_words(hands: Hands) -> None:
    hands.apply_model("1.0.0", rollout=STEPS)
    service = hands.candidate_service()
    started = time.monotonic()

    hands.crash(service, "ValueError: pickle from another scikit-learn", restarts=1)

    until("the last words", lambda: "another scikit-learn" in hands.status("message"), 5)
    assert time.monotonic() - started < 5
    assert hands.status("phase") == "Progressing"
    hands.crash(service, "ValueError: pickle from another scikit-learn", restarts=3)
    hands.wait_for_phase("Degraded")
    assert hands.condition("Stalled")["reason"] == "CandidateUnhealthy"


def test_a_new_version_supersedes_the_candidate_and_leaves_stable_alone(hands: Hands) -> None:
    first = hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    second = hands.candidate_service()
    hands.load(second)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)

    hands.apply_model("3.0.0")

    until("weight 0", lambda: hands.weights() == {f"{first}-predictor": 100})
    assert second in hands.services()
    hands.accept_route()
    until("removal of 2.0.0", lambda: second not in hands.services())
    third = hands.candidate_service()
    assert third in hands.services()
    outcomes = [text(entry, "outcome") for entry in items(hands.model(), "status", "history")]
    assert outcomes == ["Promoted", "Superseded"]


def test_going_back_within_keep_previous_is_instant(hands: Hands) -> None:
    first = hands.promote_first(rollout={**STEPS, "steps": []})
    hands.apply_model("2.0.0")
    second = hands.candidate_service()
    hands.load(second)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(100)
    until("2.0.0", lambda: hands.status("stable", "version") == "2.0.0")
    evaluations = len(hands.api.list(EVALUATIONS, hands.namespace))

    hands.apply_model("1.0.0")

    until("the first again", lambda: hands.weights() == {f"{first}-predictor": 100}, 5)
    hands.accept_route()
    hands.wait_for_phase("Healthy")
    history = items(hands.model(), "status", "history")
    assert text(history[-1], "outcome") == "FastRolledBack"
    assert len(hands.api.list(EVALUATIONS, hands.namespace)) == evaluations


def test_abort_sets_weight_0_and_retry_starts_over(hands: Hands) -> None:
    first = hands.promote_first(rollout={**STEPS, "onFailure": "Pause"})
    hands.apply_model("2.0.0")
    second = hands.candidate_service()
    hands.load(second)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)

    hands.decide("Abort", "stop", reason="too many alerts", decidedBy="ada@hospital.example")

    until("weight 0", lambda: hands.weights() == {f"{first}-predictor": 100})
    hands.accept_route()
    hands.wait_for_phase("Degraded")
    assert "ada@hospital.example" in hands.status("message")
    assert second in hands.services()
    time.sleep(1.1)  # of decisions of one second the more cautious has the last word
    hands.decide("Retry", "again")
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)


def test_approval_is_waited_for(hands: Hands) -> None:
    hands.apply_model("1.0.0", rollout={"steps": [{"approve": {}}]})
    hands.load(hands.candidate_service())
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.wait_for_phase("Paused")
    assert hands.weights() == {}

    hands.decide("Approve", "go")

    until("the route", hands.weights)
    history = items(hands.model(), "status", "history")
    assert text(items(history[-1], "deciders")[0], "decidedBy") == "ada@hospital.example"


@pytest.mark.parametrize("place", ["before the gates", "at the first weight", "at full weight"])
def test_killed_mid_rollout_it_comes_to_the_same_end(
    hands: Hands, operator: OperatorProcess, place: str
) -> None:
    hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    second = hands.candidate_service()
    hands.load(second)
    if place == "before the gates":
        operator.kill()
        operator.start()
    hands.finish(EvaluationPhase.SUCCESSFUL)
    for weight in (10, 50, 100):
        hands.accept_weight(weight)
        if (place, weight) in (("at the first weight", 10), ("at full weight", 100)):
            operator.kill()
            operator.start()
    hands.wait_for_phase("Healthy")
    assert hands.weights() == {f"{second}-predictor": 100}
    assert hands.status("stable", "version") == "2.0.0"


def test_a_model_deleted_mid_rollout_leaves_nothing_behind(hands: Hands) -> None:
    hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    hands.load(hands.candidate_service())
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)

    hands.api.delete(MODELS, hands.namespace, MODEL)

    for kind in (SERVICES, ROUTES, EVALUATIONS, JOBS):
        until_none(hands.api, kind, hands.namespace, 40)


def test_without_a_gateway_it_says_so_and_goes_on_when_there_is_one(
    api: Api, namespace: str, operator: OperatorProcess
) -> None:
    hands = Hands(api, namespace)
    hands.apply_model("1.0.0")
    hands.wait_for_phase("Degraded")
    assert hands.condition("Stalled")["reason"] == "GatewayMissing"
    assert f"{namespace}/clinical" in hands.status("message")

    hands.make_gateway()

    until("progress", lambda: hands.condition("Stalled").get("status") == "False")


def test_nothing_is_written_to_the_users_object_but_its_status(hands: Hands) -> None:
    hands.promote_first(rollout=STEPS)
    metadata = at(hands.model(), "metadata")
    assert not at(metadata, "annotations")
    assert not at(metadata, "finalizers")


def test_a_settled_model_costs_no_writes(hands: Hands) -> None:
    hands.promote_first(rollout=STEPS)
    before = text(hands.model(), "metadata", "resourceVersion")
    hands.api.patch(MODELS, hands.namespace, MODEL, {"metadata": {"labels": {"ward": "icu"}}})
    time.sleep(1)
    managers = {text(m, "manager") for m in items(hands.model(), "metadata", "managedFields")}
    assert "mlhops" in managers
    after = text(hands.model(), "metadata", "resourceVersion")
    assert int(after) > int(before)
    time.sleep(0.5)
    assert text(hands.model(), "metadata", "resourceVersion") == after


def test_an_object_of_somebody_else_is_left_alone_and_named(hands: Hands) -> None:
    manifest = hands.manifest("1.0.0")
    spec = ClinicalModel.model_validate(with_path(manifest, "metadata.uid", "x")).spec
    name = service_name(MODEL, revision_of(spec))
    theirs: Manifest = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name},
        "spec": {"predictor": {"minReplicas": 7}},
    }
    hands.api.create(SERVICES, hands.namespace, theirs)

    hands.apply_model("1.0.0")

    hands.wait_for_phase("Degraded")
    assert f"inferenceservices/{name} exists and belongs to somebody else" in hands.status(
        "message"
    )
    untouched = hands.api.get(SERVICES, hands.namespace, name)
    assert at(untouched, "spec", "predictor") == {"minReplicas": 7}
    hands.api.delete(SERVICES, hands.namespace, name)
    until(
        "one of ours", lambda: text(hands.candidate(), "inferenceService") in hands.services(), 40
    )
    until("no complaint", lambda: hands.condition("Stalled").get("status") == "False")


ALLOWED = [
    ("mlhops.io", ["clinicalmodels", "clinicalmodels/status", "evaluations", "decisions"]),
    ("mlhops.io", ["monitoringpolicies", "monitoringpolicies/status"]),
    ("serving.kserve.io", ["inferenceservices"]),
    ("gateway.networking.k8s.io", ["gateways", "httproutes"]),
    ("batch", ["jobs"]),
    ("apps", ["controllerrevisions"]),
    ("", ["pods", "configmaps", "events"]),
]


def grant(hands: Hands, user: str, verbs: dict[str, list[str]]) -> None:
    """Let a user do everything that the operator does, but for some resources only some verbs."""
    rules = [
        {
            "apiGroups": [group],
            "resources": [resource],
            "verbs": verbs.get(resource, ["*"]),
        }
        for group, resources in ALLOWED
        for resource in resources
    ]
    name = f"{user}-{hands.namespace}"
    path = "/apis/rbac.authorization.k8s.io/v1"
    role = {"metadata": {"name": name}, "rules": rules}
    answer = hands.api.http.put(f"{path}/clusterroles/{name}", json=role)
    if answer.status_code == 404:
        hands.api.http.post(f"{path}/clusterroles", json=role).raise_for_status()
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    hands.api.http.post(f"{path}/clusterrolebindings", json=binding)


@pytest.mark.parametrize(
    ("resource", "verbs", "reason"),
    [
        ("inferenceservices", ["get", "list", "watch"], "WriteRefused"),
        ("decisions", ["watch"], "ReadRefused"),
    ],
)
def test_a_missing_permission_is_named_and_the_model_goes_on_when_it_is_granted(
    control_plane: ControlPlane,
    api: Api,
    namespace: str,
    tmp_path: Path,
    resource: str,
    verbs: list[str],
    reason: str,
) -> None:
    hands = Hands(api, namespace)
    hands.make_gateway()
    user = f"restricted-{resource}"
    grant(hands, user, {resource: verbs})
    log = tmp_path / "operator.log"
    process = OperatorProcess(control_plane.kubeconfig_for(user), namespace, log)
    process.start()
    try:
        hands.apply_model("1.0.0")
        until(reason, lambda: hands.condition("Stalled").get("reason") == reason)
        assert resource in hands.status("message")
        version = text(hands.model(), "metadata", "resourceVersion")
        time.sleep(2)
        assert text(hands.model(), "metadata", "resourceVersion") == version

        grant(hands, user, {})

        until("no complaint", lambda: hands.condition("Stalled").get("status") == "False", 30)
        hands.candidate_service()
    finally:
        process.stop()
        print(log.read_text()[-3000:])


def test_it_waits_for_kserve_and_gateway_api_to_be_installed(tmp_path: Path) -> None:
    with ControlPlane.start(install=[REPOSITORY / "crds"]) as plane:
        api = Api(plane.kubeconfig)
        process = OperatorProcess(plane.kubeconfig, "", tmp_path / "operator.log")
        process.start()
        try:
            hands = Hands(api, "default")
            hands.apply_model("1.0.0")

            def stalled() -> str:
                return text(hands.condition("Stalled"), "reason")

            until("word of KServe", lambda: stalled() == "KServeMissing")
            plane.install(kserve_crds())
            until("word of Gateway API", lambda: stalled() == "GatewayAPIMissing")
            plane.install(gateway_api_crds())
            until("word of the Gateway", lambda: stalled() == "GatewayMissing")
            hands.make_gateway()
            until("no complaint", lambda: hands.condition("Stalled")["status"] == "False")
            hands.candidate_service()
        finally:
            process.stop()
            api.close()
            print((tmp_path / "operator.log").read_text()[-4000:])
