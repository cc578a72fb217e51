"""Nobody but controllers makes, changes or enters what measures and serves a model; without the policies each attack
goes through.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
import pytest
import yaml

from lab.control import ControlPlane, gateway_api_crds, kserve_crds
from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import CONFIG_MAPS, JOBS, MODELS, PODS, Kind
from mlhops.json_access import at, items, text
from testkit.api import Api, until
from testkit.fake_controllers import ACCOUNTS, Hands, OperatorProcess
from testkit.helm import Helm
from testkit.installed import CHART, MANIFESTS, NAMESPACE, kubeconfig_of_operator

WARD, EVE = "ward", "eve"
DEPLOYMENTS = Kind("apps", "v1", "deployments")
CONTAINERS: Json = [{"name": "evaluator", "image": "eve.example/server:1"}]
TEMPLATE: Manifest = {"spec": {"containers": CONTAINERS, "restartPolicy": "Never"}}
OURS = {"mlhops-pods", "mlhops-pod-templates", "mlhops-profiles", "mlhops-exec"}
ALONE = "are made and changed by controllers alone"


@dataclass(frozen=True)
class Attack:
    """What somebody tries who has Kubernetes' role edit, and what they are told."""

    try_it: Callable[["Ward"], httpx.Response]
    words: str


@dataclass
class Ward:
    """A namespace with a model that serves, and somebody who may edit in it."""

    hands: Hands
    eve: Api
    service: str = ""
    """The InferenceService that serves."""
    evaluation: str = ""

    @property
    def pod(self) -> str:
        """A pod of the model's server."""
        return text(self.hands.pod_of(self.service), "metadata", "name")

    def make(self, kind: Kind, manifest: Manifest) -> httpx.Response:
        """Try to create something as Eve, which is not kept."""
        return self.eve.http.post(kind.path(WARD), json=manifest, params={"dryRun": "All"})

    def change(self, kind: Kind, name: str, patch: Manifest) -> httpx.Response:
        """Try to change something as Eve, which is not kept."""
        return self.eve.http.patch(
            kind.path(WARD, name),
            json=patch,
            headers={"Content-Type": "application/merge-patch+json"},
            params={"dryRun": "All"},
        )


def labelled(name: str, labels: dict[str, str], **metadata: Json) -> Manifest:
    return {"metadata": {"name": name, "labels": cast(Json, labels), **metadata}}


def forge(ward: Ward) -> httpx.Response:
    """A pod that says it is the evaluation's Job's."""
    job = ward.hands.api.get(JOBS, WARD, ward.evaluation)
    owner: Json = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": ward.evaluation,
        "uid": text(job, "metadata", "uid"),
        "controller": True,
    }
    labels = {"mlhops.io/evaluation": ward.evaluation, "mlhops.io/model": "sepsis"}
    return ward.make(PODS, {**labelled("forged", labels, ownerReferences=[owner]), **TEMPLATE})


def serve(ward: Ward) -> httpx.Response:
    """A pod that the model's Service chooses."""
    labels = {"app": f"isvc.{ward.service}-predictor"}
    return ward.make(PODS, {**labelled("rogue", labels), **TEMPLATE})


def swap(ward: Ward) -> httpx.Response:
    """Another image in the model server's pod."""
    pod = ward.hands.api.get(PODS, WARD, ward.pod)
    containers = [
        {**one, "image": "eve.example/server:1"} for one in items(pod, "spec", "containers")
    ]
    return ward.change(PODS, ward.pod, {"spec": {"containers": cast(Json, containers)}})


def take_out(ward: Ward) -> httpx.Response:
    """The model server's pod without the label by which it is known."""
    labels: Manifest = {"metadata": {"labels": {"app": None}}}
    return ward.change(PODS, ward.pod, labels)


def job(ward: Ward) -> httpx.Response:
    """A Job whose pods look like an evaluator."""
    template = {**labelled("x", {"mlhops.io/evaluation": ward.evaluation}), **TEMPLATE}
    cast(Manifest, template["metadata"]).pop("name")
    return ward.make(JOBS, {"metadata": {"name": "job"}, "spec": {"template": template}})


def deployment(ward: Ward) -> httpx.Response:
    """A Deployment whose pods look like the model's server."""
    labels = {"app": f"isvc.{ward.service}-predictor"}
    containers: Json = {"containers": CONTAINERS}
    spec: Manifest = {
        "selector": {"matchLabels": cast(Json, labels)},
        "template": {"metadata": {"labels": cast(Json, labels)}, "spec": containers},
    }
    return ward.make(DEPLOYMENTS, {"metadata": {"name": "servers"}, "spec": spec})


def profile(ward: Ward) -> httpx.Response:
    """A ConfigMap that is taken for a profile of the model."""
    name = f"{ward.service}-profile"
    return ward.make(CONFIG_MAPS, {**labelled(name, {"mlhops.io/model": "sepsis"}), "data": {}})


def enter(ward: Ward) -> httpx.Response:
    """A command in the model server's pod."""
    path = f"{PODS.path(WARD, ward.pod)}/exec"
    return ward.eve.http.post(path, params={"command": "sh", "stdout": "true"})


ATTACKS = {
    "a forged evaluator": Attack(forge, ALONE),
    "a pod behind the model's Service": Attack(serve, ALONE),
    "another image in a server's pod": Attack(swap, ALONE),
    "a server's pod that is no longer known": Attack(take_out, ALONE),
    "a Job of forged evaluators": Attack(job, "is for KServe and the operator alone"),
    "a Deployment behind the Service": Attack(deployment, "is for KServe and the operator alone"),
    "a profile of somebody else": Attack(profile, "a ConfigMap with the label mlhops.io/model"),
    "a command in a server's pod": Attack(enter, "nobody enters a pod"),
}


@pytest.fixture(scope="module")
def before() -> dict[str, int]:
    """How the API server answered each attack without the policies."""
    return {}


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory, before: dict[str, int]) -> Iterator[Ward]:
    """A ward in which all attacks were tried, and then the policies were installed, while the operator ran."""
    folder = tmp_path_factory.mktemp("evidence")
    with ControlPlane.start(install=(kserve_crds(), gateway_api_crds())) as plane:
        helm = Helm(plane.kubeconfig, NAMESPACE)
        helm.install(CHART, "mlhops")
        plane.kubectl("create", "namespace", WARD)
        plane.kubectl(
            *("create", "rolebinding", EVE, "--namespace", WARD, "--clusterrole=edit"),
            f"--user={EVE}",
        )
        api, eve = Api(plane.kubeconfig), Api(plane.kubeconfig_for(EVE))
        until("a service account for pods", lambda: api.get(ACCOUNTS, WARD, "default"))
        until("the kinds", lambda: api.http.get(MODELS.path(WARD)).is_success)
        hands = Hands(api, WARD)
        hands.make_gateway()
        log = folder / "operator.log"
        process = OperatorProcess(kubeconfig_of_operator(plane, folder), "", log)
        process.start()
        ward = Ward(hands, eve)
        try:
            until("the operator", lambda: "operator ready" in log.read_text(), 60)
            ward.service = hands.promote_first()
            ward.evaluation = text(hands.model(), "status", "stable", "proof", "evaluation")
            for name, attack in ATTACKS.items():
                before[name] = attack.try_it(ward).status_code
            helm.upgrade(CHART, "mlhops", values(helm))
            until("the policies", lambda: serve(ward).status_code == 403, 30)
            until("the policy of templates", lambda: job(ward).status_code == 403, 30)
            until("the policy of ConfigMaps", lambda: profile(ward).status_code == 403, 30)
            until("the policy of exec", lambda: enter(ward).status_code == 403, 30)
            yield ward
        finally:
            process.kill()
            print(log.read_text()[-4000:])
            eve.close()
            api.close()


def values(helm: Helm) -> Manifest:
    """The policies, with the test's own hands for KServe and the kubelet."""
    names = trusted(helm.render(CHART, {"admission": {"evidence": {"enabled": True}}}))
    controllers = [name for name in names if not name.endswith(":mlhops-operator")]
    asked: Json = {"enabled": True, "controllers": [*controllers, "lab-admin"]}
    return {"admission": {"evidence": asked}}


def trusted(objects: list[Manifest]) -> list[str]:
    """Whom the policies let make pods."""
    [policy] = [
        one
        for one in objects
        if text(one, "metadata", "name") == "mlhops-pods" and at(one, "spec", "variables")
    ]
    [variable] = [one for one in items(policy, "spec", "variables") if one["name"] == "trusted"]
    listed = text(variable, "expression").partition("[")[2].partition("]")[0]
    return [name.strip('" ') for name in listed.split(",")]


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_goes_through_without_the_policies_and_is_refused_with_them(
    ward: Ward, before: dict[str, int], name: str
) -> None:
    answer = ATTACKS[name].try_it(ward)

    assert before[name] != 403
    assert answer.status_code == 403
    assert ATTACKS[name].words in answer.text


@pytest.mark.parametrize(
    ("kind", "manifest"),
    [
        (PODS, {**labelled("plain", {"app": "web"}), **TEMPLATE}),
        (CONFIG_MAPS, {"metadata": {"name": "plain"}, "data": {"a": "b"}}),
        (JOBS, {"metadata": {"name": "plain"}, "spec": {"template": TEMPLATE}}),
    ],
    ids=lambda value: getattr(value, "plural", ""),
)
def test_what_is_no_models_is_made_as_before(ward: Ward, kind: Kind, manifest: Manifest) -> None:
    assert ward.make(kind, manifest).is_success


def test_a_version_goes_through_its_gates_and_takes_over_under_the_policies(ward: Ward) -> None:
    hands = ward.hands
    hands.apply_model("2.0.0", rollout={"steps": [{"setWeight": 50}], "keepPrevious": "1h"})
    second = until("another", lambda: hands.candidate_service())
    hands.load(second)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(50)
    hands.accept_weight(100)
    hands.wait_for_phase("Healthy")

    assert hands.status("stable", "version") == "2.0.0"


def test_both_installers_have_the_same_policies(tmp_path: Path) -> None:
    helm = Helm(tmp_path / "kubeconfig", NAMESPACE)
    rendered = helm.render(CHART, {"admission": {"evidence": {"enabled": True}}})
    by_chart = {_key(one): at(one, "spec") for one in rendered if _key(one)[1] in OURS}
    file = MANIFESTS / "components" / "evidence-admission" / "admission.yaml"
    made = [cast(Manifest, one) for one in yaml.safe_load_all(file.read_text())]

    assert by_chart == {_key(one): at(one, "spec") for one in made}
    assert {name for _, name in by_chart} == OURS


def _key(manifest: Manifest) -> tuple[str, str]:
    return text(manifest, "kind"), text(manifest, "metadata", "name")
