"""Plays all points, several at a time against one control plane, and tells of each that fails."""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.play import Played, play
from campaign.points import Point, choose
from campaign.stories import STORIES
from campaign.traffic import commonest
from lab.cache import REPOSITORY
from lab.control import gateway_api_crds, kserve_crds

CALM_REQUESTS = 60
"""How many requests an operator may make in ten seconds in which nothing happens."""
STORM_REQUESTS = 150
"""How many more than undisturbed it may make in any ten seconds while and after something goes wrong."""


@dataclass
class Tally:
    """What a campaign came to."""

    by_pattern: Counter[str] = field(default_factory=Counter)
    """How many points were tried."""
    missed: int = 0
    """Points at which the story was over before the fault was due."""
    failed: dict[str, list[str]] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        """How many points were tried in all."""
        return self.by_pattern.total()


def start_plane() -> Plane:
    """A control plane with all kinds that a story needs."""
    return Plane.start(install=[REPOSITORY / "crds", kserve_crds(), gateway_api_crds()])


def tell(line: str) -> None:
    """Tell people at once."""
    print(line, flush=True)


class Campaign:
    """Undisturbed runs first; then the points, each compared with the undisturbed run of its story."""

    def __init__(self, plane: Plane, recorder: Recorder, tell: Callable[[str], None]) -> None:
        self._plane = plane
        self._recorder = recorder
        self._tell = tell
        self._lock = threading.Lock()
        self.traces: dict[str, Played] = {}
        self.tally = Tally()

    def undisturbed(self, names: Sequence[str], jobs: int) -> None:
        """Play stories without any fault.

        Raises:
            RuntimeError: a story does not end well by itself.
        """
        with ThreadPoolExecutor(jobs) as pool:
            played = pool.map(lambda n: play(self._plane, self._recorder, STORIES[n]), names)
            for name, trace in zip(names, played, strict=True):
                if not trace.well:
                    raise RuntimeError(f"{name}: {_complaints(trace, trace)}\n{trace.log[-3000:]}")
                self.traces[name] = trace
                counts = f"{len(trace.writes)} writes, {len(trace.reads)} reads"
                self._tell(f"{name}: {counts}, {len(trace.events)} events")

    def run(self, points: Sequence[Point], jobs: int) -> None:
        """Play points: first the busy, then many idle ones at once, then one by one what concerns all."""
        shared = [point for point in points if not point.is_exclusive]
        for crowd in sorted({point.crowd for point in shared}):
            with ThreadPoolExecutor(jobs * crowd) as pool:
                list(pool.map(self._try, [point for point in shared if point.crowd == crowd]))
        for point in points:
            if point.is_exclusive:
                self._try(point)

    def _try(self, point: Point) -> None:
        trace, story = self.traces[point.story], STORIES[point.story]
        try:
            played = play(self._plane, self._recorder, story, (point.fault,), trace.ending)
        except Exception as error:
            played = Played(problem=f"the campaign itself failed: {error!r}")
        with self._lock:
            self._count(point, trace, played)

    def _count(self, point: Point, trace: Played, played: Played) -> None:
        complaints = _complaints(played, trace)
        if not played.hit and not complaints:
            self.tally.missed += 1
            self._tell(f"missed {point}: the story was over before")
            return
        self.tally.by_pattern[point.pattern] += 1
        hit = played.hit[0] if played.hit else "nothing"
        told = f"{hit}, {played.seconds:.0f} s"
        if played.busy_after is not None:
            told += f", {len(played.busiest)} requests in its busiest ten seconds"
            told += f" and {played.busy_after} in ten calm ones"
        if not complaints:
            self._tell(f"ok     {point} ({told})")
            return
        self.tally.failed[str(point)] = complaints
        self._tell(f"FAILED {point} ({told})")
        for complaint in complaints:
            self._tell(f"    {complaint}")
        self._tell(f"    replay: {replay(point)}")


def replay(point: Point) -> str:
    """The command that plays one point again."""
    return f"python -m campaign --point {point}"


def _complaints(played: Played, trace: Played) -> list[str]:
    found = [played.problem] if played.problem else []
    if played.problem and played.ending != trace.ending:
        found += _difference(trace, played)
    found += played.objections
    found += [f"the operator ended by itself with code {code}" for code in played.deaths]
    found += played.hasty
    if (played.busy_after or 0) > CALM_REQUESTS:
        found.append(f"{played.busy_after} requests in ten calm seconds")
    if len(played.busiest) > len(trace.busiest) + STORM_REQUESTS:
        most = f"{len(played.busiest)} requests in ten seconds"
        usual = f"undisturbed {len(trace.busiest)}"
        found.append(f"{most}, {usual}: {commonest(played.busiest)}")
    return found


def _difference(trace: Played, played: Played) -> list[str]:
    one = json.dumps(trace.ending, indent=1, default=str).splitlines()
    other = json.dumps(played.ending, indent=1, default=str).splitlines()
    return list(unified_diff(one, other, "undisturbed", "disturbed", n=1, lineterm=""))[2:]


def campaign(
    stories: Sequence[str],
    patterns: Sequence[str],
    *,
    points: Sequence[Point] = (),
    sample: int = 0,
    seed: int = 0,
    jobs: int = 1,
    keep: Path | None = None,
) -> Tally:
    """Run a campaign on a control plane of its own."""
    with start_plane() as plane, Recorder(plane.kubeconfig) as recorder:
        plane.keep = keep
        whole = Campaign(plane, recorder, tell)
        names = sorted({point.story for point in points}) or list(stories)
        whole.undisturbed(names, jobs)
        chosen = list(points) or choose(whole.traces, patterns, names)
        if sample:
            chosen = random.Random(seed).sample(chosen, min(sample, len(chosen)))
        tell(f"{len(chosen)} points to play")
        whole.run(chosen, jobs)
    return whole.tally
