"""Whether a server does not know its model, by what the kubelet says of its probes."""

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.kserve import health
from mlhops.kserve.unnamed import unknown_model

FAILED = "Startup probe failed: HTTP probe failed with statuscode: "


def triton(**status: Json) -> Manifest:
    """An InferenceService whose server calls its model as the artefact does."""
    metadata: Manifest = {"name": "sepsis-a", "labels": {"mlhops.io/model": "sepsis"}}
    model: Manifest = {"storageUri": "pvc://models/1"}
    return {"metadata": metadata, "spec": {"predictor": {"model": model}}, "status": status}


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"message": f"{FAILED}400", "count": 3}, "400"),
        ({"message": "Readiness probe failed: HTTP probe failed with statuscode: 404", "count": 9}, "404"),
        ({"message": f"{FAILED}404", "series": {"count": 4}}, "404"),
        ({"message": f"{FAILED}404", "count": 2}, ""),
        ({"message": f"{FAILED}503", "count": 30}, ""),
        ({"message": "Startup probe failed: connection refused", "count": 30}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_server_that_answers_again_and_again_that_there_is_no_such_model(
    event: Manifest, code: str
) -> None:
    said = f"its server answers HTTP {code} for a model sepsis" if code else ""
    assert unknown_model(triton(), [event]) == said


def test_the_reason_and_the_remedy_are_its_trouble_until_it_is_ready() -> None:
    said = "its server answers HTTP 404 for a model sepsis"
    waiting = health.observe(triton(), [], None, unknown=said)
    assert waiting.trouble == (
        f"{said}: its runtime calls a model as the artefact does, whose folder or archive must be named sepsis"
    )
    assert not waiting.fatal
    conditions: Json = [{"type": "Ready", "status": "True"}]
    states: Json = {"states": {"activeModelState": "Loaded"}}
    ready = health.observe(
        triton(conditions=conditions, modelStatus=states), [], None, unknown=said
    )
    assert ready.trouble is None


def test_what_a_container_or_kserve_says_comes_before_it() -> None:
    said: Json = [
        {"type": "Ready", "status": "False", "reason": "ReconcileFailed", "message": "no"}
    ]
    found = health.observe(triton(conditions=said), [], None, unknown="its server answers HTTP 404")
    assert found.trouble == "ReconcileFailed: no"
