"""What makes a revision: its content, whole, and nothing but what changes what is served."""

import json
from pathlib import Path
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.rollout.revisions.revision import Asked, Served, name_of
from testkit.builders import clinical_model

RECORDED = Path(__file__).parent / "digests.json"
PROVEN = {"storageUri": "s3://models/sepsis/proven", "value": "0042f490"}
UNPROVEN = {"storageUri": "s3://attacker/unproven", "value": "0002ea5b"}
"""Two predictors that had the same name of ten letters, found with nine million hashes in 92 s."""


def model(changes: dict[str, Json] | None = None) -> ClinicalModel:
    """A ClinicalModel with some fields changed."""
    return ClinicalModel.model_validate(clinical_model(changes))


def served(changes: dict[str, Json] | None = None) -> Served:
    """What a ClinicalModel with some fields changed asks to be served."""
    return Served.of(model(changes).spec)


def collided(side: dict[str, str]) -> Served:
    """One side of a pair with one short name."""
    env: Json = [{"name": "NONCE", "value": side["value"]}]
    return served({"spec.predictor.storageUri": side["storageUri"], "spec.predictor.env": env})


def test_two_contents_with_one_short_name_are_two_revisions() -> None:
    proven, unproven = collided(PROVEN), collided(UNPROVEN)
    assert proven.first_name == unproven.first_name == "vfbrmmfjlf"
    assert proven.digest != unproven.digest
    assert len(proven.digest) == 64


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            {"spec.predictor.resources": {"requests": {"cpu": "1000m", "memory": "0.5Gi"}}},
            {"spec.predictor.resources": {"requests": {"cpu": 1, "memory": "512Mi"}}},
        ),
        (
            {"spec.predictor.resources": {"limits": {"memory": "100000000n"}}},
            {"spec.predictor.resources": {"limits": {"memory": "1e-1"}, "requests": {}}},
        ),
        ({}, {"spec.interface.features.0.description": "at admission"}),
        ({}, {"spec.predictor.protocolVersion": "v2", "spec.predictor.env": []}),
        ({}, {"spec.interface.features.0.type": "Numeric", "spec.predictor.labels": {}}),
        ({}, {"spec.predictor.minReplicas": 3}),
        ({}, {"spec.interface.task": "Binary"}),
        ({}, {"spec.exposure.mode": "Standard", "spec.predictor.resources": {}}),
        ({}, {"spec.monitoring": {"policyRef": {"name": "ward"}}}),
    ],
)
def test_what_serves_the_same_is_the_same(one: dict[str, Json], other: dict[str, Json]) -> None:
    assert served(one).digest == served(other).digest


@pytest.mark.parametrize(
    "change",
    [
        {"spec.version": "1.0.1"},
        {"spec.predictor.storageUri": "s3://models/sepsis/2"},
        {"spec.predictor.env": [{"name": "A", "value": "1"}]},
        {"spec.predictor.args": ["--workers=2"]},
        {"spec.predictor.resources": {"limits": {"cpu": "1"}}},
        {"spec.predictor.maxReplicas": 2},
        {"spec.predictor.protocolVersion": "v1"},
        {"spec.interface.features.0.type": "Categorical"},
        {"spec.interface.features.0.unit": "a"},
        {"spec.interface.output.threshold": 0.0},
        {"spec.interface.output.positiveClass": "died"},
        {"spec.interface.task": "Regression"},
    ],
)
def test_what_serves_something_else_is_another(change: dict[str, Json]) -> None:
    assert served(change).digest != served().digest


def test_the_gates_hash_covers_what_is_asked_and_no_field_at_its_default() -> None:
    asked = Asked.of(model().spec).digest
    same: list[dict[str, Json]] = [
        {"spec.evaluation.gates.0.confidence": 0.95, "spec.evaluation.data.format": "parquet"},
        {"spec.interface.features.0.description": "at admission"},
        {"spec.interface.task": "Binary"},
    ]
    other: list[dict[str, Json]] = [
        {"spec.evaluation.gates.0.limit": 0.99},
        {"spec.evaluation.data.uri": "pvc://held-out/other.parquet"},
        {"spec.evaluation.seed": 1},
        {"spec.interface.groups.1.bins": [50]},
        {"spec.interface.output.threshold": 0.1},
        {"spec.interface.task": "Regression"},
    ]
    assert {Asked.of(model(change).spec).digest for change in same} == {asked}
    assert asked not in {Asked.of(model(change).spec).digest for change in other}


def test_digests_stay_what_they_were_when_they_were_recorded() -> None:
    """A digest that changes makes each model that serves a new revision: such a change needs a way to upgrade.

    New cases are added with what they come to; those that are here are never changed.
    """
    for case in cast("list[Manifest]", json.loads(RECORDED.read_text())):
        spec = ClinicalModel.model_validate(case["model"]).spec
        found = {
            "digest": Served.of(spec).digest,
            "revision": name_of(Served.of(spec).digest),
            "gatesHash": Asked.of(spec).digest,
            "firstName": Served.of(spec).first_name,
            "firstGatesHash": Asked.of(spec).first_hash,
        }
        assert found == case["expected"], case["case"]
