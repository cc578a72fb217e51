"""Whether a weight is in force, judged on what a real gateway controller wrote."""

import json
from pathlib import Path
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.json_access import at, items, text
from mlhops.kserve.names import owner_reference
from mlhops.routing.gateway_api import GatewayRouter, unprogrammed
from mlhops.routing.route import Answerer, Features, Route
from mlhops.routing.traffic import Traffic
from testkit.builders import clinical_model, with_path

ROUTER = GatewayRouter()
V2 = frozenset({"v2"})
ANSWERERS = {"ok-a": Answerer("a", "1.0.0", V2), "ok-b": Answerer("b", "2.0.0", V2)}


def model(name: str = "ok", gateway: str = "models", namespace: str = "icu") -> ClinicalModel:
    manifest = clinical_model(
        {"spec.exposure.gateway": {"name": gateway, "hostnames": [f"{name}.example.com"]}}, name
    )
    cast(Manifest, manifest["metadata"]).update({"namespace": namespace, "uid": "u-1"})
    return ClinicalModel.model_validate(manifest)


def versions(reference: Path, scenario: str) -> list[Manifest]:
    """The versions of one HTTPRoute, as if it were ours."""
    lines = (reference / "gateway-samples" / "httproute-statuses.jsonl").read_text().splitlines()
    return [
        {
            "metadata": {
                "name": scenario,
                "namespace": "icu",
                "generation": one["generation"],
                "ownerReferences": [cast(Json, owner_reference(scenario, "u-1"))],
            },
            "spec": one["spec"],
            "status": one["status"] or {},
        }
        for one in map(json.loads, lines)
        if one["scenario"] == scenario
    ]


def observed(reference: Path, scenario: str) -> list[Route]:
    return [ROUTER.observe(model(scenario), one, {}) for one in versions(reference, scenario)]


@pytest.mark.reference("gateway-samples")
def test_a_weight_is_in_force_only_once_the_gateway_has_seen_it(reference: Path) -> None:
    routes = observed(reference, "ok")
    story = [(route.traffic.of("sepsis-b"), route.accepted) for route in routes]
    assert story[0] == (0, None)
    assert (10, None) in story  # the old observedGeneration, for some 20 ms
    assert story.index((10, None)) < story.index((10, True))
    assert story[-1] == (100, True)


@pytest.mark.reference("gateway-samples")
def test_backends_without_endpoints_are_told_until_they_have_some(reference: Path) -> None:
    first, without, with_some = observed(reference, "noendpoints")
    assert (first.unanswered, without.accepted, with_some.accepted) == ("", True, True)
    assert without.unanswered.startswith("EndpointsNotFound: Failed to find endpoints: no ready")
    assert with_some.unanswered == ""


@pytest.mark.reference("gateway-samples")
def test_what_was_said_of_earlier_backends_is_not_told(reference: Path) -> None:
    without = with_path(versions(reference, "noendpoints")[1], "metadata.generation", 2)
    assert ROUTER.observe(model("noendpoints"), without, {}).unanswered == ""


@pytest.mark.reference("gateway-samples")
def test_a_gateway_without_an_address_is_told(reference: Path) -> None:
    text_ = (reference / "gateway-samples" / "gateway.json").read_text()
    gateway = cast(Manifest, json.loads(text_)["gateway"])
    assert unprogrammed(gateway) == (
        "Programmed is False: AddressNotAssigned: No addresses have been assigned to the Gateway"
    )
    assert unprogrammed(with_path(gateway, "status.conditions.1.status", "True")) == ""
    assert unprogrammed(with_path(gateway, "metadata.generation", 2)) == ""


@pytest.mark.parametrize("status", [None, {}, {"conditions": "x"}])
def test_a_gateway_of_which_nobody_says_anything_is_not_told_of(status: Json) -> None:
    assert unprogrammed({"status": status}) == ""


@pytest.mark.reference("gateway-samples")
def test_a_gateway_that_does_not_exist_stays_silent_and_accepts_nothing(reference: Path) -> None:
    nowhere = versions(reference, "nogw")
    routes = [ROUTER.observe(model("nogw", gateway="nowhere"), one, {}) for one in nowhere]
    assert {route.accepted for route in routes} == {None}
    assert all(route.actual is None for route in routes)


@pytest.mark.reference("gateway-samples")
def test_a_route_that_the_listener_does_not_allow_is_refused_with_the_reason(
    reference: Path,
) -> None:
    route = observed(reference, "notallowed")[-1]
    assert route.accepted is False
    assert route.message


@pytest.mark.reference("gateway-samples")
def test_a_backend_that_is_missing_is_not_taken_for_accepted(reference: Path) -> None:
    assert observed(reference, "missing")[-1].accepted is False


def test_a_route_of_somebody_else_is_foreign() -> None:
    assert ROUTER.observe(model(), {"metadata": {"name": "ok"}}, {}).foreign


def test_a_route_that_lost_its_owner_is_ours_as_long_as_it_has_our_fields() -> None:
    applied: Json = [
        {"manager": "mlhops", "operation": "Apply", "fieldsV1": {"f:spec": {"f:hostnames": {}}}}
    ]
    stripped: Manifest = {"metadata": {"name": "ok", "managedFields": applied}}
    route = ROUTER.observe(model(), stripped, {})
    assert not route.foreign
    assert not route.current


def test_a_route_that_somebody_else_controls_is_foreign_whoever_applied_it() -> None:
    applied: Json = [
        {"manager": "mlhops", "operation": "Apply", "fieldsV1": {"f:spec": {"f:hostnames": {}}}}
    ]
    theirs = cast(Json, owner_reference("ok", "u-2"))
    metadata: Manifest = {"name": "ok", "managedFields": applied, "ownerReferences": [theirs]}
    assert ROUTER.observe(model(), {"metadata": metadata}, {}).foreign


def test_weights_as_rendered_are_read_back_and_need_no_write() -> None:
    rendered = ROUTER.desired(model(), Traffic({"ok-a": 90, "ok-b": 10, "ok-c": 0}), {})
    route = ROUTER.observe(model(), rendered, {})
    assert route.traffic == Traffic({"ok-a": 90, "ok-b": 10})
    assert route.current
    assert not route.foreign


def test_another_hostname_has_to_be_written() -> None:
    rendered = ROUTER.desired(model(), Traffic({"ok-a": 100}), {})
    cast(Manifest, rendered["spec"])["hostnames"] = ["old.example.com"]
    assert not ROUTER.observe(model(), rendered, {}).current


def test_a_rule_that_somebody_added_has_to_be_written_over() -> None:
    rendered = ROUTER.desired(model(), Traffic({"ok-a": 100}), {})
    spec = cast(Manifest, rendered["spec"])
    spec["rules"] = [*cast("list[Manifest]", spec["rules"]), {"backendRefs": []}]
    assert not ROUTER.observe(model(), rendered, {}).current


def test_acceptance_by_another_parent_does_not_count() -> None:
    rendered = ROUTER.desired(model(), Traffic({"ok-a": 100}), {})
    cast(Manifest, rendered["metadata"])["generation"] = 1
    condition = {"type": "Accepted", "status": "True", "observedGeneration": 1}
    parent = {"parentRef": {"name": "other"}, "conditions": [condition]}
    rendered["status"] = cast(Manifest, {"parents": [parent]})
    assert ROUTER.observe(model(), rendered, {}).accepted is None


@pytest.mark.parametrize(
    "edit",
    [
        {"filters": [{"type": "RequestMirror"}]},
        {"matches": [{"path": {"type": "PathPrefix", "value": "/v2"}}]},
        {"timeouts": {"request": "1s"}},
    ],
)
def test_whatever_somebody_adds_to_our_rule_has_to_be_written_over(edit: Manifest) -> None:
    rendered = ROUTER.desired(model(), Traffic({"ok-a": 100}), {})
    rule = cast("list[Manifest]", cast(Manifest, rendered["spec"])["rules"])[0]
    rule.update(edit)
    assert not ROUTER.observe(model(), rendered, {}).current


def test_a_backend_that_stands_twice_counts_twice() -> None:
    rendered = ROUTER.desired(model(), Traffic({"ok-a": 90, "ok-b": 10}), {})
    rule = cast("list[Manifest]", cast(Manifest, rendered["spec"])["rules"])[0]
    backends = cast("list[Manifest]", rule["backendRefs"])
    rule["backendRefs"] = [*backends, backends[1]]
    route = ROUTER.observe(model(), rendered, {})
    assert route.traffic == Traffic({"ok-a": 90, "ok-b": 20})


def test_an_entry_that_a_former_controller_left_hides_nothing() -> None:
    rendered = ROUTER.desired(model(), Traffic({"ok-a": 100}), {})
    cast(Manifest, rendered["metadata"])["generation"] = 2
    parents = [
        {
            "parentRef": {"name": "models"},
            "conditions": [{"type": "Accepted", "status": "True", "observedGeneration": seen}],
        }
        for seen in (1, 2)
    ]
    rendered["status"] = cast(Manifest, {"parents": parents})
    assert ROUTER.observe(model(), rendered, {}).accepted is True


def exposing(**exposure: Json) -> ClinicalModel:
    """The model with more to its exposure."""
    return ClinicalModel.model_validate(
        with_path(
            model().model_dump(mode="json", by_alias=True),
            "spec.exposure",
            {"gateway": {"name": "models", "hostnames": ["ok.example.com"]}, **exposure},
        )
    )


def rule_of(live: Manifest) -> Manifest:
    return items(live, "spec", "rules")[0]


def let_in(live: Manifest) -> set[tuple[str, str, str]]:
    """Method, type and path of all that a route lets in."""
    return {
        (text(match, "method"), text(match, "path", "type"), text(match, "path", "value"))
        for match in items(rule_of(live), "matches")
    }


def told(of: Manifest) -> dict[str, str]:
    """The headers that a rule or a backend sets, those that it removes empty."""
    modifiers = [at(one, "responseHeaderModifier") for one in items(of, "filters")]
    found = {text(e, "name"): text(e, "value") for m in modifiers for e in items(m, "set")}
    removed = [name for m in modifiers for name in cast("list[str]", at(m, "remove") or [])]
    return found | dict.fromkeys(removed, "")


def refused(live: Manifest, reason: str, type_: str = "Accepted") -> Manifest:
    """A route of which the Gateway says that it does not take it."""
    conditions: list[Json] = [
        {
            "type": each,
            "status": "False" if each == type_ else "True",
            "reason": reason if each == type_ else each,
            "message": f"no {reason}",
            "observedGeneration": 1,
        }
        for each in ("Accepted", "ResolvedRefs")
    ]
    parent: Manifest = {"parentRef": {"name": "models"}, "conditions": conditions}
    metadata: Manifest = {**cast(Manifest, live["metadata"]), "generation": 1}
    return {**live, "metadata": metadata, "status": {"parents": [parent]}}


def test_a_route_lets_in_the_models_own_paths_of_its_protocol_and_nothing_else() -> None:
    v1 = {"ok-a": Answerer("a", "1.0.0", frozenset({"v1"}))}
    assert let_in(ROUTER.desired(model(), Traffic({"ok-a": 100}), ANSWERERS)) == {
        ("GET", "Exact", "/v2/models/ok"),
        ("GET", "Exact", "/v2/models/ok/ready"),
        ("POST", "Exact", "/v2/models/ok/infer"),
    }
    assert let_in(ROUTER.desired(model(), Traffic({"ok-a": 100}), v1)) == {
        ("GET", "Exact", "/v1/models/ok"),
        ("POST", "Exact", "/v1/models/ok:predict"),
        ("POST", "Exact", "/v1/models/ok:explain"),
    }


def test_both_protocols_are_let_in_while_revisions_of_both_have_weight() -> None:
    mixed = {**ANSWERERS, "ok-b": Answerer("b", "2.0.0", frozenset({"v1"}))}
    both = let_in(ROUTER.desired(model(), Traffic({"ok-a": 90, "ok-b": 10}), mixed))
    alone = [let_in(ROUTER.desired(model(), Traffic({name: 100}), mixed)) for name in mixed]
    assert both == alone[0] | alone[1]
    assert not alone[0] & alone[1]
    assert let_in(ROUTER.desired(model(), Traffic({"ok-a": 100, "lost": 1}), ANSWERERS)) == both


def test_a_path_that_the_spec_adds_is_let_in_beside_the_models_own() -> None:
    health: Json = {"value": "/v2/health/ready", "method": "GET"}
    added = exposing(paths=[health, {"type": "PathPrefix", "value": "/"}])
    more = let_in(ROUTER.desired(added, Traffic({"ok-a": 100}), ANSWERERS))
    assert more - let_in(ROUTER.desired(model(), Traffic({"ok-a": 100}), ANSWERERS)) == {
        ("GET", "Exact", "/v2/health/ready"),
        ("", "PathPrefix", "/"),
    }


def test_a_route_never_has_more_matches_than_gateway_api_allows() -> None:
    paths: list[Json] = [{"value": f"/{number}"} for number in range(32)]
    route = ROUTER.desired(exposing(paths=paths), Traffic({"ok-a": 50, "lost": 50}), ANSWERERS)
    assert len(items(rule_of(route), "matches")) == 38


def test_the_one_that_has_all_requests_is_named_by_the_rule() -> None:
    rule = rule_of(ROUTER.desired(model(), Traffic({"ok-a": 100}), ANSWERERS))
    assert told(rule) == {
        "mlhops-model": "ok",
        "mlhops-version": "1.0.0",
        "mlhops-revision": "a",
    }
    assert not items(items(rule, "backendRefs")[0], "filters")


def test_each_of_two_is_named_by_its_own_backend() -> None:
    rule = rule_of(ROUTER.desired(model(), Traffic({"ok-a": 90, "ok-b": 10}), ANSWERERS))
    assert not told(rule)
    named = {text(one, "name"): told(one) for one in items(rule, "backendRefs")}
    assert named["ok-a-predictor"]["mlhops-version"] == "1.0.0"
    assert named["ok-b-predictor"]["mlhops-revision"] == "b"


def test_of_whom_nobody_knows_what_it_is_no_server_says_it_itself() -> None:
    rule = rule_of(ROUTER.desired(model(), Traffic({"lost": 100}), ANSWERERS))
    assert told(rule) == {"mlhops-model": "ok", "mlhops-version": "", "mlhops-revision": ""}


def test_headers_can_be_left_out() -> None:
    off = exposing(responseHeaders="Off")
    rule = rule_of(ROUTER.desired(off, Traffic({"ok-a": 90, "ok-b": 10}), ANSWERERS))
    assert not told(rule)
    assert not any(told(one) for one in items(rule, "backendRefs"))


@pytest.mark.parametrize("type_", ["Accepted", "ResolvedRefs"])
def test_a_gateway_without_filters_in_backends_gets_a_route_without_them(type_: str) -> None:
    weights = {"ok-a": 90, "ok-b": 10}
    live = refused(ROUTER.desired(model(), Traffic(weights), ANSWERERS), "UnsupportedValue", type_)
    route = ROUTER.observe(model(), live, ANSWERERS)
    assert (route.current, route.unsupported) == (False, "no UnsupportedValue")
    written = ROUTER.desired(model(), Traffic(weights), ANSWERERS, route.features)
    rule = rule_of(written)
    assert told(rule) == {"mlhops-model": "ok", "mlhops-version": "", "mlhops-revision": ""}
    assert not any(told(one) for one in items(rule, "backendRefs"))
    again = ROUTER.observe(model(), written, ANSWERERS)
    assert (again.current, again.features, again.unsupported) == (True, route.features, "")
    alone = ROUTER.desired(model(), Traffic({"ok-b": 100}), ANSWERERS, again.features)
    assert told(rule_of(alone))["mlhops-version"] == "2.0.0"


def test_a_gateway_that_knows_no_headers_and_methods_gets_a_route_of_paths_and_weights() -> None:
    live = refused(ROUTER.desired(model(), Traffic({"ok-a": 100}), ANSWERERS), "UnsupportedValue")
    route = ROUTER.observe(model(), live, ANSWERERS)
    written = ROUTER.desired(model(), Traffic({"ok-a": 100}), ANSWERERS, route.features)
    rule = rule_of(written)
    assert not told(rule)
    assert {method for method, *_ in let_in(written)} == {""}
    assert {path for *_, path in let_in(written)} == {path for *_, path in let_in(live)}
    still = ROUTER.observe(model(), refused(written, "UnsupportedValue"), ANSWERERS)
    assert (still.current, still.accepted, still.unsupported) == (True, False, "")


@pytest.mark.parametrize(
    "reason", ["NotAllowedByListeners", "BackendNotFound", "NoMatchingParent", "RefNotPermitted"]
)
def test_a_refusal_for_another_reason_takes_nothing_out_of_the_route(reason: str) -> None:
    live = refused(ROUTER.desired(model(), Traffic({"ok-a": 100}), ANSWERERS), reason)
    route = ROUTER.observe(model(), live, ANSWERERS)
    assert (route.current, route.accepted, route.unsupported) == (True, False, "")


def test_a_filter_of_somebody_else_that_is_refused_is_taken_out_and_nothing_of_ours() -> None:
    live = ROUTER.desired(model(), Traffic({"ok-a": 100}), ANSWERERS)
    cast("list[Json]", rule_of(live)["filters"]).append({"type": "CORS"})
    route = ROUTER.observe(model(), refused(live, "UnsupportedValue"), ANSWERERS)
    assert not route.current
    assert ROUTER.desired(
        model(), Traffic({"ok-a": 100}), ANSWERERS, route.features
    ) == ROUTER.desired(model(), Traffic({"ok-a": 100}), ANSWERERS)


def test_another_gateway_is_asked_for_everything_again() -> None:
    written = ROUTER.desired(model(gateway="old"), Traffic({"ok-a": 100}), ANSWERERS, Features.CORE)
    route = ROUTER.observe(model(), written, ANSWERERS)
    assert (route.current, route.features) == (False, Features.FULL)


def test_a_route_of_an_earlier_operator_has_to_be_written_once() -> None:
    live = ROUTER.desired(model(), Traffic({"ok-a": 90, "ok-b": 10}), ANSWERERS)
    everything: Json = [{"path": {"type": "PathPrefix", "value": "/"}}]
    rule_of(live)["matches"] = everything
    for one in items(rule_of(live), "backendRefs"):
        one.pop("filters")
    route = ROUTER.observe(model(), live, ANSWERERS)
    assert (route.current, route.traffic) == (False, Traffic({"ok-a": 90, "ok-b": 10}))
