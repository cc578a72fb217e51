"""`python -m campaign` plays every story with a fault at every point of it."""

import argparse
import sys

from campaign.points import PATTERNS, point
from campaign.run import campaign
from campaign.stories import STORIES


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m campaign", description=__doc__)
    parser.add_argument("--story", action="append", choices=sorted(STORIES), help="default: all")
    parser.add_argument("--pattern", action="append", choices=sorted(PATTERNS), help="default: all")
    parser.add_argument("--point", action="append", type=point, default=[], help="only this one")
    parser.add_argument("--sample", type=int, default=0, help="only so many, chosen by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=4, help="points at a time (%(default)s)")
    return parser.parse_args()


def main() -> int:
    """Run a campaign; the exit code is 1 if a point failed or none was tried."""
    options = _parse()
    tally = campaign(
        options.story or list(STORIES),
        options.pattern or sorted(PATTERNS),
        points=options.point,
        sample=options.sample,
        seed=options.seed,
        jobs=options.jobs,
    )
    return 1 if tally.failed or not tally.tried else 0


sys.exit(main())
