"""Actions of a MonitoringPolicy: what happens when something was found."""

from typing import Annotated, Literal, Self, TypeAlias, cast

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from mlhops.api.base import Cooldown, Deadline, Json, Manifest, Resource, matching, rules
from mlhops.api.interface import SET, GroupName

Trigger: TypeAlias = Literal["Drift", "DataQuality", "Candidate"]
"""What an action answers."""

ActionType: TypeAlias = Literal["Notify", "PauseRollout", "Rollback", "Retrain"]

_SINK = r"^https?://[^\s/?#@]+([/?][^\s#@]*)?$"
_SINK_REMEDY = (
    "sink is a URL that begins with http:// or https://, without user, password or fragment: "
    "write it like https://alerts.example/mlhops"
)


class Notify(Resource):
    """Where a notification goes, besides the Event that is always posted."""

    sink: (
        Annotated[
            str,
            Field(
                max_length=1024,
                pattern=_SINK,
                json_schema_extra=matching(_SINK, _SINK_REMEDY),
            ),
        ]
        | None
    ) = None
    """Takes a CloudEvent by POST (HTTP, binary mode). It has five seconds; redirects are not
    followed, and nothing is sent twice."""


def _object(description: str, required: str, properties: dict[str, Json]) -> Manifest:
    """Return the schema of an object of which one part is known, and the rest kept as it is."""
    return {
        "type": "object",
        "description": description,
        "required": [required],
        "properties": properties,
        "x-kubernetes-preserve-unknown-fields": True,
    }


def _job_schema() -> Manifest:
    """Return the schema of a Job's spec, as far as the operator must find its way in it."""
    container: Manifest = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    containers: Manifest = {
        "type": "array",
        "description": "The containers; each gets what was found as MLHOPS_ variables.",
        "minItems": 1,
        "maxItems": 16,
        "items": container,
    }
    pod = _object("The pod's spec.", "containers", {"containers": containers})
    template = _object("The pod.", "spec", {"spec": pod})
    return _object("The Job's spec, as in batch/v1.", "template", {"template": template})


def _has_containers(job: dict[str, object]) -> dict[str, object]:
    found: object = job
    for field in ("template", "spec", "containers"):
        found = found.get(field) if isinstance(found, dict) else None
    if not isinstance(found, list) or not 1 <= len(found) <= 16:
        raise ValueError("template.template.spec.containers must have 1 to 16 containers")
    if not all(isinstance(container, dict) for container in found):
        raise ValueError("template.template.spec.containers must be objects")
    return job


JobSpec = Annotated[
    dict[str, object],
    AfterValidator(_has_containers),
    WithJsonSchema(cast("dict[str, Json]", _job_schema())),
]
"""The spec of a Kubernetes Job; what the API server makes of it, it says when the Job starts."""


class Limit(Resource):
    """At most so many in such a time."""

    at_most: Annotated[int, Field(ge=1, le=8)] = 1
    """So many."""
    per: Deadline = "30d"
    """In any span of this length."""


class Retrain(Resource):
    """A Job that trains anew; who may write a policy may thereby start this Job."""

    template: JobSpec
    """The Job's spec, as in batch/v1."""
    limit: Limit = Limit()
    """However long drift lasts, no more Jobs than this are started for a model."""


class PolicyAction(
    Resource,
    json_schema_extra=rules(
        (
            "(self.type == 'Retrain') == has(self.retrain)",
            "retrain is for type Retrain, which needs the template of a Job: set or remove it",
            ".retrain",
        ),
        (
            "self.type == 'Notify' || !has(self.notify)",
            "notify is for type Notify: remove it, or make it an action of its own",
            ".notify",
        ),
    ),
):
    """One answer to what was found."""

    name: GroupName
    """The action's name."""
    type: ActionType
    """Notify posts an Event and, to a sink, a CloudEvent. PauseRollout holds the candidate where it
    is until a person decides Resume. Rollback takes all traffic from the candidate. Retrain starts
    a Job."""
    when: Annotated[list[Trigger], Field(min_length=1, max_length=3, json_schema_extra=SET)]
    """What it answers: Drift of what serves, DataQuality of its requests, Candidate where the
    candidate answers otherwise than what serves."""
    cooldown: Cooldown = "6h"
    """How long it is not done again: Notify of the same trigger, PauseRollout of the same attempt,
    Retrain of the model. Rollback ends an attempt, so it is done once."""
    notify: Notify | None = None
    """Where a notification goes."""
    retrain: Retrain | None = None
    """The Job that trains anew."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.type == "Retrain") != (self.retrain is not None):
            raise ValueError("retrain is for type Retrain, which needs the template of a Job")
        if self.type != "Notify" and self.notify is not None:
            raise ValueError("notify is for type Notify: remove it")
        if len(set(self.when)) < len(self.when):
            raise ValueError("when must name each trigger once")
        return self
