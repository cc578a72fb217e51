"""The points of a campaign: which story, and what goes wrong where."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from campaign.play import Played
from campaign.stories import STORIES
from lab.faults.script import Action, Counted, Fault

_NAME = re.compile(
    r"(?P<story>[a-z-]+):(?P<action>[a-z0-9-]+)@(?P<counted>[a-z.]+)(?P<at>[0-9]+)"
    r"(?:x(?P<times>[0-9]+))?(?:~(?P<back>[0-9]+))?(?:for(?P<seconds>[0-9]+))?"
)
_ANSWERS = (
    Action.CONFLICT,
    Action.BUSY,
    Action.ERROR,
    Action.UNAVAILABLE,
    Action.CUT,
    Action.CUT_SILENTLY,
)
_LASTS = {
    Action.OLDER: 3.0,
    Action.LATE: 10.0,
    Action.AWAY: 20.0,
    Action.OVERLOAD: 20.0,
    Action.OUTAGE: 20.0,
}
LONG_AWAY = 90.0
THOROUGH = ("whole-canary", "supersede")
"""The stories in which the API server misbehaves at each write and three times at each sort of read."""
_IN_A_ROW = 3
_IDLE = frozenset({Action.FREEZE, Action.DROP, Action.TIMEOUT, Action.LOST, *_LASTS})
"""They take from ten seconds to minutes, in which next to nothing is done."""


@dataclass(frozen=True)
class Point:
    """One story and one fault in it."""

    story: str
    fault: Fault

    def __str__(self) -> str:
        fault = self.fault
        times = f"x{fault.times}" if fault.times > 1 else ""
        back = f"~{fault.back}" if fault.action in (Action.OLDER, Action.RESTORED) else ""
        usual = fault.seconds == _LASTS.get(fault.action, 0.0)
        seconds = "" if usual else f"for{fault.seconds:.0f}"
        return f"{self.story}:{fault}{times}{back}{seconds}"

    @property
    def pattern(self) -> str:
        """The pattern that it belongs to, as `--pattern` names it."""
        action = self.fault.action
        return _PATTERN_OF.get(action, "misbehave")

    @property
    def crowd(self) -> int:
        """How many times more of its sort can be played at once, because they mostly wait."""
        if self.fault.action is Action.OLDER:
            return 2
        return 6 if self.fault.action in _IDLE else 1

    @property
    def is_exclusive(self) -> bool:
        """Whether it concerns all namespaces."""
        return self.fault.action in (Action.RESTART, Action.RESTORED)


_PATTERN_OF = {
    Action.KILL_BEFORE: "kill",
    Action.KILL_AFTER: "kill",
    Action.OLDER: "older",
    Action.RESTORED: "restored",
    Action.FREEZE: "freeze",
    Action.DROP: "drop",
}


def point(name: str) -> Point:
    """Read a point's name.

    Raises:
        ValueError: it names no point.
    """
    match = _NAME.fullmatch(name)
    if match is None or match["story"] not in STORIES or match["action"] not in list(Action):
        raise ValueError(
            f"{name!r} is no point: use <story>:<action>@<write|read|event|verb.resource><number>, "
            "then x<times in a row>, ~<writes back>, for<seconds> where they apply"
        )
    found = fault(
        Action(match["action"]),
        int(match["at"]),
        match["counted"],
        times=int(match["times"] or 1),
        back=int(match["back"] or 0),
        seconds=float(match["seconds"]) if match["seconds"] else None,
    )
    return Point(match["story"], found)


def fault(
    action: Action,
    at: int,
    counted: str = Counted.WRITE,
    *,
    times: int = 1,
    back: int = 0,
    seconds: float | None = None,
) -> Fault:
    """A fault that lasts as long as its kind does."""
    lasts = _LASTS.get(action, 0.0) if seconds is None else seconds
    return Fault(action, at, counted, times, lasts, back)


def kills(story: str, trace: Played) -> list[Point]:
    """The intermediate states: killed before and after each write."""
    numbers = range(1, len(trace.writes) + 1)
    actions = (Action.KILL_AFTER, Action.KILL_BEFORE)
    return [Point(story, fault(action, n)) for n in numbers for action in actions]


def older(story: str, trace: Played) -> list[Point]:
    """The stale states after a restart: what was before this write, and before the last of each kind."""
    return _back(story, trace, Action.OLDER)


def restored(story: str, trace: Played) -> list[Point]:
    """etcd is restored while the operator runs: from before the story, and from before the last write of each kind."""
    before = [
        Point(story, fault(Action.RESTORED, n, back=n)) for n in range(1, len(trace.writes) + 1)
    ]
    return before + [one for one in _back(story, trace, Action.RESTORED) if one.fault.back]


def _back(story: str, trace: Played, action: Action) -> list[Point]:
    found: list[Point] = []
    last: dict[str, int] = {}
    for n, write in enumerate(trace.writes, 1):
        if write.target.resource == "events":
            continue
        last[write.target.resource] = n
        backs = sorted({n - m for m in last.values()})
        found += [Point(story, fault(action, n, back=back)) for back in backs]
    return found


def _each_event(action: Action) -> Callable[[str, Played], list[Point]]:
    def points(story: str, trace: Played) -> list[Point]:
        counts = Counter(one.target.sort for one in trace.events)
        return [
            Point(story, fault(action, n, sort))
            for sort, times in sorted(counts.items())
            for n in range(1, times + 1)
        ]

    return points


freezes = _each_event(Action.FREEZE)
drops = _each_event(Action.DROP)
_gone = _each_event(Action.GONE)


def misbehaviour(story: str, trace: Played) -> list[Point]:
    """The API server misbehaves: in some stories everywhere, in the others once in each way."""
    middle = max(len(trace.writes) // 2, 1)
    lasting = [fault(action, middle) for action in (Action.TIMEOUT, Action.LOST, Action.RESTART)]
    lasting += [fault(action, middle) for action in _LASTS if action is not Action.OLDER]
    lasting.append(fault(Action.AWAY, middle, seconds=LONG_AWAY))
    found = [Point(story, one) for one in lasting]
    if story in THOROUGH:
        return found + _everywhere(story, trace)
    reads = max(len(trace.reads) // 2, 1)
    for action in _ANSWERS:
        found.append(Point(story, fault(action, middle, times=_IN_A_ROW)))
        found.append(Point(story, fault(action, reads, Counted.READ)))
    ends = {one.fault.counted: one for one in _gone(story, trace)}  # the last of each kind
    return found + list(ends.values())


def _everywhere(story: str, trace: Played) -> list[Point]:
    found: list[Point] = []
    for n in range(1, len(trace.writes) + 1):
        found += [Point(story, fault(action, n, times=_IN_A_ROW)) for action in _ANSWERS]
    for sort, times in sorted(Counter(one.target.sort for one in trace.reads).items()):
        for n in sorted({1, (times + 1) // 2, times}):
            found += [Point(story, fault(action, n, sort)) for action in _ANSWERS]
    return found + _gone(story, trace)


PATTERNS = {
    "kill": kills,
    "older": older,
    "restored": restored,
    "freeze": freezes,
    "drop": drops,
    "misbehave": misbehaviour,
}


def choose(traces: dict[str, Played], patterns: Sequence[str], names: Iterable[str]) -> list[Point]:
    """All points of some patterns over some stories."""
    return [
        found
        for name in names
        for pattern in patterns
        for found in PATTERNS[pattern](name, traces[name])
    ]
