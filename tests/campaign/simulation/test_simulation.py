"""The simulation plays the same again, finds nothing in the operator as it is, and finds what is broken."""

import os
import subprocess
import sys

import pytest

from campaign.simulation.run import play, run
from tests.campaign.simulation.mutants import MUTANTS
from tests.campaign.simulation.search import EPISODES, RARE, SEED, first

FIRST = first()
"""Where to begin to look."""
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


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in RARE])
def test_it_finds_what_is_broken(name: str) -> None:
    with MUTANTS[name]():
        episodes = (FIRST.get(name, 0) + number for number in range(EPISODES))
        assert any(play(SEED, number).findings for number in episodes)


def test_a_finding_is_told_with_what_happened_before_and_how_to_see_it_again() -> None:
    told: list[str] = []
    with MUTANTS["a weight is raised before the status"]():
        result = run(1, SEED, jobs=1, tell=told.append)
    assert len(result.failed) == 1
    assert result.failed[0].findings[0] in told[0]
    assert " operator apply" in told[0]
    assert f"replay: python -m campaign.simulation --seed {SEED} --episode 0" in told[0]
