"""The gateway's pure parts."""

import pytest

from lab.client import Object
from lab.gateway.attachment import attach, hostnames
from lab.gateway.services import Backend, directory
from lab.gateway.translate import NO_BACKEND, REFUSAL, Unsupported, duration, ordered, routes_of
from lab.informer import Key


def route(*rules: Object, **spec: object) -> Object:
    return {"metadata": {"name": "r", "namespace": "icu"}, "spec": {"rules": rules, **spec}}


def backend(name: str, weight: int) -> Object:
    return {"name": name, "port": 80, "weight": weight}


def everything(_: Backend) -> bool:
    return True


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10s", "10s"), ("1m30s", "90s"), ("250ms", "0.25s"), ("1h", "3600s"), ("0s", "0s")],
)
def test_durations_are_translated_to_seconds(text: str, expected: str) -> None:
    assert duration(text) == expected


def test_a_backend_of_weight_zero_gets_no_share() -> None:
    [result] = routes_of(route({"backendRefs": [backend("a", 90), backend("b", 0)]}), everything)
    assert result["route"]["weighted_clusters"]["clusters"] == [{"name": "icu_a_80", "weight": 90}]


def test_a_missing_backend_keeps_its_share_and_refuses_it() -> None:
    rules = {"backendRefs": [backend("a", 90), backend("b", 10)]}
    [result] = routes_of(route(rules), lambda one: one.key.name == "a")
    shares = result["route"]["weighted_clusters"]["clusters"]
    assert shares == [{"name": "icu_a_80", "weight": 90}, {"name": REFUSAL, "weight": 10}]


def test_no_share_at_all_answers_500() -> None:
    [result] = routes_of(route({"backendRefs": [backend("a", 0)]}), everything)
    assert result["direct_response"] == NO_BACKEND["direct_response"]


def test_longer_prefixes_and_more_headers_come_first() -> None:
    header = {"name": "X-Group", "value": "icu"}
    matches = [
        {"path": {"type": "PathPrefix", "value": "/"}},
        {"path": {"type": "PathPrefix", "value": "/v1"}},
        {"path": {"type": "PathPrefix", "value": "/v1"}, "headers": [header]},
        {"path": {"type": "Exact", "value": "/v"}},
    ]
    rule = {"matches": matches, "backendRefs": [backend("a", 1)]}
    found = [one["match"] for one in ordered(routes_of(route(rule), everything))]
    assert [next(iter(one.values())) for one in found] == ["/v", "/v1", "/v1", "/"]
    assert "headers" in found[1]
    assert "headers" not in found[2]


def test_a_method_comes_before_headers_and_headers_before_query_parameters() -> None:
    path = {"type": "Exact", "value": "/v2"}
    named = [{"name": "a", "value": "1"}]
    matches: list[Object] = [
        {"path": path},
        {"path": path, "queryParams": named},
        {"path": path, "headers": named},
        {"path": path, "method": "POST"},
    ]
    rule = {"matches": matches, "backendRefs": [backend("a", 1)]}
    found = [one["match"] for one in ordered(routes_of(route(rule), everything))]
    firsts = [[key["name"] for key in one.get("headers", [])] for one in found]
    assert firsts == [[":method"], ["a"], [], []]
    assert ["query_parameters" in one for one in found] == [False, False, True, False]


def test_a_header_of_one_backend_is_set_on_its_own_answers() -> None:
    modifier = {"set": [{"name": "by", "value": "b"}], "remove": ["server"]}
    filters = [{"type": "ResponseHeaderModifier", "responseHeaderModifier": modifier}]
    backends = [backend("a", 90), {**backend("b", 10), "filters": filters}]
    [result] = routes_of(route({"backendRefs": backends}), everything)
    a, b = result["route"]["weighted_clusters"]["clusters"]
    assert "response_headers_to_add" not in a
    assert b["response_headers_to_add"][0]["header"] == {"key": "by", "value": "b"}
    assert b["response_headers_to_remove"] == ["server"]


def test_a_filter_of_a_backend_that_is_not_offered_is_refused_as_well() -> None:
    rule = {"backendRefs": [{**backend("a", 1), "filters": [{"type": "RequestMirror"}]}]}
    with pytest.raises(Unsupported, match="RequestMirror"):
        routes_of(route(rule), everything)


def test_a_filter_that_is_not_offered_is_refused_by_name() -> None:
    rule = {"filters": [{"type": "RequestMirror"}], "backendRefs": [backend("a", 1)]}
    with pytest.raises(Unsupported, match="RequestMirror"):
        routes_of(route(rule), everything)


@pytest.mark.parametrize(
    ("listener", "wanted", "served"),
    [
        ("", ["a.example.com"], ["a.example.com"]),
        ("*.example.com", ["a.example.com", "b.org"], ["a.example.com"]),
        ("a.example.com", ["*.example.com"], ["a.example.com"]),
        ("a.example.com", [], ["a.example.com"]),
        ("a.example.com", ["b.org"], None),
    ],
)
def test_a_route_serves_the_names_that_it_has_in_common_with_the_listener(
    listener: str, wanted: list[str], served: list[str] | None
) -> None:
    assert hostnames({"hostname": listener}, route(hostnames=wanted)) == served


@pytest.mark.parametrize(
    ("namespaces", "labels", "accepted"),
    [
        ({}, {}, False),
        ({"from": "All"}, {}, True),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "icu"}}}, {"team": "icu"}, True),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "icu"}}}, {}, False),
    ],
)
def test_a_listener_takes_routes_of_the_namespaces_that_it_allows(
    namespaces: Object, labels: dict[str, str], accepted: bool
) -> None:
    listener = {"name": "http", "port": 80, "allowedRoutes": {"namespaces": namespaces}}
    gateway = {"metadata": {"namespace": "infra"}, "spec": {"listeners": [listener]}}
    assert attach(route(), {"name": "g"}, gateway, labels).accepted is accepted


def pod(name: str, *, ready: bool = True, leaving: bool = False) -> Object:
    metadata: Object = {"name": name, "namespace": "icu", "labels": {"app": "a"}}
    if leaving:
        metadata["deletionTimestamp"] = "now"
    return {
        "metadata": metadata,
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {
            "podIP": name,
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


def test_a_service_reaches_ready_pods_at_the_port_that_it_names() -> None:
    service = {
        "metadata": {"name": "a", "namespace": "icu"},
        "spec": {"selector": {"app": "a"}, "ports": [{"port": 80, "targetPort": "http"}]},
    }
    pods = [pod("1"), pod("2", ready=False), pod("3", leaving=True)]
    found = directory([service], pods)
    assert found.addresses(Backend(Key("icu", "a"), 80)) == [("1", 8080)]
    assert found.addresses(Backend(Key("icu", "a"), 81)) == []
