"""The parts of a whole campaign. Each plays its points and says how many there were and which failed."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field

from campaign.points import PATTERNS, point
from campaign.run import campaign, replay
from campaign.stories import STORIES


@dataclass(frozen=True)
class Result:
    """What one section came to."""

    points: int
    details: str = ""
    """Of which kinds, for people."""
    failed: dict[str, str] = field(default_factory=dict)
    """The command that plays it again, by what failed."""


@dataclass(frozen=True)
class Section:
    """One part of a whole campaign."""

    name: str
    run: Callable[[argparse.Namespace], Result]


def faults(options: argparse.Namespace) -> Result:
    """Every story with a fault at every point of it."""
    tally = campaign(
        options.story or list(STORIES),
        options.pattern or list(PATTERNS),
        points=options.point,
        sample=options.sample,
        seed=options.seed,
        jobs=options.jobs,
        keep=options.keep,
    )
    details = [f"{count} {pattern}" for pattern, count in tally.by_pattern.items()]
    if tally.missed:
        details.append(f"{tally.missed} more not reached")
    failed = {
        f"{name}: {complaints[0]}": replay(point(name)) for name, complaints in tally.failed.items()
    }
    return Result(tally.tried, ", ".join(details), failed)


SECTIONS = (Section("faults", faults),)
