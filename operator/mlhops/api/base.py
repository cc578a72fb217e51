"""What all resource types share: names of fields, rules for Kubernetes, durations, metadata."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo

JsonScalar: TypeAlias = str | int | float | bool | None
Json: TypeAlias = "JsonScalar | list[Json] | dict[str, Json]"
"""Any JSON value: what manifests and API objects are made of."""

Manifest: TypeAlias = dict[str, Json]
"""A Kubernetes object as JSON."""


class Resource(BaseModel):
    """Base of every API type: camelCase on the wire, immutable in memory.

    Unknown fields are ignored here because the API server already refuses or prunes them; an
    operator that is older than the CRD must still be able to read the objects.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        serialize_by_alias=True,
        # What a log tells of a damaged object must not be what stood in it: it may be of a patient.
        hide_input_in_errors=True,
    )

    def to_json(self) -> Manifest:
        """Return the JSON form, without fields that were left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def given(self) -> Manifest:
        """Return the JSON form, without fields that have their default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class ObjectMeta(Resource):
    """The part of a Kubernetes object's metadata that the operator reads."""

    name: str
    namespace: str = "default"
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: AwareDatetime | None = None
    deletion_timestamp: AwareDatetime | None = None
    finalizers: tuple[str, ...] = ()
    orphaned: bool = False
    """Whether what the object owns outlives it; no field of the API server's, but found by the operator."""
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}


def rules(*checks: tuple[str, str] | tuple[str, str, str], **extra: Json) -> JsonDict:
    """Return schema extras with CEL rules: (rule, message that says what to do[, field to
    blame])."""
    schema: JsonDict = dict(extra)
    schema["x-kubernetes-validations"] = [
        dict(zip(("rule", "message", "fieldPath"), check, strict=False)) for check in checks
    ]
    return schema


def matching(pattern: str, remedy: str) -> JsonDict:
    """Return schema extras of a text that must match, with the remedy that a bare pattern lacks."""
    return rules((f"self.matches(r'{pattern}')", remedy))


PRINTING = r"\S"
"""Matches a text that is more than blanks."""


def list_map(key: str, plural: str) -> JsonDict:
    """Return schema extras of a list that is keyed by one field, with a message for a repeated key.

    The server's own message for a repeated key names the place but not the way out.
    """
    keyed: dict[str, Json] = {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [key],
    }
    return rules(
        (
            f"self.all(a, self.exists_one(b, a.{key} == b.{key}))",
            f"{plural} must each have a {key} of their own: rename or remove the repeated one",
        ),
        **keyed,
    )


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION_PATTERN = r"^([0-9]+(s|m|h|d))+$"
_DURATION_RULE = (
    f"self.matches('{DURATION_PATTERN}')",
    "a duration is whole numbers with units s, m, h or d: write it like 90s, 10m, 1h30m or 7d",
)

Duration = Annotated[
    str,
    Field(pattern=DURATION_PATTERN, max_length=32, json_schema_extra=rules(_DURATION_RULE)),
]
"""A length of time such as `90s`, `10m`, `1h30m` or `7d`."""

# One part must be long enough by itself: that is what a rule of the schema can tell.
_SOMETHING = "[1-9]"
_TEN_SECONDS = "[1-9][0-9]*[mhd]|[1-9][0-9]+s"
_AN_HOUR = "[1-9][0-9]*[hd]|([6-9][0-9]|[1-9][0-9][0-9]+)m"
_A_MINUTE = "[1-9][0-9]*[mhd]|([6-9][0-9]|[1-9][0-9][0-9]+)s"


def _at_least(pattern: str, remedy: str) -> tuple[FieldInfo, AfterValidator]:
    """Return the bounds of a duration for the API server, and the same for pydantic."""

    def check(duration: str) -> str:
        if re.search(pattern, duration) is None:
            raise ValueError(remedy)
        return duration

    extra = rules(_DURATION_RULE, (f"self.matches('{pattern}')", remedy))
    given = Field(pattern=DURATION_PATTERN, max_length=32, json_schema_extra=extra)
    return given, AfterValidator(check)


_ANY = _at_least(_SOMETHING, "nothing can be done in no time: set more than 0s")
_TEN = _at_least(_TEN_SECONDS, "a pod is not asked more often than that: set 10s or more")
_SIXTY = _at_least(_A_MINUTE, "rows are counted by the minute: set 1m or more")
_HOURLY = _at_least(_AN_HOUR, "what serves is not measured more often than that: set 1h or more")
_REST = _at_least(_A_MINUTE, "an action is not done more often than that: set 1m or more")

Deadline = Annotated[str, _ANY[0], _ANY[1]]
"""A duration that is longer than nothing."""

TenSeconds = Annotated[str, _TEN[0], _TEN[1]]
"""A duration of ten seconds or more."""

Minute = Annotated[str, _SIXTY[0], _SIXTY[1]]
"""A duration of a minute or more."""

Hour = Annotated[str, _HOURLY[0], _HOURLY[1]]
"""A duration of an hour or more."""

Cooldown = Annotated[str, _REST[0], _REST[1]]
"""A time of a minute or more in which something is not done again."""


def seconds(duration: str) -> float:
    """Return the length of a `Duration` in seconds.

    Raises:
        ValueError: the text is not a duration.
    """
    if not re.fullmatch(DURATION_PATTERN, duration):
        raise ValueError(f"{duration!r} is not a duration: write it like 90s, 10m, 1h30m or 7d")
    parts = re.findall(r"([0-9]+)([smhd])", duration)
    return float(sum(int(number) * _UNITS[unit] for number, unit in parts))


def _to_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{moment} is beyond the calendar: write a year from 2 to 9998") from error


def _to_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Time = Annotated[
    AwareDatetime,
    AfterValidator(_to_utc),
    PlainSerializer(_to_text, return_type=str, when_used="json"),
]
"""A moment in UTC, written with microseconds (RFC 3339)."""

# As text for the server: its own date-time takes years that Python does not, and its message has
# no remedy.
_MOMENT = r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-](0\d|1[0-4]):[0-5]\d)$"
GivenTime = Annotated[
    Time,
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": 40,
            **rules(
                (
                    (
                        f"self.matches(r'{_MOMENT}') && timestamp(self) > "
                        "timestamp('2000-01-01T00:00:00Z')"
                    ),
                    (
                        "write a moment of this century with its time zone, such as "
                        "2030-01-31T12:00:00Z"
                    ),
                )
            ),
        }
    ),
]
"""A `Time` that a person writes."""

_DNS = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
ObjectName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=_DNS,
        json_schema_extra=matching(
            _DNS, "name an object of the cluster: only a-z, 0-9, - and . are in such names"
        ),
    ),
]
"""The name of another Kubernetes object."""

_SHA256 = r"^sha256:[0-9a-f]{64}$"
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", max_length=64)]
"""A sha256 in hexadecimal digits."""

Digest = Annotated[
    str,
    Field(
        pattern=_SHA256,
        max_length=71,
        json_schema_extra=matching(
            _SHA256, "a digest is sha256: and 64 digits of 0-9a-f, as sha256sum prints them"
        ),
    ),
]
"""The sha256 of a file's bytes."""


def later(moment: datetime, duration: str) -> datetime:
    """Return the moment that lies a duration after another, at the end of time where that
    overflows."""
    try:
        return moment + timedelta(seconds=seconds(duration))
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)
