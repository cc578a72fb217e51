"""Router: a way to split requests between revisions, and all that only it knows."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from mlhops.api.base import Manifest
from mlhops.api.model import ClinicalModel
from mlhops.kserve.kind import Kind
from mlhops.routing.hostnames import HostnameRules, Rivals
from mlhops.routing.route import Answerer, Features, GatewayListener, Hostnames, Route
from mlhops.routing.traffic import Traffic

Blocker: TypeAlias = tuple[str, str]
"""A reason of `rollout/reasons.py`, and a message with the way out."""


class ParentReference(NamedTuple):
    """Names an object."""

    kind: Kind
    namespace: str
    name: str


class Facts(Protocol):
    """What a plan rests on, as far as a router may look at it."""

    @property
    def model(self) -> ClinicalModel:
        """The model."""
        ...

    @property
    def route(self) -> Route | None:
        """What its route comes to."""
        ...

    @property
    def gateway_api_installed(self) -> bool:
        """Whether the API server knows the router's kinds."""
        ...

    @property
    def gateway_exists(self) -> bool:
        """Whether there is what the route hangs on."""
        ...

    @property
    def hostnames(self) -> Hostnames:
        """The host names that the model asks for, and what stands in the way."""
        ...

    @property
    def listener(self) -> GatewayListener:
        """How callers reach what the route hangs on."""
        ...


class Router(Protocol):
    """A way to split requests between revisions.

    What the operator watches, may do and keeps of its kinds follows from `route`, `parent_kind` and `rights`.
    """

    @property
    def route(self) -> Kind:
        """The kind of the one object of a model that says who gets which share."""
        ...

    @property
    def parent_kind(self) -> Kind:
        """The kind that a route hangs on: of somebody else, read and never written."""
        ...

    @property
    def rights(self) -> Sequence[str]:
        """What the operator does to routes beside reading them."""
        ...

    def takes(self, model: ClinicalModel) -> bool:
        """Whether it is the one to split the requests of a model."""
        ...

    def parent(self, model: ClinicalModel) -> ParentReference | None:
        """Return what the model's route is to hang on, None where the spec names nothing."""
        ...

    def listener(self, parent: Manifest) -> GatewayListener:
        """Return how callers reach what a route hangs on."""
        ...

    def doubt(self, parent: Manifest) -> str:
        """Return why what a route hangs on takes no requests, empty where it says nothing of the kind."""
        ...

    def hostnames(self, route: Manifest) -> Sequence[str]:
        """Return the host names that a route of anybody's has, none where it has those of its parent."""
        ...

    def contested(self, model: ClinicalModel, live: Manifest | None) -> Collection[str]:
        """Return the host names that a model asks for or holds, and that others may want as well."""
        ...

    def judge_hostnames(
        self,
        model: ClinicalModel,
        live: Manifest | None,
        rivals: Rivals,
        parent: Manifest,
        rules: HostnameRules,
    ) -> Hostnames:
        """Return which host names a model may have, and what stands in the way.

        Args:
            model: asks for them.
            live: its route, None where it has none.
            rivals: routes of this router's kind, and models, with host names like these.
            parent: what the route hangs on, empty where it is not known.
            rules: of whoever installs the operator.
        """
        ...

    def routed(self, model: ClinicalModel, live: Manifest | None) -> ClinicalModel:
        """Return a model whose spec asks for no more than its route may have now."""
        ...

    def plays_another_part(self, before: Manifest | None, after: Manifest | None) -> bool:
        """Whether a change of a parent matters to the models whose routes hang on it."""
        ...

    def missing(self, facts: Facts) -> Blocker | None:
        """Return what a model cannot be served without and is not there."""
        ...

    def refused(self, facts: Facts) -> Blocker | None:
        """Return what others have, or do, so that a model cannot be served."""
        ...

    def desired(
        self,
        model: ClinicalModel,
        traffic: Traffic,
        answerers: Mapping[str, Answerer],
        features: Features = ...,
    ) -> Manifest:
        """Return the object to apply for this traffic; who gets none has no place in it."""
        ...

    def observe(
        self, model: ClinicalModel, live: Manifest, answerers: Mapping[str, Answerer]
    ) -> Route:
        """Return what the live object comes to: the traffic that it asks for, and whether that is in force."""
        ...

    def url(self, facts: Facts, hostnames: Sequence[str]) -> str | None:
        """Return where callers find the model, by the host names that it holds."""
        ...
