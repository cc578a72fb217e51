"""Dates as people write them in a spec: a day, or a moment with its time zone."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mlhops.api.base import Resource, rules

_DAY = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_ZONE = r"(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
_DATE = rf"^{_DAY}(T{_TIME}{_ZONE})?$"
MOMENT = "timestamp(size({0}) == 10 ? {0} + 'T00:00:00Z' : {0})"
"""The moment of a date, for a rule in CEL."""


def _known(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Date = Annotated[
    str,
    Field(
        pattern=_DATE,
        max_length=25,
        json_schema_extra=rules(
            (
                f"self.matches(r'{_DATE}') && {MOMENT.format('self')} > timestamp('0001-01-01T00:00:00Z')",
                (
                    "write a day such as 2024-01-31, or a moment with its time zone such as "
                    "2024-01-31T00:00:00+01:00"
                ),
            )
        ),
    ),
    AfterValidator(_known),
]
"""A day, for columns without a time zone, or a moment with one, for columns that have one."""


def is_zoned(date: str) -> bool:
    """Return whether a date is a moment with a time zone."""
    return "T" in date


def microseconds(moment: datetime) -> int:
    """Return the microseconds from 1970 on, by its own clock where it has no time zone."""
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    since = zoned - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class DateEncoding(Resource):
    """How a date becomes a number, and which of both callers send."""

    since: Date
    """The date that is 0: a day where the column has no time zone, else a moment with one."""
    unit: Literal["Days", "Hours", "Seconds"] = "Days"
    """What is counted from then on; parts of it are a fraction."""
    sent_as: Literal["Number", "Text"] = "Number"
    """What callers send: that number, or the date itself as text (ISO 8601), which is counted as that number."""
