"""Decision: one person's decision on one revision, immutable, with a name on it."""

from enum import StrEnum
from typing import Annotated, Literal, cast

from pydantic import Field
from pydantic.fields import FieldInfo

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
    EVALUATE = "Evaluate"
    ROLLBACK = "Rollback"


STOPPING = (Action.ABORT, Action.REJECT, Action.PAUSE)
"""What stops a rollout: heard first, and whatever it says of what was seen."""


def _hash(length: int) -> FieldInfo:
    """Return the bounds of a hash in hexadecimal."""
    extra = matching(
        rf"^[0-9a-f]{{{length}}}$", "copy it whole from status.candidate, or leave it out"
    )
    return cast(FieldInfo, Field(max_length=length, json_schema_extra=extra))


class DecisionSpec(
    Resource,
    json_schema_extra=rules(
        (
            "self.action != 'Override' || has(self.gates)",
            "action Override needs gates: name each gate that it lets pass",
            ".gates",
        ),
        (
            "self.action == 'Override' || !has(self.gates)",
            "only action Override takes gates: leave it out",
            ".gates",
        ),
        (
            "self.action == 'Override' || !has(self.expires)",
            "only action Override takes expires: leave it out",
            ".expires",
        ),
        (
            "self.action == 'Override' || !has(self.failed)",
            "only action Override takes failed: leave it out",
            ".failed",
        ),
    ),
):
    """A decision on one revision of one model."""

    model: ObjectName
    """The ClinicalModel, in the same namespace."""
    revision: Annotated[str, Field(min_length=1, max_length=63)]
    """The revision that is decided on, as `status.candidate.revision` shows it; for Evaluate, and for an
    Override of what serves, `status.stable.revision`; for Rollback, to which it goes back,
    `status.previous.revision`."""
    action: Action
    """What is decided. Approve lets an approve step pass. Reject and Abort end the attempt, at
    weight 0, and both are recorded: Reject answers the evidence, Abort stops a rollout. Retry begins
    a new attempt after a failure, or where the gates gave no verdict. Pause holds the model,
    whatever version comes; Resume ends that, or a pause step. Promote skips what is left of the steps,
    evaluate and approve steps that have not begun included, but never the gates before the first traffic.
    Override lets the gates that it names pass until it expires. Evaluate measures what serves again. Rollback goes
    back to the previous revision at once; what served until then waits until the spec changes, or for Retry."""
    digest: Annotated[str, _hash(64)] | None = None
    """What the revision serves, as `status.candidate.digest` shows it. Of this and the two hashes the
    operator notes what stands when it first hears a Decision that leaves them out; another digest or hash
    than the present one is Ignored."""
    gates_hash: Annotated[str, _hash(64)] | None = None
    """The gates and their data, as `status.candidate.gatesHash` shows them."""
    steps_hash: Annotated[str, _hash(64)] | None = None
    """The steps, as `status.candidate.stepsHash` shows them."""
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
    """Until when an Override holds, 30 days after it was made at the latest: a moment with its time zone,
    such as `2030-01-31T12:00:00Z`. 30 days where it is left out."""
    failed: bool | None = None
    """Whether an Override lets pass what has Failed, too. Without it, only what has no verdict."""


class Noted(Resource):
    """What stood when a decision was first heard; it counts for that and nothing else."""

    digest: str | None = None
    """What the revision serves."""
    gates_hash: str = ""
    """The gates and their data."""
    steps_hash: str = ""
    """The steps."""
    candidate_since: Time | None = None
    """Since when the revision was the candidate."""
    attempt: int = 1
    """The attempt."""
    expires: Time | None = None
    """When an Override ends."""
    failed: bool = False
    """Whether an Override lets pass what has Failed."""


class DecisionStatus(Resource):
    """What became of the decision."""

    phase: Literal["Pending", "Honoured", "Ignored"] = "Pending"
    """Whether it was acted upon."""
    message: str = ""
    """What it did, or why it did nothing."""
    observed_at: Time | None = None
    """When the operator acted on it."""
    noted: Noted | None = None


class Decision(Resource):
    """One person's decision on one revision."""

    metadata: ObjectMeta
    spec: DecisionSpec
    status: DecisionStatus = DecisionStatus()
