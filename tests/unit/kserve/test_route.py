"""Whether a weight is in force, judged on what a real gateway controller wrote."""

import json
from pathlib import Path
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.kserve.facts import Route
from mlhops.kserve.names import owner_reference
from mlhops.kserve.route import GatewayRouter
from tests.builders import clinical_model

ROUTER = GatewayRouter()


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
    return [ROUTER.observe(model(scenario), one) for one in versions(reference, scenario)]


@pytest.mark.reference("gateway-samples")
def test_a_weight_is_in_force_only_once_the_gateway_has_seen_it(reference: Path) -> None:
    routes = observed(reference, "ok")
    story = [(dict(route.weights).get("sepsis-b", 0), route.accepted) for route in routes]
    assert story[0] == (0, None)
    assert (10, None) in story  # the old observedGeneration, for some 20 ms
    assert story.index((10, None)) < story.index((10, True))
    assert story[-1] == (100, True)


@pytest.mark.reference("gateway-samples")
def test_a_gateway_that_does_not_exist_stays_silent_and_accepts_nothing(reference: Path) -> None:
    nowhere = versions(reference, "nogw")
    routes = [ROUTER.observe(model("nogw", gateway="nowhere"), one) for one in nowhere]
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
    assert ROUTER.observe(model(), {"metadata": {"name": "ok"}}).foreign


def test_a_route_that_lost_its_owner_is_ours_as_long_as_it_has_our_fields() -> None:
    applied: Json = [
        {"manager": "mlhops", "operation": "Apply", "fieldsV1": {"f:spec": {"f:hostnames": {}}}}
    ]
    stripped: Manifest = {"metadata": {"name": "ok", "managedFields": applied}}
    route = ROUTER.observe(model(), stripped)
    assert not route.foreign
    assert not route.current


def test_a_route_that_somebody_else_controls_is_foreign_whoever_applied_it() -> None:
    applied: Json = [
        {"manager": "mlhops", "operation": "Apply", "fieldsV1": {"f:spec": {"f:hostnames": {}}}}
    ]
    theirs = cast(Json, owner_reference("ok", "u-2"))
    metadata: Manifest = {"name": "ok", "managedFields": applied, "ownerReferences": [theirs]}
    assert ROUTER.observe(model(), {"metadata": metadata}).foreign


def test_weights_as_rendered_are_read_back_and_need_no_write() -> None:
    rendered = ROUTER.desired(model(), {"ok-a": 90, "ok-b": 10, "ok-c": 0})
    route = ROUTER.observe(model(), rendered)
    assert dict(route.weights) == {"ok-a": 90, "ok-b": 10}
    assert route.current
    assert not route.foreign


def test_another_hostname_has_to_be_written() -> None:
    rendered = ROUTER.desired(model(), {"ok-a": 100})
    cast(Manifest, rendered["spec"])["hostnames"] = ["old.example.com"]
    assert not ROUTER.observe(model(), rendered).current


def test_a_rule_that_somebody_added_has_to_be_written_over() -> None:
    rendered = ROUTER.desired(model(), {"ok-a": 100})
    spec = cast(Manifest, rendered["spec"])
    spec["rules"] = [*cast("list[Manifest]", spec["rules"]), {"backendRefs": []}]
    assert not ROUTER.observe(model(), rendered).current


def test_acceptance_by_another_parent_does_not_count() -> None:
    rendered = ROUTER.desired(model(), {"ok-a": 100})
    cast(Manifest, rendered["metadata"])["generation"] = 1
    condition = {"type": "Accepted", "status": "True", "observedGeneration": 1}
    parent = {"parentRef": {"name": "other"}, "conditions": [condition]}
    rendered["status"] = cast(Manifest, {"parents": [parent]})
    assert ROUTER.observe(model(), rendered).accepted is None


@pytest.mark.parametrize(
    "edit",
    [
        {"filters": [{"type": "RequestMirror"}]},
        {"matches": [{"path": {"type": "PathPrefix", "value": "/v2"}}]},
        {"timeouts": {"request": "1s"}},
    ],
)
def test_whatever_somebody_adds_to_our_rule_has_to_be_written_over(edit: Manifest) -> None:
    rendered = ROUTER.desired(model(), {"ok-a": 100})
    rule = cast("list[Manifest]", cast(Manifest, rendered["spec"])["rules"])[0]
    rule.update(edit)
    assert not ROUTER.observe(model(), rendered).current


def test_a_backend_that_stands_twice_counts_twice() -> None:
    rendered = ROUTER.desired(model(), {"ok-a": 90, "ok-b": 10})
    rule = cast("list[Manifest]", cast(Manifest, rendered["spec"])["rules"])[0]
    backends = cast("list[Manifest]", rule["backendRefs"])
    rule["backendRefs"] = [*backends, backends[1]]
    route = ROUTER.observe(model(), rendered)
    assert dict(route.weights) == {"ok-a": 90, "ok-b": 20}


def test_an_entry_that_a_former_controller_left_hides_nothing() -> None:
    rendered = ROUTER.desired(model(), {"ok-a": 100})
    cast(Manifest, rendered["metadata"])["generation"] = 2
    parents = [
        {
            "parentRef": {"name": "models"},
            "conditions": [{"type": "Accepted", "status": "True", "observedGeneration": seen}],
        }
        for seen in (1, 2)
    ]
    rendered["status"] = cast(Manifest, {"parents": parents})
    assert ROUTER.observe(model(), rendered).accepted is True
