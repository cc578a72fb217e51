"""Cases, each with a name by which it is replayed: chosen, played several at a time, and told of.

A case is one thing that is done to a model that serves, and what has to come of it. Where they come from is a
`Source`; those that are played one after the other, on one model, are a `Lane`.
"""

import random
import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

from campaign.control_plane import Plane
from campaign.history import Recorder


@dataclass
class Outcome:
    """What came of one case."""

    complaints: list[str] = field(default_factory=list)

    @property
    def details(self) -> str:
        """What was done, for people."""
        return ""


Told: TypeAlias = Callable[[str, Outcome], None]
"""Hears what came of the case of a name."""


@dataclass(frozen=True)
class Lane:
    """Cases that are played one after the other."""

    names: tuple[str, ...]
    play: Callable[[Plane, Recorder, Told], list[str]]
    """Plays them, and returns what the judge objects to in the whole history."""


@dataclass(frozen=True)
class Source:
    """Where cases come from."""

    names: tuple[str, ...]
    lanes: Callable[[Sequence[str], int], list[Lane]]
    """Lanes for cases of these names, where so many lanes are played at a time."""
    lines: Callable[[Mapping[str, Outcome]], list[str]]
    """What came of cases in all, for people."""


@dataclass
class Tally:
    """What was tried, and what went wrong."""

    played: dict[str, Outcome] = field(default_factory=dict)
    objections: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    """What went wrong in lanes as wholes, by the cases in them."""

    @property
    def tried(self) -> int:
        """How many cases were played."""
        return len(self.played)

    @property
    def failed(self) -> dict[tuple[str, ...], list[str]]:
        """Complaints by the cases that are to be played again."""
        found: dict[tuple[str, ...], list[str]] = {
            (name,): one.complaints for name, one in self.played.items() if one.complaints
        }
        for names, objections in self.objections.items():
            found[names] = [*found.get(names, []), *objections]
        return found


def choose(source: Source, names: Sequence[str], sample: int, seed: int) -> list[str]:
    """What to play: what is named, or all; of that a sample by seed, where one is asked for."""
    chosen = list(names) or list(source.names)
    return random.Random(seed).sample(chosen, min(sample, len(chosen))) if sample else chosen


def run(
    source: Source,
    names: Sequence[str],
    plane: Plane,
    recorder: Recorder,
    tell: Callable[[str], None],
    jobs: int,
) -> Tally:
    """Play cases of a source."""
    tally, lock = Tally(), threading.Lock()

    def told(name: str, outcome: Outcome) -> None:
        with lock:
            tally.played[name] = outcome
            details = f"{name} ({outcome.details})" if outcome.details else name
            _tell(tell, details, outcome.complaints, (name,))

    def play(lane: Lane) -> None:
        try:
            objections = lane.play(plane, recorder, told)
        except Exception as error:
            objections = [f"the campaign itself failed: {error!r}"]
        if objections:
            with lock:
                tally.objections[lane.names] = objections
                _tell(tell, ", ".join(lane.names), objections, lane.names)

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(play, source.lanes(names, jobs)))
    return tally


def replay(names: Sequence[str]) -> str:
    """The command that plays cases again."""
    return shlex.join(["python", "-m", "campaign", *(f"--case={name}" for name in names)])


def _tell(
    tell: Callable[[str], None], what: str, complaints: Sequence[str], names: Sequence[str]
) -> None:
    tell(f"{'FAILED' if complaints else 'ok    '} {what}")
    for complaint in complaints:
        tell(f"    {complaint}")
    if complaints:
        tell(f"    replay: {replay(names)}")
