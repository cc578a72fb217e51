"""The detectors beside model servers, on a real API server: what is made, what follows a policy, what stays."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from lab.control import ControlPlane
from mlhops.api.base import Json, Manifest
from mlhops.api.detector import DetectorConfig
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import CONFIG_MAPS, MODELS, POLICIES, REVISIONS, SERVICES
from mlhops.json_access import at, items, text
from testkit.api import Api, until
from testkit.builders import monitoring_policy
from testkit.fake_controllers import MODEL, Hands, OperatorProcess

WATCHED = {"policyRef": {"name": "ward"}}
ALIBI = "detector-alibi:1"
Start = Callable[[str], OperatorProcess]


@pytest.fixture
def ward(api: Api, namespace: str) -> Hands:
    """A namespace without an operator."""
    hands = Hands(api, namespace)
    hands.make_gateway()
    return hands


@pytest.fixture
def start(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Start]:
    """Starts operators that bring a detector; they are ended with the test."""
    log = tmp_path / "operator.log"
    started: list[OperatorProcess] = []

    def begin(image: str) -> OperatorProcess:
        arguments = [f"--detector-image={image}", f"--detector-alibi-image={ALIBI}"]
        process = OperatorProcess(control_plane.kubeconfig, namespace, log, arguments)
        process.start()
        started.append(process)
        return process

    yield begin
    codes = [process.stop() for process in started]
    print(log.read_text()[-6000:])
    assert codes == [0] * len(started)


def policy(length: str) -> Manifest:
    """A policy with one window."""
    windows: Json = [{"name": "window", "length": length}]
    return monitoring_policy({"spec.drift": {"windows": windows}})


def image_of(ward: Hands, service: str) -> str:
    """The image of the detector beside a model server, empty where there is none."""
    live = ward.api.get(SERVICES, ward.namespace, service)
    beside = items(live, "spec", "predictor", "containers")
    return text(beside[0], "image") if beside else ""


def generation(ward: Hands, service: str) -> Json:
    """How often an InferenceService was changed."""
    return at(ward.api.get(SERVICES, ward.namespace, service), "metadata", "generation")


def configuration(ward: Hands, service: str) -> DetectorConfig | None:
    """What a detector is told, None where it is not."""
    live = ward.api.get(CONFIG_MAPS, ward.namespace, f"{service}-detector")
    told = text(live, "data", "config.json")
    return DetectorConfig.model_validate(json.loads(told)) if told else None


def counts(ward: Hands, service: str, *lengths: str) -> Callable[[], bool]:
    """Whether a detector counts windows of these lengths."""

    def look() -> bool:
        try:
            found = configuration(ward, service)
        except ValueError:
            return False
        return found is not None and tuple(w.length for w in found.windows) == lengths

    return look


def ours(ward: Hands) -> set[str]:
    """The ConfigMaps of models."""
    return {
        text(one, "metadata", "name")
        for one in ward.api.list(CONFIG_MAPS, ward.namespace)
        if text(one, "metadata", "labels", "mlhops.io/model")
    }


def test_a_detector_counts_what_the_policy_says_and_no_model_restarts_for_another_policy(
    ward: Hands, start: Start
) -> None:
    start("detector:1")
    service = ward.promote_first(monitoring=WATCHED)
    assert image_of(ward, service) == "detector:1"
    told = configuration(ward, service)
    assert told is not None
    assert told.windows == [], "there is no such policy yet"
    assert [feature.name for feature in told.features] == ["age", "lactate", "sex"]
    before = generation(ward, service)

    ward.api.create(POLICIES, ward.namespace, policy("2h"))
    until("windows of 2 h", counts(ward, service, "2h"))
    ward.api.patch(POLICIES, ward.namespace, "ward", {"spec": policy("6h")["spec"]})
    until("windows of 6 h", counts(ward, service, "6h"))
    ward.api.delete(CONFIG_MAPS, ward.namespace, f"{service}-detector")
    until("what somebody took away", counts(ward, service, "6h"))
    theirs: Manifest = {"data": {"config.json": "{}"}, "metadata": {"ownerReferences": None}}
    ward.api.patch(CONFIG_MAPS, ward.namespace, f"{service}-detector", theirs)
    until("what somebody changed", counts(ward, service, "6h"))
    live = ward.api.get(CONFIG_MAPS, ward.namespace, f"{service}-detector")
    assert text(items(live, "metadata", "ownerReferences")[0], "kind") == "ClinicalModel"
    ward.api.delete(POLICIES, ward.namespace, "ward")
    until("no windows", counts(ward, service))

    assert generation(ward, service) == before


def test_a_policy_that_asks_alibi_detect_is_told_at_once_and_has_its_image_from_the_next_revision_on(
    ward: Hands, start: Start
) -> None:
    # given a model server with the detector that counts
    start("detector:1")
    ward.api.create(POLICIES, ward.namespace, policy("1h"))
    first = ward.promote_first(monitoring=WATCHED)
    until("its windows", counts(ward, first, "1h"))
    before = generation(ward, first)

    # when its policy changes the engine
    engine: Json = {"engine": "AlibiDetect", "alibi": {"detectors": [{"type": "KSDrift"}]}}
    ward.api.patch(POLICIES, ward.namespace, "ward", {"spec": {"drift": engine}})

    # then the detector is told, and nothing restarts
    def is_told() -> bool:
        found = configuration(ward, first)
        return found is not None and found.engine is not None

    until("word of alibi-detect", is_told)
    assert image_of(ward, first) == "detector:1"
    # and the next revision has the image, and what it needs
    ward.apply_model("2.0.0", monitoring=WATCHED)
    second = ward.candidate_service()
    assert image_of(ward, second) == ALIBI
    live = ward.api.get(SERVICES, ward.namespace, second)
    assert any("emptyDir" in each for each in items(live, "spec", "predictor", "volumes"))
    assert generation(ward, first) == before
    # also when the policy goes back
    ward.api.patch(
        POLICIES, ward.namespace, "ward", {"spec": {"drift": {"engine": "Native", "alibi": None}}}
    )
    until("no word of it", lambda: not is_told())
    assert image_of(ward, second) == ALIBI


def test_another_operator_brings_its_detector_to_new_revisions_only(
    ward: Hands, start: Start
) -> None:
    earlier = start("detector:1")
    first = ward.promote_first()
    before = generation(ward, first)
    assert earlier.stop() == 0
    start("detector:2")
    # Replicas are changed in place, for which the revision is recorded anew.
    ward.api.patch(MODELS, ward.namespace, MODEL, {"spec": {"predictor": {"minReplicas": 2}}})
    until("two replicas", lambda: generation(ward, first) != before)
    assert image_of(ward, first) == "detector:1"

    ward.apply_model("2.0.0")
    second = ward.candidate_service()

    assert image_of(ward, second) == "detector:2"
    recorded = {
        text(one, "metadata", "name"): text(one, "data", "detector", "image")
        for one in ward.api.list(REVISIONS, ward.namespace)
    }
    assert recorded == {first: "detector:1", second: "detector:2"}


def test_what_an_operator_without_detectors_has_left_goes_on_without(
    ward: Hands, start: Start
) -> None:
    # given a model server and a record as they were before there were detectors
    before = start("detector:1")
    service = ward.promote_first()
    assert before.stop() == 0
    beside: Manifest = {"containers": None, "volumes": None, "logger": None}
    ward.api.patch(SERVICES, ward.namespace, service, {"spec": {"predictor": beside}})
    record = cast(Manifest, ward.api.get(REVISIONS, ward.namespace, service))
    ward.api.delete(REVISIONS, ward.namespace, service)
    ward.api.delete(CONFIG_MAPS, ward.namespace, f"{service}-detector")
    metadata = cast(Manifest, record["metadata"])
    old: Manifest = {
        **record,
        "data": {"predictor": at(record, "data", "predictor")},
        "metadata": {key: metadata[key] for key in ("name", "labels", "ownerReferences")},
    }
    ward.api.create(REVISIONS, ward.namespace, old)
    untouched = generation(ward, service)

    # when an operator comes that has them
    start("detector:1")
    ward.apply_model("2.0.0")
    second = ward.candidate_service()

    # then only the new revision has one
    assert image_of(ward, second) == "detector:1"
    time.sleep(1)  # nothing happens, and that takes a while to see
    assert image_of(ward, service) == ""
    assert generation(ward, service) == untouched
    assert configuration(ward, service) is None
    assert ward.status("phase") == "Progressing"


def test_a_logger_or_a_container_of_somebody_else_is_told_and_ours_is_not(
    ward: Hands, start: Start
) -> None:
    start("detector:1")
    service = ward.promote_first()

    def change(**predictor: Json) -> None:
        ward.api.patch(SERVICES, ward.namespace, service, {"spec": {"predictor": predictor}})

    def stalled() -> str:
        return text(ward.condition("Stalled"), "reason")

    change(logger={"url": "http://theirs.example"})
    until("word of the logger", lambda: stalled() == "ForeignLogger")
    change(logger=None)
    ward.wait_for_phase("Healthy")
    live = ward.api.get(SERVICES, ward.namespace, service)
    assert text(live, "spec", "predictor", "logger", "url") == "http://localhost:9500/"

    beside = cast("list[Json]", items(live, "spec", "predictor", "containers"))
    change(containers=[*beside, {"name": "theirs", "image": "x"}])
    until("word of the container", lambda: stalled() == "ForeignField")
    assert "spec.predictor.containers[theirs]" in ward.status("message")


def test_configurations_go_with_their_revisions_and_with_their_model(
    ward: Hands, start: Start
) -> None:
    start("detector:1")
    rollout = {"steps": [], "keepPrevious": "0s"}
    first = ward.promote_first(rollout=rollout)
    assert ours(ward) == {f"{first}-detector"}
    ward.apply_model("2.0.0")
    second = ward.candidate_service()
    ward.load(second)
    ward.finish(EvaluationPhase.SUCCESSFUL)
    until("all requests", lambda: ward.weights() == {f"{second}-predictor": 100})
    ward.accept_route()

    until("the first to go", lambda: ours(ward) == {f"{second}-detector"})
    ward.api.delete(MODELS, ward.namespace, MODEL)
    until("all to go", lambda: ours(ward) == set())
