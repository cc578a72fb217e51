"""The HTTPRoute that carries a rollout's weights, and what a Gateway says of it."""

from collections.abc import Mapping
from typing import Protocol, cast

from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.kserve.drift import as_applied
from mlhops.kserve.facts import Route
from mlhops.kserve.names import GATEWAY_API, MANAGED_BY, MODEL_LABEL, backend, owned_by
from mlhops.kserve.owner import is_ours
from mlhops.kserve.read import at, condition, items, number, text

_PORT = 80
_SUFFIX = backend("")


class Router(Protocol):
    """A way to split requests between revisions."""

    def desired(self, model: ClinicalModel, weights: Mapping[str, int]) -> Manifest:
        """Return the object to apply for these weights by InferenceService."""
        ...

    def observe(self, model: ClinicalModel, live: Manifest) -> Route:
        """Return what the live object comes to."""
        ...


class GatewayRouter:
    """Weighted backends of one HTTPRoute: changing a weight restarts nothing."""

    def desired(self, model: ClinicalModel, weights: Mapping[str, int]) -> Manifest:
        """Return the HTTPRoute to apply; a revision without weight has no place in it."""
        gateway = model.spec.exposure.gateway
        if gateway is None:
            raise ValueError("spec.exposure.gateway is required in mode Standard")
        meta = model.metadata
        backends: list[Json] = [
            {
                "group": "",
                "kind": "Service",
                "name": backend(service),
                "port": _PORT,
                "weight": weight,
            }
            for service, weight in weights.items()
            if weight > 0
        ]
        return {
            "apiVersion": GATEWAY_API,
            "kind": "HTTPRoute",
            "metadata": {
                "name": meta.name,
                "namespace": meta.namespace,
                "labels": {**MANAGED_BY, MODEL_LABEL: meta.name},
                **owned_by(meta),
            },
            "spec": {
                "parentRefs": [cast(Json, self._parent(model))],
                "hostnames": list(gateway.hostnames),
                "rules": [
                    {
                        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                        "backendRefs": backends,
                    }
                ],
            },
        }

    def observe(self, model: ClinicalModel, live: Manifest) -> Route:
        """Return the weights in the route, and whether the Gateway has accepted exactly these."""
        weights = self._weights(live)
        accepted, message = self._acceptance(model, live)
        desired = self.desired(model, weights)
        # These lists are ours alone: a filter, a match or a backend that somebody added counts.
        exact = all(
            at(live, "spec", field) == at(desired, "spec", field)
            for field in ("parentRefs", "hostnames", "rules")
        )
        return Route(
            weights=weights,
            accepted=accepted,
            message=message,
            current=exact and as_applied(live, desired),
            foreign=not is_ours(live, model.metadata.uid),
        )

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

    def _weights(self, live: Manifest) -> dict[str, int]:
        """Return the weights by InferenceService, added up where a backend stands twice."""
        weights: dict[str, int] = {}
        for rule in items(live, "spec", "rules"):
            for reference in items(rule, "backendRefs"):
                name = text(reference, "name").removesuffix(_SUFFIX)
                weight = number(reference, "weight")
                weights[name] = weights.get(name, 0) + (1 if weight is None else weight)
        return {name: weight for name, weight in weights.items() if weight > 0}

    def _acceptance(self, model: ClinicalModel, live: Manifest) -> tuple[bool | None, str]:
        """Return whether our Gateway has accepted this very spec; None while it is silent or behind."""
        generation = number(live, "metadata", "generation")
        wanted = self._parent(model)
        said = "the Gateway says nothing about the HTTPRoute"
        verdicts: list[tuple[bool, str]] = []
        for parent in items(live, "status", "parents"):
            reference = at(parent, "parentRef")
            namespace = text(reference, "namespace") or model.metadata.namespace
            if (text(reference, "name"), namespace) != (wanted["name"], wanted["namespace"]):
                continue
            said = "the Gateway has not seen the latest weights yet"
            accepted = condition(parent, "Accepted", "conditions")
            if number(accepted, "observedGeneration") != generation:
                continue  # behind, or left by a controller that is gone
            if text(accepted, "status") != "True":
                verdicts.append((False, text(accepted, "message") or text(accepted, "reason")))
            else:
                verdicts.append(self._resolved(parent, generation))
        refused = [verdict for verdict in verdicts if not verdict[0]]
        return next(iter(refused or verdicts), (None, said))

    def _resolved(self, parent: Manifest, generation: int | None) -> tuple[bool, str]:
        """An accepted route whose backends are not found answers its share of requests with 500."""
        resolved = condition(parent, "ResolvedRefs", "conditions")
        stale = number(resolved, "observedGeneration") != generation
        if resolved and not stale and text(resolved, "status") == "False":
            return False, text(resolved, "message") or text(resolved, "reason")
        return True, ""
