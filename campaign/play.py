"""One story, once, with the faults that are asked for."""

import threading
import time
from dataclasses import dataclass, field

from campaign.ending import Ending, ending
from campaign.history import Recorder
from campaign.plane import Plane, Stage, stage
from campaign.stories import Story
from campaign.traffic import WINDOW, busiest, hasty, requests
from lab.faults.requests import Target
from lab.faults.script import KILLS, LASTING, Action, Counted, Fault, Struck

_REST = 0.8
_LONG_REST = 2.5
_AWAY_SECONDS = 3.0
_LONG_PATIENCE = 150.0
_CALMING = LASTING - {Action.OLDER} | {Action.TIMEOUT, Action.LOST, Action.RESTART}
"""Faults after which an operator might go on asking too much."""


@dataclass
class Played:
    """How a story went."""

    ending: Ending = field(default_factory=dict)
    writes: list[Struck] = field(default_factory=list)
    reads: list[Struck] = field(default_factory=list)
    events: list[Struck] = field(default_factory=list)
    hit: list[Target] = field(default_factory=list)
    """What the faults struck; empty where the story ended before."""
    deaths: list[int] = field(default_factory=list)
    objections: list[str] = field(default_factory=list)
    problem: str = ""
    """Why it did not come to its end."""
    busiest: list[Struck] = field(default_factory=list)
    """The requests of the ten seconds in which there were most."""
    busy_after: int | None = None
    """Requests in ten seconds after the story had come to its end, where that was looked at."""
    hasty: list[str] = field(default_factory=list)
    """Requests that came again too soon."""
    seconds: float = 0.0
    log: str = ""

    @property
    def well(self) -> bool:
        """Whether nothing is to be said against it."""
        return not self.problem and not self.objections and not self.deaths


def play(
    plane: Plane,
    recorder: Recorder,
    story: Story,
    faults: tuple[Fault, ...] = (),
    expected: Ending | None = None,
) -> Played:
    """Play it to its end; with `expected`, that end has to be the same."""
    played, started = Played(), time.monotonic()

    restart = threading.Thread(target=_restart, args=(plane,), daemon=True)

    def struck(on: Stage, fault: Fault, target: Target) -> None:
        played.hit.append(target)
        if fault.action in KILLS:
            on.operator.kill()
        if fault.action is Action.RESTART:
            restart.start()

    with stage(plane, recorder, struck) as on:
        try:
            _run(on, story, faults, expected, played)
            if any(fault.action in _CALMING for fault in faults):
                time.sleep(WINDOW)
                moment = time.monotonic() - WINDOW
                played.busy_after = len(requests(on.proxy.since(moment)))
        except AssertionError as error:
            played.problem = str(error)
            played.ending = ending(on.world)
        if restart.ident is not None:
            restart.join()
        _collect(plane, on, played)
        recorder.forget(on.world.namespace)
    played.seconds = time.monotonic() - started
    return played


def _run(
    on: Stage, story: Story, faults: tuple[Fault, ...], expected: Ending | None, played: Played
) -> None:
    story.prepare(on.world)
    rest = on.world.until
    rest("rest before the story", lambda: on.at_rest(_REST))
    lasts = sum(fault.seconds for fault in faults)
    if faults:
        on.world.patience = _LONG_PATIENCE + 2 * lasts
    on.proxy.begin(*faults)
    story.happen(on.world)
    if expected is None:
        rest("rest", lambda: on.at_rest(_LONG_REST))
    else:
        rest(
            "the same end and rest",
            lambda: ending(on.world) == expected and on.at_rest(_REST),
        )
    played.ending = ending(on.world)


def _collect(plane: Plane, on: Stage, played: Played) -> None:
    played.writes = on.proxy.trace(Counted.WRITE)
    played.reads = on.proxy.trace(Counted.READ)
    played.events = on.proxy.trace(Counted.EVENT)
    seen = on.proxy.since(0.0)
    played.busiest, played.hasty = busiest(seen), hasty(seen)
    played.deaths = list(on.operator.deaths)
    played.objections = plane.hearing.objections(on.world.namespace)
    played.log = on.operator.log.read_text()


def _restart(plane: Plane) -> None:
    plane.kill_apiserver()
    time.sleep(_AWAY_SECONDS)
    plane.restart_apiserver()
