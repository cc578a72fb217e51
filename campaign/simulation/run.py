"""Plays episodes until so many steps were taken, several at a time, and tells of each that went wrong."""

import logging
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import structlog

from campaign.simulation.episode import Episode, Outcome

_TELL_EVERY = 20.0
_MOST_TOLD = 5


@dataclass
class Result:
    """What a run came to."""

    seed: int
    steps: int = 0
    episodes: int = 0
    seconds: float = 0.0
    failed: list[Outcome] = field(default_factory=list)
    races: Counter[str] = field(default_factory=Counter)
    """Objections to writes that were right by what was read: races that no client can win."""
    reached: Counter[str] = field(default_factory=Counter)


def run(steps: int, seed: int, jobs: int, tell: Callable[[str], None] = print) -> Result:
    """Take at least so many steps; the same steps and seed play the same episodes with any number of jobs."""
    result, began, told = Result(seed), time.monotonic(), time.monotonic()
    for outcome in _outcomes(seed, jobs, lambda: result.steps < steps):
        result.episodes += 1
        result.steps += outcome.steps
        result.races += outcome.races
        result.reached += outcome.reached
        result.seconds = time.monotonic() - began
        if outcome.findings:
            result.failed.append(outcome)
            if len(result.failed) <= _MOST_TOLD:
                tell(report(seed, outcome))
        if time.monotonic() - told > _TELL_EVERY:
            told = time.monotonic()
            tell(f"simulation: {result.steps} of {steps} steps, {len(result.failed)} failed")
    tell(
        f"simulation: {result.steps} steps in {result.episodes} episodes, "
        f"{len(result.failed)} failed, {result.steps / max(result.seconds, 0.001):.0f} steps/s"
    )
    return result


def play(seed: int, number: int) -> Outcome:
    """Play one episode, in which the operator logs nothing but what is critical."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        return Episode(seed, number).run()
    finally:
        structlog.configure(**before)


def _outcomes(seed: int, jobs: int, more: Callable[[], bool]) -> Iterator[Outcome]:
    """The episodes in their order, for as long as more are wanted."""
    if jobs <= 1:
        number = 0
        while more():
            yield play(seed, number)
            number += 1
        return
    # Started afresh, not forked: a fork of a process with threads may hang.
    with multiprocessing.get_context("spawn").Pool(
        jobs, initializer=os.nice, initargs=(5,)
    ) as pool:
        waiting = [pool.apply_async(play, (seed, number)) for number in range(jobs * 2)]
        number = len(waiting)
        while more():
            yield waiting.pop(0).get()
            waiting.append(pool.apply_async(play, (seed, number)))
            number += 1
        pool.terminate()


def report(seed: int, outcome: Outcome) -> str:
    """What went wrong, what happened before, and how to see it again."""
    lines = [f"episode {outcome.episode}: {finding}" for finding in outcome.findings]
    lines = lines or [f"episode {outcome.episode}: well"]
    lines += [f"  {action}" for action in outcome.actions]
    lines.append(f"{outcome.steps} steps, trace {outcome.trace}")
    lines.append(f"replay: {replay(seed, outcome.episode)}")
    return "\n".join(lines)


def replay(seed: int, number: int) -> str:
    """The command that plays one episode again."""
    return f"python -m campaign.simulation --seed {seed} --episode {number}"
