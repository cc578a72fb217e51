"""Which episode finds each mutant first: `python -m tests.campaign.simulation.search` writes it to `first.json`.

A change of the operator or of an actor changes what an episode plays. The tests begin where the file says and look
further from there, so an old file makes them slow, not wrong.
"""

import json
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path

from campaign.simulation.run import play
from tests.campaign.simulation.mutants import MUTANTS

SEED = 0
EPISODES = 400
RARE = frozenset({"a Job is started each time", "what was given is given below a standard"})
"""Found in one of some hundred episodes, too many for a test: those of actions and of standards hold these rules."""
_FILE = Path(__file__).with_name("first.json")


def first() -> dict[str, int]:
    """Return the episode that is known to find each mutant."""
    found: dict[str, int] = json.loads(_FILE.read_text())
    return found


def _search(name: str) -> tuple[str, int | None]:
    with MUTANTS[name]():
        return name, next((one for one in _order(name) if play(SEED, one).findings), None)


def _order(name: str) -> Iterator[int]:
    """Begin with what has found it before."""
    known = first().get(name)
    if known is not None:
        yield known
    yield from (number for number in range(EPISODES) if number != known)


def main() -> int:
    """Search all, on two processes; the exit code is 1 where a mutant is not found."""
    found: dict[str, int] = {}
    # Slow ones at the end would leave one process alone.
    names = sorted(MUTANTS, key=lambda name: -first().get(name, EPISODES))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for name, number in pool.imap_unordered(_search, names):
            print(f"{name}: {'not found' if number is None else number}", flush=True)
            if number is not None:
                found[name] = number
    listed = {name: found[name] for name in MUTANTS if name in found}
    _FILE.write_text(json.dumps(listed, indent=2) + "\n")
    return int(not MUTANTS.keys() - RARE <= found.keys())


if __name__ == "__main__":  # not in the processes that it starts
    sys.exit(main())
