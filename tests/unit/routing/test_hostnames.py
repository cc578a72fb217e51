"""Whose a host name is: the later claim waits, whatever namespace it comes from, and whose route is older."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.rollout.candidate.hostnames import claim_hostnames
from mlhops.rollout.draft import Draft
from mlhops.rollout.observed import Observed
from mlhops.routing.gateway_api import GatewayRouter
from mlhops.routing.gateway_hostnames import held_by
from mlhops.routing.hostnames import ANY_HOSTNAME, Claim, HostnameRules, Rivals, overlaps
from mlhops.routing.route import Hostnames
from mlhops.routing.traffic import Traffic
from testkit.builders import clinical_model

ROUTER = GatewayRouter()
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SEPSIS = "sepsis.models.example"
LISTENERS: list[Json] = [
    {
        "name": "http",
        "port": 80,
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
]
GATEWAY: Manifest = {
    "metadata": {"name": "clinical", "namespace": "icu"},
    "spec": {"listeners": LISTENERS},
}


def model(
    namespace: str = "icu",
    names: tuple[str, ...] = (SEPSIS,),
    held: tuple[str, ...] = (),
    since: datetime = NOON,
    paths: tuple[str, ...] = (),
) -> ClinicalModel:
    gateway: Manifest = {"name": "clinical", "namespace": "icu", "hostnames": list(names)}
    added: Json = [{"value": path} for path in paths]
    manifest = clinical_model({"spec.exposure": {"gateway": gateway, "paths": added}})
    cast(Manifest, manifest["metadata"]).update({"namespace": namespace, "uid": f"uid-{namespace}"})
    manifest["status"] = {
        "hostnames": [
            {"name": each, "gateway": "icu/clinical", "since": since.isoformat()} for each in held
        ]
    }
    return ClinicalModel.model_validate(manifest)


def route_of(of: ClinicalModel, made: str = "2030-01-02T00:00:00Z", *names: str) -> Manifest:
    """The model's own HTTPRoute, with the names that it holds or these."""
    live = ROUTER.desired(ROUTER.routed(of, None), Traffic({"sepsis-a": 100}), {})
    cast(Manifest, live["metadata"])["creationTimestamp"] = made
    if names:
        cast(Manifest, live["spec"])["hostnames"] = list(names)
    return live


def foreign(
    *names: str,
    namespace: str = "billing",
    made: str = "2030-01-03T00:00:00Z",
    match: Manifest | None = None,
    parent: Manifest | None = None,
) -> Manifest:
    """Somebody else's HTTPRoute."""
    rule: Manifest = {"matches": [match]} if match is not None else {}
    reference: Manifest = {"name": "clinical", "namespace": "icu", **(parent or {})}
    return {
        "metadata": {
            "namespace": namespace,
            "name": "web",
            "creationTimestamp": made,
            "generation": 1,
        },
        "spec": {"parentRefs": [reference], "hostnames": list(names), "rules": [rule]},
    }


def judged(
    of: ClinicalModel,
    *routes: Manifest,
    live: Manifest | None = None,
    claims: tuple[ClinicalModel, ...] = (),
    gateway: Manifest = GATEWAY,
    rules: HostnameRules = ANY_HOSTNAME,
) -> Hostnames:
    held = [
        Claim(each.metadata.namespace, each.metadata.name, one)
        for each in claims
        for one in each.status.hostnames
    ]
    return ROUTER.judge_hostnames(of, live, Rivals(routes, held), gateway, rules)


def test_another_namespaces_host_name_is_not_given_to_an_older_route() -> None:
    icu = model(held=(SEPSIS,))
    eve = model("eve-ns", ("eve.models.example", SEPSIS), ("eve.models.example",))
    older = route_of(eve, "2029-01-01T00:00:00Z")

    found = judged(eve, route_of(icu), live=older, claims=(icu,))
    assert found.taken == (
        f"{SEPSIS} on Gateway icu/clinical is held by ClinicalModel icu/sepsis "
        "since 2030-01-01T12:00:00Z"
    )
    assert [each.name for each in found.held] == ["eve.models.example"]
    assert judged(icu, older, live=route_of(icu), claims=(eve,)).taken is None


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("*.models.example", SEPSIS), (SEPSIS, "*.models.example"), (SEPSIS, "*.example")],
)
def test_a_wildcard_and_what_is_below_it_are_held_by_one_model(theirs: str, ours: str) -> None:
    icu = model(held=(theirs,))
    assert judged(model("eve-ns", (ours,)), claims=(icu,)).taken is not None


def test_a_host_name_on_another_gateway_is_another_host_name() -> None:
    icu = model(held=(SEPSIS,))
    elsewhere = icu.status.hostnames[0].model_copy(update={"gateway": "eve-ns/clinical"})
    status = icu.status.model_copy(update={"hostnames": [elsewhere]})
    assert judged(model("ward"), claims=(icu.model_copy(update={"status": status}),)).taken is None


@pytest.mark.parametrize(
    "route",
    [
        foreign(SEPSIS),
        foreign(SEPSIS, namespace="icu"),
        foreign(SEPSIS, match={"path": {"type": "PathPrefix", "value": "/docs"}}),
        foreign("*.models.example"),
        foreign("a.example", SEPSIS, parent={"sectionName": "http"}),
    ],
)
def test_what_another_httproute_has_already_is_not_given(route: Manifest) -> None:
    assert judged(model(), route).taken is not None


@pytest.mark.parametrize(
    "route",
    [
        foreign("other.models.example"),
        foreign(SEPSIS, namespace="icu", match={"path": {"value": "/docs"}}),
        foreign("*.models.example", namespace="icu"),
        foreign("*.sepsis.models.example"),
        foreign(),
        foreign(SEPSIS, parent={"name": "another"}),
        foreign(SEPSIS, parent={"kind": "Service", "group": ""}),
    ],
)
def test_what_no_other_route_has_may_be_had(route: Manifest) -> None:
    found = judged(model(), route)
    assert (found.taken, found.refused, found.stolen) == (None, None, None)


def test_a_parent_without_a_namespace_is_in_the_routes_own() -> None:
    route = foreign(SEPSIS)
    cast("list[Manifest]", cast(Manifest, route["spec"])["parentRefs"])[0].pop("namespace")
    assert judged(model(), route).taken is None
    cast(Manifest, route["metadata"])["namespace"] = "icu"
    assert judged(model(), route).taken is not None


def test_a_route_that_the_gateway_has_refused_holds_nothing() -> None:
    route = foreign(SEPSIS, made="2029-01-01T00:00:00Z")
    refused: Json = {"type": "Accepted", "status": "False", "observedGeneration": 1}
    parent: Json = {
        "parentRef": {"name": "clinical", "namespace": "icu"},
        "conditions": [refused],
    }
    route["status"] = {"parents": [parent]}
    assert judged(model(), route).taken is None
    icu = model(held=(SEPSIS,))
    assert judged(icu, route, live=route_of(icu)).stolen is None
    cast(Manifest, route["metadata"])["generation"] = 2
    assert judged(model(), route).taken is not None, "it is about an earlier spec"


@pytest.mark.parametrize(
    "route",
    [
        foreign(SEPSIS),
        foreign(SEPSIS, made="2029-01-01T00:00:00Z"),
        foreign(SEPSIS, match={"path": {"type": "Exact", "value": "/score"}}),
        foreign(SEPSIS, match={"path": {"type": "PathPrefix", "value": "/v1"}}),
        foreign(SEPSIS, match={"path": {"type": "PathPrefix", "value": "/v2/models/sepsis"}}),
        foreign(SEPSIS, match={"path": {"type": "Exact", "value": "/v2/models/sepsis/infer"}}),
        foreign(SEPSIS, match={"path": {"type": "RegularExpression", "value": ".*"}}),
        foreign(SEPSIS, match={"headers": [{"name": "ward", "value": "3"}]}),
        foreign(SEPSIS, match={"method": "POST"}),
        foreign(SEPSIS, match={"queryParams": [{"name": "a", "value": "b"}]}),
    ],
)
def test_whoever_takes_requests_from_what_serves_is_named(route: Manifest) -> None:
    icu = model(held=(SEPSIS,), paths=("/score",))
    found = judged(icu, route, live=route_of(icu))
    assert found.stolen is not None
    assert found.stolen.startswith(f"HTTPRoute billing/web takes requests for {SEPSIS}")
    assert [each.name for each in found.held] == [SEPSIS], "it keeps what it holds"


@pytest.mark.parametrize(
    "route",
    [
        foreign(SEPSIS, namespace="icu"),
        foreign(SEPSIS, match={"path": {"type": "Exact", "value": "/score"}}),
        foreign("*.models.example", made="2029-01-01T00:00:00Z"),
        foreign(made="2029-01-01T00:00:00Z"),
        foreign(
            SEPSIS,
            match={"path": {"type": "PathPrefix", "value": "/v1beta"}},
            made="2029-01-01T00:00:00Z",
        ),
        foreign(SEPSIS, match={"path": {"type": "Exact", "value": "/"}}),
    ],
)
def test_a_route_that_comes_after_ours_takes_nothing(route: Manifest) -> None:
    icu = model(held=(SEPSIS,))
    assert judged(icu, route, live=route_of(icu)).stolen is None


def test_a_more_specific_host_name_takes_requests_from_a_wildcard() -> None:
    icu = model(names=("*.models.example",), held=("*.models.example",))
    assert judged(icu, foreign(SEPSIS), live=route_of(icu)).stolen is not None


def test_a_route_without_host_names_has_those_of_the_listeners() -> None:
    icu = model(held=(SEPSIS,))
    listener = cast(Manifest, LISTENERS[0])
    exact: Manifest = {**GATEWAY, "spec": {"listeners": [{**listener, "hostname": SEPSIS}]}}
    old = foreign(made="2029-01-01T00:00:00Z")
    assert judged(icu, old, live=route_of(icu), gateway=exact).stolen is not None


def test_a_model_of_an_earlier_operator_holds_what_its_route_has() -> None:
    found = judged(model(), live=route_of(model()))
    (held,) = found.held
    assert (held.name, held.since.isoformat()) == (SEPSIS, "2030-01-02T00:00:00+00:00")


def test_of_two_routes_of_an_earlier_operator_the_older_keeps_the_name() -> None:
    icu, eve = model(), model("eve-ns")
    older, younger = route_of(icu, "2030-01-01T00:00:00Z"), route_of(eve, "2030-01-02T00:00:00Z")
    assert judged(eve, older, live=younger).taken is not None
    found = judged(icu, younger, live=older)
    assert (found.taken, [each.name for each in found.held]) == (None, [SEPSIS])


def test_of_two_that_hold_one_name_the_later_gives_it_up() -> None:
    icu = model(held=(SEPSIS,))
    eve = model("eve-ns", held=(SEPSIS,), since=NOON + timedelta(seconds=1))
    assert judged(eve, claims=(icu,)).held == ()
    assert len(judged(icu, claims=(eve,)).held) == 1


RULES = HostnameRules({"icu": ["*.icu.example", SEPSIS], "*": ["*.sandbox.example"]})


@pytest.mark.parametrize(
    ("namespace", "name", "allowed"),
    [
        ("icu", SEPSIS, True),
        ("icu", "a.b.icu.example", True),
        ("icu", "icu.example", False),
        ("icu", "a.sandbox.example", False),
        ("icu", "*.icu.example", True),
        ("icu", "*.example", False),
        ("eve-ns", SEPSIS, False),
        ("eve-ns", "a.sandbox.example", True),
    ],
)
def test_a_namespace_uses_what_the_operator_was_told_and_nothing_else(
    namespace: str, name: str, allowed: bool
) -> None:
    assert (judged(model(namespace, (name,)), rules=RULES).refused is None) == allowed


def test_a_namespace_that_nobody_has_named_may_use_none_where_others_are_named() -> None:
    found = judged(model("eve-ns"), rules=HostnameRules({"icu": [SEPSIS]}))
    assert found.refused is not None
    assert "namespace eve-ns may not use the host name" in found.refused


def test_a_name_that_was_held_is_given_up_once_the_namespace_may_not_use_it() -> None:
    eve = model("eve-ns", ("a.sandbox.example", SEPSIS), ("a.sandbox.example", SEPSIS))
    found = judged(eve, live=route_of(eve), rules=RULES)
    assert [each.name for each in found.held] == ["a.sandbox.example"]


def test_a_grant_gives_a_name_below_another_namespaces_wildcard() -> None:
    route = foreign("*.models.example")
    assert judged(model(), route, rules=RULES).taken is None


@pytest.mark.parametrize(
    ("listener", "namespace", "admitted"),
    [
        ({}, "icu", True),
        ({}, "eve-ns", False),
        ({"allowedRoutes": {"namespaces": {"from": "All"}}}, "eve-ns", True),
        ({"allowedRoutes": {"namespaces": {"from": "Selector"}}}, "eve-ns", True),
        ({"allowedRoutes": {"namespaces": {"from": "None"}}}, "icu", False),
        ({"hostname": "*.models.example"}, "icu", True),
        ({"hostname": "*.icu.example"}, "icu", False),
    ],
)
def test_a_listener_has_to_take_the_name_from_the_namespace(
    listener: Manifest, namespace: str, admitted: bool
) -> None:
    plain: Manifest = {"name": "http", "port": 80, "protocol": "HTTP"}
    gateway: Manifest = {**GATEWAY, "spec": {"listeners": [plain | listener]}}
    found = judged(model(namespace), gateway=gateway)
    assert (found.refused is None) == admitted
    if not admitted:
        assert "Gateway icu/clinical has no listener that takes" in str(found.refused)
        assert "http (" in str(found.refused)


NAMESPACES = ("icu", "ward", "eve-ns")
POOL = (SEPSIS, "a.models.example", "*.models.example", "b.example", "*.b.example", "c.b.example")


@dataclass
class Town:
    """Models of several namespaces on one Gateway, with a pass here and there; writes are seen at once."""

    models: dict[str, ClinicalModel] = field(default_factory=dict)
    routes: dict[str, Manifest] = field(default_factory=dict)
    now: datetime = NOON

    def edit(self, namespace: str, names: tuple[str, ...]) -> None:
        self.now += timedelta(seconds=1)
        known = self.models.get(namespace)
        asked = model(namespace, names)
        if known is not None:
            asked = asked.model_copy(update={"status": known.status})
        self.models[namespace] = asked

    def remove(self, namespace: str) -> None:
        self.models.pop(namespace, None)
        self.routes.pop(namespace, None)

    def make_pass(self, namespace: str, *, killed: bool) -> None:
        """As `Models` does it: claims go into the status, and the route has what the status had before."""
        mine, live = self.models.get(namespace), self.routes.get(namespace)
        if mine is None:
            return
        others = tuple(each for name, each in self.models.items() if name != namespace)
        routes = [route for name, route in self.routes.items() if name != namespace]
        found = judged(mine, *routes, live=live, claims=others)
        draft = Draft.begin(Observed(model=mine, router=ROUTER, hostnames=found), self.now)
        claim_hostnames(draft)
        status = mine.status.model_copy(update={"hostnames": draft.hostnames})
        self.models[namespace] = mine.model_copy(update={"status": status})
        if found.routable and not killed:
            made = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
            age = cast(str, cast(Manifest, live["metadata"])["creationTimestamp"]) if live else made
            held = held_by(mine, live)
            self.routes[namespace] = route_of(mine, age, *(each.name for each in held))

    def served(self, namespace: str) -> list[str]:
        route = self.routes.get(namespace)
        return cast("list[str]", cast(Manifest, route["spec"])["hostnames"]) if route else []

    def check(self) -> None:
        for one in NAMESPACES:
            for other in NAMESPACES:
                if one < other:
                    for name in self.served(one):
                        assert not overlaps(name, self.served(other)), (one, other, name)


edits = st.tuples(
    st.just("edit"),
    st.sampled_from(NAMESPACES),
    st.lists(st.sampled_from(POOL), min_size=1, max_size=3, unique=True).map(tuple),
)
passes = st.tuples(st.just("pass"), st.sampled_from(NAMESPACES), st.booleans())
removals = st.tuples(st.just("remove"), st.sampled_from(NAMESPACES), st.just(None))


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(edits, passes, passes, passes, removals), max_size=40))
def test_no_host_name_is_in_the_routes_of_two_models_whatever_they_ask_for(
    deeds: list[tuple[str, str, object]],
) -> None:
    town = Town()
    for deed, namespace, what in deeds:
        before = {name: town.served(name) for name in NAMESPACES if name != namespace}
        if deed == "edit":
            town.edit(namespace, cast("tuple[str, ...]", what))
        elif deed == "pass":
            town.make_pass(namespace, killed=bool(what))
        else:
            town.remove(namespace)
        town.check()
        assert {name: town.served(name) for name in before} == before
    for _ in range(8):
        for namespace in NAMESPACES:
            town.make_pass(namespace, killed=False)
    settled = {name: each.status.hostnames for name, each in town.models.items()}
    for namespace in NAMESPACES:
        town.make_pass(namespace, killed=False)
    assert {name: each.status.hostnames for name, each in town.models.items()} == settled


def test_a_name_that_is_given_up_goes_to_whoever_waits_for_it() -> None:
    town = Town()
    town.edit("icu", (SEPSIS,))
    town.edit("ward", (SEPSIS, "b.example"))
    for _ in range(2):
        town.make_pass("icu", killed=False)
        town.make_pass("ward", killed=False)
    assert (town.served("icu"), town.served("ward")) == ([SEPSIS], [])
    town.remove("icu")
    for _ in range(2):
        town.make_pass("ward", killed=False)
    assert town.served("ward") == [SEPSIS, "b.example"]
