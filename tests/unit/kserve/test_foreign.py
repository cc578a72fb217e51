"""Fields of others that put something else in the place of what was tested, and those that do not."""

from pathlib import Path
from typing import cast

import pytest
import yaml

from mlhops.api.base import Json, Manifest
from mlhops.json_access import items
from mlhops.kserve.detector import Detector, beside
from mlhops.kserve.foreign import foreign_field, foreign_logger
from testkit.builders import with_path, without

OURS: Manifest = {
    "spec": {
        "predictor": {
            "minReplicas": 1,
            "model": {"storageUri": "s3://models/1", "env": [{"name": "TZ", "value": "UTC"}]},
        }
    }
}

WATCHED: Manifest = with_path(
    OURS,
    "spec.predictor",
    {
        **cast(Manifest, cast(Manifest, OURS["spec"])["predictor"]),
        **beside("sepsis-b", Detector(image="detector")),
    },
)
CONTAINERS = "spec.predictor.containers"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.transformer", {"containers": [{"name": "t", "image": "theirs"}]}),
        ("spec.explainer", {"containers": [{"name": "e", "image": "theirs"}]}),
        ("spec.canary", [{"trafficPercent": 50}]),
        ("spec.predictor.canaryTrafficPercent", 50),
        ("spec.predictor.model.image", "theirs"),
        ("spec.predictor.model.command", ["sh"]),
        ("spec.predictor.model.runtimeVersion", "9"),
    ],
)
def test_what_changes_the_answers_is_named(path: str, value: Json) -> None:
    assert foreign_field(with_path(OURS, path, value), OURS) == path
    assert foreign_field(with_path(OURS, path, value), None) == path


def test_the_detector_is_ours_and_any_other_container_is_theirs() -> None:
    theirs = with_path(WATCHED, f"{CONTAINERS}.-", {"name": "theirs"})
    assert foreign_field(WATCHED, WATCHED) == foreign_field(WATCHED, None) == ""
    for desired in (WATCHED, OURS, None):
        assert foreign_field(theirs, desired).startswith(CONTAINERS)
    assert foreign_field(theirs, WATCHED) == f"{CONTAINERS}[theirs]"
    # A revision whose record has no detector is served without.
    assert foreign_field(WATCHED, OURS) == CONTAINERS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("command", ["sh"]),
        ("envFrom", [{"secretRef": {"name": "theirs"}}]),
        ("readinessProbe", {"exec": {"command": ["false"]}}),
    ],
)
def test_what_they_put_into_the_detector_is_named(field: str, value: Json) -> None:
    container = {**items(WATCHED, "spec", "predictor", "containers")[0], field: value}
    changed = with_path(WATCHED, CONTAINERS, [container])
    assert foreign_field(changed, WATCHED) == f"{CONTAINERS}[drift-detector].{field}"


def test_a_logger_is_ours_while_it_logs_to_our_detector() -> None:
    assert not foreign_logger(OURS, OURS)
    assert not foreign_logger(OURS, WATCHED)
    assert not foreign_logger(WATCHED, WATCHED)
    assert not foreign_logger(WATCHED, None)
    assert foreign_logger(WATCHED, OURS)
    others: tuple[tuple[str, Json], ...] = (
        ("url", "http://theirs.example"),
        ("url", None),
        ("storage", {"path": "s3://theirs"}),
    )
    for field, value in others:
        theirs = with_path(WATCHED, f"spec.predictor.logger.{field}", value)
        assert foreign_logger(theirs, WATCHED)
        assert foreign_logger(theirs, None)
    # Others' words about what is logged are put right.
    assert not foreign_logger(with_path(WATCHED, "spec.predictor.logger.mode", "request"), WATCHED)


def test_a_variable_of_theirs_is_named_and_one_of_ours_is_not() -> None:
    theirs = with_path(OURS, "spec.predictor.model.env.-", {"name": "THEIRS", "value": "1"})
    assert foreign_field(theirs, OURS) == "spec.predictor.model.env[THEIRS]"
    assert foreign_field(OURS, OURS) == ""
    # Of a revision whose record is lost nobody knows which variables are its own.
    assert foreign_field(theirs, None) == ""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.predictor.affinity", {"nodeAffinity": {"x": 1}}),
        ("spec.predictor.tolerations", [{"key": "gpu"}]),
        ("spec.predictor.topologySpreadConstraints", [{"maxSkew": 1}]),
        ("spec.predictor.deploymentStrategy", {"type": "Recreate"}),
        ("spec.predictor.maxReplicas", 4),
        ("spec.predictor.timeout", 30),
        ("spec.predictor.hostNetwork", False),
        ("spec.predictor.model.image", ""),
        ("spec.predictor.model.name", ""),
        ("spec.predictor.model.resources", {}),
        ("metadata", {"annotations": {"modelFormat": "sklearn"}}),
        ("metadata", {"annotations": {"argocd.argoproj.io/tracking-id": "clinic:x"}}),
        ("metadata", {"labels": {"app.kubernetes.io/instance": "clinic"}}),
    ],
)
def test_what_others_may_add_is_let_be(path: str, value: Json) -> None:
    assert foreign_field(with_path(OURS, path, value), OURS) == ""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model.lifecycle", {"postStart": {"exec": {"command": ["sh"]}}}),
        ("model.livenessProbe", {"exec": {"command": ["sh"]}}),
        ("model.readinessProbe", {"exec": {"command": ["true"]}}),
        ("model.startupProbe", {"exec": {"command": ["sh"]}}),
        ("model.workingDir", "/elsewhere"),
        ("model.securityContext", {"privileged": True}),
        ("model.args", ["--another"]),
        ("model.runtime", "theirs"),
        ("model.stdin", True),
        ("hostAliases", [{"ip": "10.6.6.6", "hostnames": ["s3.amazonaws.com"]}]),
        ("dnsConfig", {"nameservers": ["10.6.6.6"]}),
        ("dnsPolicy", "None"),
        ("serviceAccountName", "theirs"),
        ("runtimeClassName", "theirs"),
        ("hostNetwork", True),
        ("shareProcessNamespace", True),
        ("imagePullSecrets", [{"name": "theirs"}]),
        ("initContainers", [{"name": "theirs"}]),
        ("annotations", {"sidecar.istio.io/inject": "true"}),
        ("labels", {"azure.workload.identity/use": "true"}),
        ("a-field-that-kserve-may-have-one-day", {"x": 1}),
    ],
)
def test_what_is_on_no_list_is_named_even_where_nobody_has_thought_of_it(
    path: str, value: Json
) -> None:
    place = f"spec.predictor.{path}"
    assert foreign_field(with_path(OURS, place, value), OURS) == place


@pytest.mark.parametrize("part", ["labels", "annotations"])
@pytest.mark.parametrize(
    "key",
    [
        "serving.kserve.io/storage-initializer-image",
        "sidecar.istio.io/inject",
        "networking.kserve.io/visibility",
        "modelFormat.example",
    ],
)
def test_a_label_or_annotation_on_which_others_act_in_the_pods_is_named(
    part: str, key: str
) -> None:
    metadata: Manifest = {part: {key: "true"}}
    assert foreign_field({**OURS, "metadata": metadata}, OURS) == f"metadata.{part}[{key}]"
    # Our own are ours.
    ours: Manifest = {**OURS, "metadata": metadata}
    assert foreign_field(ours, ours) == ""


def test_an_item_beside_ours_or_a_second_one_of_its_name_is_named() -> None:
    ours = with_path(OURS, "spec.predictor.model.ports", [{"containerPort": 8080}])
    more = with_path(ours, "spec.predictor.model.ports.-", {"containerPort": 9999})
    assert foreign_field(more, ours) == "spec.predictor.model.ports[1]"
    twice = with_path(OURS, "spec.predictor.model.env.-", {"name": "TZ", "value": "CET"})
    assert foreign_field(twice, OURS) == "spec.predictor.model.env[TZ]"
    mount = with_path(WATCHED, f"{CONTAINERS}.0.volumeMounts.0.subPath", "theirs")
    assert foreign_field(mount, WATCHED).endswith(".subPath")


def test_a_value_of_ours_that_is_another_now_is_put_right_and_not_named() -> None:
    changed = with_path(OURS, "spec.predictor.model.env", [{"name": "TZ", "value": "CET"}])
    assert foreign_field(changed, OURS) == ""


@pytest.mark.reference("kserve-samples")
def test_what_the_real_kserve_writes_back_is_not_taken_for_theirs(reference: Path) -> None:
    loaded = yaml.safe_load_all((reference / "kserve-samples" / "children.yaml").read_text())
    live = next(one for one in loaded if one["kind"] == "InferenceService")
    applied = live
    for added in ("metadata.annotations.modelFormat", "spec.predictor.model.name"):
        applied = without(applied, added)
    applied = without(applied, "spec.predictor.model.resources")
    assert foreign_field(live, applied) == ""
    assert foreign_field(live, None) == ""
    theirs = with_path(live, "spec.predictor.hostNetwork", True)
    assert foreign_field(theirs, applied) == "spec.predictor.hostNetwork"


def test_pull_secrets_of_ours_are_ours_and_any_other_is_theirs() -> None:
    watched = with_path(WATCHED, "spec.predictor.imagePullSecrets", [{"name": "registry"}])
    assert foreign_field(watched, watched) == foreign_field(watched, None) == ""
    theirs = with_path(watched, "spec.predictor.imagePullSecrets.-", {"name": "theirs"})
    assert foreign_field(theirs, watched) == "spec.predictor.imagePullSecrets[theirs]"
