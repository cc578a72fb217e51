"""`python -m campaign.simulation` lets chance play against the operator's own code, a million steps and more."""

import argparse
import sys

from campaign.simulation.run import play, report, run


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m campaign.simulation", description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000, help="at least (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--episode", type=int, help="play only this one of the seed's episodes")
    return parser.parse_args()


def _tell(words: str) -> None:
    print(words, flush=True)


def main() -> int:
    """Run a simulation; the exit code is 1 if anything was found."""
    options = _parse()
    if options.episode is None:
        return 1 if run(options.steps, options.seed, options.jobs, _tell).failed else 0
    outcome = play(options.seed, options.episode)
    _tell(report(options.seed, outcome))
    return 1 if outcome.findings else 0


if __name__ == "__main__":  # not in the processes that a run starts
    sys.exit(main())
