"""The lab itself, without the operator: model servers of KServe behind Envoy, through weights that change."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import joblib
import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from lab.client import Object
from lab.cluster import Cluster

NAMESPACE, HOST = "serving", "m.example.com"
REQUEST = json.dumps({"instances": [[1.0, None, 3.0]]}).encode()
START_A_CLUSTER = """
import os, sys, time
from lab.cluster import Cluster
with Cluster.start() as cluster:
    print(os.getpid(), cluster.root, cluster.proxy, flush=True)
    time.sleep(600)
"""
STUBBORN = """
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "600"])
print("deaf", flush=True)
time.sleep(600)
"""


def inference_service(
    name: str, *, logged: bool, annotations: dict[str, str], replicas: int = 1
) -> Object:
    predictor: Object = {
        "minReplicas": replicas,
        "maxReplicas": replicas,
        "annotations": annotations,
        "model": {
            "modelFormat": {"name": "sklearn"},
            "runtime": "kserve-sklearnserver",
            "storageUri": f"pvc://models/{name}",
            "args": ["--model_name=m"],
        },
    }
    if logged:
        predictor["logger"] = {"mode": "all", "url": "http://localhost:9500/"}
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "labels": {"networking.kserve.io/visibility": "cluster-local"},
        "annotations": {
            "serving.kserve.io/autoscalerClass": "none",
            "serving.kserve.io/deploymentMode": "Standard",
        },
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": predictor},
    }


def route(weight: int) -> Object:
    backends = [
        {"name": "a-predictor", "port": 80, "weight": 100 - weight},
        {"name": "b-predictor", "port": 80, "weight": weight},
    ]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "m", "namespace": NAMESPACE},
        "spec": {
            "hostnames": [HOST],
            "parentRefs": [{"name": "models"}],
            "rules": [{"backendRefs": backends}],
        },
    }


class Clients:
    """Threads that send requests all the time and count who answered, or what went wrong."""

    def __init__(self, address: str, host: str = HOST, count: int = 3) -> None:
        self.seen: Counter[str] = Counter()
        self._address = address
        self._host = host
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def during(self, seconds: float) -> Counter[str]:
        before = self.seen.copy()
        time.sleep(seconds)
        return self.seen - before

    def _send(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=10)
        while not self._stop.is_set():
            self.seen[ask(connection, self._host)] += 1
        connection.close()


def ask(connection: http.client.HTTPConnection, host: str) -> str:
    """Which model answered: `a` predicts 0 and `b` predicts 1."""
    headers = {"Host": host, "Content-Type": "application/json"}
    try:
        connection.request("POST", "/v1/models/m:predict", REQUEST, headers)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return repr(error)
    return "ab"[json.loads(body)["predictions"][0]] if answer.status == 200 else body.decode()


@pytest.fixture(scope="module")
def address(cluster: Cluster) -> Iterator[str]:
    """Two models behind one route, all of it to `a`; the Gateway's address."""
    cluster.kubectl("create", "namespace", NAMESPACE)
    for name, label in (("a", 0), ("b", 1)):
        save(cluster.volumes / NAMESPACE / "models" / name, label)
    gateway: Object = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "models", "namespace": NAMESPACE},
        "spec": {
            "gatewayClassName": "lab",
            "listeners": [{"name": "http", "port": 8080, "protocol": "HTTP"}],
        },
    }
    cluster.apply(
        gateway,
        inference_service("a", logged=True, annotations={}),
        inference_service("b", logged=False, annotations={}),
        route(0),
    )
    wait_for_ready(cluster, "a", "b")
    yield cluster.gateway_address(NAMESPACE, "models")
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def save(folder: Path, label: int) -> None:
    folder.mkdir(parents=True)
    model = DummyClassifier(strategy="constant", constant=label)
    joblib.dump(model.fit(np.zeros((2, 3)), [0, 1]), folder / "model.joblib")


def wait_for_ready(cluster: Cluster, *names: str) -> None:
    target = [f"inferenceservice/{name}" for name in names]
    cluster.kubectl(
        "wait", "--for=condition=Ready", "--timeout=60s", f"--namespace={NAMESPACE}", *target
    )


def wait_for_route(cluster: Cluster) -> None:
    generation = cluster.kubectl(
        "get", "httproute", "m", f"--namespace={NAMESPACE}", "-o=jsonpath={.metadata.generation}"
    )
    observed = "{.status.parents[0].conditions[0].observedGeneration}"
    cluster.kubectl(
        "wait",
        "httproute/m",
        f"--namespace={NAMESPACE}",
        f"--for=jsonpath={observed}={generation}",
        "--timeout=10s",
    )


def until(holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_weights_move_requests_and_no_request_fails_on_the_way(
    cluster: Cluster, address: str
) -> None:
    with Clients(address) as clients:
        assert set(clients.during(1.0)) == {"a"}
        for weight in (50, 100, 10, 0):
            cluster.apply(route(weight))
            wait_for_route(cluster)
            time.sleep(0.2)  # requests that were on their way
            seen = clients.during(1.5)
            share = seen["b"] / seen.total()
            assert abs(share - weight / 100) < 0.15, (weight, seen)
    assert set(clients.seen) == {"a", "b"}


def test_a_service_is_reached_by_its_name_through_the_proxy(cluster: Cluster, address: str) -> None:
    connection = http.client.HTTPConnection(cluster.proxy.removeprefix("http://"), timeout=5)
    for name, expected in ((f"b-predictor.{NAMESPACE}.svc.cluster.local", 200), ("nowhere", 502)):
        connection.request("GET", f"http://{name}/v2/health/ready")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == expected, name
    connection.close()


def test_kubectl_shows_a_containers_output(cluster: Cluster, address: str) -> None:
    lines = cluster.kubectl("logs", f"--namespace={NAMESPACE}", "deployment/b-predictor")
    assert "Uvicorn running on" in lines


def test_a_fault_that_is_asked_for_later_takes_effect(cluster: Cluster, address: str) -> None:
    pods = ("pods", "--selector=app=isvc.b-predictor", f"--namespace={NAMESPACE}")
    cluster.kubectl("annotate", *pods, "lab/fault=crash")
    reason = "{.items[0].status.containerStatuses[0].lastState.terminated.message}"
    until(
        lambda: "cannot load" in cluster.kubectl("get", *pods, f"--output=jsonpath={reason}"),
        "the container's last words in its pod's status",
    )
    cluster.kubectl("annotate", *pods, "lab/fault-")
    wait_for_ready(cluster, "b")


def test_a_slow_model_answers_late_and_an_unready_one_not_at_all(
    cluster: Cluster, address: str
) -> None:
    for name in ("slow", "unready"):
        save(cluster.volumes / NAMESPACE / "models" / name, 1)
    cluster.apply(
        inference_service("slow", logged=False, annotations={"lab/fault": "slow=0.4"}),
        inference_service("unready", logged=False, annotations={"lab/fault": "never-ready"}),
    )
    wait_for_ready(cluster, "slow")
    connection = http.client.HTTPConnection(cluster.proxy.removeprefix("http://"), timeout=10)
    url = f"http://slow-predictor.{NAMESPACE}.svc.cluster.local/v1/models/m:predict"
    started = time.monotonic()
    connection.request("POST", url, REQUEST, {"Content-Type": "application/json"})
    assert connection.getresponse().read() == b'{"predictions":[1]}'
    assert time.monotonic() - started > 0.4
    connection.close()
    ready = cluster.kubectl(
        "get",
        "pods",
        "--selector=app=isvc.unready-predictor",
        f"--namespace={NAMESPACE}",
        "--output=jsonpath={.items[0].status.containerStatuses[0].ready}",
    )
    assert ready == "false"


def test_a_replica_is_deleted_and_no_request_fails_though_its_process_ends(
    cluster: Cluster, address: str
) -> None:
    save(cluster.volumes / NAMESPACE / "models" / "pair", 1)
    host = "pair.example.com"
    pair = {"name": "pair-predictor", "port": 80}
    # Each answer takes a while, so that there is always a request on its way in each replica.
    slow = {"lab/fault": "slow=0.3"}
    cluster.apply(
        inference_service("pair", logged=True, annotations=slow, replicas=2),
        {
            **route(0),
            "metadata": {"name": "pair", "namespace": NAMESPACE},
            "spec": {**route(0)["spec"], "hostnames": [host], "rules": [{"backendRefs": [pair]}]},
        },
    )
    wait_for_ready(cluster, "pair")
    until(lambda: len(ready_pods(cluster, "pair")) == 2, "two replicas are ready")
    with Clients(address, host, count=6) as clients:
        clients.during(1.0)
        for pod, processes in ready_pods(cluster, "pair").items():
            assert all(map(lives, processes))
            cluster.kubectl("delete", "pod", pod, f"--namespace={NAMESPACE}", "--timeout=30s")
            assert not any(map(lives, processes))
            until(lambda: len(ready_pods(cluster, "pair")) == 2, "the replica is replaced")
        clients.during(1.0)
    assert set(clients.seen) == {"b"}
    assert clients.seen["b"] > 30

    processes = [one for group in ready_pods(cluster, "pair").values() for one in group]
    assert len(processes) == 4  # two replicas of a model server and its agent
    cluster.kubectl("delete", "inferenceservice", "pair", f"--namespace={NAMESPACE}")
    cluster.kubectl(
        "wait",
        "pods",
        "--selector=app=isvc.pair-predictor",
        f"--namespace={NAMESPACE}",
        "--for=delete",
        "--timeout=30s",
    )
    assert not any(map(lives, processes))


def ready_pods(cluster: Cluster, name: str) -> dict[str, list[int]]:
    """The pods of an InferenceService that serve, each with the processes of its containers."""
    listing = cluster.kubectl(
        "get",
        "pods",
        f"--selector=app=isvc.{name}-predictor",
        f"--namespace={NAMESPACE}",
        "--output=json",
    )
    return {
        pod["metadata"]["name"]: [
            int(one["containerID"].removeprefix("lab://")) for one in statuses
        ]
        for pod in json.loads(listing)["items"]
        if "deletionTimestamp" not in pod["metadata"]
        and (statuses := pod["status"].get("containerStatuses"))
        and all(one["ready"] for one in statuses)
    }


def lives(leader: int) -> bool:
    """Whether a process or any that it started is there."""
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_program_that_ignores_the_end_is_killed_with_what_it_started(
    cluster: Cluster, address: str
) -> None:
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stubborn", "namespace": NAMESPACE},
        "spec": {
            "terminationGracePeriodSeconds": 2,
            "containers": [
                {
                    "name": "app",
                    "image": "kserve/agent",
                    "command": [sys.executable, "-c", STUBBORN],
                }
            ],
        },
    }
    cluster.apply(pod)
    cluster.kubectl("wait", "pod/stubborn", "--for=condition=Ready", f"--namespace={NAMESPACE}")
    identity = "--output=jsonpath={.status.containerStatuses[0].containerID}"
    leader = cluster.kubectl("get", "pod", "stubborn", f"--namespace={NAMESPACE}", identity)
    until(
        lambda: "deaf" in cluster.kubectl("logs", "stubborn", f"--namespace={NAMESPACE}"),
        "it ignores SIGTERM",
    )
    started = time.monotonic()
    cluster.kubectl("delete", "pod", "stubborn", f"--namespace={NAMESPACE}", "--timeout=20s")
    assert time.monotonic() - started >= 2
    until(lambda: not lives(int(leader.removeprefix("lab://"))), "all of it is gone", 2)


def test_a_second_cluster_runs_beside_the_first_and_leaves_nothing_when_it_is_killed(
    cluster: Cluster,
) -> None:
    second = subprocess.Popen(
        [sys.executable, "-c", START_A_CLUSTER], stdout=subprocess.PIPE, text=True
    )
    try:
        assert second.stdout is not None
        _, root, proxy = second.stdout.readline().split()
        assert proxy != cluster.proxy
        connection = http.client.HTTPConnection(proxy.removeprefix("http://"), timeout=5)
        connection.request("GET", "http://nowhere/")
        assert connection.getresponse().status == 502
        connection.close()
    finally:
        os.kill(second.pid, signal.SIGKILL)
        second.wait()
        if second.stdout is not None:
            second.stdout.close()
    until(lambda: not Path(root).parent.exists(), "the second cluster's folder is gone")
    until(lambda: root not in running_programs(), "the second cluster's processes are gone")


def running_programs() -> str:
    listing = subprocess.run(
        ["ps", "-ax", "-o", "args"], capture_output=True, text=True, check=True
    )
    return re.sub(r"\s+", " ", listing.stdout)
