"""What callers are let in to, at a real API server: once written it stands, and an upgrade writes it once."""

import time
from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import MODELS, ROUTES
from mlhops.json_access import at, items, text
from mlhops.kserve.names import FIELD_MANAGER
from testkit.api import until
from testkit.fake_controllers import MODEL, Hands, OperatorProcess, moment

STEPS: Manifest = {"steps": [{"setWeight": 10}, {"pause": {}}]}
OWN = {f"/v2/models/{MODEL}{end}" for end in ("", "/ready", "/infer")}


def route(hands: Hands) -> Manifest:
    """The model's HTTPRoute."""
    return until("the HTTPRoute", lambda: hands.api.get(ROUTES, hands.namespace, MODEL))


def paths(hands: Hands) -> set[str]:
    """What it lets in."""
    [rule] = items(route(hands), "spec", "rules")
    return {text(match, "path", "value") for match in items(rule, "matches")}


def named(hands: Hands) -> list[str]:
    """The versions that answers name, of the rule first."""
    [rule] = items(route(hands), "spec", "rules")
    places = [rule, *items(rule, "backendRefs")]
    filters = [one for place in places for one in items(place, "filters")]
    sets = [one for each in filters for one in items(each, "responseHeaderModifier", "set")]
    return [text(one, "value") for one in sets if text(one, "name") == "mlhops-version"]


def version(hands: Hands) -> str:
    return text(route(hands), "metadata", "resourceVersion")


def at_rest(hands: Hands) -> str:
    """The route's version, which nobody writes any more."""
    before = version(hands)
    time.sleep(3)
    assert version(hands) == before, "something is written at rest"
    return before


def refuse(hands: Hands) -> None:
    """The Gateway says that it does not know all that the route has."""
    hands.accept_route()
    live = route(hands)
    parents = items(live, "status", "parents")
    for one in items(parents[0], "conditions"):
        if one["type"] == "Accepted":
            one |= {"status": "False", "reason": "UnsupportedValue", "message": "no such filter"}
            one["lastTransitionTime"] = moment()
    status: Manifest = {"status": {"parents": cast("list[Json]", parents)}}
    hands.api.patch(ROUTES, hands.namespace, MODEL, status, "status")


def climb_to_ten(hands: Hands) -> None:
    """2.0.0 passes its gates and gets ten percent, which the Gateway has not seen yet."""
    hands.apply_model("2.0.0")
    service = until("a candidate", hands.candidate_service)
    hands.load(service)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    until("ten percent", lambda: hands.weights().get(f"{service}-predictor") == 10)


def test_a_route_is_written_once_and_names_each_revision_that_answers(hands: Hands) -> None:
    hands.promote_first(rollout=STEPS)
    assert (paths(hands), named(hands)) == (OWN, ["1.0.0"])
    at_rest(hands)
    climb_to_ten(hands)
    assert sorted(named(hands)) == ["1.0.0", "2.0.0"]
    hands.accept_route()
    until("a pause", lambda: hands.status("phase") == "Paused")
    at_rest(hands)


def test_a_path_is_added_and_taken_away_and_no_server_is_touched(hands: Hands) -> None:
    service = hands.promote_first()
    health: Json = {"value": "/v2/health/ready", "method": "GET"}
    hands.api.patch(MODELS, hands.namespace, MODEL, {"spec": {"exposure": {"paths": [health]}}})
    until("the path", lambda: paths(hands) == {*OWN, "/v2/health/ready"})
    hands.accept_route()
    hands.api.patch(MODELS, hands.namespace, MODEL, {"spec": {"exposure": {"paths": []}}})
    until("no such path", lambda: paths(hands) == OWN)
    hands.accept_route()
    hands.wait_for_phase("Healthy")
    assert hands.services() == [service]
    assert not hands.candidate()


def test_a_gateway_that_refuses_headers_gets_a_route_without_and_the_rollout_goes_on(
    hands: Hands,
) -> None:
    hands.promote_first(rollout=STEPS)
    climb_to_ten(hands)
    refuse(hands)
    until("a route without", lambda: not named(hands))
    assert sorted(hands.weights().values()) == [10, 90]
    until("an Event", lambda: "RouteSimplified" in hands.reasons())
    hands.accept_route()
    until("a pause", lambda: hands.status("phase") == "Paused")
    at_rest(hands)
    hands.decide("Promote", "go-on")
    until("one backend", lambda: len(hands.weights()) == 1)
    assert named(hands) == ["2.0.0"], "of one alone the rule tells"
    hands.accept_route()
    hands.wait_for_phase("Healthy")
    assert "spec.exposure.responseHeaders" in hands.status("message")
    off: Manifest = {"spec": {"exposure": {"responseHeaders": "Off"}}}
    hands.api.patch(MODELS, hands.namespace, MODEL, off)
    until("no headers", lambda: not named(hands))
    hands.accept_route()
    until("no word of it", lambda: hands.status("message") == "2.0.0 serves all requests")


def test_an_upgrade_narrows_the_route_of_a_model_that_serves_and_moves_no_weight(
    hands: Hands, operator: OperatorProcess
) -> None:
    hands.promote_first(rollout=STEPS)
    climb_to_ten(hands)
    hands.accept_route()
    until("a pause", lambda: hands.status("phase") == "Paused")
    operator.stop()
    _as_before(hands)
    weights = hands.weights()
    assert paths(hands) == {"/"}
    operator.start()
    until("the narrow route", lambda: paths(hands) == OWN, 60)
    assert hands.weights() == weights
    hands.accept_route()
    at_rest(hands)
    assert hands.status("phase") == "Paused"


def _as_before(hands: Hands) -> None:
    """Write the route as the operator did before it named paths."""
    live = route(hands)
    [rule] = items(live, "spec", "rules")
    backends = [
        {name: value for name, value in one.items() if name != "filters"}
        for one in items(rule, "backendRefs")
    ]
    everything: Json = [{"path": {"type": "PathPrefix", "value": "/"}}]
    metadata = cast(Manifest, live["metadata"])
    kept: Manifest = {
        name: metadata[name] for name in ("name", "namespace", "labels", "ownerReferences")
    }
    spec: Manifest = {
        "parentRefs": at(live, "spec", "parentRefs"),
        "hostnames": at(live, "spec", "hostnames"),
        "rules": [{"matches": everything, "backendRefs": cast("list[Json]", backends)}],
    }
    manifest: Manifest = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": kept,
        "spec": spec,
    }
    answer = hands.api.http.patch(
        ROUTES.path(hands.namespace, MODEL),
        params={"fieldManager": FIELD_MANAGER, "force": "true"},
        headers={"Content-Type": "application/apply-patch+yaml"},
        json=manifest,
    )
    assert answer.is_success, answer.text
