"""How the numbers of `bench.scale` grow with the number of models: `python -m bench.growth`."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from bench.chart import Panel, Series, svg
from bench.scale import IDLE_SECONDS, PATIENCE, scale
from bench.scaled import DEPLOY, UPDATE, Phase, Scale, lines

SIZES = (10, 100, 1000, 3000)
FOLDER = Path(__file__).parent
CHART, POINTS = FOLDER / "growth.svg", FOLDER / "growth.json"
_FROM = 100
"""Below that, what a start takes weighs more than what a model takes."""
_BENDS = 1.5
"""Growth of a number per model that is more than noise."""


@dataclass(frozen=True)
class Measured:
    """One phase at one size; all but the time is per model."""

    seconds: float
    writes: float
    reads: float
    operator_ms: float
    server_ms: float
    """The API server's CPU and etcd's."""

    @classmethod
    def of(cls, phase: Phase) -> Self:
        """Return what a phase comes to for each model."""
        return cls(
            round(phase.arrival.seconds, 2),
            phase.a_model(phase.requests.writes),
            phase.a_model(phase.requests.reads),
            phase.operator_ms,
            phase.server_ms,
        )


@dataclass(frozen=True)
class Point:
    """One size."""

    models: int
    phases: dict[str, Measured]
    """Those that were completed."""
    rss_before: float
    rss_peak: float

    @classmethod
    def of(cls, run: Scale) -> Self:
        """Return the point of a run."""
        phases = {phase.name: Measured.of(phase) for phase in run.phases if phase.complete}
        return cls(run.models, phases, run.rss_before, run.rss_peak)


def chart(points: Sequence[Point]) -> str:
    """Return the plot, as SVG. A phase that was not completed in time has no point."""
    return svg(
        "From apply to healthy, and from a new version to its promotion",
        "models",
        [
            Panel("Time until the last is healthy", "s", _phases(points, lambda m: m.seconds)),
            Panel("Operator's writes", "per model", _phases(points, lambda m: m.writes)),
            Panel(
                "CPU of an update",
                "ms per model",
                [
                    _series("operator", points, UPDATE, lambda m: m.operator_ms),
                    _series("API server and etcd", points, UPDATE, lambda m: m.server_ms),
                ],
            ),
            Panel(
                "Operator's memory",
                "MiB resident",
                [
                    Series("at its peak", [(p.models, p.rss_peak) for p in points]),
                    Series("with no model", [(p.models, p.rss_before) for p in points]),
                ],
            ),
        ],
    )


def sentence(points: Sequence[Point]) -> str:
    """Say what bends the line of an update's time, from the numbers alone."""
    found = [
        (p.models, p.phases[UPDATE]) for p in points if p.models >= _FROM and UPDATE in p.phases
    ]
    if len(found) < 2:
        return "Too few sizes were completed to say how it grows."
    (few, first), (many, last) = found[0], found[-1]
    parts = {
        "the operator's CPU": last.operator_ms / first.operator_ms,
        "the API server's and etcd's CPU": last.server_ms / first.server_ms,
        "the operator's writes": last.writes / first.writes,
    }
    time = (last.seconds / many) / (first.seconds / few)
    listed = ", ".join(f"{what} by {factor:.2g}" for what, factor in parts.items())
    told = (
        f"From {few:,} to {many:,} models the time of an update per model changes by a factor of "
        f"{time:.2g}, {listed}"
    )
    worst = max(parts, key=lambda what: parts[what])
    if time < _BENDS:
        return f"{told}: the line is straight."
    if parts[worst] < _BENDS:
        return f"{told}: none of these bends it; the work waits for something."
    return f"{told}: it is {worst} that bends it."


def save(points: Sequence[Point]) -> None:
    """Write the numbers and the plot."""
    POINTS.write_text(json.dumps([asdict(point) for point in points], indent=2) + "\n")
    CHART.write_text(chart(points))


def saved() -> list[Point]:
    """Return what was measured last."""
    if not POINTS.exists():
        return []
    return [
        Point(
            **{
                **entry,
                "phases": {name: Measured(**of) for name, of in entry["phases"].items()},
            }
        )
        for entry in json.loads(POINTS.read_text())
    ]


def _phases(points: Sequence[Point], number: Callable[[Measured], float]) -> list[Series]:
    return [_series(name, points, name, number) for name in (DEPLOY, UPDATE)]


def _series(
    name: str, points: Sequence[Point], phase: str, number: Callable[[Measured], float]
) -> Series:
    there = [(p.models, number(p.phases[phase])) for p in points if phase in p.phases]
    return Series(name, there)


def grow(sizes: Sequence[int], patience: float = PATIENCE, idle_at: int = 0) -> dict[int, Scale]:
    """Measure, print and draw each size; the idle operator at one of them.

    Where a size is not completed in time, no larger one is tried.
    """
    runs: dict[int, Scale] = {}
    for models in sorted(sizes):
        run = scale(models, patience=patience, idle=IDLE_SECONDS if models == idle_at else 0)
        print("\n".join(lines(run)), flush=True)
        runs[models] = run
        if len(run.phases) < 2 or not run.phases[-1].complete:
            print(f"not tried: more than {models} models")
            break
    save([Point.of(run) for run in runs.values()])
    return runs


def main() -> int:
    """Measure, print, and draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--models", type=int, nargs="+", default=SIZES)
    parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds for each phase")
    options = parser.parse_args()
    grow(options.models, options.patience)
    print(sentence(saved()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
