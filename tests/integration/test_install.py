"""Chart and kustomization, rendered by the real engines, install the same; and leave again without a trace."""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import yaml

from lab.control import ControlPlane, gateway_api_crds, kserve_crds
from mlhops import __version__
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import MODELS
from mlhops.controller.settings import parse
from mlhops.json_access import at, items, text
from mlhops.rollout.evaluation.evaluator_pod import CaBundle
from testkit.api import Api, until
from testkit.builders import clinical_model
from testkit.helm import Helm, HelmError
from testkit.installed import (
    CHART,
    LABELLED,
    MANIFESTS,
    NAMESPACE,
    OPERATOR,
    REPOSITORY,
    apply_kustomization,
    kustomized,
)

RELEASE = "mlhops"
KINDS = (
    "customresourcedefinitions,serviceaccounts,clusterroles,clusterrolebindings,roles,rolebindings,"
    "validatingadmissionpolicies,validatingadmissionpolicybindings,deployments,replicasets,pods,"
    "services,networkpolicies,poddisruptionbudgets,configmaps,secrets,leases"
)
# What the API server adds, and what tells how an object came to be there.
ADDED = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "annotations",
)


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A fresh control plane, on which nothing of this project is installed."""
    with ControlPlane.start(install=(kserve_crds(), gateway_api_crds())) as plane:
        yield plane


@pytest.fixture
def helm(plane: ControlPlane) -> Helm:
    return Helm(plane.kubeconfig, NAMESPACE)


def labelled(plane: ControlPlane, kinds: str = KINDS) -> dict[tuple[str, str], Manifest]:
    """All objects of an installation by kind and name."""
    found = json.loads(
        plane.kubectl(*("get", kinds, "--all-namespaces", "--selector", LABELLED, "--output=json"))
    )
    return {
        (text(each, "kind"), text(each, "metadata", "name")): each for each in items(found, "items")
    }


def names(plane: ControlPlane) -> list[str]:
    """What there is of an installation, in words."""
    return sorted(f"{kind} {name}" for kind, name in labelled(plane))


def substance(manifest: Manifest) -> Manifest:
    """An object without what differs between any two installations of it."""
    bare = copy.deepcopy(manifest)
    metadata = cast(dict[str, Json], bare["metadata"])
    for field in ADDED:
        metadata.pop(field, None)
    cast(dict[str, Json], metadata["labels"]).pop("app.kubernetes.io/managed-by", None)
    bare.pop("status", None)
    for address in ("clusterIP", "clusterIPs"):
        cast(dict[str, Json], bare.get("spec", {})).pop(address, None)
    return bare


def made_by_people(objects: dict[tuple[str, str], Manifest]) -> dict[tuple[str, str], Manifest]:
    """Without the objects that controllers make of others."""
    owned = ("ReplicaSet", "Pod", "Secret")
    return {key: substance(each) for key, each in objects.items() if key[0] not in owned}


def only_kinds(plane: ControlPlane) -> bool:
    return {kind for kind, _ in labelled(plane)} == {"CustomResourceDefinition"}


def test_both_install_the_same_objects_and_uninstalled_leave_the_kinds_and_the_models(
    plane: ControlPlane, installed_plane: ControlPlane, helm: Helm
) -> None:
    helm.install(CHART, RELEASE)
    by_chart = made_by_people(labelled(plane))
    by_kustomize = made_by_people(labelled(installed_plane))

    assert by_chart.keys() == by_kustomize.keys()
    for key, manifest in by_chart.items():
        assert manifest == by_kustomize[key], key

    api = Api(plane.kubeconfig)
    until("the kinds", lambda: api.http.get(MODELS.path("default")).is_success)
    api.create(MODELS, "default", clinical_model())
    helm.uninstall(RELEASE)
    until(f"nothing but kinds, of {names(plane)}", lambda: only_kinds(plane))
    secrets = plane.kubectl("get", "secrets", "--namespace", NAMESPACE, "--output=name")
    assert secrets == ""
    assert api.get(MODELS, "default", "sepsis") is not None

    apply_kustomization(plane, MANIFESTS / "default", "--force-conflicts")  # Helm had the kinds
    plane.kubectl("delete", "--kustomize", MANIFESTS / "base", "--timeout=60s")
    until(f"nothing but kinds, of {names(plane)}", lambda: only_kinds(plane))
    assert api.get(MODELS, "default", "sepsis") is not None
    api.close()


def test_the_operators_pod_is_admitted_where_pods_are_restricted(
    installed_plane: ControlPlane,
) -> None:
    level = installed_plane.kubectl(
        *("get", "namespace", NAMESPACE, "--output"),
        r"jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}",
    )
    assert level == "restricted"

    pod = until("the pod", lambda: labelled(installed_plane, "pods"))

    assert {name.rsplit("-", 2)[0] for _, name in pod} == {OPERATOR}


def test_the_chart_is_of_this_version_and_passes_helms_linter(helm: Helm) -> None:
    assert helm.lint(CHART) == ["icon is recommended"]
    [deployment] = [each for each in helm.render(CHART) if each["kind"] == "Deployment"]
    [container] = items(deployment, "spec", "template", "spec", "containers")

    assert container["image"] == f"mlhops/operator:{__version__}"
    assert text(deployment, "metadata", "labels", "app.kubernetes.io/version") == __version__


def test_the_operator_is_told_where_images_come_from_and_which_hosts_are_allowed(
    helm: Helm,
) -> None:
    digest = "sha256:" + "0" * 64
    values: Manifest = {
        "registry": "registry.example/clinical",
        "operator": {"image": {"digest": digest}},
        "detector": {"image": {"tag": "1.2.3"}},
        "hostnames": {"icu": ["*.icu.example", "a.example"], "*": ["*.sandbox.example"]},
        "allowedHosts": ["*.hospital.example"],
        "allowedNetworks": ["10.0.0.0/8"],
    }
    [deployment] = [each for each in helm.render(CHART, values) if each["kind"] == "Deployment"]
    [container] = items(deployment, "spec", "template", "spec", "containers")
    arguments = cast(list[str], container["args"])

    assert container["image"] == f"registry.example/clinical/mlhops/operator@{digest}"
    assert (
        f"--evaluator-image=registry.example/clinical/mlhops/evaluator:{__version__}" in arguments
    )
    assert "--detector-image=registry.example/clinical/mlhops/detector:1.2.3" in arguments
    alibi = f"registry.example/clinical/mlhops/detector-alibi:{__version__}"
    assert f"--detector-alibi-image={alibi}" in arguments
    assert {"--allowed-host=*.hospital.example", "--allowed-network=10.0.0.0/8"} <= set(arguments)
    assert [each for each in arguments if each.startswith("--hostname=")] == [
        "--hostname=*=*.sandbox.example",
        "--hostname=icu=*.icu.example",
        "--hostname=icu=a.example",
    ]


@pytest.mark.parametrize("kind", ["configMap", "secret"])
def test_what_pods_of_the_operator_are_to_get_it_is_told(helm: Helm, kind: str) -> None:
    values: Manifest = {
        "pods": {"imagePullSecrets": [{"name": "registry"}], "env": {"NO_PROXY": ".svc,a b"}},
        "caBundle": {kind: "trust"},
        "operator": {"extraEnv": [{"name": "TZ", "value": "UTC"}]},
        "evaluator": {"resources": {"limits": {"memory": "8Gi", "cpu": 2}}},
    }
    [deployment] = [each for each in helm.render(CHART, values) if each["kind"] == "Deployment"]
    pod = at(deployment, "spec", "template", "spec")
    [container] = items(pod, "containers")

    told = parse([each.replace("$(POD_IP)", "::1") for each in cast(list[str], container["args"])])

    assert told.evaluator.pull_secrets == told.detectors.pull_secrets == ("registry",)
    assert told.evaluator.env == (("NO_PROXY", ".svc,a b"),)
    assert told.evaluator.resources is not None
    assert told.evaluator.resources.to_json() == {
        "requests": {"cpu": "100m", "memory": "512Mi"},
        "limits": {"cpu": 2, "memory": "8Gi"},
    }
    assert told.evaluator.ca_bundle == CaBundle(kind.lower(), "trust", "ca.crt")  # type: ignore[arg-type]
    [volume], [mount] = items(pod, "volumes"), items(container, "volumeMounts")
    field = "name" if kind == "configMap" else "secretName"
    assert volume == {"name": mount["name"], kind: {field: "trust"}}
    variables = {text(one, "name"): text(one, "value") for one in items(container, "env")}
    assert variables["SSL_CERT_FILE"] == f"{mount['mountPath']}/ca.crt"
    assert variables["TZ"] == "UTC"


def test_prometheus_is_shown_a_port_that_there_is(helm: Helm) -> None:
    values: Manifest = {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}
    objects = {str(each["kind"]): each for each in helm.render(CHART, values)}
    file = MANIFESTS / "components" / "service-monitor" / "servicemonitor.yaml"
    by_kustomize = cast(Manifest, yaml.safe_load(file.read_text()))
    monitor, service = objects["ServiceMonitor"], objects["Service"]

    assert monitor["spec"] == by_kustomize["spec"]
    assert text(monitor, "metadata", "labels", "release") == "prometheus"
    chosen = cast(dict[str, str], at(monitor, "spec", "selector", "matchLabels"))
    labels = cast(dict[str, str], at(service, "metadata", "labels"))
    assert chosen.items() <= labels.items()
    ports = {text(port, "name") for port in items(service, "spec", "ports")}
    assert {text(one, "port") for one in items(monitor, "spec", "endpoints")} <= ports


def test_alerts_are_those_of_the_rules_file_and_say_where_the_runbooks_are(helm: Helm) -> None:
    file = MANIFESTS / "components" / "prometheus-rule" / "prometheusrule.yaml"
    by_kustomize = cast(Manifest, yaml.safe_load(file.read_text()))
    source = cast(Manifest, yaml.safe_load((CHART / "files" / "alerts.yaml").read_text()))

    def made(**values: Json) -> Manifest:
        objects = helm.render(CHART, {"prometheusRule": {"enabled": True, **values}})
        return next(each for each in objects if each["kind"] == "PrometheusRule")

    assert made()["spec"] == by_kustomize["spec"] == source
    elsewhere = made(runbookUrl="https://docs.example/mlhops/", labels={"release": "prometheus"})
    assert text(elsewhere, "metadata", "labels", "release") == "prometheus"
    for group in items(elsewhere, "spec", "groups"):
        for rule in items(group, "rules"):
            url = f"https://docs.example/mlhops/{text(rule, 'alert')}.md"
            assert text(rule, "annotations", "runbook_url") == url


def test_the_dashboards_of_both_are_the_same(
    helm: Helm, plane: ControlPlane, tmp_path: Path
) -> None:
    folder = tmp_path.resolve()
    component = os.path.relpath(MANIFESTS / "components" / "grafana-dashboard", folder)
    (folder / "kustomization.yaml").write_text(f"components: [{component}]\n")
    [by_kustomize] = kustomized(folder, plane)
    objects = helm.render(CHART, {"dashboard": {"enabled": True}})
    [by_chart] = [each for each in objects if each["kind"] == "ConfigMap"]

    assert json.loads(text(by_chart, "data", "mlhops.json"))["uid"] == "mlhops"
    assert by_chart["data"] == by_kustomize["data"]
    for each in (by_chart, by_kustomize):
        assert text(each, "metadata", "name") == "mlhops-dashboard"
        assert text(each, "metadata", "labels", "grafana_dashboard") == "1"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"registrty": "registry.example"}, "registrty"),
        ({"registry": "registry.example/"}, "/registry"),
        ({"operator": {"replicas": 4}}, "/operator/replicas"),
        ({"operator": {"replicas": 0}}, "/operator/replicas"),
        ({"pods": {"env": {"NO_PROXY": 1}}}, "/pods/env/NO_PROXY"),
        ({"caBundle": {"configMap": "a", "secret": "b"}}, "/caBundle"),
        ({"operator": {"workers": 0}}, "/operator/workers"),
        ({"operator": {"logLevel": "LOUD"}}, "/operator/logLevel"),
        ({"operator": {"extraArgs": ["verbose"]}}, "/operator/extraArgs/0"),
        ({"evaluator": {"image": {"digest": "latest"}}}, "/evaluator/image/digest"),
        ({"crds": {"enabled": "no"}}, "/crds/enabled"),
        ({"prometheusRule": {"runbookUrl": "docs"}}, "/prometheusRule/runbookUrl"),
        ({"watchNamespaces": ["ward-*"]}, "/watchNamespaces/0"),
        ({"watchNamespaces": ["ward", "ward"]}, "/watchNamespaces"),
        ({"hostnames": {"icu": ["https://a.example"]}}, "/hostnames/icu/0"),
        ({"hostnames": {"icu": []}}, "/hostnames/icu"),
        ({"hostnames": {"icu-*": ["a.example"]}}, "icu-*"),
        ({"allowedHosts": ["https://data.example"]}, "/allowedHosts/0"),
        ({"allowedNetworks": ["10.0.0.1"]}, "/allowedNetworks/0"),
    ],
)
def test_a_wrong_value_is_refused_by_name(helm: Helm, values: Manifest, field: str) -> None:
    with pytest.raises(HelmError) as refused:
        helm.render(CHART, values)

    assert field in str(refused.value)


def test_the_network_policies_of_both_are_the_same(
    helm: Helm, plane: ControlPlane, tmp_path: Path
) -> None:
    values: Manifest = {"networkPolicy": {"enabled": True}}
    [by_chart] = [each for each in helm.render(CHART, values) if each["kind"] == "NetworkPolicy"]
    file = MANIFESTS / "components" / "network-policy" / "networkpolicy.yaml"
    plane.kubectl("create", "namespace", "compared")
    found = []
    for manifest in (by_chart, json.loads(plane.kubectl(*DRY, "--filename", file))):
        copied = tmp_path / "policy.json"
        copied.write_text(json.dumps({**manifest, "metadata": {"name": "operator"}}))
        answer = plane.kubectl(*APPLIED, "--namespace=compared", "--filename", copied)
        found.append(at(json.loads(answer), "spec"))

    assert found[0] == found[1]


DRY = ("create", "--dry-run=client", "--output=json")
APPLIED = ("apply", "--server-side", "--force-conflicts", "--output=json")


def test_what_the_notes_say_depends_on_what_is_switched_off(helm: Helm) -> None:
    assert "WARNING" not in helm.notes(CHART)
    assert "put any name on it" in helm.notes(CHART, {"admission": {"enabled": False}})
    assert "Business Source License" in helm.notes(CHART)
    assert "alone" not in helm.notes(CHART)
    assert "alone, and leaves" in helm.notes(CHART, {"watchNamespaces": ["ward", "icu"]})


def test_the_overlay_of_the_documentation_takes_images_and_components(
    plane: ControlPlane, tmp_path: Path
) -> None:
    shown = (REPOSITORY / "docs" / "install.md").read_text().split("```yaml\n")[1].split("```")[0]
    folder = tmp_path.resolve() / "overlay"
    folder.mkdir()
    here = os.path.relpath(MANIFESTS, folder)
    file = folder / "kustomization.yaml"
    file.write_text(shown.replace("../mlhops/manifests", here))

    objects = kustomized(folder, plane)

    assert "NetworkPolicy" in {each["kind"] for each in objects}
    [deployment] = [each for each in objects if each["kind"] == "Deployment"]
    [container] = items(deployment, "spec", "template", "spec", "containers")
    registry = "registry.example/clinical/mlhops"
    assert container["image"] == f"{registry}/operator:{__version__}"
    arguments = cast(list[str], container["args"])
    assert f"--evaluator-image={registry}/evaluator:{__version__}" in arguments
    assert f"--detector-image={registry}/detector:{__version__}" in arguments
    assert f"--detector-alibi-image={registry}/detector-alibi:{__version__}" in arguments
    assert len([each for each in arguments if each.startswith("--evaluator-image")]) == 1
