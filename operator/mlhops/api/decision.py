"""Decision: one person's decision on one revision, immutable, with a name on it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from mlhops.api.base import (
    PRINTING,
    GivenTime,
    ObjectMeta,
    ObjectName,
    Resource,
    Time,
    matching,
    rules,
)
from mlhops.api.interface import SET


class Action(StrEnum):
    """What a person can decide."""

    APPROVE = "Approve"
    REJECT = "Reject"
    PROMOTE = "Promote"
    ABORT = "Abort"
    RETRY = "Retry"
    PAUSE = "Pause"
    RESUME = "Resume"
    OVERRIDE = "Override"


class DecisionSpec(
    Resource,
    json_schema_extra=rules(
        (
            "(self.action == 'Override') == has(self.gates)",
            "gates is for action Override, which must name the gates that it overrides",
            ".gates",
        ),
        (
            "(self.action == 'Override') == has(self.expires)",
            "expires is for action Override, which must say until when it holds",
            ".expires",
        ),
    ),
):
    """A decision on one revision of one model."""

    model: ObjectName
    """The ClinicalModel, in the same namespace."""
    revision: Annotated[str, Field(min_length=1, max_length=63)]
    """The revision that is decided on, as `status.candidate.revision` shows it."""
    action: Action
    """What is decided. Approve lets an approve step pass. Reject and Abort end the attempt, at
    weight 0, and both are recorded: Reject answers the evidence, Abort stops a rollout. Retry begins
    a new attempt after a failure, or where the gates gave no verdict. Pause holds the rollout where
    it is; Resume ends that, or a pause step. Promote skips what is left of the steps, evaluate and
    approve steps that have not begun included, but never the gates before the first traffic.
    Override lets the gates that it names pass until it expires."""
    reason: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            json_schema_extra=matching(PRINTING, "say why: the reason is kept for years"),
        ),
    ]
    """Why; it is kept in the model's history."""
    decided_by: Annotated[
        str,
        Field(
            min_length=1,
            max_length=253,
            json_schema_extra=matching(
                r"^[^\s[:cntrl:]]([^[:cntrl:]]*[^\s[:cntrl:]])?$",
                "name the person who decides, in one line and without blanks around it",
            ),
        ),
    ]
    """The person who decides."""
    gates: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=63)]],
            Field(min_length=1, max_length=32, json_schema_extra=SET),
        ]
        | None
    ) = None
    """The gates that an Override lets pass."""
    expires: GivenTime | None = None
    """Until when an Override holds: a moment with its time zone, such as `2030-01-31T12:00:00Z`."""


class DecisionStatus(Resource):
    """What became of the decision."""

    phase: Literal["Pending", "Honoured", "Ignored"] = "Pending"
    """Whether it was acted upon."""
    message: str = ""
    """What it did, or why it did nothing."""
    observed_at: Time | None = None
    """When the operator acted on it."""


class Decision(Resource):
    """One person's decision on one revision."""

    metadata: ObjectMeta
    spec: DecisionSpec
    status: DecisionStatus = DecisionStatus()
