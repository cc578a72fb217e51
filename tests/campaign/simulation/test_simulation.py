"""The simulation plays the same again, finds nothing in the operator as it is, and finds what is broken."""

import os
import subprocess
import sys

import pytest

from campaign.simulation.run import play, run
from tests.campaign.simulation.mutants import MUTANTS

SEED = 0
FIRST = {
    "a weight is raised before the status": 0,
    "a weight is lowered after the status": 5,
    "the status is written on any version": 1,
    "a model that leaves is served": 4,
    "a model that leaves is frozen": 46,
    "every gate has passed": 3,
    "last words need make no sense": 25,
    "anybody's pod is evidence": 65,
    "the Gateway is not waited for": 3,
    "what is retired stays": 0,
    "everything is let in": 0,
    "another revision is named": 0,
    "a detector is told only once": 17,
    "a Job is started each time": 23,
    "a hold ends by itself": 9,
    "a hold promotes": 9,
    "what cannot be told is drift": 1,
    "a profile is kept unseen": 5,
    "whatever answers was measured": 9,
    "an answer counts for any step": 66,
    "an edit passes what is waited at": 0,
    "a Pause is for one candidate": 1,
    "what was rolled back from comes back": 2,
    "anybody's verdict is about what serves": 37,
    "what was known stays after a restore": 12,
    "what a detector was told stays": 0,
}
"""Where to begin to look; a change of the operator or of an actor changes what an episode plays."""
EPISODES = 100
WELL = sorted(set(FIRST.values()))
"""The same episodes find nothing in the operator as it is, so that what they find is what was broken."""


def test_the_same_seed_plays_the_same_in_any_process() -> None:
    program = (
        "from campaign.simulation.run import play\n"
        f"outcome = play({SEED}, {WELL[1]})\n"
        "print(outcome.steps, outcome.trace)"
    )
    traces = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    here = play(SEED, WELL[1])
    assert traces == [[str(here.steps), here.trace]] * 2


def test_another_seed_plays_something_else() -> None:
    assert play(SEED, WELL[1]).trace != play(SEED + 1, WELL[1]).trace


@pytest.mark.parametrize("number", WELL)
def test_it_finds_nothing_in_the_operator_as_it_is(number: int) -> None:
    assert play(SEED, number).findings == []


def test_a_run_takes_as_many_steps_as_it_was_asked_for_and_says_how_many() -> None:
    told: list[str] = []
    result = run(1, SEED + 3, jobs=1, tell=told.append)
    assert result.steps >= 1
    assert result.episodes == 1
    assert f"{result.steps} steps" in told[-1]


@pytest.mark.parametrize("name", FIRST)
def test_it_finds_what_is_broken(name: str) -> None:
    with MUTANTS[name]():
        episodes = (FIRST[name] + number for number in range(EPISODES))
        assert any(play(SEED, number).findings for number in episodes)


def test_a_finding_is_told_with_what_happened_before_and_how_to_see_it_again() -> None:
    told: list[str] = []
    with MUTANTS["a weight is raised before the status"]():
        result = run(1, SEED, jobs=1, tell=told.append)
    assert len(result.failed) == 1
    assert result.failed[0].findings[0] in told[0]
    assert " operator apply" in told[0]
    assert f"replay: python -m campaign.simulation --seed {SEED} --episode 0" in told[0]
