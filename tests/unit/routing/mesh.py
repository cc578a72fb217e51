"""A second router, with kinds of its own, and what the registry of routers is with it."""

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import cast

from mlhops.api.base import Manifest
from mlhops.api.model import ClinicalModel
from mlhops.json_access import at, text
from mlhops.kserve.kind import Kind
from mlhops.routing.hostnames import HostnameRules, Rivals
from mlhops.routing.route import Answerer, Features, GatewayListener, Hostnames, Route
from mlhops.routing.router import Blocker, Facts, ParentReference
from mlhops.routing.traffic import Traffic

SPLITS = Kind("mesh.example", "v1", "splits")
MESHES = Kind("mesh.example", "v1", "meshes")
REGISTRY = "mlhops.routing.registry"


@dataclass(frozen=True)
class MeshRouter:
    """Splits requests by an object that lists shares, beside a mesh that each namespace has."""

    closed: bool = False
    route = SPLITS
    parent_kind = MESHES
    rights = ("create", "patch")

    def takes(self, model: ClinicalModel) -> bool:
        """It has a mode that no other router takes."""
        return model.spec.exposure.mode == "Knative"

    def parent(self, model: ClinicalModel) -> ParentReference | None:
        """The mesh of the namespace."""
        return ParentReference(MESHES, model.metadata.namespace, "mesh")

    def listener(self, parent: Manifest) -> GatewayListener:
        """It has TLS."""
        return GatewayListener("https" if parent else "http", 8443)

    def doubt(self, parent: Manifest) -> str:
        """What the mesh says of it."""
        return text(parent, "status", "closed")

    def hostnames(self, route: Manifest) -> Sequence[str]:
        """A split has one."""
        return [text(route, "spec", "host")]

    def contested(self, model: ClinicalModel, live: Manifest | None) -> Collection[str]:
        """The model's own name, which a Gateway would not know of."""
        del live
        return [f"{model.metadata.name}.mesh"]

    def judge_hostnames(
        self,
        model: ClinicalModel,
        live: Manifest | None,
        rivals: Rivals,
        parent: Manifest,
        rules: HostnameRules,
    ) -> Hostnames:
        """Nothing has to be claimed: whoever has another split of that name has the requests."""
        del model, live, parent, rules
        return Hostnames(stolen="another split has it" if rivals.routes else None)

    def routed(self, model: ClinicalModel, live: Manifest | None) -> ClinicalModel:
        """It has what it asks for."""
        del live
        return model

    def plays_another_part(self, before: Manifest | None, after: Manifest | None) -> bool:
        """Each change matters."""
        return before != after

    def missing(self, facts: Facts) -> Blocker | None:
        """There must be a mesh."""
        return None if facts.gateway_exists else ("GatewayMissing", "the ward has no mesh")

    def refused(self, facts: Facts) -> Blocker | None:
        """It may be closed, or somebody else's."""
        if facts.hostnames.stolen is not None:
            return "RequestsTaken", facts.hostnames.stolen
        return ("ForeignObject", "the mesh is closed") if self.closed else None

    def desired(
        self,
        model: ClinicalModel,
        traffic: Traffic,
        answerers: Mapping[str, Answerer],
        features: Features = Features.FULL,
    ) -> Manifest:
        """The split."""
        del answerers, features
        metadata: Manifest = {"name": model.metadata.name, "namespace": model.metadata.namespace}
        return {"metadata": metadata, "spec": {"shares": {**traffic.weights}}}

    def observe(
        self, model: ClinicalModel, live: Manifest, answerers: Mapping[str, Answerer]
    ) -> Route:
        """What a split says."""
        del model, answerers
        shares = cast("dict[str, int]", at(live, "spec", "shares"))
        return Route(Traffic(shares), accepted=text(live, "status", "open") == "yes")

    def url(self, facts: Facts, hostnames: Sequence[str]) -> str | None:
        """A scheme of its own."""
        del hostnames
        return f"mesh:{facts.model.metadata.name}"


def register() -> None:
    """Give the registry a second entry, in a process that has not read it yet; nothing else is changed."""
    assert REGISTRY not in sys.modules, "what follows from the registry has been read already"
    found = find_spec(REGISTRY)
    assert found is not None
    assert found.origin is not None
    text_of = Path(found.origin).read_text()
    changed = text_of.replace("(GatewayRouter(),)", "(GatewayRouter(), MeshRouter())")
    assert changed != text_of
    module = ModuleType(REGISTRY)
    module.__dict__["MeshRouter"] = MeshRouter
    sys.modules[REGISTRY] = module
    exec(compile(changed, found.origin, "exec"), module.__dict__)  # our own module
