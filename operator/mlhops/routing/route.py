"""What a router's objects come to, in the words that a rollout needs."""

from dataclasses import dataclass
from enum import IntEnum

from mlhops.api.status import Hostname
from mlhops.routing.traffic import Traffic

_DEFAULT_PORTS = {"http": 80, "https": 443}


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


class Features(IntEnum):
    """How much of Gateway API, or of what another router has, a route makes use of, as far as its Gateway takes it."""

    CORE = 0
    """Weights and paths, which every Gateway has."""
    RULE = 1
    """Methods, and headers of a rule, but none of a single backend."""
    FULL = 2
    """All of it."""


@dataclass(frozen=True)
class Route:
    """The object that splits a model's requests."""

    traffic: Traffic
    """As its spec has it."""
    accepted: bool | None
    """Whether the Gateway has accepted exactly this spec; None where it is silent or behind."""
    message: str = ""
    current: bool = True
    """Whether the rest of the route is as it would be applied now."""
    foreign: bool = False
    """Whether it belongs to somebody else."""
    features: Features = Features.FULL
    """How much of a route its Gateway takes."""
    unsupported: str = ""
    """What its Gateway has just said against more than that, empty where it has said nothing."""
    unanswered: str = ""
    """What its Gateway says of backends of this very spec to which it can send nothing."""

    @property
    def actual(self) -> Traffic | None:
        """The traffic in force, None where nobody says so."""
        return self.traffic if self.accepted else None
