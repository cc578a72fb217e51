"""What the drift detector is told, in a file that the operator mounts into its pod."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mlhops.api.base import Minute, Resource
from mlhops.api.engine import ENGINE_KEY, EngineSettings
from mlhops.api.interface import Feature, GroupName, Output, Protocol, Request
from mlhops.tasks.task import TaskName

EVALUATION_ID = "mlhops-evaluation-"
"""So begins the Ce-Id of each request of an evaluator. The people that it asks about are the very ones of whom
the profile is made: counted as patients, they would hide how those differ."""
_KIB, _MIB = 2**10, 2**20


class Window(Resource):
    """A span of time whose rows are counted together."""

    name: GroupName
    """By this name the report tells the window's counts."""
    length: Minute
    """How far the window reaches."""
    mode: Literal["Sliding", "Cumulative"] = "Sliding"
    """Sliding always covers the last `length`; Cumulative grows until it is that long, and then
    starts over."""


class DetectorBounds(Resource):
    """What the detector takes at most; what is beyond is counted and let go."""

    body_bytes: Annotated[int, Field(ge=_KIB, le=64 * _MIB)] = _MIB
    """The largest body of an event, as it arrives and inflated."""
    queue_bytes: Annotated[int, Field(ge=_KIB, le=256 * _MIB)] = 4 * _MIB
    """All bodies that are being read or wait to be counted."""
    queue_events: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """All events that are being read or wait to be counted."""
    connections: Annotated[int, Field(ge=8, le=10_000)] = 64
    """Open connections, at each of the two ports."""
    request_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0
    """How long the body of one event may take to arrive."""
    idle_seconds: Annotated[float, Field(gt=0, le=86_400)] = 120.0
    """How long a connection may be silent, or take to send the head of a request. Go's client
    closes after 90 s; who closes first while the other sends loses an event."""
    join_events: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Requests and responses that wait for their other half."""
    join_bytes: Annotated[int, Field(ge=_KIB, le=64 * _MIB)] = 2 * _MIB
    """The memory of those that wait."""
    join_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How long one waits for its other half."""


class ProbeSettings(Resource):
    """How the detector asks the model server beside it about a row that is nobody's."""

    model: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=253)
    ]
    """The model's name at the server."""
    protocol: Protocol = "v2"
    """KServe's inference protocol."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 8080
    """Where the server listens, on loopback."""
    request: Request | None = None
    """How callers ask, as the interface says it."""
    every: Annotated[float, Field(ge=1, le=3600)] = 10.0
    """Seconds from one question to the next."""


class DetectorConfig(Resource):
    """All that the detector is told; the profile is a file of its own."""

    revision: Annotated[str, Field(min_length=1, max_length=253)]
    """The revision beside whose model server the detector runs."""
    features: Annotated[list[Feature], Field(min_length=1, max_length=512)]
    """The model's inputs, in the order in which it takes them."""
    output: Output
    """What the model answers."""
    task: TaskName | None = None
    """What is predicted; None, as from an operator that knows of no other, where it is yes or no."""
    windows: Annotated[list[Window], Field(max_length=8)] = []
    """The windows that the operator tests."""
    engine: Annotated[EngineSettings | None, Field(alias=ENGINE_KEY)] = None
    """What an engine is asked of them; None where none is."""
    probe: ProbeSettings | None = None
    """How the model server is asked; None where it is not."""
    bounds: DetectorBounds = DetectorBounds()
    """What is taken at most. Bounds of connections hold from the next start on."""

    @model_validator(mode="after")
    def _unique(self) -> "DetectorConfig":
        for field, names in (
            ("features", [feature.name for feature in self.features]),
            ("windows", [window.name for window in self.windows]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(
                    f"{field} must each have a name of their own: rename or remove one"
                )
        return self
