"""The HTTPRoute that carries a rollout's weights, and what a Gateway says of it.

The headers that tell who answered are not among what each Gateway has to know, and one that does not know them may
refuse the whole route. So what a Gateway has refused for its features is written without these from then on, which
an annotation of the route remembers for that Gateway.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.json_access import at, condition, in_one_line, items, number, text
from mlhops.kserve.kind import Kind
from mlhops.kserve.manifest_diff import as_applied
from mlhops.kserve.names import GATEWAY_API, MANAGED_BY, MODEL_LABEL, backend, owned_by
from mlhops.kserve.owner import is_ours
from mlhops.routing import gateway_hostnames
from mlhops.routing.exposure import matches, naming
from mlhops.routing.gateway_hostnames import asked_by, gateway_of, held_by
from mlhops.routing.hostnames import HostnameRules, Rivals
from mlhops.routing.route import (
    UNKNOWN,
    Answerer,
    Features,
    GatewayListener,
    Hostnames,
    Route,
)
from mlhops.routing.router import Blocker, Facts, ParentReference
from mlhops.routing.traffic import Traffic

ROUTES = Kind("gateway.networking.k8s.io", "v1", "httproutes")
GATEWAYS = Kind("gateway.networking.k8s.io", "v1", "gateways")
_MISSING = (
    "Gateway API is not installed (no HTTPRoute in gateway.networking.k8s.io/v1): install it; "
    "the model goes on by itself when it is there"
)
_PORT = 80
_SUFFIX = backend("")
FEATURES = "mlhops.io/route-features"
"""The annotation with what a Gateway takes, and which one that is."""
_UNSUPPORTED = re.compile(
    r"^(Unsupported(?!Protocol)|IncompatibleFilters|Invalid(Filter|Configuration))"
)
"""Reasons by which Gateways refuse what a route asks for, and not whose it is or where it leads."""


_Verdict: TypeAlias = tuple[bool | None, str, str]
"""Whether a route is accepted, the reason, and the message."""


@dataclass(frozen=True)
class GatewayRouter:
    """Weighted backends of one HTTPRoute: changing a weight restarts nothing."""

    route = ROUTES
    parent_kind = GATEWAYS
    rights = ("create", "patch")  # it goes with its model, by the garbage collector

    def takes(self, model: ClinicalModel) -> bool:
        """Whether a model is exposed by a route on a Gateway."""
        return model.spec.exposure.mode == "Standard"

    def parent(self, model: ClinicalModel) -> ParentReference | None:
        """Return the Gateway that the spec names."""
        namespace, _, name = gateway_of(model).partition("/")
        return ParentReference(GATEWAYS, namespace, name) if name else None

    def listener(self, parent: Manifest) -> GatewayListener:
        """Return how callers reach a Gateway: by its first listener for HTTP."""
        for listener in items(parent, "spec", "listeners"):
            scheme = text(listener, "protocol").lower()
            port = number(listener, "port")
            if scheme in ("http", "https") and port is not None:
                return GatewayListener(scheme, port)
        return GatewayListener()

    def doubt(self, parent: Manifest) -> str:
        """Return why a Gateway takes no requests, in its controller's words."""
        return unprogrammed(parent)

    def hostnames(self, route: Manifest) -> Sequence[str]:
        """Return the host names of an HTTPRoute; one without any has those of the Gateway's listeners."""
        found = at(route, "spec", "hostnames")
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []

    def contested(self, model: ClinicalModel, live: Manifest | None) -> Collection[str]:
        """Return the host names that the spec asks for, and those that the model holds."""
        return {*asked_by(model), *(each.name for each in held_by(model, live))}

    def judge_hostnames(
        self,
        model: ClinicalModel,
        live: Manifest | None,
        rivals: Rivals,
        parent: Manifest,
        rules: HostnameRules,
    ) -> Hostnames:
        """Return which host names a model may have, as Gateway API gives requests to routes."""
        return gateway_hostnames.judge_hostnames(model, live, rivals, parent, rules)

    def routed(self, model: ClinicalModel, live: Manifest | None) -> ClinicalModel:
        """Return a model that asks for the host names that it holds, on the Gateway where it holds them."""
        return gateway_hostnames.routed(model, held_by(model, live))

    def plays_another_part(self, before: Manifest | None, after: Manifest | None) -> bool:
        """Whether a Gateway listens on something else, or takes requests no longer or again.

        Its status changes with each route, which matters to nobody else.
        """
        if at(before, "spec") != at(after, "spec"):
            return True
        return unprogrammed(before or {}) != unprogrammed(after or {})

    def missing(self, facts: Facts) -> Blocker | None:
        """Return that there is no Gateway API, or not the Gateway."""
        if not facts.gateway_api_installed:
            return "GatewayAPIMissing", _MISSING
        if facts.gateway_exists or facts.model.spec.exposure.gateway is None:
            return None
        return "GatewayMissing", (
            f"there is no Gateway {gateway_of(facts.model)} (spec.exposure.gateway): "
            "create it, or name one that exists"
        )

    def refused(self, facts: Facts) -> Blocker | None:
        """Return whose HTTPRoute has the model's name, or its host names."""
        if facts.route is not None and facts.route.foreign:
            return "ForeignObject", (
                f"HTTPRoute {facts.model.metadata.name} exists and belongs to somebody else: remove or "
                "rename it, or give the model another name"
            )
        found, way_out = facts.hostnames, "choose another of spec.exposure.gateway.hostnames"
        if found.refused is not None:
            return "HostnameNotAllowed", f"{found.refused}: {way_out}"
        if found.taken is not None:
            return "HostnameTaken", f"{found.taken}: {way_out}"
        return ("RequestsTaken", found.stolen) if found.stolen is not None else None

    def url(self, facts: Facts, hostnames: Sequence[str]) -> str | None:
        """Return the URL of the first host name, as the Gateway's listener has it."""
        gateway = facts.model.spec.exposure.gateway
        if gateway is None:
            return None
        name = next(iter(hostnames), gateway.hostnames[0])
        return f"{facts.listener.scheme}://{name}{facts.listener.port_suffix}"

    def desired(
        self,
        model: ClinicalModel,
        traffic: Traffic,
        answerers: Mapping[str, Answerer],
        features: Features = Features.FULL,
    ) -> Manifest:
        """Return the HTTPRoute to apply; a revision without weight has no place in it."""
        gateway = model.spec.exposure.gateway
        if gateway is None:
            raise ValueError("spec.exposure.gateway is required in mode Standard")
        meta = model.metadata
        metadata: Manifest = {
            "name": meta.name,
            "namespace": meta.namespace,
            "labels": {**MANAGED_BY, MODEL_LABEL: meta.name},
            **owned_by(meta),
        }
        if features < Features.FULL:
            metadata["annotations"] = {FEATURES: _noted(features, gateway_of(model))}
        return {
            "apiVersion": GATEWAY_API,
            "kind": "HTTPRoute",
            "metadata": metadata,
            "spec": {
                "parentRefs": [cast(Json, self._parent(model))],
                "hostnames": list(gateway.hostnames),
                "rules": [self._rule(model, traffic.given, answerers, features)],
            },
        }

    def observe(
        self, model: ClinicalModel, live: Manifest, answerers: Mapping[str, Answerer]
    ) -> Route:
        """Return the traffic of the route, and whether the Gateway has accepted exactly this."""
        traffic = self._traffic(live)
        accepted, reason, message = self._acceptance(model, live)
        features = _features(model, live)
        desired = self.desired(model, traffic, answerers, features)
        current = self._is_current(live, desired)
        unsupported = accepted is False and _UNSUPPORTED.match(reason) is not None
        less = self._less(model, traffic, features)
        if not (current and unsupported and less < features):
            less, unsupported = features, False
        return Route(
            traffic=traffic,
            accepted=accepted,
            message=message,
            current=current and not unsupported,
            foreign=not is_ours(live, model.metadata.uid),
            features=less,
            unsupported=message if unsupported else "",
            unanswered=self._unanswered(model, live),
        )

    def _is_current(self, live: Manifest, desired: Manifest) -> bool:
        # These lists are ours alone: a filter, a match or a backend that somebody added counts.
        exact = all(
            at(live, "spec", field) == at(desired, "spec", field)
            for field in ("parentRefs", "hostnames", "rules")
        )
        return exact and as_applied(live, desired)

    def _rule(
        self,
        model: ClinicalModel,
        traffic: Traffic,
        answerers: Mapping[str, Answerer],
        features: Features,
    ) -> Manifest:
        """Return the one rule: with headers of its own where one revision has all, else at each backend."""
        name, exposure = model.metadata.name, model.spec.exposure
        behind = {service: answerers.get(service, UNKNOWN) for service in traffic.weights}
        backends: list[Manifest] = [
            {
                "group": "",
                "kind": "Service",
                "name": backend(service),
                "port": _PORT,
                "weight": weight,
            }
            for service, weight in traffic.weights.items()
        ]
        rule: Manifest = {
            "matches": matches(name, exposure, behind.values(), features),
            "backendRefs": cast("list[Json]", backends),
        }
        if exposure.response_headers == "Off" or not behind or features is Features.CORE:
            return rule
        if len(behind) > 1 and features is Features.FULL:
            for each, answerer in zip(backends, behind.values(), strict=True):
                each |= naming(name, [answerer])
            return rule
        return rule | naming(name, list(behind.values()))

    def _less(self, model: ClinicalModel, traffic: Traffic, features: Features) -> Features:
        """Return the most that a Gateway may take which has refused a route with these features."""
        named = model.spec.exposure.response_headers == "On"
        split = features is Features.FULL and named and len(traffic.weights) > 1
        return Features.RULE if split else Features.CORE

    def _parent(self, model: ClinicalModel) -> dict[str, str]:
        gateway = model.spec.exposure.gateway
        if gateway is None:
            raise ValueError("spec.exposure.gateway is required in mode Standard")
        return {
            "group": "gateway.networking.k8s.io",
            "kind": "Gateway",
            "name": gateway.name,
            "namespace": gateway.namespace or model.metadata.namespace,
        }

    def _traffic(self, live: Manifest) -> Traffic:
        """Return who gets requests, with weights added up where a backend stands twice."""
        weights: dict[str, int] = {}
        for rule in items(live, "spec", "rules"):
            for reference in items(rule, "backendRefs"):
                name = text(reference, "name").removesuffix(_SUFFIX)
                weight = number(reference, "weight")
                weights[name] = weights.get(name, 0) + (1 if weight is None else weight)
        return Traffic(weights).given

    def _acceptance(self, model: ClinicalModel, live: Manifest) -> _Verdict:
        """Return whether our Gateway has accepted this very spec; None while it is silent or behind."""
        generation = number(live, "metadata", "generation")
        said = "the Gateway says nothing about the HTTPRoute"
        verdicts: list[_Verdict] = []
        for parent in self._said(model, live):
            said = "the Gateway has not seen the latest weights yet"
            accepted = condition(parent, "Accepted", "conditions")
            if number(accepted, "observedGeneration") != generation:
                continue  # behind, or left by a controller that is gone
            if text(accepted, "status") != "True":
                verdicts.append(_refused(accepted))
            else:
                verdicts.append(self._resolved(parent, generation))
        refused = [verdict for verdict in verdicts if not verdict[0]]
        return next(iter(refused or verdicts), (None, "", said))

    def _said(self, model: ClinicalModel, live: Manifest) -> Iterator[Manifest]:
        """Yield what is said of the route for our Gateway; more than one controller may have."""
        wanted = self._parent(model)
        for parent in items(live, "status", "parents"):
            reference = at(parent, "parentRef")
            namespace = text(reference, "namespace") or model.metadata.namespace
            if (text(reference, "name"), namespace) == (wanted["name"], wanted["namespace"]):
                yield parent

    def _unanswered(self, model: ClinicalModel, live: Manifest) -> str:
        """Return what Envoy Gateway says of backends without endpoints, whose share of requests gets 503."""
        generation = number(live, "metadata", "generation")
        for parent in self._said(model, live):
            said = condition(parent, "BackendsAvailable", "conditions")
            if text(said, "status") == "False" and number(said, "observedGeneration") == generation:
                return in_one_line(said)
        return ""

    def _resolved(self, parent: Manifest, generation: int | None) -> _Verdict:
        """An accepted route whose backends are not found answers its share of requests with 500."""
        resolved = condition(parent, "ResolvedRefs", "conditions")
        stale = number(resolved, "observedGeneration") != generation
        if resolved and not stale and text(resolved, "status") == "False":
            return _refused(resolved)
        return True, "", ""


def unprogrammed(gateway: Manifest) -> str:
    """Return why a Gateway takes no requests, in its controller's words; empty where it says nothing of the kind."""
    generation = number(gateway, "metadata", "generation")
    for type_ in ("Accepted", "Programmed"):
        said = condition(gateway, type_)
        observed = number(said, "observedGeneration")
        if text(said, "status") == "False" and observed in (None, generation):
            return f"{type_} is False: {in_one_line(said)}"
    return ""


def _refused(said: Manifest) -> _Verdict:
    reason = text(said, "reason")
    return False, reason, text(said, "message") or reason


def _noted(features: Features, gateway: str) -> str:
    return f"{features.name.capitalize()} {gateway}"


def _features(model: ClinicalModel, live: Manifest) -> Features:
    """Return how much the Gateway takes, as the route remembers it; of another Gateway nothing is known."""
    said = text(live, "metadata", "annotations", FEATURES)
    known = (each for each in Features if said == _noted(each, gateway_of(model)))
    return next(known, Features.FULL)
