"""The routers that there are: which kinds the operator watches, keeps and writes follows from these."""

from collections.abc import Mapping, Sequence

from mlhops.api.model import ClinicalModel
from mlhops.kserve.kind import Kind
from mlhops.routing.gateway_api import GatewayRouter
from mlhops.routing.router import Router

ROUTERS: tuple[Router, ...] = (GatewayRouter(),)
ROUTED: Mapping[Kind, Router] = {router.route: router for router in ROUTERS}
"""Routers by the kind of their routes."""
PARENTS: Mapping[Kind, Router] = {router.parent_kind: router for router in ROUTERS}
"""Routers by what their routes hang on."""
KINDS = tuple(kind for router in ROUTERS for kind in (router.route, router.parent_kind))
"""All of their kinds."""


def router_of(model: ClinicalModel, routers: Sequence[Router] = ROUTERS) -> Router:
    """Return who splits the requests of a model.

    A model that none of them takes is told so by its plan (`rollout/candidate/blockers.py`): it has the first,
    and no traffic.
    """
    return next((router for router in routers if router.takes(model)), routers[0])
