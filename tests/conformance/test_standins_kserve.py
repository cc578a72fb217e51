"""The stand-in for KServe writes what the real one was seen to write."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.client import Object
from lab.cluster import Cluster
from lab.kserve.names import INFERENCE_SERVICES
from tests.conformance.recorder import Recorder, assert_same_sequence, collapsed, without

pytestmark = pytest.mark.reference("kserve-samples")

REPLICA_SET = re.compile(r'ReplicaSet "(.+)-[a-z0-9]+"')
GENERATED = (
    "creationTimestamp",
    "containerID",
    "imageID",
    "lastProbeTime",
    "lastTransitionTime",
    "lastUpdateTime",
    "managedFields",
    "resourceVersion",
    "startTime",
    "uid",
)


def inference_service(
    name: str,
    *,
    model: Object | None = None,
    annotations: dict[str, str] | None = None,
    replicas: int = 2,
) -> Object:
    """The InferenceService of the samples' rig."""
    predictor: Object = {
        "minReplicas": replicas,
        "labels": {"endpoint": "v2"},
        "annotations": {"rig/mode": "ok", **(annotations or {})},
        "logger": {
            "mode": "all",
            "url": "http://localhost:9500/",
            "metadataHeaders": ["X-Request-Id"],
        },
        "model": {
            "modelFormat": {"name": "sklearn"},
            "runtime": "kserve-sklearnserver",
            "protocolVersion": "v2",
            "storageUri": "s3://models/sepsis/v2",
            "args": ["--model_name=sepsis"],
            "ports": [{"containerPort": 8080, "protocol": "TCP"}],
            **(model or {}),
        },
        "containers": [
            {
                "name": "drift-detector",
                "image": "example.invalid/drift:1",
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
                "volumeMounts": [{"name": "ref", "mountPath": "/ref", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "ref", "configMap": {"name": "sepsis-ref"}}],
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": "icu",
            "labels": {"networking.kserve.io/visibility": "cluster-local"},
            "annotations": {
                "serving.kserve.io/autoscalerClass": "none",
                "serving.kserve.io/deploymentMode": "Standard",
            },
        },
        "spec": {"predictor": predictor},
    }


@pytest.fixture
def recorder(cluster: Cluster) -> Iterator[Recorder]:
    with Recorder(cluster.kubeconfig, INFERENCE_SERVICES) as running:
        yield running
    cluster.kubectl("delete", "inferenceservices", "--all", "--namespace=icu")
    children = ("deployments,services,pods", "--selector=component=predictor", "--namespace=icu")
    cluster.kubectl("wait", *children, "--for=delete", "--timeout=60s")


def comparable(version: Object) -> object:
    """What must be equal: generation and status, but for times and generated names."""
    status = version.get("status") or None
    if status is None:
        return None
    status = json.loads(REPLICA_SET.sub(r'ReplicaSet "\1-x"', json.dumps(status)))
    # How many pods are ready depends on when one looks while they come and go.
    status["modelStatus"].get("copies", {}).pop("totalCopies", None)
    return {"generation": version["generation"], "status": without(status, *GENERATED)}


def steps(versions: list[object]) -> list[object]:
    """Of versions that differ only in the Deployment's counter, which moves meanwhile, the last."""
    distinct = collapsed(versions)
    following = [without(one, "observedGeneration") for one in distinct[1:]]
    return [
        one
        for one, after in zip(distinct, [*following, object()], strict=True)
        if without(one, "observedGeneration") != after
    ]


def sampled(folder: Path, scenario: str) -> list[object]:
    text = (folder / "kserve-samples" / "inferenceservice-statuses.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    return steps([comparable(line) for line in lines if line["scenario"] == scenario])


def recorded(recorder: Recorder, name: str) -> list[object]:
    """Without Loading: the rig's pods never showed a running storage initializer."""
    versions = [
        {"generation": one["metadata"]["generation"], "status": one.get("status")}
        for one in recorder.of(name)
        if target_state(one) != "Loading"
    ]
    return steps([comparable(one) for one in versions])


def target_state(version: Object) -> str:
    states = (version.get("status") or {}).get("modelStatus", {}).get("states", {})
    return str(states.get("targetModelState", ""))


def is_ready(version: Object) -> bool:
    conditions = (version.get("status") or {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def is_rolled_out(version: Object) -> bool:
    conditions = (version.get("status") or {}).get("conditions", [])
    return any(one.get("reason") == "NewReplicaSetAvailable" for one in conditions)


def has_failed(version: Object) -> bool:
    return target_state(version) == "FailedToLoad"


def test_a_model_that_comes_up_shows_the_real_sequence_of_statuses(
    cluster: Cluster, recorder: Recorder, reference: Path
) -> None:
    cluster.apply(inference_service("ok"))
    recorder.wait("ok", is_ready)
    assert_same_sequence(recorded(recorder, "ok"), sampled(reference, "ok"))
    copies = recorder.of("ok")[-1]["status"]["modelStatus"]["copies"]
    assert copies == {"failedCopies": 0, "totalCopies": 2}


def test_an_unusable_model_shows_the_real_statuses(
    cluster: Cluster, recorder: Recorder, reference: Path
) -> None:
    cluster.apply(
        inference_service("initfail", model={"storageUri": "s3://missing/sepsis"}),
        inference_service("nort", model={"runtime": "no-such-runtime"}),
        inference_service("nofmt", model={"modelFormat": {"name": "onnx"}}),
        inference_service("badscheme", model={"storageUri": "ftp://models/sepsis"}),
    )
    for name in ("initfail", "nort", "nofmt"):
        recorder.wait(name, has_failed)
    recorder.wait("badscheme", lambda one: bool(one.get("status")))
    for name in ("initfail", "nort", "nofmt", "badscheme"):
        assert_same_sequence(recorded(recorder, name), sampled(reference, name))
    events = cluster.kubectl("get", "events", "--namespace=icu", "--field-selector=type=Warning")
    assert "InternalError" in events


def failed_again(one: Object) -> bool:
    return "ModelLoadFailed" in json.dumps(one) and one["status"].get("observedGeneration") == 2


def test_a_crash_is_not_reported_until_the_deployment_is_touched(
    cluster: Cluster, recorder: Recorder, reference: Path
) -> None:
    cluster.apply(inference_service("crash", annotations={"lab/fault": "crash"}))
    wait_for_crash_loop(cluster, "crash")
    expected = sampled(reference, "crash")
    assert_same_sequence(recorded(recorder, "crash"), expected[:-1])
    touch = '{"spec": {"revisionHistoryLimit": 9}}'
    cluster.kubectl("patch", "deployment", "crash-predictor", "--namespace=icu", f"--patch={touch}")
    recorder.wait("crash", failed_again)
    assert_same_sequence(recorded(recorder, "crash"), expected)


def wait_for_crash_loop(cluster: Cluster, name: str) -> None:
    """Late enough in the loop that the container stays down for seconds."""
    app = f"--selector=app=isvc.{name}-predictor"
    container = ".status.containerStatuses[0]"
    cluster.kubectl("wait", "pods", app, "--for=create", "--timeout=30s", "--namespace=icu")
    for expected in (
        f"{{{container}.restartCount}}=3",
        f"{{{container}.state.waiting.reason}}=CrashLoopBackOff",
    ):
        cluster.kubectl(
            "wait", "pods", app, f"--for=jsonpath={expected}", "--timeout=30s", "--namespace=icu"
        )


def test_a_model_whose_pods_never_start_stays_pending(
    cluster: Cluster, recorder: Recorder, reference: Path
) -> None:
    cluster.apply(inference_service("never", model={"image": "example.invalid/no-such-image:1"}))
    recorder.wait("never", lambda one: "MinimumReplicasUnavailable" in json.dumps(one))
    assert_same_sequence(recorded(recorder, "never"), sampled(reference, "never"))


def test_a_life_with_an_annotation_a_scaling_a_stop_and_a_start_shows_the_real_statuses(
    cluster: Cluster, recorder: Recorder, reference: Path
) -> None:
    cluster.apply(inference_service("ok2"))
    recorder.wait("ok2", is_ready)
    target = ("inferenceservice", "ok2", "--namespace=icu")
    pods = ("pods", "--selector=app=isvc.ok2-predictor", "--namespace=icu")
    first = cluster.kubectl("get", *pods, "--output=name").split()
    cluster.kubectl("annotate", *target, "foo=bar")
    recorder.wait("ok2", lambda one: "foo" in one["metadata"]["annotations"])
    recorder.wait(
        "ok2", lambda one: one["status"]["observedGeneration"] == 2 and is_rolled_out(one)
    )
    # The sample was recorded with the old pods long gone, here and at the stop below; while one of
    # them still ends, its exit code would be read as a failure of the new ones.
    cluster.kubectl("wait", *first, "--for=delete", "--namespace=icu", "--timeout=60s")
    scale = '{"spec": {"predictor": {"minReplicas": 3}}}'
    cluster.kubectl("patch", *target, "--type=merge", f"--patch={scale}")
    recorder.wait("ok2", lambda one: one["status"]["observedGeneration"] == 3 and is_ready(one))
    cluster.kubectl("annotate", *target, "serving.kserve.io/stop=true")
    recorder.wait("ok2", lambda one: "observedGeneration" not in one["status"])
    recorder.wait("ok2", lambda one: "clusterServingRuntimeName" in one["status"])
    cluster.kubectl("wait", *pods, "--for=delete", "--timeout=60s")
    cluster.kubectl("annotate", *target, "serving.kserve.io/stop-")
    recorder.wait("ok2", is_ready)
    cluster.kubectl("delete", *target)
    assert_same_sequence(recorded(recorder, "ok2"), sampled(reference, "ok2"))


def test_the_children_and_the_pod_are_those_of_the_real_one(
    cluster: Cluster, recorder: Recorder, reference: Path
) -> None:
    cluster.apply(inference_service("ok"))
    recorder.wait("ok", is_ready)
    text = (reference / "kserve-samples" / "children.yaml").read_text()
    for expected in yaml.safe_load_all(text):
        name = expected["metadata"]["name"]
        selector = ["--selector=app=isvc.ok-predictor"] if expected["kind"] == "Pod" else [name]
        found = json.loads(
            cluster.kubectl("get", expected["kind"], *selector, "--namespace=icu", "--output=json")
        )
        actual = found["items"][0] if "items" in found else found
        assert object_of(actual) == object_of(expected), expected["kind"]


def object_of(item: Object) -> object:
    """Without what the API server, the scheduler and the kubelet decide."""
    text = json.dumps(without(item, *GENERATED))
    text = re.sub(r"kube-api-access-[a-z0-9]+", "kube-api-access-x", text)
    text = re.sub(r"ok-predictor-[a-z0-9]+(-[a-z0-9]{5})?\b", "ok-predictor-x", text)
    text = re.sub(r'"pod-template-hash": "[a-z0-9]+"', '"pod-template-hash": "x"', text)
    result: Object = json.loads(text)
    if item["kind"] == "Pod":
        # The rig's pods were never bound, and a script gave them their status.
        result["spec"].pop("nodeName", None)
        del result["status"]
    if item["kind"] == "Service":
        del result["spec"]["clusterIP"], result["spec"]["clusterIPs"]
    return result


def test_applying_the_same_manifest_again_writes_nothing(
    cluster: Cluster, recorder: Recorder
) -> None:
    manifest = inference_service("ok")
    cluster.apply(manifest)
    before = recorder.wait("ok", is_ready)["metadata"]["resourceVersion"]
    cluster.apply(manifest)
    version = cluster.kubectl(
        "get",
        "inferenceservice",
        "ok",
        "--namespace=icu",
        "--output=jsonpath={.metadata.resourceVersion}",
    )
    assert version == before


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"logger": {"url": "http://localhost:9500/"}}, "invalid logger type"),
        ({"minReplicas": 3, "maxReplicas": 2}, "minReplicas cannot be greater"),
        ({"containers": [{"name": "kserve-container", "image": "x"}]}, "exactly one of"),
    ],
)
def test_the_webhook_refuses_what_kserve_refuses(
    cluster: Cluster, change: Object, complaint: str
) -> None:
    manifest = inference_service("refused")
    manifest["spec"]["predictor"] |= change
    with pytest.raises(RuntimeError, match=complaint):
        cluster.apply(manifest)
