"""Fields of others that put something else in the place of what was tested, and those that do not."""

from pathlib import Path
from typing import cast

import pytest
import yaml

from mlhops.api.base import Json, Manifest
from mlhops.kserve.detector import Detector, beside
from mlhops.kserve.foreign import foreign_field, foreign_logger
from mlhops.kserve.read import items
from tests.builders import with_path

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
        assert foreign_field(theirs, desired).startswith(f"{CONTAINERS}, the container ")
    # A revision whose record has no detector is served without.
    assert foreign_field(WATCHED, OURS) == f"{CONTAINERS}, the container drift-detector"


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
    assert foreign_field(changed, WATCHED) == f"{CONTAINERS}, {field} of drift-detector"


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
    assert foreign_field(theirs, OURS) == "spec.predictor.model.env, the variable THEIRS"
    assert foreign_field(OURS, OURS) == ""
    # Of a revision whose record is lost nobody knows which variables are its own.
    assert foreign_field(theirs, None) == ""


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.predictor.affinity", {"nodeAffinity": {}}),
        ("spec.predictor.timeout", 30),
        ("spec.predictor.model.image", ""),
        ("spec.predictor.model.name", ""),
        ("spec.predictor.model.resources", {}),
        ("metadata", {"annotations": {"modelFormat": "sklearn"}}),
    ],
)
def test_what_others_may_add_is_let_be(path: str, value: Json) -> None:
    assert foreign_field(with_path(OURS, path, value), OURS) == ""


@pytest.mark.reference("kserve-samples")
def test_what_the_real_kserve_writes_back_is_not_taken_for_theirs(reference: Path) -> None:
    loaded = yaml.safe_load_all((reference / "kserve-samples" / "children.yaml").read_text())
    live = next(one for one in loaded if one["kind"] == "InferenceService")
    predictor = cast(Manifest, live["spec"]["predictor"])
    predictor.pop("containers")  # asked for by whoever captured it
    assert foreign_field(live, live) == ""
    assert foreign_field(live, OURS) == ""
