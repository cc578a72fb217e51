"""One story, once, with the faults that are asked for."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from campaign.control_plane import Plane, Stage, stage
from campaign.ending import Ending, ending
from campaign.history import Recorder
from campaign.stories import Story
from campaign.traffic import WINDOW, busiest, hasty, requests
from campaign.world import Kept, SetBack
from lab.faults.requests import Target
from lab.faults.script import KILLS, LASTING, Action, Counted, Fault, Struck
from mlhops.controller.resources import MODELS

_REST = 0.8
_LONG_REST = 2.5
_AWAY_SECONDS = 3.0
_LONG_PATIENCE = 150.0
_CALMING = LASTING - {Action.OLDER} | {
    Action.TIMEOUT,
    Action.LOST,
    Action.RESTART,
    Action.RESTORED,
}
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

    backups: list[_Backup] = []
    restart = threading.Thread(target=_restart, args=(plane,), daemon=True)

    def struck(on: Stage, fault: Fault, target: Target) -> None:
        if fault.action is Action.SNAPSHOT:
            backups.append(_back_up(plane, on))
            return
        played.hit.append(target)
        if fault.action is Action.RESTORED:
            on.world.stand_still()
            arguments = (plane, recorder, on, backups[-1])
            threading.Thread(target=_restore, args=arguments, daemon=True).start()
        if fault.action in KILLS:
            on.operator.kill()
        if fault.action is Action.RESTART:
            restart.start()

    with stage(plane, recorder, struck) as on:

        def backup() -> None:
            backups.append(_back_up(plane, on))

        try:
            _run(on, story, _with_backups(faults), expected, played, backup)
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


@dataclass(frozen=True)
class _Backup:
    """All that there was at one moment."""

    folder: Path
    at: int
    """A resourceVersion up to which all is in it."""
    kept: Kept


def _back_up(plane: Plane, on: Stage) -> _Backup:
    kept = on.world.keep()
    listed = on.world.api.http.get(MODELS.path(on.world.namespace)).raise_for_status().json()
    at = int(listed["metadata"]["resourceVersion"])
    return _Backup(plane.snapshot(f"{on.world.namespace}-{at}"), at, kept)


def _restore(plane: Plane, recorder: Recorder, on: Stage, backup: _Backup) -> None:
    """Set all back, everybody's record of it included, and let people go on where they were then."""

    def away() -> None:
        recorder.set_back(backup.at)
        plane.hearing.set_back(backup.at)

    plane.restore(backup.folder, away)
    on.world.set_back(backup.kept)


def _with_backups(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """The faults, and the backup before each restore."""
    backups = [
        Fault(Action.SNAPSHOT, one.at - one.back, one.counted)
        for one in faults
        if one.action is Action.RESTORED
    ]
    return (*backups, *faults)


def _run(
    on: Stage,
    story: Story,
    faults: tuple[Fault, ...],
    expected: Ending | None,
    played: Played,
    backup: Callable[[], None],
) -> None:
    story.prepare(on.world)
    rest = on.world.until
    rest("rest before the story", lambda: on.at_rest(_REST))
    lasts = sum(fault.seconds for fault in faults)
    if faults:
        on.world.patience = _LONG_PATIENCE + 2 * lasts
    on.world.begin_story()
    if any(fault.action is Action.SNAPSHOT and not fault.at for fault in faults):
        backup()
    on.proxy.begin(*faults)
    while True:
        try:
            _happen(on, story, expected)
        except SetBack:
            on.world.begin_story()
            continue
        break
    played.ending = ending(on.world)


def _happen(on: Stage, story: Story, expected: Ending | None) -> None:
    story.happen(on.world)
    rest = on.world.until
    if expected is None:
        rest("rest", lambda: on.at_rest(_LONG_REST))
    else:
        rest(
            "the same end and rest",
            lambda: ending(on.world) == expected and on.at_rest(_REST),
        )


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
