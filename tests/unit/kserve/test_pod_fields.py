"""What a model's pods get of what a hospital's cluster asks."""

from dataclasses import replace
from typing import cast

from mlhops.api.base import Json, Manifest, ObjectMeta
from mlhops.api.predictor import Predictor
from mlhops.json_access import at
from mlhops.kserve.detector import Detector
from mlhops.kserve.foreign import foreign_field
from mlhops.kserve.form import EARLIER, NEWEST, Form, form_of_live
from mlhops.kserve.inferenceservice import render
from mlhops.kserve.manifest_diff import as_applied
from mlhops.kserve.runtime import Runtime
from mlhops.rollout.revisions.revision_record import RevisionRecord

META = ObjectMeta(name="sepsis", namespace="hospital", uid="u1")
OURS = Detector(image="registry.example/detector:2", image_pull_secrets=("ours", "shared"))
PLAIN: Manifest = {"modelFormat": {"name": "sklearn"}, "storageUri": "pvc://models/sepsis"}
RUNTIME_DEFAULT: Json = {"type": "RuntimeDefault"}


def rendered(form: Form = NEWEST, detector: Detector | None = OURS, **fields: Json) -> Manifest:
    predictor = Predictor.model_validate({**PLAIN, **fields})
    live = render(META, predictor, "bcd", "sepsis-bcd", detector, form)
    return cast(Manifest, at(live, "spec", "predictor"))


def test_pods_of_a_new_revision_have_the_runtimes_seccomp_profile_and_earlier_ones_none() -> None:
    assert rendered()["securityContext"] == {"seccompProfile": RUNTIME_DEFAULT}
    assert "securityContext" not in rendered(EARLIER)


def test_what_is_said_of_the_pod_comes_beside_the_profile_or_in_its_place() -> None:
    assert rendered(podSecurityContext={"fsGroup": 7})["securityContext"] == {
        "seccompProfile": RUNTIME_DEFAULT,
        "fsGroup": 7,
    }
    own: Json = {"type": "Localhost", "localhostProfile": "a.json"}
    assert rendered(podSecurityContext={"seccompProfile": own})["securityContext"] == {
        "seccompProfile": own
    }


def test_volumes_are_mounted_read_only_beside_those_of_the_detector() -> None:
    terms: Json = {"name": "terms", "mountPath": "/etc/terms", "configMap": {"name": "icd"}}
    part: Json = {
        "name": "atlas",
        "mountPath": "/atlas",
        "subPath": "v1",
        "persistentVolumeClaim": {"claimName": "atlas"},
    }
    predictor = rendered(volumes=[terms, part])
    alone = rendered()
    asked: list[Json] = [
        {"name": "terms", "configMap": {"name": "icd"}},
        {"name": "atlas", "persistentVolumeClaim": {"claimName": "atlas"}},
    ]
    assert predictor["volumes"] == asked + cast("list[Json]", alone["volumes"])
    assert at(predictor, "model", "volumeMounts") == [
        {"name": "terms", "mountPath": "/etc/terms", "readOnly": True},
        {"name": "atlas", "mountPath": "/atlas", "readOnly": True, "subPath": "v1"},
    ]


def test_pull_secrets_of_a_model_come_before_the_operators_and_each_once() -> None:
    asked: Json = [{"name": "site"}, {"name": "shared"}]
    assert rendered(imagePullSecrets=asked)["imagePullSecrets"] == [
        {"name": "site"},
        {"name": "shared"},
        {"name": "ours"},
    ]
    assert rendered(detector=None, imagePullSecrets=asked)["imagePullSecrets"] == asked


def test_variables_come_from_secrets_and_config_maps() -> None:
    source: Json = {"secretKeyRef": {"name": "vendor", "key": "licence"}}
    all_of: Json = {"prefix": "T_", "configMapRef": {"name": "terms", "optional": True}}
    predictor = rendered(env=[{"name": "LICENCE", "valueFrom": source}], envFrom=[all_of])
    assert at(predictor, "model", "env") == [{"name": "LICENCE", "valueFrom": source}]
    assert at(predictor, "model", "envFrom") == [all_of]


def test_what_somebody_else_adds_beside_these_fields_is_named() -> None:
    spec = rendered(securityContext={"runAsUser": 7}, envFrom=[{"secretRef": {"name": "a"}}])
    desired: Manifest = {"spec": {"predictor": spec}}
    live: Manifest = {"spec": {"predictor": {**spec, "securityContext": {"runAsUser": 1}}}}
    assert foreign_field(desired, desired) == ""
    assert as_applied(desired, desired)
    assert foreign_field(live, desired) == "spec.predictor.securityContext.runAsUser"


def test_a_revision_keeps_the_form_of_its_record_or_of_its_server() -> None:
    plain, chosen = Predictor.model_validate(PLAIN), Runtime("kserve-mlserver", "Variable")
    newest = replace(NEWEST, runtime="kserve-mlserver", naming="Variable")
    assert form_of_live(None, plain, chosen) == newest
    for form in (replace(EARLIER, naming="Argument"), newest, Form(naming="Own")):
        live: Manifest = {"spec": {"predictor": rendered(form)}}
        assert form_of_live(live, plain, Runtime(None, None)) == form
    recorded = RevisionRecord(
        predictor=plain, probed=True, confined=True, runtime="kserve-mlserver", naming="Variable"
    )
    assert recorded.form == newest
    assert RevisionRecord(predictor=plain).form == EARLIER


def test_of_an_unknown_revision_what_a_spec_can_ask_for_is_let_be_and_more_rights_are_named() -> (
    None
):
    asked = rendered(
        securityContext={"runAsUser": 7},
        podSecurityContext={"fsGroup": 7},
        envFrom=[{"secretRef": {"name": "a"}}],
        volumes=[{"name": "a", "mountPath": "/a", "configMap": {"name": "a"}}],
        runtimeClassName="nvidia",
    )
    assert foreign_field({"spec": {"predictor": asked}}, None) == ""
    for context in ({"privileged": True}, {"allowPrivilegeEscalation": True}, {"runAsUser": "x"}):
        model = {**cast(Manifest, asked["model"]), "securityContext": cast(Json, context)}
        live: Manifest = {"spec": {"predictor": {**asked, "model": cast(Json, model)}}}
        assert foreign_field(live, None) == "spec.predictor.model.securityContext"
    windows: Manifest = {**asked, "securityContext": {"windowsOptions": {"hostProcess": True}}}
    assert foreign_field({"spec": {"predictor": windows}}, None) == "spec.predictor.securityContext"
