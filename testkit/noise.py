"""Objects of hostile neighbours: large, and with the labels of a model."""

import base64
import os

import psutil

from mlhops.api.base import Json, Manifest
from mlhops.kserve.names import APP_LABEL, MODEL_LABEL, app_of
from testkit.fake_controllers import MODEL


def resident(process: psutil.Process) -> float:
    """How many MiB of memory it has."""
    return process.memory_info().rss / 2**20


def noisy(name: str) -> Manifest:
    return {"name": name, "labels": {MODEL_LABEL: MODEL}}


def noise(size: int) -> str:
    return base64.b64encode(os.urandom(size * 3 // 4)).decode()


def noisy_job(name: str) -> Manifest:
    """A Job of a megabyte that never begins."""
    container: Manifest = {"name": "c", "image": "x", "args": [noise(120_000) for _ in range(8)]}
    pod: Manifest = {"restartPolicy": "Never", "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": noisy(name),
        "spec": {"suspend": True, "template": {"spec": pod}},
    }


def noisy_map(name: str) -> Manifest:
    """A ConfigMap of almost a megabyte."""
    data: Manifest = {"profile.json": noise(900_000)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": noisy(name), "data": data}


def crowded_pod(name: str, service: str) -> Manifest:
    """A pod behind the Service of a model, of so many containers that no server of a model has."""
    containers: list[Json] = [{"name": f"{n:05}{'x' * 50}", "image": "x"} for n in range(1500)]
    labels: Manifest = {MODEL_LABEL: MODEL, APP_LABEL: app_of(service)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": containers},
    }
