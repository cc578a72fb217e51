"""The parts of a whole campaign. Each plays its points and says how many there were and which failed."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from campaign.alone import tell
from campaign.history import Recorder
from campaign.interference import run as interference
from campaign.points import PATTERNS, point
from campaign.run import campaign, replay, start_plane
from campaign.simulation import run as simulation
from campaign.stories import STORIES
from campaign.transitions import run as transitions
from campaign.transitions.wrongs import WRONGS


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


def fields(options: argparse.Namespace) -> Result:
    """Every field of a model's spec changed and removed while it serves, and every mistake made good."""
    with start_plane() as plane, Recorder(plane.kubeconfig) as recorder:
        tally = transitions.run(
            plane, recorder, tell, options.jobs, options.sample or None, options.seed
        )
    failed = {
        f"{name}: {words[0]}": f"python -m campaign.transitions --{_sort(name)} '{name}'"
        for name, words in tally.failed.items()
    }
    summary, reasons = tally.lines()[:2], tally.lines()[2:]
    for reason in reasons:
        tell(reason)
    return Result(tally.tried, "; ".join(summary), failed)


def meddlers(options: argparse.Namespace) -> Result:
    """Others change, delete, own and forbid what the operator needs."""
    with start_plane() as plane, Recorder(plane.kubeconfig) as recorder:
        tally = interference.run(
            plane, recorder, tell, options.jobs, options.sample or None, options.seed
        )
    failed = {
        f"{name}: {words[0]}": f"python -m campaign.interference --case '{name}'"
        for name, words in tally.failed.items()
    }
    return Result(tally.tried, "; ".join(tally.lines()), failed)


def chance(options: argparse.Namespace) -> Result:
    """Random interleavings in memory, with a clock of their own; a point is an episode."""
    played = simulation.run(options.steps, options.seed, os.cpu_count() or 1, tell)
    failed = {
        f"episode {one.episode}: {one.findings[0]}": (
            f"python -m campaign.simulation --seed {played.seed} --episode {one.episode}"
        )
        for one in played.failed
    }
    return Result(played.episodes, f"{played.steps} steps", failed)


def _sort(name: str) -> str:
    return "mistake" if name in {wrong.name for wrong in WRONGS} else "field"


SECTIONS = (
    Section("simulation", chance),
    Section("interference", meddlers),
    Section("transitions", fields),
    Section("faults", faults),
)
