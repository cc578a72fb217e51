"""MLServer itself, which KServe's own `kserve-mlserver` runs and which speaks v2 alone."""

import json
import urllib.error
import urllib.request

import pytest

from lab.mlserver import mlserver
from mlhops.api.base import Json
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import SERVICES
from mlhops.json_access import at, items, text
from testkit.api import until
from testkit.ward import HOST, MODEL, Ward

SECONDS = 240.0
"""MLServer takes its time to start."""
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def apply(ward: Ward, version: str) -> None:
    """A version that names no runtime; MLServer answers with probabilities where it is told to."""
    probabilities: Json = {"name": "MLSERVER_MODEL_EXTRA", "value": PREDICT_PROBA}
    predictor: Json = {
        "modelFormat": {"name": "sklearn"},
        "storageUri": f"pvc://models/{version}",
        "env": [probabilities],
    }
    ward.apply(version, predictor=predictor, rollout__progressDeadline="10m")


PREDICT_PROBA = json.dumps({"predict_fn": "predict_proba"})


def status_of(ward: Ward, path: str) -> int:
    """What callers get for a page."""
    address = ward.cluster.gateway_address(ward.namespace, "clinical")
    request = urllib.request.Request(f"http://{address}{path}", headers={"Host": HOST})
    try:
        with _DIRECT.open(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_version_on_mlserver_is_measured_counted_and_promoted(ward: Ward) -> None:
    mlserver()  # says so where it cannot be installed
    # given a first version for which the operator chooses the runtime, as KServe would
    apply(ward, "1.0.0")
    first = ward.wait("Healthy", SECONDS, version="1.0.0").status.stable
    assert first is not None
    live = ward.api.get(SERVICES, ward.namespace, first.inference_service)
    model = at(live, "spec", "predictor", "model")
    named = [one for one in items(model, "env") if text(one, "name") == "MLSERVER_MODEL_NAME"]
    assert text(model, "runtime") == "kserve-mlserver"
    assert named == [{"name": "MLSERVER_MODEL_NAME", "value": MODEL}]
    assert at(model, "args") is None

    # which was measured over v2, and answers callers under the model's name
    assert first.proof is not None
    assert first.proof.phase is EvaluationPhase.SUCCESSFUL
    dies_not, dies = ward.ask()
    assert dies_not + dies == pytest.approx(1)
    assert status_of(ward, f"/v2/models/{MODEL}/ready") == 200
    assert status_of(ward, f"/v2/models/{MODEL}") == 200
    assert status_of(ward, "/v2/repository/index") == 404
    until("the count", lambda: ward.report(first.revision).counters["scores"] >= 1, 30)

    # when another version comes, then it takes over by its steps
    apply(ward, "3.0.0")
    second = ward.wait("Healthy", SECONDS, version="3.0.0").status.stable
    assert second is not None
    assert second.proof is not None
    assert second.proof.phase is EvaluationPhase.SUCCESSFUL
    assert sum(ward.ask()) == pytest.approx(1)
