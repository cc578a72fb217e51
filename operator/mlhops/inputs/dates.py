"""Dates as text in ISO 8601, as data hold them and callers may send them, and the numbers that they count as."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from mlhops.api.dates import DateEncoding, is_zoned, microseconds

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII
)
_LONGEST = 64
SECOND = 10**6
DAY = 86_400 * SECOND
UNITS = {"Days": DAY, "Hours": 3600 * SECOND, "Seconds": SECOND}
"""Microseconds in each unit."""
FIRST, LAST = microseconds(datetime.min), microseconds(datetime.max)


def read_date(text: str) -> tuple[int, bool] | None:
    """Return a date as microseconds from 1970 on, and whether it has a time zone; None where it is no date."""
    text = text.strip()
    if not _ISO.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
        return microseconds(found), found.tzinfo is not None
    except (ValueError, OverflowError):
        return None


def write_date(moment: int, *, day: bool, zoned: bool) -> str:
    """Return microseconds from 1970 on as text: as a day alone, or with the time, by UTC where it has a zone."""
    found = datetime(1970, 1, 1, tzinfo=UTC if zoned else None) + timedelta(microseconds=moment)
    return found.date().isoformat() if day else found.isoformat()


def since(encoding: DateEncoding) -> int:
    """Return the date that is 0, as microseconds from 1970 on."""
    return microseconds(datetime.fromisoformat(encoding.since))


def counted(values: Sequence[object], encoding: DateEncoding) -> list[float | None]:
    """Return what the dates that callers sent count as: infinity where one is none as the interface has it."""
    return [None if value is None else _counted(value, encoding) for value in values]


def _counted(value: object, encoding: DateEncoding) -> float | None:
    if not isinstance(value, str) or len(value) > _LONGEST:
        return math.inf
    if not value.strip():
        return None
    found = read_date(value)
    if found is None or found[1] != is_zoned(encoding.since):
        return math.inf
    return (found[0] - since(encoding)) / UNITS[encoding.unit]


def likely_date(number: float, encoding: DateEncoding) -> str:
    """Return the date that counts as about a number, as callers would write it."""
    zoned = is_zoned(encoding.since)
    moment = since(encoding) + round(number * UNITS[encoding.unit] / SECOND) * SECOND
    moment = min(max(moment, FIRST + DAY), LAST - DAY)
    return write_date(moment, day=encoding.unit == "Days" and not zoned, zoned=zoned)
