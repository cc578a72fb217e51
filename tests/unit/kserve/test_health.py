"""What InferenceServices and pods come to; the statuses are those that the real KServe wrote."""

import json
from pathlib import Path
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.json_access import at, items, text
from mlhops.kserve import health
from mlhops.kserve.health import CRASH_LIMIT, is_ready
from mlhops.kserve.state import Service
from testkit.builders import with_path

LATER = "2026-11-30"
"""The folder of samples of a later day, with more kinds of trouble."""


def samples(reference: Path, scenario: str, day: str = "") -> list[Manifest]:
    """The versions of one InferenceService, as the real KServe wrote its status."""
    lines = (reference / "kserve-samples" / day / "inferenceservice-statuses.jsonl").read_text()
    found = [json.loads(line) for line in lines.splitlines()]
    return [
        {"metadata": {"name": scenario}, "status": one["status"] or {}}
        for one in found
        if one["scenario"] == scenario
    ]


def observe(live: Manifest, pods: list[Manifest], desired: None) -> Service:
    """What an InferenceService comes to, the pods being its own."""
    named = {**live, "metadata": {"name": "a", **cast(Manifest, live.get("metadata", {}))}}
    service = text(named, "metadata", "name")
    return health.observe(named, [own(pod, service) for pod in pods], desired)


def own(pod: Manifest, service: str = "a", name: str = "") -> Manifest:
    """A pod as the ReplicaSet of KServe's Deployment makes it."""
    hash_ = "5d4f8c7b9"
    owner: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"{service}-predictor-{hash_}",
        "controller": True,
    }
    metadata: Manifest = {
        "name": name or f"{service}-predictor-{hash_}-x",
        "labels": {"app": f"isvc.{service}-predictor", "pod-template-hash": hash_},
        "ownerReferences": [owner],
    }
    given = cast(Manifest, pod.get("metadata", {}))
    return {**pod, "metadata": {**metadata, **given}}


def pod(**status: object) -> Manifest:
    """A pod with one container in that state."""
    container = {"name": "kserve-container", "ready": False, "restartCount": 0, **status}
    return {"status": {"containerStatuses": [container]}}  # type: ignore[list-item]


def crashed(restarts: int, message: str = "boom") -> Manifest:
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": message}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
    return pod(restartCount=restarts, lastState=ended, state=waiting)


@pytest.mark.reference("kserve-samples")
def test_a_service_is_ready_only_at_the_end_of_its_start(reference: Path) -> None:
    found = [is_ready(version) for version in samples(reference, "ok")]
    assert found[0] is None
    assert found[-1] is True
    assert True not in found[: found.index(True)]


@pytest.mark.reference("kserve-samples")
@pytest.mark.parametrize("scenario", ["crash", "initfail", "never", "nort", "nofmt", "badscheme"])
def test_a_service_in_trouble_is_never_ready(reference: Path, scenario: str) -> None:
    assert not any(is_ready(version) for version in samples(reference, scenario))


@pytest.mark.reference("kserve-samples")
def test_what_kserve_reports_is_told_in_its_words(reference: Path) -> None:
    service = observe(samples(reference, "initfail")[-1], [], None)
    assert service.trouble == "ModelLoadFailed: Failed to fetch model: bucket not found"
    service = observe(samples(reference, "nort")[-1], [], None)
    assert service.trouble is not None
    assert "Waiting for runtime" in service.trouble


@pytest.mark.reference("kserve-samples")
@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("podsecurity", 'FailedCreate: pods "mortality-x'),
        ("podsecurity", 'is forbidden: violates PodSecurity "restricted:latest": seccompProfile'),
        ("quota", "is forbidden: exceeded quota: q, requested: limits.memory=3584Mi"),
        ("noserviceaccount", "error looking up service account t-sa-40bd/nobody: serviceaccount"),
        ("labeltoolong", "ReconcileFailed: fails to reconcile predictor: Service"),
        ("stop", "Stopped: the InferenceService has the annotation serving.kserve.io/stop"),
        ("noprotocol", "(spec.predictor.runtime, spec.predictor.protocolVersion)"),
    ],
)
def test_why_there_are_no_pods_is_told_without_a_container(
    reference: Path, scenario: str, words: str
) -> None:
    found = [observe(version, [], None) for version in samples(reference, scenario, LATER)]
    told = [each for each in found if each.trouble is not None and words in each.trouble]
    assert told
    assert not any(each.fatal for each in told)


@pytest.mark.reference("kserve-samples")
@pytest.mark.parametrize("scenario", ["podsecurity", "quota", "noserviceaccount", "labeltoolong"])
def test_the_words_of_the_api_server_are_told_of_what_has_served_too(
    reference: Path, scenario: str
) -> None:
    found = [observe(version, [], None) for version in samples(reference, scenario, LATER)]
    assert any(each.symptom for each in found)
    assert all(each.symptom == each.trouble for each in found)


@pytest.mark.reference("kserve-samples")
@pytest.mark.parametrize(
    ("scenario", "day"),
    [
        *((scenario, "") for scenario in ("ok", "ok2", "never")),
        *((scenario, LATER) for scenario in ("ok", "ok-3.0.0", "oci", "automlserver", "crash")),
        ("deploymentdeleted", LATER),
    ],
)
def test_a_start_that_is_not_over_is_no_trouble(reference: Path, scenario: str, day: str) -> None:
    found = [observe(version, [], None).trouble for version in samples(reference, scenario, day)]
    assert found
    assert {each for each in found if each and not each.startswith("Stopped")} == set()


@pytest.mark.reference("kserve-samples")
def test_a_failure_that_is_over_is_not_told(reference: Path) -> None:
    versions = samples(reference, "lateruntime", LATER)
    story = [observe(version, [], None).trouble for version in versions]
    assert "RuntimeNotRecognized" in (story[1] or "")
    assert story[2:] == [None] * len(story[2:])
    assert "lastFailureInfo" in str(versions[3])


@pytest.mark.reference("kserve-samples")
def test_the_deployment_mode_is_what_kserve_says(reference: Path) -> None:
    found = [observe(version, [], None).mode for version in samples(reference, "ok", LATER)]
    assert found[0] == ""
    assert set(found[1:]) == {"Standard"}


def test_a_condition_of_an_earlier_service_of_that_name_is_not_told() -> None:
    said = {
        "type": "Ready",
        "status": "False",
        "reason": "FailedCreate",
        "message": "exceeded quota",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    live = cast(Manifest, {"status": {"conditions": [said]}})
    for born, told in (("2026-01-01T00:00:01Z", None), ("2026-01-01T00:00:00Z", "FailedCreate: ")):
        found = observe(with_path(live, "metadata.creationTimestamp", born), [], None).trouble
        assert found == (told and f"{told}exceeded quota")


def test_what_a_pod_says_comes_before_what_a_condition_says() -> None:
    said = {"type": "Ready", "status": "False", "reason": "ProgressDeadlineExceeded"}
    live = cast(Manifest, {"status": {"conditions": [said]}})
    assert observe(live, [], None).trouble == "ProgressDeadlineExceeded"
    assert "exited with code 1" in (observe(live, [crashed(1)], None).trouble or "")


def test_of_a_condition_with_very_much_to_say_the_beginning_is_told() -> None:
    said = {
        "type": "Ready",
        "status": "False",
        "reason": "R",
        "message": "forbidden: " + "x" * 9000,
    }
    found = observe(cast(Manifest, {"status": {"conditions": [said]}}), [], None).trouble or ""
    assert found.startswith("R: forbidden")
    assert len(found) < 800


def test_ready_without_a_loaded_model_is_not_ready() -> None:
    conditions = {"conditions": [{"type": "Ready", "status": "True"}]}
    assert is_ready({"status": conditions}) is None  # type: ignore[dict-item]


def test_a_crash_that_kserve_keeps_to_itself_is_read_from_the_pod() -> None:
    service = observe({"metadata": {"name": "a"}}, [crashed(1, "line 1\n  no such file")], None)
    assert service.trouble is not None
    assert "container kserve-container exited with code 1" in service.trouble
    assert service.trouble.endswith("line 1 no such file")
    assert not service.fatal


def test_a_container_that_crashes_again_and_again_is_beyond_help() -> None:
    assert observe({}, [crashed(CRASH_LIMIT)], None).fatal
    assert not observe({}, [crashed(CRASH_LIMIT - 1)], None).fatal


def test_of_long_last_words_the_end_is_kept() -> None:
    service = observe({}, [crashed(1, "x" * 5000 + " ValueError: the last line")], None)
    assert service.trouble is not None
    assert service.trouble.endswith("ValueError: the last line")
    assert len(service.trouble) < 450


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    service = observe({}, [pod(state=state)], None)
    assert (
        service.trouble
        == "container kserve-container cannot start: ImagePullBackOff: no such image"
    )


def test_a_pod_that_fits_on_no_node_is_named() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes have 8 GPUs"}
    pending = cast(Manifest, {"status": {"conditions": [condition]}})
    service = observe({}, [pending], None)
    assert service.trouble == "a pod cannot be scheduled: 0/3 nodes have 8 GPUs"


def test_a_pod_on_its_way_out_troubles_nobody() -> None:
    leaving = {**crashed(9), "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert observe({}, [leaving], None).trouble is None  # type: ignore[list-item]


@pytest.mark.parametrize("garbage", [{}, {"status": None}, {"status": {"conditions": "no"}}])
def test_a_status_that_makes_no_sense_is_not_ready(garbage: Manifest) -> None:
    service = observe(garbage, [], None)
    assert service.ready is not True
    assert text(garbage, "status", "address", "url") == ""


def test_a_pod_of_an_earlier_service_of_that_name_troubles_nobody() -> None:
    old = {**crashed(9), "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}}
    service = observe(
        {"metadata": {"creationTimestamp": "2026-01-01T00:00:01Z"}},
        [old],  # type: ignore[list-item]
        None,
    )
    assert not service.fatal
    assert service.trouble is None


def test_while_a_pod_of_an_earlier_service_of_that_name_answers_nobody_knows_what_does() -> None:
    old = cast(
        Manifest,
        {
            "metadata": {"name": "old", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"containers": [{"name": "kserve-container"}]},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "kserve-container", "imageID": "sha256:old"}],
            },
        },
    )
    new = cast(
        Manifest,
        {
            **old,
            "metadata": {"name": "new", "creationTimestamp": "2026-01-01T00:00:01Z"},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "kserve-container", "imageID": "sha256:new"}],
            },
        },
    )
    live = cast(Manifest, {"metadata": {"creationTimestamp": "2026-01-01T00:00:01Z"}})
    doubt = "pod old of an earlier InferenceService of that name still answers"
    both = observe(live, [old, new], None)
    assert both.server.doubt == doubt
    assert "kserve-container=sha256:new" in both.server.parts
    assert "kserve-container=sha256:old" not in both.server.parts
    assert [pod.address for pod in both.pods] == [""], "it is no pod of the service's own"
    assert observe(live, [old], None).server.doubt == doubt
    leaving = cast(Manifest, {**old, "metadata": {**old["metadata"], "deletionTimestamp": "now"}})  # type: ignore[dict-item]
    assert observe(live, [leaving, new], None).server.doubt == ""


def test_a_service_answers_while_one_of_its_pods_is_ready() -> None:
    ready = cast(Manifest, {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    pending = cast(Manifest, {"status": {"conditions": [{"type": "Ready", "status": "False"}]}})
    assert observe({}, [pending, ready], None).answering
    assert not observe({}, [pending], None).answering


def test_the_symptom_has_none_of_the_containers_words() -> None:
    service = observe({}, [crashed(1, "Jane Roe, creatinine 1.2")], None)
    assert service.symptom == "container kserve-container exited with code 1, restarted 1 times"


def test_a_model_server_that_had_too_little_memory_is_told_with_the_field_that_helps() -> None:
    pod = crashed(2, "half a line of a log")
    (status,) = items(pod, "status", "containerStatuses")
    cast(Manifest, at(status, "lastState", "terminated"))["reason"] = "OOMKilled"
    service = observe({}, [pod], None)
    assert service.trouble == (
        "container kserve-container was killed for lack of memory (OOMKilled), restarted 2 times: "
        "set spec.predictor.resources.limits.memory to more"
    )


def test_of_a_traceback_the_line_that_names_the_error_is_kept() -> None:
    words = "Traceback:\n  File a, line 1\n    load()\n    ^^^^^^\nFileNotFoundError: models/4"
    service = observe({}, [crashed(1, words)], None)
    assert service.trouble is not None
    assert service.trouble.endswith(": FileNotFoundError: models/4")


def test_a_detector_that_keeps_crashing_is_trouble_and_no_end() -> None:
    status = {**cast(list[Manifest], cast(Manifest, crashed(9)["status"])["containerStatuses"])[0]}
    pod: Manifest = {"status": {"containerStatuses": [{**status, "name": "drift-detector"}]}}
    service = observe({"metadata": {"name": "sepsis-b"}}, [pod], None)
    assert service.trouble is not None
    assert not service.fatal


READY = cast(Manifest, {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.ownerReferences", []),
        ("metadata.ownerReferences.0.kind", "Job"),
        ("metadata.ownerReferences.0.controller", False),
        ("metadata.ownerReferences.0.name", "b-predictor-5d4f8c7b9"),
        ("metadata.labels.pod-template-hash", "another"),
    ],
)
def test_a_pod_of_somebody_elses_hides_nothing_and_is_named(path: str, value: Json) -> None:
    theirs = with_path(own(READY, name="looks-well"), path, value)
    service = health.observe({"metadata": {"name": "a"}}, [own(crashed(1)), theirs], None)
    assert not service.answering
    assert service.symptom == "container kserve-container exited with code 1, restarted 1 times"
    assert service.foreign_pod == "looks-well"
    assert service.server.doubt


def test_a_pod_of_somebody_elses_troubles_nobody_but_is_named() -> None:
    theirs = with_path(own(crashed(9), name="theirs"), "metadata.ownerReferences", [])
    service = health.observe({"metadata": {"name": "a"}}, [theirs], None)
    assert not service.fatal
    assert service.foreign_pod == "theirs"


def test_a_pod_that_gets_no_requests_is_nobodys_trouble() -> None:
    theirs = with_path(own(READY, name="theirs"), "metadata.ownerReferences", [])
    for path, value in (
        ("metadata.deletionTimestamp", "2026-01-01T00:00:00Z"),
        ("status.phase", "Succeeded"),
        ("metadata.labels.app", "isvc.b-predictor"),
    ):
        one = with_path(theirs, path, value)
        assert health.observe({"metadata": {"name": "a"}}, [one], None).foreign_pod == ""


def test_of_a_service_that_is_ready_the_pod_that_lags_is_told() -> None:
    answers = cast(Manifest, {"status": {"conditions": [{"type": "Ready", "status": "True"}]}})
    unplaced = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes have room"}
    pending = cast(Manifest, {"status": {"conditions": [unplaced]}})
    loaded = {"states": {"activeModelState": "Loaded"}}
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "modelStatus": loaded}

    found = observe(cast(Manifest, {"status": ready}), [answers, pending], None)

    assert (found.ready, len(found.pods), found.trouble) == (True, 1, None)
    assert found.lagging == "a pod cannot be scheduled: 0/3 nodes have room"
