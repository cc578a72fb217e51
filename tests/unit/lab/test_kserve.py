"""KServe's pure parts, where the captured samples do not reach."""

import pytest

from lab.client import Object
from lab.kserve.admission import Refused, validate, with_defaults
from lab.kserve.children import deployment
from lab.kserve.controller import UnknownScheme, check_scheme
from lab.kserve.names import MODEL_CONTAINER, SOURCE_ANNOTATION
from lab.kserve.pods import mutated
from lab.kserve.runtimes import MLSERVER, SKLEARN_SERVER, NoRuntime, choose
from lab.kserve.status import model_outcome, predictor_verdict


def service(**predictor: object) -> Object:
    model: Object = {"modelFormat": {"name": "sklearn"}, "storageUri": "pvc://models/v1"}
    return {
        "metadata": {"name": "m", "namespace": "icu"},
        "spec": {"predictor": {"model": model, **predictor}},
    }


def condition(kind: str, status: str, reason: str) -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": f"{reason}."}


def test_old_names_of_the_deployment_mode_are_rewritten() -> None:
    given = service()
    given["metadata"]["annotations"] = {"serving.kserve.io/deploymentMode": "RawDeployment"}
    annotations = with_defaults(given)["metadata"]["annotations"]
    assert annotations["serving.kserve.io/deploymentMode"] == "Standard"


def test_a_named_model_container_is_refused() -> None:
    given = with_defaults(service())
    given["spec"]["predictor"]["model"]["name"] = "mine"
    with pytest.raises(Refused, match=r"model\.name must be empty"):
        validate(given, None)


def test_a_pvc_is_mounted_directly_at_the_models_folder() -> None:
    pod = {
        "metadata": {"annotations": {SOURCE_ANNOTATION: "pvc://models/sepsis/v1"}},
        "spec": {"containers": [{"name": MODEL_CONTAINER}]},
    }
    spec = mutated(pod, "icu")["spec"]
    assert spec["volumes"] == [
        {"name": "kserve-pvc-source", "persistentVolumeClaim": {"claimName": "models"}}
    ]
    assert spec["containers"][0]["volumeMounts"] == [
        {
            "name": "kserve-pvc-source",
            "mountPath": "/mnt/models",
            "subPath": "sepsis/v1",
            "readOnly": True,
        }
    ]
    assert "initContainers" not in spec


def test_a_format_without_a_named_runtime_finds_the_one_that_selects_itself() -> None:
    model: Object = {"modelFormat": {"name": "sklearn"}}
    assert choose(model, [], [SKLEARN_SERVER]).name == "kserve-sklearnserver"
    with pytest.raises(NoRuntime):
        choose({"modelFormat": {"name": "onnx"}}, [], [SKLEARN_SERVER])


@pytest.mark.parametrize("uri", ["s3://b/k", "pvc://c/p", "hf://org/model", "", "/mnt/models"])
def test_known_storage_passes(uri: str) -> None:
    check_scheme(uri)


def test_unknown_storage_is_an_error() -> None:
    with pytest.raises(UnknownScheme, match="ftp"):
        check_scheme("ftp://host/model")


def test_a_missed_progress_deadline_makes_the_predictor_unready() -> None:
    verdict = predictor_verdict(
        [
            condition("Available", "True", "MinimumReplicasAvailable"),
            condition("Progressing", "False", "ProgressDeadlineExceeded"),
        ]
    )
    assert (verdict.status, verdict.reason) == ("False", "ProgressDeadlineExceeded")


def test_a_ready_predictor_hides_a_crashing_container() -> None:
    crashed = {"name": MODEL_CONTAINER, "state": {"terminated": {"reason": "Error", "exitCode": 1}}}
    pods = [{"status": {"containerStatuses": [crashed]}}]
    assert model_outcome(pods, ready=True) == ("Loaded", None)
    assert model_outcome(pods, ready=False) == (
        "FailedToLoad",
        {"exitCode": 1, "reason": "ModelLoadFailed"},
    )


def test_mlserver_is_told_what_to_load_and_keeps_the_name_that_it_was_given() -> None:
    given = service()
    given["metadata"]["uid"] = "u1"
    runtime = choose({"modelFormat": {"name": "sklearn"}, "protocolVersion": "v2"}, [], [MLSERVER])

    def told(**own: str) -> Object:
        env = [{"name": name, "value": value} for name, value in own.items()]
        given["spec"]["predictor"]["model"]["env"] = env
        [container] = deployment(given, runtime)["spec"]["template"]["spec"]["containers"]
        return {entry["name"]: entry["value"] for entry in container["env"]}

    assert told()["MLSERVER_MODEL_NAME"] == "m"
    assert told(MLSERVER_MODEL_NAME="sepsis") == {
        "MLSERVER_MODEL_NAME": "sepsis",
        "MLSERVER_MODEL_URI": "/mnt/models",
        "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_sklearn.SKLearnModel",
        "MLSERVER_HTTP_PORT": "8080",
        "MLSERVER_GRPC_PORT": "9000",
        "INFERENCE_SERVICE_NAME": "m",
    }
