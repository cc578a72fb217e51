"""KServe itself, installed by its own manifests: what the operator writes goes through its webhooks and serves."""

from lab.cluster import Cluster
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import SERVICES
from mlhops.json_access import items, text
from mlhops.kserve.names import backend
from testkit.callers import GOOD, callers
from testkit.ward import Ward

SECONDS = 240.0


def written_by_kserve(ward: Ward, service: str) -> bool:
    """Whether an InferenceService has what only KServe's own defaulter and controller write."""
    live = ward.api.get(SERVICES, ward.namespace, service)
    managers = [text(one, "manager") for one in items(live, "metadata", "managedFields")]
    return (
        text(live, "metadata", "annotations", "modelFormat") == "sklearn"
        and text(live, "status", "deploymentMode") == "Standard"
        and text(live, "status", "clusterServingRuntimeName") == "kserve-sklearnserver"
        and "manager" in managers
    )


def test_a_model_goes_through_the_gate_and_serves_and_one_that_is_unfair_gets_no_request(
    ward: Ward,
) -> None:
    ward.apply("1.0.0")
    first = ward.wait("Healthy", SECONDS, version="1.0.0").status.stable
    assert first is not None
    assert first.proof is not None
    assert first.proof.phase is EvaluationPhase.SUCCESSFUL
    assert written_by_kserve(ward, first.inference_service)

    with callers(ward, lambda _: GOOD) as statuses:
        ward.apply("2.0.0")
        ward.wait("Degraded", SECONDS)
    assert ward.weights()[backend(first.inference_service)] == 100
    assert set(statuses) == {200}


def test_while_kserve_is_away_what_serves_goes_on_and_the_next_version_waits_for_it(
    ward: Ward, cluster: Cluster
) -> None:
    ward.apply("1.0.0")
    ward.wait("Healthy", SECONDS, version="1.0.0")
    assert cluster.kserve is not None
    cluster.kserve.kill()
    with callers(ward, lambda _: GOOD) as statuses:
        ward.apply("3.0.0")
        ward.wait_for_message("inferenceservice.kserve-webhook-server.defaulter", 60)
        cluster.kserve.start()
        second = ward.wait("Healthy", SECONDS, version="3.0.0").status.stable
    assert second is not None
    assert ward.weights()[backend(second.inference_service)] == 100
    assert set(statuses) == {200}
