"""One interference, once: put right or told, calm meanwhile, and made good at the end."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from campaign.cases import Outcome
from campaign.control_plane import Plane, Stage, stage
from campaign.history import Recorder
from campaign.interference.case import Case
from campaign.transitions.state import State, difference, state_of
from campaign.world import World
from lab.faults.script import Counted

_REST = 0.6
_PATIENCE = 75.0
"""Longer than the operator's longest wait between two tries."""
_CALM = 2.0
_WINDOW = 6.0


@dataclass
class Played(Outcome):
    """How an interference went."""

    writes: int = 0
    """Writes a minute, counted while it lasted and nothing else happened."""
    log: str = ""

    @property
    def details(self) -> str:
        return f"{self.writes} writes a minute"


def play(plane: Plane, recorder: Recorder, case: Case) -> Played:
    """Play a case from its beginning to its end, in a namespace of its own."""
    played = Played()
    with stage(plane, recorder, lambda *_: None) as on:
        on.world.patience = _PATIENCE
        try:
            _play(on, case, played)
        except AssertionError as error:
            said = f"{on.world.status('phase')}: {on.world.status('message')}"
            played.complaints.append(f"{error} ({said})")
        played.complaints += _unexcused(case, plane, on.world)
        played.complaints += [f"the operator ended with {code}" for code in on.operator.deaths]
        played.log = on.operator.log.read_text()
        recorder.forget(on.world.namespace)
    return played


def _play(on: Stage, case: Case, played: Played) -> None:
    world = on.world
    case.begin(world)
    world.until("rest before", lambda: on.at_rest(_REST))
    before = state_of(world)
    case.meddle(world)
    _until(world, "put right or told", lambda: case.right(world) and _says(case, world))
    played.writes = writes_a_minute(on, lambda: world.act())
    if played.writes > case.most_writes:
        played.complaints.append(f"{played.writes} writes a minute, and {case.most_writes} may be")
    assert case.right(world), "it was put right or told, and did not stay so"
    assert _says(case, world), "people were told, and are told no more"
    case.cease(world)
    if case.ends is not None:
        ends = case.ends
        _until(world, "the end", lambda: ends(world) and on.at_rest(_REST))
    else:
        _as_before(on, before, played)


def _until(world: World, what: str, look: Callable[[], bool]) -> None:
    """Wait for it; the record has to have been told first of what was just done."""
    time.sleep(0.2)
    world.until(what, look)


def _says(case: Case, world: World) -> bool:
    return all(words in world.status("message") for words in case.says)


def _as_before(on: Stage, before: State, played: Played) -> None:
    time.sleep(0.2)
    try:
        on.world.until("as before", lambda: on.at_rest(_REST) and state_of(on.world) == before)
    except AssertionError as error:
        played.complaints += [str(error), *difference(before, state_of(on.world))]


def writes_a_minute(on: Stage, act: Callable[[], None]) -> int:
    """Let some time go by for what is under way, then count writes for a while."""
    begun = time.monotonic()
    while time.monotonic() - begun < _CALM + _WINDOW:
        act()
        time.sleep(0.2)
    since = begun + _CALM
    counted = sum(one.moment >= since for one in on.proxy.trace(Counted.WRITE))
    return round(counted * 60 / _WINDOW)


def _unexcused(case: Case, plane: Plane, world: World) -> list[str]:
    objections = plane.hearing.objections(world.namespace)
    return [one for one in objections if not any(re.search(e, one) for e in case.excused)]
