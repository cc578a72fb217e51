"""The stand-in for a gateway writes what a real one was seen to write, and serves what it says."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from lab.client import Object
from lab.cluster import Cluster
from lab.gateway.controller import ROUTES
from lab.gateway.status import CONTROLLER
from tests.conformance.recorder import Recorder, assert_same_sequence, collapsed, without

pytestmark = pytest.mark.reference("gateway-samples")

A, B, MISSING = "sepsis-a-predictor", "sepsis-b-predictor", "sepsis-missing"


def service(name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "icu"},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "http"}]},
    }


def pod(name: str) -> Object:
    container = {
        "name": "server",
        "image": "listener",
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": "http"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "icu", "labels": {"app": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }


def route(
    name: str,
    weights: dict[str, int],
    *,
    namespace: str = "icu",
    parent: str = "models",
) -> Object:
    backends = [
        {"group": "", "kind": "Service", "name": backend, "port": 80, "weight": weight}
        for backend, weight in weights.items()
    ]
    group = "gateway.networking.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "hostnames": [f"{name}.example.com"],
            "parentRefs": [{"group": group, "kind": "Gateway", "name": parent, "namespace": "icu"}],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "backendRefs": backends,
                }
            ],
        },
    }


@pytest.fixture(scope="module")
def gateway(cluster: Cluster) -> Iterator[str]:
    """A Gateway that takes routes of its own namespace; the address of its listener."""
    cluster.apply(
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "models", "namespace": "icu"},
            "spec": {
                "gatewayClassName": "lab",
                "listeners": [{"name": "http", "port": 8080, "protocol": "HTTP"}],
            },
        },
        service(A),
        service(B),
    )
    yield cluster.gateway_address("icu", "models")
    cluster.kubectl("delete", "gateway,service,pod", "--all", "--namespace=icu")


@pytest.fixture
def recorder(cluster: Cluster, gateway: str) -> Iterator[Recorder]:
    with Recorder(cluster.kubeconfig, ROUTES) as running:
        yield running
    for namespace in ("icu", "other"):
        cluster.kubectl("delete", "httproutes", "--all", f"--namespace={namespace}")


@pytest.fixture
def backends(cluster: Cluster, gateway: str) -> None:
    cluster.apply(pod(A), pod(B))
    wait_for_pods(cluster)


def wait_for_pods(cluster: Cluster) -> None:
    cluster.kubectl(
        "wait", "--for=condition=Ready", "--timeout=30s", "--namespace=icu", "pod", A, B
    )


def comparable(version: Object) -> object:
    status = json.loads(
        json.dumps(version["status"]).replace(
            "gateway.envoyproxy.io/gatewayclass-controller", CONTROLLER
        )
    )
    return without({**version, "status": status}, "lastTransitionTime")


def sampled(folder: Path, scenario: str) -> list[object]:
    text = (folder / "gateway-samples" / "httproute-statuses.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    return [
        comparable({name: line[name] for name in ("generation", "spec", "status")})
        for line in lines
        if line["scenario"] == scenario
    ]


def recorded(recorder: Recorder, name: str) -> list[object]:
    versions = [
        {
            "generation": one["metadata"]["generation"],
            "spec": one["spec"],
            "status": one.get("status"),
        }
        for one in recorder.of(name)
    ]
    return collapsed([comparable(one) for one in versions])


def settled(version: Object) -> bool:
    """Whether the route's parent has answered for the generation that is there."""
    parents = (version.get("status") or {}).get("parents", [])
    generations = {c["observedGeneration"] for one in parents for c in one["conditions"]}
    return generations == {version["metadata"]["generation"]}


def settled_at(generation: int, version: Object) -> bool:
    return settled(version) and version["metadata"]["generation"] == generation


def available(version: Object) -> bool:
    parents = (version.get("status") or {}).get("parents", [])
    kinds = [c["type"] for one in parents for c in one["conditions"]]
    return settled(version) and "BackendsAvailable" not in kinds


def test_a_route_without_ready_endpoints_says_so_until_there_are_some(
    cluster: Cluster, recorder: Recorder, reference: Path
) -> None:
    cluster.kubectl("delete", "pod", "--all", "--namespace=icu")
    cluster.apply(route("noendpoints", {A: 100, B: 0}))
    recorder.wait("noendpoints", settled)
    cluster.apply(pod(A), pod(B))
    recorder.wait("noendpoints", available)
    assert_same_sequence(recorded(recorder, "noendpoints"), sampled(reference, "noendpoints"))


def test_each_change_of_weights_is_confirmed_with_its_generation(
    cluster: Cluster, recorder: Recorder, reference: Path, backends: None
) -> None:
    for generation, weight in enumerate((0, 10, 100), start=1):
        cluster.apply(route("ok", {A: 100 - weight, B: weight}))
        recorder.wait("ok", partial(settled_at, generation))
    assert_same_sequence(recorded(recorder, "ok"), sampled(reference, "ok"))


def test_a_missing_service_is_named_and_its_share_is_answered_with_500(
    cluster: Cluster, recorder: Recorder, reference: Path, backends: None, gateway: str
) -> None:
    cluster.apply(route("missing", {A: 100, MISSING: 0}))
    recorder.wait("missing", settled)
    assert statuses(gateway, "missing") == {200}
    cluster.apply(route("missing", {A: 90, MISSING: 10}))
    recorder.wait("missing", partial(settled_at, 2))
    assert statuses(gateway, "missing") == {200, 500}
    assert_same_sequence(recorded(recorder, "missing"), sampled(reference, "missing"))


def test_a_parent_that_does_not_exist_stays_silent(
    cluster: Cluster, recorder: Recorder, reference: Path, backends: None
) -> None:
    cluster.apply(route("nogw", {A: 100, B: 0}, parent="nosuch"), route("ok", {A: 100, B: 0}))
    recorder.wait("ok", settled)  # the controller has passed over both
    assert_same_sequence(recorded(recorder, "nogw"), sampled(reference, "nogw"))


def test_a_listener_refuses_routes_of_another_namespace(
    cluster: Cluster, recorder: Recorder, reference: Path
) -> None:
    cluster.apply(route("notallowed", {A: 100, B: 0}, namespace="other"))
    recorder.wait("notallowed", settled)
    assert_same_sequence(recorded(recorder, "notallowed"), sampled(reference, "notallowed"))


def test_all_weights_zero_are_accepted_and_answered_with_500(
    cluster: Cluster, recorder: Recorder, reference: Path, backends: None, gateway: str
) -> None:
    cluster.apply(route("zero", {A: 0, B: 0}))
    recorder.wait("zero", settled)
    assert statuses(gateway, "zero") == {500}
    assert_same_sequence(recorded(recorder, "zero"), sampled(reference, "zero"))


def statuses(gateway: str, name: str, requests: int = 150) -> set[int]:
    """The statuses that a route's requests are answered with."""
    connection = http.client.HTTPConnection(gateway, timeout=5)
    seen: Counter[int] = Counter()
    for _ in range(requests):
        connection.request("GET", "/", headers={"Host": f"{name}.example.com"})
        answer = connection.getresponse()
        answer.read()
        seen[answer.status] += 1
    connection.close()
    return set(seen)
