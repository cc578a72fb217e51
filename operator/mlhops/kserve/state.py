"""What KServe's and the gateway's objects come to, in the words that a rollout needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlhops.api.status import Hostname
from mlhops.kserve.servers import NOBODY, Server

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class ReadyPod:
    """A ready pod of an InferenceService, which gets requests."""

    uid: str
    address: str
    has_sidecar: bool
    """Whether the drift detector is beside its model server."""


@dataclass(frozen=True)
class Service:
    """One InferenceService of the model, with what its pods say."""

    name: str
    revision: str
    ready: bool | None
    """Whether the model is loaded and answers; None where nobody says so."""
    endpoint: str | None = None
    """The base URL inside the cluster."""
    answering: bool = False
    """Whether at least one pod is ready, so that requests are answered."""
    pods: tuple[ReadyPod, ...] = ()
    """Its ready pods."""
    lagging: str = ""
    """What is wrong with a pod that is not ready where others are, without any words of the container."""
    trouble: str | None = None
    """What is wrong, in the container's or KServe's own words."""
    symptom: str | None = None
    """The same without any words of the container: those of a server that has seen patients may
    hold their data."""
    fatal: bool = False
    """Whether waiting longer will not help."""
    hint: str = ""
    """What its artefact must be called, where its server may call the model otherwise."""
    deleting: bool = False
    foreign_logger: bool = False
    foreign_field: str = ""
    """A field that somebody else set and that changes who answers requests, empty where there is none."""
    foreign_pod: str = ""
    """A pod that gets its requests and is none of its own, empty where there is none."""
    server: Server = NOBODY
    """What answers: images and runtime."""
    current: bool = True
    """Whether it is as it would be applied now."""
    mode: str = ""
    """The deployment mode in which KServe runs it, empty while KServe does not say."""


@dataclass(frozen=True)
class GatewayListener:
    """How callers reach a Gateway."""

    scheme: str = "http"
    port: int = 80

    @property
    def port_suffix(self) -> str:
        """The port as a URL has it, empty where it goes without saying."""
        return "" if _DEFAULT_PORTS.get(self.scheme) == self.port else f":{self.port}"


@dataclass(frozen=True)
class Hostnames:
    """The host names that a model asks for, and what stands in the way."""

    gateway: str = ""
    """The Gateway that the spec names, as namespace/name."""
    asked: tuple[str, ...] = ()
    """The names that the spec asks for."""
    held: tuple[Hostname, ...] = ()
    """What it holds and may keep."""
    routable: bool = True
    """Whether it holds any, so that there can be a route."""
    refused: str | None = None
    """Why its namespace may not use one of them."""
    taken: str | None = None
    """Who has one of them already."""
    stolen: str | None = None
    """Whose route takes requests from what it holds."""

    @property
    def problem(self) -> str | None:
        """Why it cannot have all that it asks for."""
        return self.refused or self.taken


@dataclass(frozen=True)
class Answerer:
    """What stands behind an InferenceService, as callers are told of it."""

    revision: str = ""
    version: str = ""
    protocols: frozenset[str] = frozenset()
    """The inference protocols in which it is asked; none where nobody knows."""


UNKNOWN = Answerer()


@dataclass(frozen=True)
class Route:
    """The HTTPRoute that carries the weights."""

    weights: Mapping[str, int]
    """Weights by InferenceService, as the route's spec has them."""
    accepted: bool | None
    """Whether the Gateway has accepted exactly this spec; None where it is silent or behind."""
    message: str = ""
    current: bool = True
    """Whether the rest of the route is as it would be applied now."""
    foreign: bool = False
    """Whether it belongs to somebody else."""
    features: int = 2
    """How much of Gateway API its Gateway takes: `exposure.Features`."""
    unsupported: str = ""
    """What its Gateway has just said against more than that, empty where it has said nothing."""
    unanswered: str = ""
    """What its Gateway says of backends of this very spec to which it can send nothing."""

    @property
    def actual(self) -> Mapping[str, int] | None:
        """The weights in force, None where nobody says so."""
        return self.weights if self.accepted else None
