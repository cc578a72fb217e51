"""Processes end with their pods, as containers do."""

import os
import time

from lab.cluster import Cluster


def process_of(cluster: Cluster, pod: str) -> int:
    path = "{.status.containerStatuses[0].containerID}"
    arguments = ("get", "pod", pod, "--namespace=icu", f"--output=jsonpath={path}")
    return int(cluster.kubectl(*arguments).removeprefix("lab://"))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_process_of_a_deleted_pod_ends_before_the_pod_is_gone(cluster: Cluster) -> None:
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "mortal", "namespace": "icu"},
            "spec": {
                "terminationGracePeriodSeconds": 5,
                "containers": [{"name": "app", "image": "listener"}],
            },
        }
    )
    cluster.kubectl("wait", "pod/mortal", "--for=condition=Ready", "--namespace=icu")
    pid = process_of(cluster, "mortal")
    assert alive(pid)

    cluster.kubectl("delete", "pod", "mortal", "--namespace=icu", "--timeout=20s")

    deadline = time.monotonic() + 1
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def test_a_namespace_with_a_claim_can_be_deleted(cluster: Cluster) -> None:
    cluster.kubectl("create", "namespace", "claims")
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "claims"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
    )
    cluster.kubectl("delete", "namespace", "claims", "--timeout=30s")
