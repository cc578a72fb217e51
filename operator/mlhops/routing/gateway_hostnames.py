"""Whose a host name is on a Gateway: what a model may claim, what it holds, and who takes its requests.

Gateway API merges all routes of a Gateway, whatever namespace they are in. The more specific host name gets a
request, then the more specific match, then the older route. So whoever adds a host name to an older route takes
it from whoever had it; a model holds a name from the moment that its status says so, and the later claim waits.
"""

from collections.abc import Iterable, Sequence

from mlhops.api.base import Manifest
from mlhops.api.model import ClinicalModel
from mlhops.api.status import Hostname
from mlhops.json_access import at, condition, items, number, text
from mlhops.kserve.owner import is_ours
from mlhops.routing.hostnames import Claim, HostnameRules, Rivals, is_below, matches, overlap
from mlhops.routing.route import Hostnames

_GROUP = "gateway.networking.k8s.io"
_INFERENCE = ("/v1", "/v2", "/openai")
"""Below these paths KServe's model servers are asked for predictions."""


def held_by(model: ClinicalModel, live: Manifest | None) -> list[Hostname]:
    """Return what a model holds: by its status, or, of an earlier operator's, by the route that it has."""
    if model.status.hostnames or live is None or not is_ours(live, model.metadata.uid):
        return list(model.status.hostnames)
    parent = next(iter(items(live, "spec", "parentRefs")), {})
    made = text(live, "metadata", "creationTimestamp")
    since = made or "1970-01-01T00:00:00Z"
    gateway = _gateway_of(parent, model.metadata.namespace)
    names = _hosts(live)
    return [Hostname.model_validate({"name": n, "gateway": gateway, "since": since}) for n in names]


def gateway_of(model: ClinicalModel) -> str:
    """Return the Gateway that the spec names, as namespace/name."""
    gateway = model.spec.exposure.gateway
    if gateway is None:
        return ""
    return f"{gateway.namespace or model.metadata.namespace}/{gateway.name}"


def asked_by(model: ClinicalModel) -> list[str]:
    """Return the host names that the spec asks for."""
    gateway = model.spec.exposure.gateway
    return list(gateway.hostnames) if gateway is not None else []


def routed(model: ClinicalModel, held: Sequence[Hostname]) -> ClinicalModel:
    """Return a model that asks for no more than it holds: its route has no other host names, on no other Gateway."""
    gateway = model.spec.exposure.gateway
    if not held or gateway is None:
        return model
    namespace, _, name = held[0].gateway.partition("/")
    names = [each.name for each in held if each.gateway == held[0].gateway]
    changes = {"name": name, "namespace": namespace, "hostnames": names}
    exposure = model.spec.exposure.model_copy(
        update={"gateway": gateway.model_copy(update=changes)}
    )
    return model.model_copy(update={"spec": model.spec.model_copy(update={"exposure": exposure})})


def judge_hostnames(
    model: ClinicalModel,
    live: Manifest | None,
    rivals: Rivals,
    gateway: Manifest,
    rules: HostnameRules,
) -> Hostnames:
    """Return what a model may have of the host names that its spec asks for, and what stands in the way."""
    held, place = held_by(model, live), gateway_of(model)
    case = _Case(model, live, rivals, gateway, rules)
    forbidden = {n: why for n in asked_by(model) if (why := case.forbidden(n))}
    lost = {each.name: why for each in held if (why := case.lost(each))}
    mine = {each.name for each in held if each.gateway == place}
    taken = {n: why for n in asked_by(model) if n not in mine and (why := case.taken(n))}
    barred = set(lost) | {n for n in forbidden if case.is_barred(n)}
    return Hostnames(
        gateway=place,
        asked=tuple(asked_by(model)),
        held=tuple(each for each in held if each.name not in barred),
        routable=bool(held),
        refused=next(iter(forbidden.values()), None),
        taken=next(iter([*lost.values(), *taken.values()]), None),
        stolen=next((why for each in held if (why := case.stolen(each))), None),
    )


class _Case:
    """One model's claims against those of all others."""

    def __init__(
        self,
        model: ClinicalModel,
        live: Manifest | None,
        rivals: Rivals,
        gateway: Manifest,
        rules: HostnameRules,
    ) -> None:
        self._namespace, self._name = model.metadata.namespace, model.metadata.name
        added = (each.value.rstrip("/") for each in model.spec.exposure.paths)
        self._trees = (*_INFERENCE, *filter(None, added))
        self._adopts = not model.status.hostnames
        self._gateway, self._place = gateway, gateway_of(model)
        self._age = text(live, "metadata", "creationTimestamp") or "~"
        self._rules = rules
        mine = (self._namespace, self._name)
        self._claims = [c for c in rivals.claims if (c.namespace, c.model) != mine]
        self._routes = [one for one in rivals.routes if _name_of(one) != mine]

    def is_barred(self, name: str) -> bool:
        """Whether who installed the operator keeps a name from the model's namespace."""
        patterns = self._rules.allowed(self._namespace)
        return patterns is not None and not any(matches(each, name) for each in patterns)

    def forbidden(self, name: str) -> str | None:
        """Return why the namespace may not use a name, None where it may."""
        if self.is_barred(name):
            patterns = self._rules.allowed(self._namespace) or ["none"]
            return (
                f"namespace {self._namespace} may not use the host name {name}: it has "
                f"{', '.join(patterns)} (the operator's --hostname; hostnames in the chart)"
            )
        listeners = [
            one
            for one in items(self._gateway, "spec", "listeners")
            if text(one, "protocol") in ("HTTP", "HTTPS")
        ]
        home = text(self._gateway, "metadata", "namespace")
        if not listeners or any(_admits(one, name, self._namespace, home) for one in listeners):
            return None
        told = ", ".join(_told(one) for one in listeners)
        return (
            f"Gateway {self._place} has no listener that takes {name} from namespace "
            f"{self._namespace}: it has {told}"
        )

    def taken(self, name: str) -> str | None:
        """Return who has a name that is asked for anew, None where nobody has it."""
        for claim in self._claims:
            if claim.hostname.gateway == self._place and overlap(claim.hostname.name, name):
                return _held_elsewhere(name, claim)
        for route in self._rival_routes(self._place):
            if self._claims_too(route, name):
                return _routed_elsewhere(name, self._place, route)
        return None

    def lost(self, held: Hostname) -> str | None:
        """Return who holds a name with more right, None where nobody does."""
        mine = Claim(self._namespace, self._name, held).rank
        for claim in self._claims:
            same = claim.hostname.gateway == held.gateway
            later = not self._adopts and mine < claim.rank
            if same and not later and overlap(claim.hostname.name, held.name):
                return _held_elsewhere(held.name, claim)
        if not self._adopts:
            return None
        route = self._taker(held)
        return _routed_elsewhere(held.name, held.gateway, route) if route is not None else None

    def stolen(self, held: Hostname) -> str | None:
        """Return whose route takes requests from a name that the model holds, None where none does."""
        route = None if self._adopts else self._taker(held)
        if route is None:
            return None
        namespace, name = _name_of(route)
        return (
            f"HTTPRoute {namespace}/{name} takes requests for {held.name} on Gateway {held.gateway} "
            "from this model: remove the host name, or the match, there"
        )

    def _taker(self, held: Hostname) -> Manifest | None:
        for route in self._rival_routes(held.gateway):
            for host in self._effective(route, held.gateway):
                more = is_below(host, held.name)
                if more and any(self._asks(match) for match in _matches_of(route)):
                    return route
                if host == held.name and any(self._wins(m, route) for m in _matches_of(route)):
                    return route
        return None

    def _claims_too(self, route: Manifest, name: str) -> bool:
        """Whether a name that is asked for would be taken from the route that has it."""
        abroad = _name_of(route)[0] != self._namespace
        asks = any(self._asks(match) for match in _matches_of(route))
        hosts = self._effective(route, self._place)
        if any(host == name or is_below(host, name) for host in hosts):
            return abroad or asks
        # What a wildcard of another namespace has is given to ours by who says so, and by nobody else.
        covered = any(is_below(name, host) for host in _hosts(route))
        return covered and abroad and not self._rules.grants(self._namespace, name)

    def _wins(self, match: Manifest, route: Manifest) -> bool:
        """Whether a rule for our own host name takes requests for predictions.

        Ours names its paths in full, so a rule of theirs for a tree gets what ours does not match: a path that
        somebody has misspelt, with what is of a patient in it. From another namespace that is told as well.
        """
        if not self._asks(match):
            return False
        age = (text(route, "metadata", "creationTimestamp"), _name_of(route))
        older = age < (self._age, (self._namespace, self._name))
        if self._adopts:
            return older  # of two that hold it by their routes one has to keep it
        plain = text(match, "path", "type") in ("", "PathPrefix")
        further = any(at(match, part) for part in ("method", "headers", "queryParams"))
        abroad = _name_of(route)[0] != self._namespace
        return older or abroad or not plain or _path(match) != "/" or further

    def _asks(self, match: Manifest) -> bool:
        """Whether a match takes requests for predictions; what an expression takes nobody can tell."""
        path, type_ = _path(match).rstrip("/") or "/", text(match, "path", "type") or "PathPrefix"
        if type_ == "PathPrefix" and path == "/":
            return True
        if type_ not in ("PathPrefix", "Exact"):
            return True
        return any(path == tree or path.startswith(f"{tree}/") for tree in self._trees)

    def _rival_routes(self, gateway: str) -> Iterable[Manifest]:
        for route in self._routes:
            parents = items(route, "spec", "parentRefs")
            mine = any(_gateway_of(p, _name_of(route)[0]) == gateway for p in parents)
            if mine and not _is_refused(route, gateway):
                yield route

    def _effective(self, route: Manifest, gateway: str) -> list[str]:
        """Return a route's host names; one that has none has those of the listeners."""
        if _hosts(route):
            return _hosts(route)
        if gateway != self._place:
            return []
        listeners = items(self._gateway, "spec", "listeners")
        return [host for one in listeners if (host := text(one, "hostname"))]


def _held_elsewhere(name: str, claim: Claim) -> str:
    since = claim.hostname.since.strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"{name} on Gateway {claim.hostname.gateway} is held by ClinicalModel "
        f"{claim.namespace}/{claim.model} since {since}"
    )


def _routed_elsewhere(name: str, gateway: str, route: Manifest) -> str:
    namespace, other = _name_of(route)
    return f"{name} on Gateway {gateway} is taken by HTTPRoute {namespace}/{other}"


def _name_of(route: Manifest) -> tuple[str, str]:
    return text(route, "metadata", "namespace"), text(route, "metadata", "name")


def _hosts(route: Manifest) -> list[str]:
    found = at(route, "spec", "hostnames")
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _gateway_of(parent: Manifest, namespace: str) -> str:
    """Return the Gateway that a parentRef names, empty where it names something else."""
    kind, group = text(parent, "kind") or "Gateway", at(parent, "group")
    if kind != "Gateway" or group not in (None, _GROUP):
        return ""
    return f"{text(parent, 'namespace') or namespace}/{text(parent, 'name')}"


def _is_refused(route: Manifest, gateway: str) -> bool:
    """Whether the Gateway has said of this very spec that it does not take it."""
    generation, verdicts = number(route, "metadata", "generation"), []
    for parent in items(route, "status", "parents"):
        reference = at(parent, "parentRef")
        if not isinstance(reference, dict):
            continue
        if _gateway_of(reference, _name_of(route)[0]) == gateway:
            accepted = condition(parent, "Accepted", "conditions")
            current = number(accepted, "observedGeneration") == generation
            verdicts.append(current and text(accepted, "status") == "False")
    return bool(verdicts) and all(verdicts)


def _matches_of(route: Manifest) -> Iterable[Manifest]:
    for rule in items(route, "spec", "rules"):
        yield from items(rule, "matches") or [{}]


def _path(match: Manifest) -> str:
    return text(match, "path", "value") or "/"


def _admits(listener: Manifest, name: str, namespace: str, home: str) -> bool:
    """Whether a listener takes a name from a namespace; which ones a selector has, the Gateway alone can tell."""
    host = text(listener, "hostname")
    if host and not overlap(host, name):
        return False
    allowed = text(listener, "allowedRoutes", "namespaces", "from") or "Same"
    return allowed in ("All", "Selector") or (allowed == "Same" and namespace == home)


def _told(listener: Manifest) -> str:
    allowed = text(listener, "allowedRoutes", "namespaces", "from") or "Same"
    host = text(listener, "hostname") or "any host name"
    return f"{text(listener, 'name')} ({host}, from namespaces: {allowed})"
