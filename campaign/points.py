"""The points of a campaign: which story, and what goes wrong where."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from campaign.play import Played
from campaign.stories import STORIES
from lab.faults.script import EVENT_ACTIONS, KILLS, Action, Counted, Fault

_NAME = re.compile(r"([a-z-]+):([a-z0-9-]+)@([a-z.]+)([0-9]+)(?:x([0-9]+))?")
MISBEHAVIOUR = (
    Action.CONFLICT,
    Action.BUSY,
    Action.ERROR,
    Action.UNAVAILABLE,
    Action.CUT,
    Action.CUT_SILENTLY,
)
_SLOW = (Action.TIMEOUT, Action.LOST, Action.LATE, Action.AWAY)
_LASTS = {Action.LATE: 10.0, Action.AWAY: 20.0}
MISBEHAVING_STORIES = ("whole-canary", "supersede")


@dataclass(frozen=True)
class Point:
    """One story and one fault in it."""

    story: str
    fault: Fault

    def __str__(self) -> str:
        times = f"x{self.fault.times}" if self.fault.times > 1 else ""
        return f"{self.story}:{self.fault}{times}"

    @property
    def is_slow(self) -> bool:
        """Whether it takes tens of seconds."""
        return self.fault.action in (*_SLOW, Action.RESTART)

    @property
    def is_exclusive(self) -> bool:
        """Whether it concerns all namespaces."""
        return self.fault.action is Action.RESTART


def point(name: str) -> Point:
    """Read a point's name.

    Raises:
        ValueError: it names no point.
    """
    match = _NAME.fullmatch(name)
    if match is None or match[1] not in STORIES or match[2] not in list(Action):
        raise ValueError(
            f"{name!r} is no point: use <story>:<action>@<write|read|event|verb.resource><number>"
        )
    return Point(match[1], fault(Action(match[2]), int(match[4]), match[3], int(match[5] or 1)))


def fault(action: Action, at: int, counted: str = Counted.WRITE, times: int = 1) -> Fault:
    """A fault that lasts as long as its kind does."""
    return Fault(action, at, counted, times, _LASTS.get(action, 0.0))


def kills(story: str, trace: Played) -> list[Point]:
    """The intermediate states: killed before and after each write."""
    numbers = range(1, len(trace.writes) + 1)
    return [Point(story, fault(action, n)) for n in numbers for action in sorted(KILLS)]


def misbehaviour(story: str, trace: Played) -> list[Point]:
    """The API server misbehaves at each write, for three in a row, and at some reads."""
    found: list[Point] = []
    for n in range(1, len(trace.writes) + 1):
        found += [Point(story, fault(action, n, times=3)) for action in MISBEHAVIOUR]
    for sort, times in sorted(Counter(one.target.sort for one in trace.reads).items()):
        for n in range(1, times + 1):
            found += [Point(story, fault(action, n, sort)) for action in MISBEHAVIOUR]
    middle = len(trace.writes) // 2
    found += [Point(story, fault(action, middle)) for action in (*_SLOW, Action.RESTART)]
    return found


def events(story: str, trace: Played) -> list[Point]:
    """The unobserved and the stale states: each event of a watch dropped, or frozen, or refused."""
    actions = sorted(EVENT_ACTIONS)
    return [
        Point(story, fault(action, n, sort))
        for sort, times in sorted(Counter(one.target.sort for one in trace.events).items())
        for n in range(1, times + 1)
        for action in actions
    ]


PATTERNS = {"kill": kills, "misbehave": misbehaviour, "event": events}


def choose(traces: dict[str, Played], patterns: Sequence[str], names: Iterable[str]) -> list[Point]:
    """All points of some patterns over some stories."""
    found: list[Point] = []
    for name in names:
        for pattern in patterns:
            if pattern == "misbehave" and name not in MISBEHAVING_STORIES:
                continue
            found += PATTERNS[pattern](name, traces[name])
    return found
