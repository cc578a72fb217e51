"""The pods of a model server as KServe's Deployment makes them, and what a kubelet says of those that run."""

import hashlib
from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import Kind
from mlhops.json_access import at, items, text
from mlhops.kserve.names import APP_LABEL, MODEL_LABEL, REVISION_LABEL, SERVICE_LABEL, app_of

REPLICA_SETS = Kind("apps", "v1", "replicasets")
IMAGE = "sha256:" + "1" * 64


def hash_of(live: Manifest) -> str:
    """What tells the ReplicaSet of this InferenceService from that of a namesake before it."""
    return hashlib.sha256(text(live, "metadata", "uid").encode()).hexdigest()[:9]


def labels_of(live: Manifest) -> Manifest:
    """The labels of an InferenceService's pods."""
    service = text(live, "metadata", "name")
    named = {
        label: text(live, "metadata", "labels", label) for label in (MODEL_LABEL, REVISION_LABEL)
    }
    return {
        **{label: value for label, value in named.items() if value},
        SERVICE_LABEL: service,
        APP_LABEL: app_of(service),
        "pod-template-hash": hash_of(live),
    }


def replica_set(live: Manifest) -> Manifest:
    """The ReplicaSet of an InferenceService's Deployment, which goes with the InferenceService."""
    service = text(live, "metadata", "name")
    labels = labels_of(live)
    asked = {"kserve-container": at(live, "spec", "predictor", "model", "resources")}
    asked |= {
        text(one, "name"): at(one, "resources")
        for one in items(live, "spec", "predictor", "containers")
    }
    containers: list[Json] = [
        {"name": name, "image": "none", "resources": resources or {}}
        for name, resources in asked.items()
    ]
    owner: Manifest = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "name": service,
        "uid": text(live, "metadata", "uid"),
        "controller": True,
    }
    replicas = at(live, "spec", "predictor", "minReplicas") or 1
    chosen: Manifest = {name: labels[name] for name in (APP_LABEL, "pod-template-hash")}
    template: Manifest = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    return {
        "metadata": {
            "name": f"{service}-predictor-{hash_of(live)}",
            "labels": labels,
            "ownerReferences": [owner],
        },
        "spec": {"replicas": replicas, "selector": {"matchLabels": chosen}, "template": template},
    }


def running(pod: Manifest, *, ready: bool = True, image: str = IMAGE) -> Manifest:
    """The status of a pod whose containers run."""
    statuses: list[Json] = [
        {
            "name": text(container, "name"),
            "image": "none",
            "imageID": f"registry.example/none@{image}",
            "ready": ready,
            "restartCount": 0,
        }
        for container in items(pod, "spec", "containers")
    ]
    condition: Manifest = {"type": "Ready", "status": "True" if ready else "False"}
    return {"phase": "Running", "conditions": [condition], "containerStatuses": statuses}


def is_running(pod: Manifest) -> bool:
    """Whether a kubelet has said anything of a pod's containers."""
    return bool(cast(list[Json], at(pod, "status", "containerStatuses") or []))
