"""What KServe, Kubernetes and the Gateway say stands in the status within seconds, and goes when it is over.

That pods are forbidden is said by the real admission and the real ReplicaSet controller.
"""

import time

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import EVENTS, RUNTIMES, Kind
from mlhops.json_access import at, items, text
from testkit.api import until
from testkit.builders import clinical_model, serving_runtime
from testkit.fake_controllers import Hands

SECONDS = 5.0
"""Within so many the words stand in the status."""
NAMESPACES = Kind("", "v1", "namespaces", cluster=True)
QUOTAS = Kind("", "v1", "resourcequotas")
LIMIT_RANGES = Kind("", "v1", "limitranges")
RANGE: Manifest = {"metadata": {"name": "r"}}


def wait_for_words(hands: Hands, words: str) -> None:
    """Wait until the status has these words, for some seconds only."""
    begun = time.monotonic()
    until(f"word of {words!r}", lambda: words in hands.status("message"), SECONDS)
    print(f"told after {time.monotonic() - begun:.2f} s: {words}")


def wait_for_peace(hands: Hands) -> None:
    """Wait until nothing is wrong any more, for some seconds only."""
    until("peace", lambda: hands.status("message") == "1.0.0 serves all requests", SECONDS)


def history(hands: Hands) -> list[Manifest]:
    return items(hands.model(), "status", "history")


def test_pods_that_security_forbids_are_told_in_seconds_and_stay_in_the_history(
    hands: Hands,
) -> None:
    label: Manifest = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    hands.api.patch(NAMESPACES, "", hands.namespace, label)
    hands.apply_model("1.0.0", rollout={"progressDeadline": "6s"})

    words = hands.cannot_create(hands.candidate_service())

    assert 'violates PodSecurity "restricted:latest"' in words
    wait_for_words(hands, f"1.0.0 at 0 %: FailedCreate: {words}"[:300])
    assert hands.status("phase") == "Progressing"
    until("an Event", lambda: "CandidateWaiting" in hands.reasons())
    hands.wait_for_phase("Degraded")
    assert "not ready within 6s: FailedCreate: pods" in hands.status("message")
    until("its end", lambda: not hands.services())
    assert 'violates PodSecurity "restricted:latest"' in text(history(hands)[-1], "message")
    assert text(history(hands)[-1], "outcome") == "RolledBack"


def of_containers(**bounds: Json) -> Json:
    """What a LimitRange says of each container."""
    return {"limits": [{"type": "Container", **bounds}]}


def asking(**resources: Json) -> Manifest:
    """A predictor whose model server asks for these resources."""
    predictor = at(clinical_model(), "spec", "predictor")
    assert isinstance(predictor, dict)
    return {**predictor, "resources": resources}


@pytest.mark.parametrize(
    ("bounds", "memory", "reason", "remedy"),
    [
        (
            {"max": {"memory": "1Gi"}},
            {"limits": {"memory": "3Gi"}, "requests": {"memory": "512Mi"}},
            "maximum memory usage per Container is 1Gi, but limit is 3Gi",
            "(a LimitRange of the namespace: keep within it in spec.predictor.resources, or change it)",
        ),
        (
            {"default": {"memory": "256Mi"}},
            {"requests": {"memory": "512Mi"}},
            "must be less than or equal to memory limit of 256Mi",
            "(a LimitRange sets the limit where none is set: set limits too in spec.predictor.resources)",
        ),
    ],
    ids=["above the most", "above the default"],
)
def test_a_limit_range_that_forbids_pods_is_named_with_the_field_that_helps(
    hands: Hands, bounds: Manifest, memory: Manifest, reason: str, remedy: str
) -> None:
    hands.api.create(LIMIT_RANGES, hands.namespace, {**RANGE, "spec": of_containers(**bounds)})
    hands.apply_model("1.0.0", predictor=asking(**memory))

    words = hands.cannot_create(hands.candidate_service())

    assert reason in words
    wait_for_words(hands, f"1.0.0 at 0 %: FailedCreate: {words} {remedy}")
    assert text(hands.candidate(), "trouble").endswith(remedy)


def test_a_quota_that_forbids_pods_is_told_as_the_api_server_names_it(hands: Hands) -> None:
    hard: Manifest = {"limits.memory": "1Gi"}
    spent: Manifest = {"hard": hard, "used": {"limits.memory": "0"}}
    made: Manifest = {"metadata": {"name": "of-the-ward"}, "spec": {"hard": hard}}
    hands.api.create(QUOTAS, hands.namespace, made)
    # What the quota controller would write, which the lab does not run.
    hands.api.patch(QUOTAS, hands.namespace, "of-the-ward", {"status": spent}, "status")
    hands.apply_model("1.0.0", predictor=asking(limits={"memory": "3Gi"}))

    words = hands.cannot_create(hands.candidate_service())

    assert "exceeded quota: of-the-ward, requested: limits.memory=" in words
    wait_for_words(hands, f"1.0.0 at 0 %: FailedCreate: {words}")


def test_what_a_limit_range_adds_to_pods_is_nobodys_edit_and_its_bounds_are_told_of_evaluators(
    hands: Hands,
) -> None:
    bounds = of_containers(max={"memory": "2Gi"}, default={"memory": "1Gi", "cpu": "2"})
    hands.api.create(LIMIT_RANGES, hands.namespace, {**RANGE, "spec": bounds})
    evaluation = at(clinical_model(), "spec", "evaluation")
    assert isinstance(evaluation, dict)
    large: Json = {"limits": {"memory": "3Gi"}}
    hands.apply_model("1.0.0", evaluation={**evaluation, "resources": large})
    service = hands.candidate_service()

    hands.load(service)

    pod = hands.pods_of(service)[0]
    server = next(
        one for one in items(pod, "spec", "containers") if one["name"] != "drift-detector"
    )
    assert at(server, "resources", "limits") == {"cpu": "2", "memory": "1Gi"}
    until("why", lambda: "the evaluator cannot start" in hands.status("message"), 30)
    assert "maximum memory usage per Container is 2Gi, but limit is 3Gi (a LimitRange" in (
        hands.status("message")
    )
    assert "spec.evaluation.resources" in hands.status("message")
    assert text(hands.candidate(), "trouble") == ""


def test_a_server_that_has_no_model_of_the_name_is_told_with_what_the_artefact_must_be_called(
    hands: Hands,
) -> None:
    triton = serving_runtime("ServingRuntime", {"metadata.name": "tritonserver"})
    hands.api.create(RUNTIMES, hands.namespace, triton)
    hands.apply_model("1.0.0", predictor={**asking(), "runtime": "tritonserver"})
    service = hands.candidate_service()
    pod = hands.pods_of(service)[0]
    said = "Startup probe failed: HTTP probe failed with statuscode: 400"
    about = {field: at(pod, "metadata", field) for field in ("name", "namespace", "uid")}
    event: Manifest = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", **about}}
    event |= {"reason": "Unhealthy", "message": said, "count": 3, "type": "Warning"}
    hands.api.create(EVENTS, hands.namespace, event)

    hands.run_pod(service, ready=False)

    wait_for_words(
        hands, "1.0.0 at 0 %: its server answers HTTP 400 for a model sepsis: its runtime"
    )
    assert "whose folder or archive must be named sepsis" in hands.status("message")
    assert hands.status("phase") == "Progressing"


@pytest.mark.parametrize(
    ("reason", "message", "words"),
    [
        ("ReconcileFailed", 'Service "x" is invalid', 'ReconcileFailed: Service "x" is invalid'),
        ("Stopped", "", "Stopped: the InferenceService has the annotation"),
        ("ProgressDeadlineExceeded", "timed out", "ProgressDeadlineExceeded: timed out"),
    ],
)
def test_what_kserve_says_stands_in_the_status_until_it_is_over(
    hands: Hands, reason: str, message: str, words: str
) -> None:
    hands.apply_model("1.0.0")
    service = hands.candidate_service()

    hands.say(service, reason, message)
    wait_for_words(hands, words)

    hands.say(service, "MinimumReplicasUnavailable", "not there yet")
    wait_for_words(hands, "waiting for the model server to be ready")
    assert text(hands.candidate(), "trouble") == ""


def test_a_candidate_that_is_replaced_takes_its_reason_into_the_history(hands: Hands) -> None:
    hands.apply_model("1.0.0")
    hands.say(hands.candidate_service(), "FailedCreate", "exceeded quota: none")
    wait_for_words(hands, "exceeded quota: none")

    hands.apply_model("2.0.0")

    until("history", lambda: history(hands))
    assert text(history(hands)[0], "message") == (
        "replaced by 2.0.0 before it was promoted (FailedCreate: exceeded quota: none)"
    )


def test_what_serves_and_cannot_have_its_pods_says_so(hands: Hands) -> None:
    service = hands.promote_first()
    hands.run_pod(service, ready=False)

    hands.say(service, "FailedCreate", "exceeded quota: none")

    wait_for_words(hands, "1.0.0: FailedCreate: exceeded quota: none")
    assert hands.status("phase") == "Degraded"
    assert hands.condition("Available")["status"] == "False"
    hands.load(service)
    wait_for_peace(hands)


def test_a_gateway_that_takes_no_requests_is_told_until_it_does(hands: Hands) -> None:
    hands.promote_first()

    hands.program_gateway("False", "AddressNotAssigned", "no address")

    wait_for_words(hands, "of the Gateway Programmed is False: AddressNotAssigned: no address")
    assert hands.condition("Available")["reason"] == "GatewayNotProgrammed"
    hands.program_gateway("True", "Programmed")
    wait_for_peace(hands)
    assert hands.condition("Available")["status"] == "True"


def test_backends_without_endpoints_are_told_until_they_have_some(hands: Hands) -> None:
    service = hands.promote_first()

    hands.miss_endpoints(f"no ready endpoints for {service}-predictor")

    wait_for_words(hands, f"EndpointsNotFound: no ready endpoints for {service}-predictor")
    assert hands.condition("Available")["reason"] == "BackendsUnavailable"
    hands.accept_route()
    wait_for_peace(hands)
