"""What serves is what was measured: another image, another runtime, and a pod of somebody else's are told."""

from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.kube.relist import RELIST_SECONDS
from mlhops.controller.resources import CLUSTER_RUNTIMES, EVALUATIONS, PODS, RUNTIMES, SERVICES
from mlhops.json_access import at, text
from mlhops.kserve.names import app_of
from testkit.api import until
from testkit.builders import serving_runtime
from testkit.fake_controllers import MODEL, Hands

OTHER = "sha256:" + "2" * 64
STEPS: Manifest = {"steps": [{"setWeight": 10}, {"pause": {}}]}


def kserve_chose(hands: Hands, service: str) -> None:
    """KServe says which runtime of the cluster it has chosen."""
    status: Manifest = {"status": {"clusterServingRuntimeName": "sklearn"}}
    hands.api.patch(SERVICES, hands.namespace, service, status, "status")


def test_another_image_under_the_same_tag_is_told_and_serves_on(hands: Hands) -> None:
    service = hands.promote_first()

    hands.run_pod(service, image=OTHER)

    until("word of it", lambda: hands.condition("Ready").get("reason") == "ServerChanged")
    assert hands.status("phase") == "Degraded"
    assert "sha256:222222222222 was not measured" in hands.status("message")
    assert hands.weights() == {f"{service}-predictor": 100}
    until("an Event", lambda: "ServerChanged" in hands.reasons())

    hands.run_pod(service)
    hands.wait_for_phase("Healthy")


def test_a_candidate_whose_image_changes_loses_its_traffic_and_is_evaluated_anew(
    hands: Hands,
) -> None:
    first = hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    second = hands.candidate_service()
    hands.load(second)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)

    hands.run_pod(second, image=OTHER)

    until("all on the first", lambda: hands.weights() == {f"{first}-predictor": 100})
    hands.accept_route()
    name = hands.running_evaluation()
    spec = at(hands.api.get(EVALUATIONS, hands.namespace, name), "spec", "server")
    assert f"kserve-container={OTHER}" in cast(list[str], spec)
    assert hands.candidate()["attempt"] == 2


def test_a_runtime_of_the_namespace_that_shadows_the_clusters_is_told(hands: Hands) -> None:
    if hands.api.get(CLUSTER_RUNTIMES, "", "sklearn") is None:
        hands.api.create(CLUSTER_RUNTIMES, "", serving_runtime("ClusterServingRuntime"))
    hands.apply_model("1.0.0")
    service = hands.candidate_service()
    kserve_chose(hands, service)
    hands.load(service)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    until("the first route", hands.weights)
    hands.accept_route()
    hands.wait_for_phase("Healthy")

    hands.api.create(RUNTIMES, hands.namespace, serving_runtime("ServingRuntime"))

    until("word of it", lambda: hands.condition("Ready").get("reason") == "RuntimeChanged")
    assert "ServingRuntime/sklearn" in hands.status("message")
    hands.api.delete(RUNTIMES, hands.namespace, "sklearn")
    hands.wait_for_phase("Healthy")


def test_the_runtime_that_kserve_would_choose_is_named_and_told_the_models_name_in_its_way(
    hands: Hands,
) -> None:
    format_: Json = {"name": "sklearn", "autoSelect": True, "priority": 9}
    hands.api.create(
        RUNTIMES,
        hands.namespace,
        serving_runtime(
            "ServingRuntime",
            {
                "metadata.name": "kserve-mlserver",
                "spec.protocolVersions": ["v2"],
                "spec.supportedModelFormats": [format_],
            },
        ),
    )
    hands.apply_model("1.0.0")

    live = hands.api.get(SERVICES, hands.namespace, hands.candidate_service())
    model = at(live, "spec", "predictor", "model")
    assert text(model, "runtime") == "kserve-mlserver"
    assert at(model, "env") == [{"name": "MLSERVER_MODEL_NAME", "value": MODEL}]
    assert at(model, "args") is None


def test_a_pod_behind_the_service_that_kserve_has_not_made_is_named(hands: Hands) -> None:
    service = hands.promote_first()
    labels: Manifest = {"app": app_of(service)}
    container: Manifest = {"name": "theirs", "image": "none"}
    rogue: Manifest = {
        "metadata": {"name": "rogue", "labels": labels},
        "spec": {"containers": [container]},
    }
    hands.api.create(PODS, hands.namespace, rogue)

    def told() -> bool:
        return hands.condition("Stalled").get("reason") == "ForeignPod"

    until("word of the pod", told, RELIST_SECONDS + 15)
    assert "pod rogue gets requests" in hands.status("message")
    assert text(hands.model(), "metadata", "name") == MODEL

    hands.api.delete(PODS, hands.namespace, "rogue")
    until("that it is gone", lambda: not told(), RELIST_SECONDS + 15)


def test_a_pod_of_somebody_elses_that_says_ready_hides_no_outage(hands: Hands) -> None:
    first = hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    second = hands.candidate_service()
    hands.load(second)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)
    labels: Manifest = {"mlhops.io/model": MODEL, "serving.kserve.io/inferenceservice": second}
    container: Manifest = {"name": "theirs", "image": "none"}
    fake: Manifest = {
        "metadata": {"name": "looks-well", "labels": labels},
        "spec": {"containers": [container]},
    }
    hands.api.create(PODS, hands.namespace, fake)
    ready: Manifest = {"type": "Ready", "status": "True"}
    status: Manifest = {"status": {"phase": "Running", "conditions": [ready]}}
    hands.api.patch(PODS, hands.namespace, "looks-well", status, "status")

    hands.load(second, ready=False)

    until("all on the first", lambda: hands.weights() == {f"{first}-predictor": 100})
    hands.wait_for_phase("Degraded")
