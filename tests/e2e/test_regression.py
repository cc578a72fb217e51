"""A model that predicts a number, from its spec through its gates on a real model server to traffic."""

from pathlib import Path
from typing import cast

import yaml

from lab.progression.train import load, train
from mlhops.api.base import Manifest
from mlhops.api.model import ClinicalModel
from mlhops.api.status import Outcome
from mlhops.controller.resources import EVALUATIONS, MODELS
from mlhops.json_access import at, text
from testkit.api import route_weights, until
from testkit.ward import Ward

MANIFEST = Path(__file__).resolve().parents[2] / "lab" / "progression" / "model.yaml"
MODEL = "progression"


def applied(ward: Ward, version: str) -> None:
    """Apply the model in a version."""
    manifest = cast(Manifest, yaml.safe_load(MANIFEST.read_text().replace("1.0.0", version)))
    cast(Manifest, manifest["metadata"])["namespace"] = ward.namespace
    ward.cluster.apply(manifest)


def reached(ward: Ward, phase: str, version: str) -> ClinicalModel:
    """Wait until the model is in a phase with a version in its spec that the operator has seen."""

    def look() -> ClinicalModel | None:
        model = ClinicalModel.model_validate(ward.api.get(MODELS, ward.namespace, MODEL))
        fresh = model.status.observed_generation == model.metadata.generation
        return model if fresh and model.status.phase == phase else None

    model = until(f"{MODEL} {version} {phase}", look, 90)
    assert model.spec.version == version
    return model


def gates(ward: Ward, version: str) -> dict[str, Manifest]:
    """What the Evaluation of a version found, by gate."""
    [found] = [
        each
        for each in ward.api.list(EVALUATIONS, ward.namespace)
        if text(each, "spec", "version") == version
    ]
    results = cast("list[Manifest]", at(found, "status", "gates"))
    return {text(gate, "name"): gate for gate in results}


def test_a_model_of_a_number_serves_and_one_with_wrong_units_for_a_sex_is_stopped(
    ward: Ward,
) -> None:
    data = load()
    train(data, ward.models / "progression")
    data.held_out.to_parquet(ward.data / "progression.parquet", index=False)
    applied(ward, "1.0.0")
    first = reached(ward, "Healthy", "1.0.0")
    assert first.status.stable is not None
    found = gates(ward, "1.0.0")
    assert {text(gate, "phase") for gate in found.values()} == {"Successful"}
    assert text(found["equal-errors"], "message").startswith("MAE is ")
    # when a version comes that was trained on half the outcome of one sex
    before = route_weights(ward.api, ward.namespace, MODEL)
    applied(ward, "2.0.0")
    stopped = reached(ward, "Degraded", "2.0.0")
    # then it has had no traffic, and the reason is there for people to read
    assert route_weights(ward.api, ward.namespace, MODEL) == before
    assert "equal-errors" in stopped.status.message
    assert stopped.status.history[-1].outcome is Outcome.ROLLED_BACK
    assert text(gates(ward, "2.0.0")["equal-errors"], "worstGroup") == "sex=1"
