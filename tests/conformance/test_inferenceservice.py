"""Rendered InferenceServices against KServe's own full CRD, and against the types of its SDK."""

import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import httpx
import pytest

from lab.control import ControlPlane
from lab.kserve_upstream.release import release
from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.controller.resources import SERVICES
from mlhops.kserve.detector import Detector
from mlhops.kserve.inferenceservice import render
from mlhops.kserve.manifest_diff import covers
from testkit.api import Api
from testkit.builders import clinical_model

EVERYTHING: dict[str, Json] = {
    "spec.predictor": {
        "modelFormat": {"name": "sklearn", "version": "1"},
        "storageUri": "s3://models/sepsis/2",
        "runtime": "kserve-sklearnserver",
        "protocolVersion": "v1",
        "args": ["--workers=2"],
        "env": [{"name": "PREDICT_PROBA", "value": "true"}],
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
        "serviceAccountName": "sepsis",
        "minReplicas": 2,
        "maxReplicas": 4,
        "scaleMetric": "cpu",
        "scaleTarget": 70,
        "nodeSelector": {"zone": "a"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "labels": {"ward": "icu"},
        "annotations": {"example.org/team": "icu"},
    }
}
DETECTOR = Detector(image="registry.example/detector:1")
CASES: dict[str, tuple[dict[str, Json], Detector | None]] = {
    "the least": ({}, DETECTOR),
    "everything": (EVERYTHING, DETECTOR),
    "MLServer": ({"spec.predictor.runtime": "kserve-mlserver"}, DETECTOR),
    "without a detector": ({}, None),
}


def rendered(changes: dict[str, Json], detector: Detector | None = None) -> Manifest:
    manifest = clinical_model(changes)
    cast(Manifest, manifest["metadata"]).update({"namespace": "default", "uid": "0-1"})
    model = ClinicalModel.model_validate(manifest)
    service = "sepsis-6b86b273"
    return render(model.metadata, model.spec.predictor, "6b86b273", service, detector)


@pytest.fixture(scope="module")
def full() -> Iterator[Api]:
    """An API server that serves KServe's own, full CRD."""
    with ControlPlane.start(controllers=False, install=[release().crds]) as plane:
        api = Api(plane.kubeconfig)
        yield api
        api.close()


@pytest.mark.parametrize("case", CASES)
def test_kserves_full_schema_takes_what_is_rendered(full: Api, case: str) -> None:
    manifest = rendered(*CASES[case])
    query = {"fieldValidation": "Strict", "dryRun": "All", "fieldManager": "mlhops"}
    answer = full.http.post(SERVICES.path("default"), params=query, json=manifest)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    assert covers(cast(Manifest, answer.json()), manifest)


def test_kserves_full_schema_refuses_a_field_that_it_does_not_know(full: Api) -> None:
    manifest = rendered({})
    predictor = cast(Manifest, cast(Manifest, manifest["spec"])["predictor"])
    cast(Manifest, predictor["model"])["modelName"] = "sepsis"
    query = {"fieldValidation": "Strict", "dryRun": "All"}
    answer = full.http.post(SERVICES.path("default"), params=query, json=manifest)
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "modelName" in answer.text


@pytest.mark.parametrize("case", CASES)
def test_kserves_sdk_reads_what_is_rendered_and_loses_nothing(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["test"])  # importing kserve parses the command line
    import kserve

    # The SDK takes Kubernetes' own types from a client of another major version: they pass as they are.
    for model in list(vars(kserve.models).values()):
        for name in getattr(model, "openapi_types", {}).values():
            for foreign in re.findall(r"V1\w+", name):
                if not hasattr(kserve.models, foreign):
                    monkeypatch.setattr(kserve.models, foreign, object, raising=False)
    manifest = rendered(*CASES[case])
    client = kserve.ApiClient()
    parsed = client.deserialize(
        SimpleNamespace(data=json.dumps(manifest)), kserve.V1beta1InferenceService
    )
    assert parsed.spec.predictor.model.storage_uri.startswith("s3://")
    assert covers(client.sanitize_for_serialization(parsed), manifest)
