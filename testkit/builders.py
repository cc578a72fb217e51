"""Manifests for tests: a good one of each kind, and ways to change one thing in it."""

import copy
from collections.abc import Mapping
from typing import cast

from mlhops.api import API_VERSION
from mlhops.api.base import Json, Manifest

DIGEST = "sha256:" + "0123456789abcdef" * 4
FURTHER_CARD: Manifest = {
    "developer": {"name": "Clinical ML group", "contact": "ml@hospital.example"},
    "decisionRole": "Informs",
    "howToUse": "Look at the patient within the hour",
    "modelType": "gradient-boosted trees",
    "inputSource": "Laboratory and vital signs of the record",
    "fairnessApproach": "Missed cases weigh most",
    "biasMitigation": "Weighted by site",
    "ethics": "Fewer older people in training",
    "funding": "Own means",
    "stakeholders": ["Ward council"],
    "consent": "Told at admission",
    "availability": "This hospital",
    "updateSchedule": "Each year",
    "testData": {
        "origin": "Local",
        "setting": "Two wards",
        "period": "2024",
        "preparedBy": "Data office",
    },
    "sensitiveInputs": [{"name": "sex", "kind": "Sex"}, {"name": "race", "kind": "Race"}],
    "citations": [
        {"kind": "Publication", "text": "A report", "url": "https://doi.org/10.1000/1"},
        {"kind": "Trial", "text": "A trial"},
    ],
}
"""Fields of a card that formats of model cards ask for beyond its own."""


def with_path(manifest: Manifest, path: str, value: Json) -> Manifest:
    """A copy with one value set; a path like `spec.gates.0.limit` counts from 0; `-` appends."""
    changed = copy.deepcopy(manifest)
    *parents, last = path.split(".")
    place = _walk(changed, parents)
    if isinstance(place, dict):
        place[last] = copy.deepcopy(value)
    elif last == "-":
        place.append(copy.deepcopy(value))
    else:
        place[int(last)] = copy.deepcopy(value)
    return changed


def without(manifest: Manifest, path: str) -> Manifest:
    """A copy without one field or list item."""
    changed = copy.deepcopy(manifest)
    *parents, last = path.split(".")
    place = _walk(changed, parents)
    if isinstance(place, dict):
        del place[last]
    else:
        del place[int(last)]
    return changed


def at_path(manifest: Manifest, path: str) -> Json:
    """The value at a path."""
    place: Json = manifest
    for part in path.split("."):
        place = place[part] if isinstance(place, dict) else cast("list[Json]", place)[int(part)]
    return place


def _walk(manifest: Manifest, path: list[str]) -> "dict[str, Json] | list[Json]":
    """The object or list at a path; objects that are missing on the way are made."""
    place: dict[str, Json] | list[Json] = manifest
    for part in path:
        step = place.setdefault(part, {}) if isinstance(place, dict) else place[int(part)]
        place = cast("dict[str, Json] | list[Json]", step)
    return place


def clinical_model(changes: Mapping[str, Json] | None = None, name: str = "sepsis") -> Manifest:
    """A ClinicalModel with no more than it needs: one gate, over two ways to group people."""
    return _changed(
        {
            "apiVersion": API_VERSION,
            "kind": "ClinicalModel",
            "metadata": {"name": name},
            "spec": {
                "version": "1.0.0",
                "card": {
                    "intendedUse": "Warn of sepsis in adults on general wards",
                    "riskClass": "III",
                    "owner": "clinical-ml",
                },
                "predictor": {
                    "modelFormat": {"name": "sklearn"},
                    "storageUri": "s3://models/sepsis/1",
                },
                "interface": _interface(),
                "exposure": {
                    "gateway": {"name": "clinical", "hostnames": ["sepsis.models.example"]}
                },
                "evaluation": {"data": _data(), "gates": [_fairness_gate()]},
                # Where the test plays everybody else, nobody counts live requests.
                "rollout": {"evidence": {"minRequests": 0}},
            },
        },
        changes,
    )


def regression_model(changes: Mapping[str, Json] | None = None, name: str = "stay") -> Manifest:
    """A ClinicalModel that predicts a number."""
    gate = {**_fairness_gate(), "name": "equal-errors", "metric": "MAE", "limit": 2}
    numeric: Mapping[str, Json] = {
        "spec.interface.task": "Regression",
        "spec.interface.output": {
            "name": "stay",
            "type": "Value",
            "unit": "d",
            "range": {"min": 0},
        },
        "spec.evaluation.gates": [gate],
    }
    return clinical_model({**numeric, **(changes or {})}, name)


def multiclass_model(changes: Mapping[str, Json] | None = None, name: str = "triage") -> Manifest:
    """A ClinicalModel that predicts one of several classes."""
    gate = {**_fairness_gate(), "name": "equal-worth", "metric": "BalancedAccuracy"}
    several: Mapping[str, Json] = {
        "spec.interface.task": "Multiclass",
        "spec.interface.output": {"type": "Probability", "classes": ["red", "yellow", "green"]},
        "spec.evaluation.gates": [gate],
    }
    return clinical_model({**several, **(changes or {})}, name)


def evaluation(changes: Mapping[str, Json] | None = None, name: str = "sepsis-1") -> Manifest:
    """An Evaluation as the operator creates it."""
    return _changed(
        {
            "apiVersion": API_VERSION,
            "kind": "Evaluation",
            "metadata": {"name": name},
            "spec": {
                "model": "sepsis",
                "revision": "6b86b273ff",
                "version": "1.0.0",
                "endpoint": "http://sepsis-6b86b273ff-predictor.default.svc.cluster.local",
                "interface": _interface(),
                "data": _data(),
                "gates": [_fairness_gate()],
            },
        },
        changes,
    )


def decision(changes: Mapping[str, Json] | None = None, name: str = "sepsis-go") -> Manifest:
    """A Decision that approves."""
    return _changed(
        {
            "apiVersion": API_VERSION,
            "kind": "Decision",
            "metadata": {"name": name},
            "spec": {
                "model": "sepsis",
                "revision": "6b86b273ff",
                "action": "Approve",
                "reason": "Reviewed with the ward",
                "decidedBy": "ada@hospital.example",
            },
        },
        changes,
    )


def override(changes: Mapping[str, Json] | None = None, name: str = "sepsis-override") -> Manifest:
    """A Decision that lets one gate pass for a while."""
    given: dict[str, Json] = {
        "spec.action": "Override",
        "spec.gates": ["equal-misses"],
        "spec.expires": "2030-01-31T12:00:00Z",
    }
    return decision({**given, **(changes or {})}, name)


def monitoring_policy(changes: Mapping[str, Json] | None = None, name: str = "ward") -> Manifest:
    """A MonitoringPolicy that leaves all to the defaults."""
    manifest: Manifest = {
        "apiVersion": API_VERSION,
        "kind": "MonitoringPolicy",
        "metadata": {"name": name},
        "spec": {},
    }
    return _changed(manifest, changes)


def clinical_standard(
    changes: Mapping[str, Json] | None = None, name: str = "high-risk"
) -> Manifest:
    """A ClinicalStandard that asks the model of this module for nothing that it has not."""
    manifest: Manifest = {
        "apiVersion": API_VERSION,
        "kind": "ClinicalStandard",
        "metadata": {"name": name},
        "spec": {"appliesTo": {"riskClasses": ["III", "IV"]}},
    }
    return _changed(manifest, changes)


def _changed(manifest: Manifest, changes: Mapping[str, Json] | None) -> Manifest:
    for path, value in (changes or {}).items():
        manifest = with_path(manifest, path, value)
    return manifest


def _interface() -> Manifest:
    return {
        "features": [
            {"name": "age"},
            {"name": "lactate", "unit": "mmol/L", "range": {"min": 0, "max": 30}},
            {"name": "sex", "type": "Categorical", "categories": ["F", "M"]},
        ],
        "output": {"threshold": 0.4},
        "groups": [
            {"name": "sex", "feature": "sex"},
            {"name": "ageBand", "feature": "age", "bins": [40, 65]},
        ],
    }


def _data() -> Manifest:
    return {"uri": "pvc://held-out/sepsis.parquet", "labelColumn": "sepsis"}


def _fairness_gate() -> Manifest:
    return {
        "name": "equal-misses",
        "type": "Fairness",
        "metric": "FalseNegativeRate",
        "across": {"groups": ["sex"], "intersections": [["sex", "ageBand"]]},
        "limit": 0.1,
    }


def serving_runtime(kind: str, changes: Mapping[str, Json] | None = None) -> Manifest:
    """A runtime of KServe's, of a namespace or of the cluster."""
    container: Manifest = {"name": "kserve-container", "image": "sklearnserver:1"}
    spec: Manifest = {
        "supportedModelFormats": [{"name": "sklearn", "autoSelect": True}],
        "containers": [container],
    }
    manifest: Manifest = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "sklearn"},
        "spec": spec,
    }
    return _changed(manifest, changes)
