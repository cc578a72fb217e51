"""What is kept of objects that anybody may make."""

import base64
import copy
import os
from typing import cast

import orjson
import pytest

from mlhops.api.base import Json, Manifest
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.lean import LEFT_OUT, MOST_BYTES, lean
from mlhops.controller.cache.store import Store
from mlhops.controller.resources import CONFIG_MAPS, JOBS, PODS, REVISIONS, SERVICES, Kind
from mlhops.kserve import health
from mlhops.kserve.names import MODEL_LABEL, backend
from testkit.model_pods import running

NOISE = base64.b64encode(os.urandom(700_000)).decode()
OWNER: Json = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "name": f"{backend('sepsis-a')}-77",
    "uid": "rs",
    "controller": True,
}


def labelled(kind_of: str = "", **parts: Json) -> Manifest:
    metadata: Manifest = {
        "namespace": "ward",
        "name": "noise",
        "uid": "u",
        "resourceVersion": "7",
        "labels": {MODEL_LABEL: "sepsis", "x": "y"},
        "annotations": {"noise": NOISE[:200_000]},
        "managedFields": [{"manager": "eve", "operation": "Update", "fieldsV1": {"f:x": {}}}],
    }
    return {"kind": kind_of, "metadata": metadata, **parts}


def container(name: str, **more: Json) -> Json:
    return {"name": name, "image": "x", "args": [NOISE], **more}


POD: Json = {
    "restartPolicy": "Never",
    "containers": [container("c"), container("kserve-container")],
}
LARGE = [
    (JOBS, labelled(spec={"suspend": True, "template": {"spec": POD}})),
    (PODS, labelled(spec=POD)),
    (CONFIG_MAPS, labelled(data={f"key-{n}": NOISE[:9000] for n in range(80)})),
    (SERVICES, labelled(spec={"predictor": {"model": {"env": [{"name": "A", "value": NOISE}]}}})),
    (REVISIONS, labelled(data={"predictor": NOISE})),
]


@pytest.mark.parametrize(("kind", "manifest"), LARGE, ids=lambda each: getattr(each, "plural", ""))
def test_of_a_megabyte_with_the_label_of_a_model_some_hundred_bytes_are_kept(
    kind: Kind, manifest: Manifest
) -> None:
    store = Store()
    assert store.hear(kind, manifest)
    kept = store.get(kind, Name("ward", "noise"))
    assert len(orjson.dumps(kept)) < 600
    assert len(store.of_model(kind, "ward", "sepsis")) == 1


@pytest.mark.parametrize(("kind", "manifest"), LARGE, ids=lambda each: getattr(each, "plural", ""))
def test_what_is_lean_stays_as_it_is(kind: Kind, manifest: Manifest) -> None:
    once = lean(kind, manifest)
    assert lean(kind, once) == once


def pod_that_runs() -> Manifest:
    pod: Manifest = {
        "metadata": {
            "namespace": "ward",
            "name": "sepsis-a-x",
            "uid": "p",
            "resourceVersion": "9",
            "labels": {
                "app": "isvc.sepsis-a-predictor",
                MODEL_LABEL: "sepsis",
                "pod-template-hash": "77",
            },
            "ownerReferences": [OWNER],
        },
        "spec": {
            "initContainers": [container("storage-initializer")],
            "containers": [
                container("kserve-container", volumeMounts=[{"mountPath": "/mnt"}], env=[]),
                container("injected"),
            ],
        },
    }
    return {**pod, "status": running(pod, ready=True)}


@pytest.mark.parametrize("state", ["runs", "crashes", "waits", "is foreign", "unscheduled"])
def test_a_pod_reads_the_same_whether_it_was_cut_down_or_not(state: str) -> None:
    live: Manifest = {"metadata": {"name": "sepsis-a", "labels": {}}, "spec": {}, "status": {}}
    pod = pod_that_runs()
    status = cast(Manifest, pod["status"])
    if state == "crashes":
        ended: Json = {"terminated": {"exitCode": 3, "reason": "Error", "message": "no such file"}}
        status["containerStatuses"] = [
            {"name": "kserve-container", "ready": False, "restartCount": 4, "lastState": ended}
        ]
    if state == "waits":
        waiting: Json = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
        status["initContainerStatuses"] = [{"name": "storage-initializer", "state": waiting}]
    if state == "is foreign":
        cast(Manifest, pod["metadata"])["ownerReferences"] = []
    if state == "unscheduled":
        status["conditions"] = [{"type": "PodScheduled", "status": "False", "message": "no node"}]

    seen = health.observe(live, [pod], None)

    assert health.observe(live, [lean(PODS, pod)], None) == seen
    assert seen.trouble or seen.answering or seen.foreign_pod


def test_what_a_pod_is_told_to_do_is_known_by_its_hash() -> None:
    live: Manifest = {"metadata": {"name": "sepsis-a"}}
    pod = pod_that_runs()
    other = copy.deepcopy(pod)
    cast(list[Manifest], cast(Manifest, other["spec"])["containers"])[0]["args"] = ["--evil"]

    before, after = (health.observe(live, [lean(PODS, each)], None) for each in (pod, other))

    assert before.server.parts != after.server.parts


def test_a_pod_that_is_too_large_is_nobodys_and_told_of() -> None:
    live: Manifest = {"metadata": {"name": "sepsis-a"}}
    pod = pod_that_runs()
    many = [container(f"{n:05}{'x' * 50}", args=[]) for n in range(2000)]
    cast(Manifest, pod["spec"])["containers"] = many

    kept = lean(PODS, pod)

    assert cast(int, kept[LEFT_OUT]) > MOST_BYTES
    assert len(orjson.dumps(kept)) < 600
    assert health.observe(live, [kept], None).foreign_pod == "sepsis-a-x"
