"""Why there is no page of the dashboard."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """What failed, and what helps."""

    status: int
    """The HTTP status."""
    message: str
    remedy: str
