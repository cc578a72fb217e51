"""Each field of KServe's own InferenceService is known: it is ours, anybody may add it, or nobody may."""

import json
from collections.abc import Iterator, Mapping

import pytest

from lab.kserve_upstream.release import release
from mlhops.api.base import Json, Manifest, ObjectMeta
from mlhops.api.predictor import Predictor
from mlhops.json_access import at, items, text
from mlhops.kserve.detector import Detector
from mlhops.kserve.foreign import PLACING, foreign_field, foreign_logger
from mlhops.kserve.form import NEWEST
from mlhops.kserve.inferenceservice import render
from testkit.builders import with_path, without
from testkit.samples import EVERYTHING

OURS: Manifest = {"spec": {"predictor": {"model": {"storageUri": "s3://models/1"}}}}
PREDICTOR, MODEL, LOGGER = "spec.predictor", "spec.predictor.model", "spec.predictor.logger"

# What decides who answers, from which files, beside whom and with which rights, by its place.
NOBODY_MAY_ADD: Mapping[str, str] = {
    "spec": "canary explainer transformer",
    PREDICTOR: """
        huggingface lightgbm onnx paddle pmml pytorch sklearn tensorflow triton xgboost
        batcher canaryTrafficPercent containers initContainers name storageContainerName storageUris workerSpec
        annotations labels activeDeadlineSeconds dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC
        hostNetwork hostPID hostUsers hostname hostnameOverride imagePullSecrets nodeName os overhead
        readinessGates resourceClaims resources restartPolicy runtimeClassName schedulingGates
        securityContext serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace
        subdomain volumes
    """,
    MODEL: """
        args command confidential env envFrom image imagePullPolicy lifecycle livenessProbe modelFormat name ports
        protocolVersion readinessProbe resizePolicy restartPolicy restartPolicyRules runtime runtimeVersion
        securityContext startupProbe stdin stdinOnce storage terminationMessagePolicy tty volumeDevices
        volumeMounts workingDir
    """,
}
ANYBODY_MAY_ADD: Mapping[str, frozenset[str]] = {
    "spec": frozenset(),
    PREDICTOR: PLACING,
    MODEL: frozenset({"resources", "terminationMessagePath"}),
}
OURS_TO_SET = {"spec": {"predictor"}, PREDICTOR: {"model", "logger"}, MODEL: {"storageUri"}}
LOGGED = """
    mode url metadataHeaders metadataAnnotations storage marshallerUrl batchSize batchInterval
"""


@pytest.fixture(scope="module")
def schema() -> Manifest:
    """What KServe's CRD says of an InferenceService."""
    crds: list[Manifest] = json.loads(release().crds.read_text())["items"]
    [crd] = [one for one in crds if text(one, "spec", "names", "kind") == "InferenceService"]
    [version] = [one for one in items(crd, "spec", "versions") if one["storage"]]
    found = at(version, "schema", "openAPIV3Schema")
    assert isinstance(found, dict)
    return found


def fields(schema: Manifest, path: str) -> Manifest:
    """The fields at a place, each with its schema."""
    place: Json = schema
    for name in path.split("."):
        place = at(place, "properties", name)
    found = at(place, "properties")
    assert isinstance(found, dict)
    return found


def some(schema: Json) -> Json:
    """A value that a schema lets in, and that is not empty."""
    kinds: Mapping[str, Json] = {"integer": 7, "number": 0.5, "boolean": True}
    match text(schema, "type"):
        case "object":
            inside = at(schema, "properties")
            name, one = next(iter(inside.items())) if isinstance(inside, dict) else ("x", {})
            return {name: some(one)}
        case "array":
            return [some(at(schema, "items"))]
        case kind:
            return kinds.get(kind, "theirs")


@pytest.mark.parametrize("path", NOBODY_MAY_ADD)
def test_every_field_of_the_crd_is_classified(schema: Manifest, path: str) -> None:
    forbidden = frozenset(NOBODY_MAY_ADD[path].split())
    known = forbidden | ANYBODY_MAY_ADD[path] | OURS_TO_SET[path]
    assert set(fields(schema, path)) - known == set(), "new: who may set these, and why?"
    assert known - set(fields(schema, path)) == set(), "gone from KServe"


@pytest.mark.parametrize("path", NOBODY_MAY_ADD)
def test_a_field_that_nobody_may_add_is_named_and_one_that_anybody_may_is_not(
    schema: Manifest, path: str
) -> None:
    forbidden = NOBODY_MAY_ADD[path].split()
    for name, kind in fields(schema, path).items():
        if name not in OURS_TO_SET[path]:
            added = with_path(OURS, f"{path}.{name}", some(kind))
            assert foreign_field(added, OURS) == (f"{path}.{name}" if name in forbidden else "")


def test_a_logger_of_theirs_is_noticed_whatever_field_it_has(schema: Manifest) -> None:
    assert set(fields(schema, LOGGER)) == set(LOGGED.split()), "new: may others set it?"
    for name, kind in fields(schema, LOGGER).items():
        assert foreign_logger(with_path(OURS, f"{LOGGER}.{name}", some(kind)), OURS)


def test_what_the_operator_renders_is_made_of_fields_that_kserve_has(schema: Manifest) -> None:
    asked = without(EVERYTHING, "spec.predictor.affinity")  # passed on as it is
    predictor = Predictor.model_validate(at(asked, "spec", "predictor"))
    meta = ObjectMeta.model_validate({"name": "sepsis", "namespace": "icu", "uid": "u"})
    beside = Detector(image="detector")
    live = render(meta, predictor, "bcd", "sepsis-bcd", beside, NEWEST)
    assert list(unknown(live["spec"], at(schema, "properties", "spec"), "spec")) == []
    assert list(unknown({"modle": {}}, at(schema, "properties", "spec"), "spec")) == ["spec.modle"]


def unknown(value: Json, schema: Json, path: str) -> Iterator[str]:
    """The paths in a value of which a schema does not know."""
    if isinstance(value, list):
        for one in value:
            yield from unknown(one, at(schema, "items"), f"{path}[]")
    elif isinstance(value, dict) and at(schema, "additionalProperties") is None:
        for name, one in value.items():
            inside = at(schema, "properties", name)
            if inside is None:
                yield f"{path}.{name}"
            else:
                yield from unknown(one, inside, f"{path}.{name}")
