"""All pods of a model are admitted where PodSecurity enforces `restricted`."""

from typing import cast

from lab.control import ControlPlane
from lab.kserve import children, pods
from lab.kserve.runtimes import SKLEARN_SERVER, Runtime
from mlhops.api.base import Manifest
from mlhops.controller.resources import JOBS, MODELS, PODS, SERVICES
from mlhops.json_access import at, text
from testkit.api import Api
from testkit.fake_controllers import Hands

RUNTIME = Runtime("kserve-sklearnserver", SKLEARN_SERVER["spec"], cluster=True)
"""It has the security context of KServe's own runtimes."""
CLAIM: Manifest = {"modelFormat": {"name": "sklearn"}, "storageUri": "pvc://models/sepsis/1"}


def model_pod(service: Manifest, source: str) -> Manifest:
    """The template of the pod that KServe makes of an InferenceService whose artefact lies there."""
    model = cast(Manifest, at(service, "spec", "predictor", "model"))
    there: Manifest = {
        **service,
        "spec": {"predictor": {**_predictor(service), "model": {**model}}},
    }
    cast(Manifest, at(there, "spec", "predictor", "model"))["storageUri"] = source
    template = children.deployment(there, RUNTIME)["spec"]["template"]
    return cast(Manifest, pods.mutated(template, text(service, "metadata", "namespace")))


def _predictor(service: Manifest) -> Manifest:
    return cast(Manifest, at(service, "spec", "predictor"))


def refusal(api: Api, namespace: str, template: Manifest) -> str:
    """Why the API server refuses the pod of a template, empty where the pod is admitted."""
    metadata = {**cast(Manifest, template["metadata"]), "name": "asked-only"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    answer = api.http.post(PODS.path(namespace), params={"dryRun": "All"}, json=pod)
    return "" if answer.status_code == 201 else text(cast(Manifest, answer.json()), "message")


def test_all_pods_of_a_model_with_defaults_are_admitted(
    control_plane: ControlPlane, hands: Hands
) -> None:
    manifest = hands.manifest("1.0.0")
    cast(Manifest, manifest["spec"])["predictor"] = CLAIM
    hands.api.create(MODELS, hands.namespace, manifest)
    name = hands.candidate_service()
    hands.load(name)
    job = hands.api.get(JOBS, hands.namespace, hands.running_evaluation())
    service = hands.api.get(SERVICES, hands.namespace, name) or {}
    label = "pod-security.kubernetes.io/enforce=restricted"
    control_plane.kubectl("label", "namespace", hands.namespace, label)

    def told(template: Manifest) -> str:
        return refusal(hands.api, hands.namespace, template)

    assert told(cast(Manifest, at(job, "spec", "template"))) == ""
    assert told(model_pod(service, "pvc://models/sepsis/1")) == ""
    # KServe gives the initializer no security context: docs/install.md tells what to do.
    remote = told(model_pod(service, "s3://models/sepsis/1"))
    assert 'container "storage-initializer" must set' in remote
    assert "drift-detector" not in remote
    assert "kserve-container" not in remote
