"""Host names of several namespaces on one Gateway, on a real API server."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from lab.control import ControlPlane
from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import DECISIONS, GATEWAYS, MODELS, ROUTES
from mlhops.json_access import at, items, text
from testkit.api import until
from testkit.fake_controllers import MODEL, Hands, OperatorProcess, hands_in_namespace

ICU = "mortality.models.example"
EVE = "eve.models.example"


class Ward:
    """Two namespaces that share the Gateway of the first."""

    def __init__(self, icu: Hands, eve: Hands, operator: OperatorProcess) -> None:
        self.icu, self.eve, self.operator = icu, eve, operator
        eve.gateway = icu.namespace
        everybody: Json = [
            {
                "name": "http",
                "port": 8080,
                "protocol": "HTTP",
                "allowedRoutes": {"namespaces": {"from": "All"}},
            }
        ]
        open_to_all: Manifest = {"spec": {"listeners": everybody}}
        icu.api.patch(GATEWAYS, icu.namespace, "clinical", open_to_all)

    def exposure(self, *names: str) -> Manifest:
        """A model's exposure by these host names on the common Gateway."""
        gateway: Manifest = {"name": "clinical", "namespace": self.icu.namespace}
        return {"gateway": {**gateway, "hostnames": list(names)}}


@pytest.fixture
def ward(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Ward]:
    """An operator that watches two namespaces."""
    with ExitStack() as stack:
        icu = stack.enter_context(hands_in_namespace(control_plane, "icu"))
        eve = stack.enter_context(hands_in_namespace(control_plane, "eve"))
        both = [f"--namespace={each.namespace}" for each in (icu, eve)]
        log = tmp_path / "operator.log"
        operator = OperatorProcess(control_plane.kubeconfig, "", log, both)
        operator.start()
        until("the operator", lambda: "operator ready" in log.read_text())
        try:
            yield Ward(icu, eve, operator)
            assert operator.stop() == 0
        finally:
            operator.kill()
            print(log.read_text()[-8000:])


def hostnames(hands: Hands) -> Json:
    return at(hands.api.get(ROUTES, hands.namespace, MODEL), "spec", "hostnames")


def stalled(hands: Hands) -> str:
    return text(hands.condition("Stalled"), "reason")


def edit(hands: Hands, exposure: Manifest) -> None:
    hands.api.patch(MODELS, hands.namespace, MODEL, {"spec": {"exposure": exposure}})


def test_an_older_model_of_another_namespace_does_not_take_a_host_name_over(ward: Ward) -> None:
    ward.eve.promote_first(exposure=ward.exposure(EVE))
    ward.icu.promote_first(exposure=ward.exposure(ICU))
    edit(ward.eve, ward.exposure(EVE, ICU))

    until("word to eve", lambda: stalled(ward.eve) == "HostnameTaken")
    assert f"is held by ClinicalModel {ward.icu.namespace}/{MODEL}" in ward.eve.status("message")
    assert hostnames(ward.eve) == [EVE], "her own goes on"
    assert hostnames(ward.icu) == [ICU]
    assert ward.icu.status("phase") == "Healthy"

    ward.operator.stop()
    ward.operator.start()
    edit(ward.icu, ward.exposure("other.models.example"))
    until("the name for whoever waits", lambda: hostnames(ward.eve) == [EVE, ICU])
    assert hostnames(ward.icu) == ["other.models.example"]
    ward.eve.accept_route()
    ward.eve.wait_for_phase("Healthy")


def test_of_models_that_ask_at_once_one_gets_the_name(ward: Ward) -> None:
    for hands in (ward.icu, ward.eve):
        hands.apply_model("1.0.0", exposure=ward.exposure(ICU))

    def held() -> list[str]:
        both = (ward.icu, ward.eve)
        return [h.namespace for h in both if items(h.model(), "status", "hostnames")]

    until("a candidate of each", lambda: ward.icu.candidate() and ward.eve.candidate())
    until("one that has the name", held)
    (winner,) = held()
    loser = ward.eve if winner == ward.icu.namespace else ward.icu
    until("word to the other", lambda: stalled(loser) == "HostnameTaken")
    loser.api.delete(MODELS, winner, MODEL)
    until("the name for the other", lambda: held() == [loser.namespace])
    until("no more word", lambda: stalled(loser) != "HostnameTaken")


def foreign_route(ward: Ward, name: str, match: Manifest) -> Manifest:
    gateway: Json = {"name": "clinical"}
    rule: Json = {"matches": [cast(Json, match)]}
    spec: Manifest = {"parentRefs": [gateway], "hostnames": [ICU], "rules": [rule]}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": ward.icu.namespace},
        "spec": spec,
    }


def test_a_route_that_takes_requests_from_what_serves_is_told_and_stops_new_traffic(
    ward: Ward,
) -> None:
    hands = ward.icu
    steps: Manifest = {"steps": [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}]}
    hands.promote_first(exposure=ward.exposure(ICU), rollout=steps)
    hands.apply_model("2.0.0")
    hands.load(hands.candidate_service())
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)
    until("a pause", lambda: hands.status("phase") == "Paused")
    longer: Manifest = {"path": {"type": "PathPrefix", "value": "/v2/models"}}
    hands.api.create(ROUTES, hands.namespace, foreign_route(ward, "shadow", longer))

    until("word of it", lambda: stalled(hands) == "RequestsTaken")
    assert f"HTTPRoute {hands.namespace}/shadow takes requests" in hands.status("message")
    until("an Event", lambda: "RequestsTaken" in hands.reasons())
    hands.decide("Resume", "go-on")
    until("an answer", lambda: at(hands.api.get(DECISIONS, hands.namespace, "go-on"), "status"))
    assert 50 not in hands.weights().values()
    hands.api.delete(ROUTES, hands.namespace, "shadow")
    until("no more word", lambda: stalled(hands) != "RequestsTaken")


def test_a_namespace_has_the_host_names_that_the_operator_was_told(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    with hands_in_namespace(control_plane, "eve") as hands:
        arguments = [f"--hostname={hands.namespace}=*.eve.example"]
        log = tmp_path / "operator.log"
        process = OperatorProcess(control_plane.kubeconfig, hands.namespace, log, arguments)
        process.start()
        try:
            hands.apply_model("1.0.0")
            until("a refusal", lambda: stalled(hands) == "HostnameNotAllowed")
            assert "it has *.eve.example" in hands.status("message")
            own: Manifest = {"gateway": {"name": "clinical", "hostnames": ["a.eve.example"]}}
            edit(hands, own)
            until("no refusal", lambda: stalled(hands) != "HostnameNotAllowed")
        finally:
            process.kill()
            print(log.read_text()[-8000:])
