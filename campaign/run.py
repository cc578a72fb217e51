"""Plays all points, several at a time against one control plane, and tells of each that fails."""

import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

from campaign.history import Recorder
from campaign.plane import Plane
from campaign.play import Played, play
from campaign.points import Point, choose
from campaign.stories import STORIES
from lab.control import gateway_api_crds, kserve_crds

REPOSITORY = Path(__file__).resolve().parents[1]
CALM_REQUESTS = 60
"""How many requests an operator may make in ten seconds in which nothing happens."""


@dataclass
class Tally:
    """What a campaign came to."""

    tried: int = 0
    missed: int = 0
    """Points at which the story was over before the fault was due."""
    failed: dict[str, list[str]] = field(default_factory=dict)


def start_plane() -> Plane:
    """A control plane with all kinds that a story needs."""
    return Plane.start(install=[REPOSITORY / "crds", kserve_crds(), gateway_api_crds()])


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
                writes, events = len(trace.writes), len(trace.events)
                self._tell(f"{name}: {writes} writes, {len(trace.reads)} reads, {events} events")

    def run(self, points: Sequence[Point], jobs: int) -> None:
        """Play points; those that concern everybody one by one, at the end."""
        shared = [point for point in points if not point.is_exclusive]
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(self._try, shared))
        for point in points:
            if point.is_exclusive:
                self._try(point)

    def _try(self, point: Point) -> None:
        trace, story = self.traces[point.story], STORIES[point.story]
        try:
            played = play(
                self._plane,
                self._recorder,
                story,
                (point.fault,),
                trace.ending,
                calm=point.is_slow,
            )
        except Exception as error:
            played = Played(problem=f"the campaign itself failed: {error!r}")
        with self._lock:
            self._count(point, trace, played)

    def _count(self, point: Point, trace: Played, played: Played) -> None:
        complaints = _complaints(played, trace)
        if played.requests_after > CALM_REQUESTS:
            complaints.append(f"{played.requests_after} requests in ten calm seconds")
        if not played.hit and not complaints:
            self.tally.missed += 1
            self._tell(f"missed {point}: the story was over before")
            return
        self.tally.tried += 1
        if not complaints:
            calm = f", {played.requests_after} requests after" if point.is_slow else ""
            self._tell(f"ok     {point} ({played.hit[0]}, {played.seconds:.0f} s{calm})")
            return
        self.tally.failed[str(point)] = complaints
        hit = played.hit[0] if played.hit else "nothing"
        self._tell(f"FAILED {point} ({hit}, {played.seconds:.0f} s)")
        for complaint in complaints:
            self._tell(f"    {complaint}")
        self._tell(f"    replay: python -m campaign --point {point}")


def _complaints(played: Played, trace: Played) -> list[str]:
    found = [played.problem] if played.problem else []
    if played.problem and played.ending != trace.ending:
        found += _difference(trace, played)
    found += played.objections
    found += [f"the operator ended by itself with code {code}" for code in played.deaths]
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
) -> Tally:
    """Run a campaign on a control plane of its own."""
    started = time.monotonic()
    with start_plane() as plane, Recorder(plane.kubeconfig) as recorder:
        whole = Campaign(plane, recorder, lambda line: print(line, flush=True))
        names = sorted({point.story for point in points}) or list(stories)
        whole.undisturbed(names, jobs)
        chosen = list(points) or choose(whole.traces, patterns, names)
        if sample:
            chosen = random.Random(seed).sample(chosen, min(sample, len(chosen)))
        whole.run(chosen, jobs)
    tally = whole.tally
    for name, complaints in tally.failed.items():
        print(f"FAILED {name}: {complaints[0]}")
    print(
        f"{tally.tried} points, {len(tally.failed)} failed, {tally.missed} not reached, "
        f"{time.monotonic() - started:.0f} s"
    )
    return tally
