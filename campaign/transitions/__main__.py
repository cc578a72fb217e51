"""`python -m campaign.transitions` takes a serving model through every change of every field, and every mistake."""

import argparse
import sys
import time

from campaign.history import Recorder
from campaign.run import start_plane
from campaign.transitions.run import run


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m campaign.transitions", description=__doc__)
    parser.add_argument("--field", action="append", default=[], help="only this leaf field")
    parser.add_argument("--mistake", action="append", default=[], help="only this mistake")
    parser.add_argument("--sample", type=int, help="only so many, chosen by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="models at a time (%(default)s)")
    return parser.parse_args()


def main() -> int:
    """Run it; the exit code is 1 if a field failed or none was tried."""
    options, started = _parse(), time.monotonic()
    with start_plane() as plane, Recorder(plane.kubeconfig) as recorder:
        tally = run(
            plane,
            recorder,
            lambda line: print(line, flush=True),
            options.jobs,
            sample=options.sample,
            seed=options.seed,
            fields=options.field,
            mistakes=options.mistake,
        )
    for line in tally.lines():
        print(line)
    print(f"{tally.tried} tried, {len(tally.failed)} failed, {time.monotonic() - started:.0f} s")
    return 1 if tally.failed or not tally.tried else 0


sys.exit(main())
