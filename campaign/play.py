"""One story, once, with the faults that are asked for."""

import threading
import time
from dataclasses import dataclass, field

from campaign.ending import Ending, ending
from campaign.history import Recorder
from campaign.judge import judge
from campaign.plane import Plane, Stage, stage
from campaign.stories import Story
from lab.faults.requests import Target
from lab.faults.script import KILLS, Action, Counted, Fault, Struck

_REST = 0.8
_LONG_REST = 2.5
_AWAY_SECONDS = 3.0
CALM_SECONDS = 10.0


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
    requests_after: int = 0
    """Requests in the seconds after the story had come to its end."""
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
    *,
    calm: bool = False,
) -> Played:
    """Play it to its end; with `expected`, that end has to be the same."""
    played, started = Played(), time.monotonic()

    def struck(on: Stage, fault: Fault, target: Target) -> None:
        played.hit.append(target)
        if fault.action in KILLS:
            on.operator.kill()
        if fault.action is Action.RESTART:
            threading.Thread(target=_restart, args=(plane,), daemon=True).start()

    with stage(plane, recorder, struck) as on:
        try:
            _run(on, story, faults, expected, played)
            if calm:
                time.sleep(CALM_SECONDS)
                moment = time.monotonic() - CALM_SECONDS
                played.requests_after = on.proxy.requests_since(moment)
        except AssertionError as error:
            played.problem = str(error)
            played.ending = ending(on.world)
        _collect(on, played)
        recorder.forget(on.world.namespace)
    played.seconds = time.monotonic() - started
    return played


def _run(
    on: Stage, story: Story, faults: tuple[Fault, ...], expected: Ending | None, played: Played
) -> None:
    story.prepare(on.world)
    rest = on.world.until
    rest("rest before the story", lambda: on.at_rest(_REST))
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


def _collect(on: Stage, played: Played) -> None:
    played.writes = on.proxy.trace(Counted.WRITE)
    played.reads = on.proxy.trace(Counted.READ)
    played.events = on.proxy.trace(Counted.EVENT)
    played.deaths = list(on.operator.deaths)
    deadline = time.monotonic() + 5
    while not on.world.recorder.is_complete(on.world.namespace, on.world.api.http):
        if time.monotonic() > deadline:
            played.problem = played.problem or "the record is not complete"
            break
        time.sleep(0.1)
    played.objections = judge(on.world.recorder.history(on.world.namespace))
    played.log = on.operator.log.read_text()


def _restart(plane: Plane) -> None:
    plane.kill_apiserver()
    time.sleep(_AWAY_SECONDS)
    plane.restart_apiserver()
