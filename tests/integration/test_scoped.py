"""An operator of some namespaces only: as the chart installs it, with rights there and almost none elsewhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from lab.control import ControlPlane, gateway_api_crds, kserve_crds
from mlhops.api.base import Json, Manifest
from mlhops.controller.kube.relist import RELIST_SECONDS
from mlhops.controller.resources import CLUSTER_RUNTIMES, MODELS, SERVICES, STANDARDS
from mlhops.json_access import at, items, text
from testkit.api import Api, until
from testkit.builders import clinical_model, clinical_standard, serving_runtime
from testkit.fake_controllers import ACCOUNTS, Hands, OperatorProcess
from testkit.helm import Helm
from testkit.installed import (
    CHART,
    NAMESPACE,
    OPERATOR,
    USER,
    Right,
    forbidden,
    granted,
    kubeconfig_of_operator,
    rules_of,
    used,
)

WARD, UNIT, OTHER, GATEWAYS = "ward", "unit", "other", "gateways"
PROMPTLY = 20.0
NAMED = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://models/1", "runtime": "sklearn"}
VALUES: Manifest = {"watchNamespaces": [WARD, UNIT]}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane without KServe, where the operator is installed for two namespaces."""
    with ControlPlane.start(install=(gateway_api_crds(),), audited=[USER]) as plane:
        for name in (WARD, UNIT, OTHER, GATEWAYS):
            plane.kubectl("create", "namespace", name)
        Helm(plane.kubeconfig, NAMESPACE).install(CHART, "mlhops", VALUES)
        yield plane


@pytest.fixture
def api(plane: ControlPlane) -> Iterator[Api]:
    api = Api(plane.kubeconfig)
    until("the kinds", lambda: api.http.get(MODELS.path(OTHER)).is_success)
    until("a service account for pods", lambda: api.get(ACCOUNTS, WARD, "default"))
    yield api
    api.close()


def flags_of(plane: ControlPlane) -> list[str]:
    """The flags that the chart gives the operator for its namespaces."""
    where = ("get", "deployment", OPERATOR, "--namespace", NAMESPACE, "--output=json")
    [container] = items(json.loads(plane.kubectl(*where)), "spec", "template", "spec", "containers")
    arguments = cast(list[str], container["args"])
    return [each for each in arguments if each.startswith("--namespace")]


def test_it_runs_a_model_of_its_namespace_with_no_forbidden_call_and_touches_no_other(
    plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    log, hands = tmp_path / "operator.log", Hands(api, WARD, GATEWAYS)
    hands.make_gateway()
    gateway = cast(dict[str, Json], at(clinical_model(), "spec", "exposure", "gateway"))
    exposure: Manifest = {"gateway": {**gateway, "namespace": GATEWAYS}}
    api.create(MODELS, OTHER, hands.manifest("1.0.0", exposure=exposure))
    hands.apply_model("1.0.0", exposure=exposure, predictor=NAMED)
    kubeconfig = kubeconfig_of_operator(plane, tmp_path)
    process = OperatorProcess(kubeconfig, "", log, flags_of(plane))
    process.start()
    try:
        until("a look at the model, at once", lambda: hands.status("message"), PROMPTLY)
        assert "KServe is not installed" in hands.status("message")
        plane.install(kserve_crds())
        until("KServe's kind", lambda: api.http.get(SERVICES.path(WARD)).is_success)
        api.create(CLUSTER_RUNTIMES, "", serving_runtime("ClusterServingRuntime"))
        label: Json = {"matchLabels": {"kubernetes.io/metadata.name": WARD}}
        asked: dict[str, Json] = {"spec.appliesTo": {"namespaceSelector": label}}
        api.create(STANDARDS, "", clinical_standard(asked))
        until("word of KServe", hands.services, RELIST_SECONDS + PROMPTLY)
        hands.promote_first(exposure=exposure)
        assert hands.condition("MeetsStandard")["status"] == "True"
        watched = Right("serving.kserve.io", "inferenceservices", "watch")
        until("a watch of KServe's kind", lambda: watched in used(plane.audit_log), PROMPTLY)
        assert process.stop() == 0
    finally:
        process.kill()
        print(log.read_text()[-8000:])

    assert at(api.get(MODELS, OTHER, "sepsis"), "status", "phase") is None
    assert forbidden(plane.audit_log) == []
    assert namespaces_of_calls(plane.audit_log) == {WARD, UNIT, GATEWAYS, ""}
    assert granted(rules_of(plane, f"{OPERATOR}-outside")) <= used(plane.audit_log)


def namespaces_of_calls(log: Path) -> set[str]:
    """Where the operator asked for anything; empty where it asked for all of a cluster."""
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return {text(each, "objectRef", "namespace") for each in events if each.get("objectRef")}


def test_its_role_is_bound_in_its_namespaces_alone(plane: ControlPlane) -> None:
    bindings = "clusterrolebindings,rolebindings"
    who = ("get", bindings, "--all-namespaces", "--selector=app.kubernetes.io/name=mlhops")
    found = json.loads(plane.kubectl(*who, "--output=json"))

    assert {
        (text(each, "metadata", "namespace"), text(each, "roleRef", "name"))
        for each in items(found, "items")
    } == {
        ("", f"{OPERATOR}-outside"),
        (WARD, OPERATOR),
        (UNIT, OPERATOR),
        (NAMESPACE, f"{OPERATOR}-lease"),
    }
