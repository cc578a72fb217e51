"""The parts of a whole campaign. Each plays its points and says how many there were and which failed."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial

from campaign.cases import Source, choose, run
from campaign.cases import replay as replay_cases
from campaign.history import Recorder
from campaign.interference.source import INTERFERENCE
from campaign.points import PATTERNS, point
from campaign.run import campaign, replay, start_plane, tell
from campaign.simulation import run as simulation
from campaign.stories import STORIES
from campaign.transitions.source import TRANSITIONS


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


def cases(source: Source, options: argparse.Namespace) -> Result:
    """Cases of a source: those that are named, or all."""
    named = [name for name in options.case if name in source.names]
    chosen = choose(source, named, options.sample, options.seed)
    with start_plane() as plane, Recorder(plane.kubeconfig) as recorder:
        tally = run(source, chosen, plane, recorder, tell, options.jobs)
    failed = {
        f"{', '.join(names)}: {words[0]}": replay_cases(names)
        for names, words in tally.failed.items()
    }
    lines = source.lines(tally.played)
    for line in lines:
        if line.startswith(" "):
            tell(line)
    details = [line for line in lines if not line.startswith(" ")]
    return Result(tally.tried, "; ".join(details), failed)


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


SOURCES = {"interference": INTERFERENCE, "transitions": TRANSITIONS}
"""Of interference: others change, delete, own and forbid what the operator needs. Of transitions: every field of a
model's spec is changed and removed while it serves, and every mistake made good."""
SECTIONS = (
    Section("simulation", chance),
    *(Section(name, partial(cases, source)) for name, source in SOURCES.items()),
    Section("faults", faults),
)


def case(name: str) -> str:
    """Read a case's name.

    Raises:
        ArgumentTypeError: no source has a case of that name.
    """
    names = [each for source in SOURCES.values() for each in source.names]
    if name not in names:
        near = " or ".join(map(repr, get_close_matches(name, names))) or "one of a failure's replay"
        raise argparse.ArgumentTypeError(f"there is no case {name!r}: use {near}")
    return name
