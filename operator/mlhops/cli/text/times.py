"""Times as people read them: how long ago, and how long still."""

from __future__ import annotations

from datetime import datetime, timedelta

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def length(seconds: float) -> str:
    """Return a length of time in its two largest units, such as `2d3h`, `5m12s` or `40s`."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in _UNITS:
        many, left = divmod(left, size)
        if many or (unit == "s" and not parts):
            parts.append(f"{many}{unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return "".join(parts)


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago a moment is; empty where there is none."""
    return length((now - moment).total_seconds()) if moment is not None else ""


def left(moment: datetime, now: datetime) -> str:
    """Return how long it is until a moment."""
    if moment - now <= timedelta(0):
        return "its time is over"
    return f"{length((moment - now).total_seconds())} left"


def stamp(moment: datetime | None) -> str:
    """Return a moment for a record, in UTC."""
    return moment.strftime("%Y-%m-%d %H:%M:%SZ") if moment is not None else ""
