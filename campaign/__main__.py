"""`python -m campaign` plays the whole campaign: all its sections, each at every point that it has."""

import argparse
import sys
import time
from pathlib import Path

from campaign.points import PATTERNS, point
from campaign.sections import SECTIONS, SOURCES, Result, case
from campaign.stories import STORIES


def _parse() -> argparse.Namespace:
    names = [section.name for section in SECTIONS]
    parser = argparse.ArgumentParser(prog="python -m campaign", description=__doc__)
    parser.add_argument("--section", action="append", choices=names, help="default: all")
    parser.add_argument("--story", action="append", choices=sorted(STORIES), help="default: all")
    parser.add_argument("--pattern", action="append", choices=list(PATTERNS), help="default: all")
    parser.add_argument("--point", action="append", type=point, default=[], help="only this one")
    parser.add_argument(
        "--case", action="append", type=case, default=[], help="of interference or transitions"
    )
    parser.add_argument("--sample", type=int, default=0, help="only so many, chosen by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1_000_000, help="of the simulation")
    parser.add_argument("--jobs", type=int, default=4, help="points at a time (%(default)s)")
    parser.add_argument("--keep", type=Path, help="an existing folder for the histories")
    return parser.parse_args()


def main() -> int:
    """Run all sections; the exit code is 1 if a point failed or a section tried none."""
    options = _parse()
    if options.point or options.case:
        options.section = ["faults"] if options.point else []
        options.section += [
            name for name, source in SOURCES.items() if {*source.names} & {*options.case}
        ]
    results: dict[str, tuple[Result, float]] = {}
    for section in SECTIONS:
        if section.name in (options.section or [section.name]):
            started = time.monotonic()
            results[section.name] = section.run(options), time.monotonic() - started
    for name, (result, seconds) in results.items():
        for what, replay in result.failed.items():
            print(f"FAILED {name}: {what}\n    replay: {replay}")
        print(
            f"{name}: {result.points} points in {seconds:.0f} s, "
            f"{len(result.failed)} failed ({result.details})"
        )
    print(f"{sum(result.points for result, _ in results.values())} points")
    return 1 if any(one.failed or not one.points for one, _ in results.values()) else 0


sys.exit(main())
