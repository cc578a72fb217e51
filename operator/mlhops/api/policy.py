"""MonitoringPolicy: how models are watched. The kind exists; its behaviour is not built yet."""

from typing import Annotated, Literal

from pydantic import Field

from mlhops.api.base import Deadline, ObjectMeta, Resource
from mlhops.api.conditions import Condition


class DriftSettings(Resource):
    """How drift of inputs and scores is looked for."""

    engine: Literal["Native", "AlibiDetect"] = "Native"
    """What computes the tests."""
    window: Deadline = "1h"
    """The length of the window that is compared with the reference."""


class MonitoringPolicySpec(Resource):
    """How models are watched and what happens then; many models may name one policy."""

    drift: DriftSettings | None = None
    """How drift is looked for; without it, it is not."""
    min_cell_size: Annotated[int, Field(ge=1, le=1000)] = 10
    """Counts below this are suppressed wherever they would be shown."""


class MonitoringPolicyStatus(Resource):
    """How many models the policy watches."""

    observed_generation: int = 0
    """The generation of the spec that this status is about."""
    models: int = 0
    """Models that name this policy."""
    conditions: Annotated[
        list[Condition],
        Field(
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            }
        ),
    ] = []
    """What the operator observed."""


class MonitoringPolicy(Resource):
    """How models are watched and what happens then."""

    metadata: ObjectMeta
    spec: MonitoringPolicySpec
    status: MonitoringPolicyStatus = MonitoringPolicyStatus()
