"""Operating characteristics of the gates: what is kept, required, and shown of them."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.results import Result

FOLDER = Path(__file__).parent
FILE = FOLDER / "gates.json"
PAGE = FOLDER.parent / "docs" / "gates-operating-characteristics.md"
SIZES = (500, 2_000, 10_000, 50_000)
MULTIPLES = (0.0, 0.5, 1.0, 1.5, 2.0)
LIMIT = 0.1
LARGE = 100
"""Positives in every group from which intervals must not be too wide either."""


@dataclass(frozen=True)
class Cell:
    """What a gate comes to in one design, at one size and one true gap."""

    design: str
    rows: int
    multiple: float
    """The true gap over the limit."""
    datasets: int
    passed: float
    failed: float
    judged: int
    """Data sets in which some group was large enough to be judged."""
    coverage: float | None
    """Share of these in which all intervals held the true (signed) gaps."""
    coverage_absolute: float | None
    """The same of the intervals of absolute gaps, which are cut at zero."""
    smallest: float
    """Expected cases of the smallest group."""
    planned: float | None
    """Expected half-width of the widest interval."""

    @property
    def told(self) -> str:
        """The cell in a line."""
        return (
            f"{self.design}: n={self.rows} gap={self.multiple:g}x pass={self.passed:.3f} "
            f"fail={self.failed:.3f} coverage={_percent(self.coverage)} "
            f"absolute={_percent(self.coverage_absolute)} judged={self.judged}/{self.datasets}"
        )


@dataclass(frozen=True)
class Check:
    """One way to intervals on the data of one cell."""

    design: str
    method: str
    rows: int
    multiple: float
    judged: int
    coverage: float
    passed: float
    failed: float


@dataclass(frozen=True)
class Characteristics:
    """All that was simulated."""

    required: list[Cell]
    others: list[Cell]
    checks: list[Check]


def save(found: Characteristics) -> None:
    """Keep the numbers, and write the page."""
    FILE.write_text(json.dumps(asdict(found), indent=1) + "\n")
    PAGE.write_text(page(found))


def saved() -> Characteristics | None:
    """Return what was simulated last."""
    if not FILE.exists():
        return None
    kept = json.loads(FILE.read_text())
    return Characteristics(
        [Cell(**cell) for cell in kept["required"]],
        [Cell(**cell) for cell in kept["others"]],
        [Check(**check) for check in kept["checks"]],
    )


def results(found: Characteristics) -> list[Result]:
    """Return the worst of each kind, over the required cells and over the others."""
    kinds = (("", found.required), (", other designs", found.others))
    return [result for name, cells in kinds for result in worst_of(name, cells)]


def worst_of(name: str, cells: Sequence[Cell]) -> list[Result]:
    """Return the worst of each kind over some cells; the name says of which."""
    large = [cell for cell in cells if cell.smallest >= LARGE]
    sharp = [
        cell
        for cell in cells
        if cell.multiple == 0 and cell.planned is not None and cell.planned <= LIMIT / 2
    ]
    found = [
        _extreme(
            f"highest P(Fail) with a gap up to the limit{name}",
            [cell for cell in cells if cell.multiple <= 1],
            lambda cell: cell.failed,
            most=5,
        ),
        _extreme(
            f"highest P(Pass) with a gap at or over the limit{name}",
            [cell for cell in cells if cell.multiple >= 1],
            lambda cell: cell.passed,
            most=5,
        ),
        _extreme(f"lowest simultaneous coverage{name}", cells, lambda c: c.coverage, least=93),
        _extreme(
            f"highest simultaneous coverage with {LARGE} cases in each group{name}",
            large,
            lambda cell: cell.coverage,
            most=98,
        ),
    ]
    if large:
        tight = f"highest coverage of absolute gaps with {LARGE} cases in each group{name}"
        found.append(_extreme(tight, large, lambda cell: cell.coverage_absolute))
    if sharp:
        found.append(
            _extreme(
                f"lowest P(Pass) without a gap where the data are enough{name}",
                sharp,
                lambda cell: cell.passed,
                least=90,
            )
        )
    return found


def _extreme(
    name: str,
    cells: Sequence[Cell],
    of: Callable[[Cell], float | None],
    most: float | None = None,
    least: float | None = None,
) -> Result:
    values = [(value, cell) for cell in cells if (value := of(cell)) is not None]
    if not values:
        return Result(name, math.nan, "%", least if most is None else most)
    pick = max if least is None else min
    value, cell = pick(values, key=lambda pair: pair[0])
    where = f"{cell.design}, {cell.rows:,} rows, a gap of {cell.multiple:g} times the limit"
    if least is not None:
        return Result(name, round(100 * value, 2), "%", least, "higher", where)
    return Result(name, round(100 * value, 2), "%", most, "lower", where)


def table(cells: Sequence[Cell]) -> list[str]:
    """Return one line for each design and size, with Pass / Fail / Inconclusive for each gap."""
    gaps = " | ".join(_gap(multiple) for multiple in MULTIPLES)
    lines = [
        f"| Design | Rows | Smallest group | {gaps} | Coverage |",
        f"| --- | ---: | ---: |{' ---: |' * len(MULTIPLES)} ---: |",
    ]
    for design in dict.fromkeys(cell.design for cell in cells):
        for rows in SIZES:
            line = [cell for cell in cells if (cell.design, cell.rows) == (design, rows)]
            held = [cell.coverage for cell in line if cell.coverage is not None]
            span = f"{_percent(min(held))} to {_percent(max(held))}" if held else "none is judged"
            lines.append(
                f"| {design} | {rows:,} | {line[0].smallest:,.0f} | "
                + " | ".join(_outcome(cell) for cell in line)
                + f" | {span} |"
            )
    return lines


def _gap(multiple: float) -> str:
    words = {0.0: "no gap", 0.5: "half the limit", 1.0: "at the limit"}
    return words.get(multiple, f"{multiple:g} times the limit")


def _outcome(cell: Cell) -> str:
    rest = max(1 - cell.passed - cell.failed, 0.0)
    return f"{_percent(cell.passed)} / {_percent(cell.failed)} / {_percent(rest)}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def page(found: Characteristics) -> str:
    """Return the page of documentation, as Markdown."""
    worst = [f"| {r.name} | {r.value:g} % | {_target(r)} | {r.note} |" for r in results(found)]
    return "\n".join(
        (
            "# Operating characteristics of the gates",
            "",
            'Written by `make bench ARGS="--only gates"`. Not edited by hand.',
            "",
            _HOW.strip(),
            "",
            "## What is required",
            "",
            "| What | Worst | Required | Met | Where |",
            "| --- | ---: | ---: | --- | --- |",
            *worst,
            "",
            _READ.strip(),
            "",
            "## Pass / Fail / Inconclusive, in percent",
            "",
            *table(found.required),
            "",
            "## Other designs",
            "",
            _OTHERS.strip(),
            "",
            *table(found.others),
            "",
            "## Why these intervals",
            "",
            _WHY.strip(),
            "",
            *_contrasts(found.checks),
            "",
        )
    )


def _target(result: Result) -> str:
    if result.target is None:
        return "none | "
    sign = "≤" if result.better == "lower" else "≥"
    return f"{sign} {result.target:g} % | {'yes' if result.met else 'no'}"


def _contrasts(checks: Sequence[Check]) -> list[str]:
    lines = [
        f"| Design | Rows | True gap | {' | '.join(_METHODS.values())} |",
        f"| --- | ---: | --- |{' ---: |' * len(_METHODS)}",
    ]
    for cell in dict.fromkeys((check.design, check.rows, check.multiple) for check in checks):
        here = {c.method: c for c in checks if (c.design, c.rows, c.multiple) == cell}
        told = [
            f"{_percent(c.coverage)} / {_percent(c.passed)} / {_percent(c.failed)}"
            for c in (here[method] for method in _METHODS)
        ]
        lines.append(f"| {cell[0]} | {cell[1]:,} | {_gap(cell[2])} | {' | '.join(told)} |")
    return lines


_HOW = """
How often is a Fairness gate right? Data sets are simulated whose truth is known, and decided as the
evaluator decides them: by the same functions, at the default assurance (`Proven`), confidence (0.95)
and `minPositives` (20). 10 % of the rows are positive. All groups but the last have a false negative
rate of 20 %; the last and smallest has one that differs from everybody else's by so many times the
limit of 0.10. The shares of the groups are 70 and 30 %; 50, 25, 15, 7 and 3 %; and 30 down to three
times 3 %.

- **Pass**: the whole interval of every group's gap lies within the limit, and no group is too small.
- **Fail**: the whole interval of some group's gap lies beyond the limit.
- **Inconclusive**: neither. More data would decide; the verdict says how much.
"""
_READ = """
**Coverage** is the share of data sets in which the intervals of all groups that are large enough to
be judged hold the true (signed) gaps at once; more data sets are drawn until there are enough with
such a group. A gate holds the absolute gap against its limit, and the interval of an absolute value
cannot reach below zero. So where the true gap is small but not zero it holds the truth somewhat more
often (the JSON has both), which errs on the side of caution only.

A gate does not guess. With few positives it is Inconclusive whatever the truth: the numbers of
positives in the smallest group, not the number of rows, say how much can be known.
"""
_OTHERS = """
In *11 groups that overlap* the sexes are 60 and 40 % of the people, the age bands 50, 40 and 10 %, and the
group that differs is one sex in the oldest band. *Near zero* all others have a rate of 2 %. *Against
the best* compares with the group that has the lowest estimate. False positive rates start from 10 %,
selection rates from 30 %; the ratio must be at least 0.8 (the four-fifths rule), and *half the limit*
is a ratio of 0.9, *1.5 times* 0.7, *twice* 0.6.
"""
_WHY = """
The gates join Wilson's limits of the two rates, at the critical value of the largest |t| over all groups,
which comes from a multiplier bootstrap of the confusion cells. Two others were tried on the same data
sets: Newcombe's interval at Šidák's level, which takes the groups for independent, and a multinomial
bootstrap of the confusion cells with studentised, symmetric intervals. Šidák's level is wider than need
be where groups overlap. The bootstrap has nothing to draw from where hardly an event was seen: near zero
its intervals are too narrow or have no end. So there is no number of events at which one would have to
hand over to another. Coverage / Pass / Fail, in percent:
"""
_METHODS = {"in_use": "in use", "sidak": "Šidák", "bootstrap": "multinomial bootstrap"}
