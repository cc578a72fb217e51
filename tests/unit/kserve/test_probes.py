"""What the kubelet asks of revisions that have probes, and that earlier ones go on without."""

import json
from typing import cast

import pytest

from mlhops.api.base import Manifest, ObjectMeta
from mlhops.api.predictor import Predictor
from mlhops.json_access import at, items
from mlhops.kserve.detector import Detector
from mlhops.kserve.foreign import foreign_field
from mlhops.kserve.form import Form
from mlhops.kserve.inferenceservice import render
from mlhops.kserve.probes import PROBES, is_probed

META = ObjectMeta(name="sepsis", namespace="hospital", uid="u1")
OURS = Detector(image="registry.example/detector:2")


def predictor(protocol: str = "v2") -> Predictor:
    return Predictor.model_validate(
        {
            "modelFormat": {"name": "sklearn"},
            "storageUri": "pvc://models/sepsis",
            "protocolVersion": protocol,
        }
    )


def rendered(protocol: str = "v2", *, probed: bool = True) -> Manifest:
    return render(META, predictor(protocol), "bcd", "sepsis-bcd", OURS, Form(probed=probed))


@pytest.mark.parametrize(
    ("protocol", "path"), [("v1", "/v1/models/sepsis"), ("v2", "/v2/models/sepsis/ready")]
)
def test_the_model_itself_is_asked_in_the_words_of_its_protocol(protocol: str, path: str) -> None:
    model = at(rendered(protocol), "spec", "predictor", "model")
    for name in PROBES:
        asked = at(model, name, "httpGet")
        assert asked == {"path": path, "port": 8080, "scheme": "HTTP"}


def applied_as(manager: str, live: Manifest) -> Manifest:
    """The object with a model of which somebody has applied the readinessProbe."""
    fields: Manifest = {"f:spec": {"f:predictor": {"f:model": {"f:readinessProbe": {}}}}}
    entry: Manifest = {"manager": manager, "operation": "Apply", "fieldsV1": fields}
    return {**live, "metadata": {"managedFields": [entry]}}


def seconds(probe: Manifest) -> int:
    return cast(int, probe["periodSeconds"]) * cast(int, probe["failureThreshold"])


def test_a_server_may_load_for_hours_and_answers_within_seconds_ever_after() -> None:
    model = at(rendered(), "spec", "predictor", "model")
    startup, readiness, liveness = (cast(Manifest, at(model, name)) for name in PROBES)
    assert seconds(startup) >= 3 * 3600
    assert seconds(readiness) <= 15 < 60 <= seconds(liveness) <= 90


def test_a_revision_from_before_is_rendered_as_ever() -> None:
    text = json.dumps(rendered(probed=False))
    assert "readinessProbe" not in text
    assert "startupProbe" not in text
    assert at(rendered(probed=False), "spec", "predictor", "model", "livenessProbe") is None


def test_the_detector_is_asked_whether_the_answers_are_of_use() -> None:
    [container] = items(rendered(), "spec", "predictor", "containers")
    assert at(container, "readinessProbe", "httpGet", "path") == "/servingz"


def test_a_lost_record_keeps_the_probes_that_its_server_has() -> None:
    assert is_probed(applied_as("mlhops", rendered()))
    assert not is_probed(applied_as("mlhops", rendered(probed=False)))
    assert is_probed(applied_as("a backup tool", rendered()))
    commanded = rendered()
    model = cast(Manifest, at(commanded, "spec", "predictor", "model"))
    model["readinessProbe"] = {"exec": {"command": ["sh"]}}
    assert not is_probed(commanded)


def test_a_probe_of_an_unknown_revision_may_be_ours_but_never_one_with_a_command() -> None:
    known = rendered()
    assert foreign_field(known, None) == ""
    model = cast(Manifest, at(known, "spec", "predictor", "model"))
    model["livenessProbe"] = {"exec": {"command": ["sh"]}}
    assert foreign_field(known, None) == "spec.predictor.model.livenessProbe"


def test_a_command_that_somebody_adds_to_a_probe_is_named() -> None:
    live = rendered()
    probe = cast(Manifest, at(live, "spec", "predictor", "model", "readinessProbe"))
    probe["exec"] = {"command": ["sh"]}
    assert foreign_field(live, rendered()) == "spec.predictor.model.readinessProbe.exec"
