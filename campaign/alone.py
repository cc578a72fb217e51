"""One part of the campaign run by itself, on a control plane of its own."""

import argparse
import time
from collections.abc import Callable
from typing import Protocol

from campaign.control_plane import Plane
from campaign.history import Recorder
from campaign.run import start_plane


class Tally(Protocol):
    """What a part came to."""

    @property
    def tried(self) -> int:
        """How much was played."""
        ...

    @property
    def failed(self) -> dict[str, list[str]]:
        """Complaints by what failed."""
        ...

    def lines(self) -> list[str]:
        """The tally for people."""
        ...


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """The options that all parts have."""
    found = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    found.add_argument("--sample", type=int, help="only so many, chosen by the seed")
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--jobs", type=int, default=2, help="models at a time (%(default)s)")
    return found


def tell(line: str) -> None:
    """Tell people at once."""
    print(line, flush=True)


def main(play: Callable[[Plane, Recorder], Tally]) -> int:
    """Play it; the exit code is 1 if something failed or nothing was tried."""
    started = time.monotonic()
    with start_plane() as plane, Recorder(plane.kubeconfig) as recorder:
        tally = play(plane, recorder)
    for line in tally.lines():
        print(line)
    print(f"{tally.tried} tried, {len(tally.failed)} failed, {time.monotonic() - started:.0f} s")
    return 1 if tally.failed or not tally.tried else 0
