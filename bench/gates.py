"""How often a fairness gate is right: simulated data sets with a known truth.

Counts are drawn, not rows, and then decided by the functions that the evaluator decides by:
`compare` on the groups that are large enough, a verdict on each, and Inconclusive where a group of
a Proven gate is too small.
"""

import argparse
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from bench.characteristics import (
    MULTIPLES,
    SIZES,
    Cell,
    Characteristics,
    Check,
    results,
    save,
    saved,
)
from bench.contrasted import Method, bootstrap, sidak
from bench.results import Result
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.verdict import of_gap, of_ratio, overall
from mlhops.measures import binary
from mlhops.measures.measure import Measure
from mlhops.statistics.arrays import Bools, Counts, Floats
from mlhops.statistics.inference.comparisons import compare
from mlhops.statistics.inference.contrasts import Comparison
from mlhops.statistics.inference.planning import half_width
from mlhops.statistics.inference.question import Against, Question
from mlhops.statistics.inference.rates import Trials

DATASETS = 4000
SOME = 2000
"""Data sets for what is not required but shown beside."""
FEW = 1000
"""Data sets on which other ways to intervals are tried, one of which is slow."""
ENOUGH_JUDGED = 1000
"""Coverage needs so many data sets in which a group is large enough, as far as there are any."""
_MOST = 40_000
_ROUNDING = 1e-12
PREVALENCE = 0.1
MINIMUM = 20
"""The default of minPositives and of minNegatives."""
SHARES = {
    2: (0.7, 0.3),
    5: (0.5, 0.25, 0.15, 0.07, 0.03),
    10: (0.3, 0.2, 0.12, 0.1, 0.08, 0.06, 0.05, 0.03, 0.03, 0.03),
}
FNR, FPR = binary.FALSE_NEGATIVE_RATE, binary.FALSE_POSITIVE_RATE
SELECTION = binary.SELECTION_RATE
_CASES = {FNR: PREVALENCE, FPR: 1 - PREVALENCE, SELECTION: 1.0}
_MINIMA = {FNR: MINIMUM, FPR: MINIMUM, SELECTION: 2 * MINIMUM}


@dataclass(frozen=True)
class Design:
    """A gate and the people that it is measured on; the last group is the one that may differ."""

    name: str
    metric: Measure
    shares: tuple[float, ...]
    """Of each atom."""
    members: Bools
    """Groups by atoms; the last group is the last atom."""
    base: float = 0.2
    """The rate of all others."""
    limit: float = 0.1
    comparison: Comparison = "Difference"
    against: Against = "Rest"

    @property
    def cases(self) -> float:
        """The share of rows that the metric is about."""
        return _CASES[self.metric]

    def rates(self, multiple: float) -> Floats:
        """Return the true rate of each atom where the gap is so many times the limit."""
        rates = np.full(len(self.shares), self.base)
        if self.comparison == "Difference":
            rates[-1] += multiple * self.limit
        else:
            rates[-1] *= 1 - multiple * (1 - self.limit)
        return rates

    def truth(self, multiple: float) -> tuple[Floats, Floats]:
        """Return each group's true rate, and that of those it is compared with."""
        weights = self.members * np.array(self.shares)
        rates = self.rates(multiple)
        own = weights @ rates / weights.sum(axis=1)
        if self.against == "Best":
            return own, np.full(len(own), own.min())
        return own, (np.array(self.shares) @ rates - weights @ rates) / (1 - weights.sum(axis=1))


def disjoint(name: str, metric: Measure, shares: tuple[float, ...]) -> Design:
    """Return groups that do not overlap."""
    return Design(name, metric, shares, np.eye(len(shares), dtype=bool))


def crossed(name: str) -> Design:
    """Return two sexes, three age bands, and their six intersections."""
    sex, age = (0.6, 0.4), (0.5, 0.4, 0.1)
    atoms = [(s, a) for s in range(2) for a in range(3)]
    groups = [[s == one for s, _ in atoms] for one in range(2)]
    groups += [[a == one for _, a in atoms] for one in range(3)]
    groups += [[each == one for each in atoms] for one in atoms]
    shares = tuple(sex[s] * age[a] for s, a in atoms)
    return Design(name, FNR, shares, np.array(groups, dtype=bool))


REQUIRED = [disjoint(f"FNR, {groups} groups", FNR, SHARES[groups]) for groups in SHARES]
OTHERS = [
    crossed("FNR, sex, age band and both: 11 groups that overlap"),
    replace(disjoint("FNR near zero, 5 groups", FNR, SHARES[5]), base=0.02),
    replace(disjoint("FNR against the best, 5 groups", FNR, SHARES[5]), against="Best"),
    replace(disjoint("FPR, 5 groups", FPR, SHARES[5]), base=0.1),
    replace(
        disjoint("selection rate, ratio, 5 groups", SELECTION, SHARES[5]),
        base=0.3,
        limit=0.8,
        comparison="Ratio",
    ),
]
CONTRASTED = [REQUIRED[1], *OTHERS[:2]]


@dataclass(frozen=True)
class Outcome:
    """What a gate came to on one data set."""

    phase: EvaluationPhase
    judged: bool
    """Whether any group was large enough."""
    covered: bool
    """Whether all intervals of signed gaps held the truth."""
    covered_absolute: bool
    """Whether all intervals of absolute gaps did."""


def decide(design: Design, counts: Trials, truth: tuple[Floats, Floats], seed: int) -> Outcome:
    """Decide a gate as the evaluator does, and say whether the intervals held the truth."""
    trials, rest = counts.of_groups()[1], counts.of_rest()[1]
    smallest = _MINIMA[design.metric]
    enough = (trials >= smallest) & (rest >= smallest)
    judged = np.flatnonzero(enough)
    if len(judged) == 0:
        return Outcome(EvaluationPhase.INCONCLUSIVE, False, True, True)
    found = compare(
        counts.pick(judged),
        Question(comparison=design.comparison, against=design.against, seed=[seed]),
    )
    verdict = of_gap if design.comparison == "Difference" else of_ratio
    phase = overall(verdict(gap.lower, gap.upper, design.limit, "Proven") for gap in found)
    if phase is EvaluationPhase.SUCCESSFUL and not enough.all():
        phase = EvaluationPhase.INCONCLUSIVE
    defined = np.array([gap.defined for gap in found])
    if not defined.any():
        return Outcome(phase, False, True, True)
    own, other = truth[0][judged], truth[1][judged]
    if design.against == "Best":  # of those that are judged
        other = np.full(len(own), own.min())
    if design.comparison == "Difference":
        signed, absolute = own - other, np.abs(own - other)
    else:
        signed, absolute = own / other, np.minimum(own / other, other / own)
    gaps = _within(absolute, [(gap.lower, gap.upper) for gap in found])[defined]
    # A gap to the best has no sign.
    both = [(gap.signed_lower, gap.signed_upper) for gap in found]
    held = gaps if design.against == "Best" else _within(signed, both)[defined]
    return Outcome(phase, True, bool(held.all()), bool(gaps.all()))


def _within(truth: Floats, bounds: list[tuple[float, float]]) -> Bools:
    low, high = np.array(bounds).T
    return np.asarray((low - _ROUNDING <= truth) & (truth <= high + _ROUNDING))


def draw(design: Design, rows: int, multiple: float, seed: list[int]) -> Iterator[Trials]:
    """Yield the counts of one data set after the other."""
    random = np.random.default_rng([zlib.crc32(design.name.encode()), *seed])
    rates = design.rates(multiple)
    for _ in range(_MOST):
        people = random.multinomial(rows, design.shares)
        trials = random.binomial(people, design.cases)
        yield Trials(random.binomial(trials, rates), trials, design.members)


def cell(design: Design, rows: int, multiple: float, datasets: int) -> Cell:
    """Simulate one cell: so many data sets, and more where few have a group to judge."""
    truth = design.truth(multiple)
    outcomes: list[Outcome] = []
    judged = 0
    for seed, counts in enumerate(draw(design, rows, multiple, [rows, round(10 * multiple)])):
        if seed >= datasets and (judged >= min(ENOUGH_JUDGED, datasets) or judged == 0):
            break
        outcomes.append(decide(design, counts, truth, seed))
        judged += outcomes[-1].judged
    said = [outcome.phase for outcome in outcomes]
    weights = design.members @ np.array(design.shares)
    return Cell(
        design.name,
        rows,
        multiple,
        len(outcomes),
        said.count(EvaluationPhase.SUCCESSFUL) / len(said),
        said.count(EvaluationPhase.FAILED) / len(said),
        judged,
        _share([outcome.covered for outcome in outcomes if outcome.judged]),
        _share([outcome.covered_absolute for outcome in outcomes if outcome.judged]),
        float(rows * design.cases * weights.min()),
        _planned(design, rows),
    )


def _share(held: list[bool]) -> float | None:
    return sum(held) / len(held) if held else None


def _planned(design: Design, rows: int) -> float | None:
    """Return the half-width of the widest interval of a difference that is to be expected."""
    if design.comparison != "Difference" or design.against != "Rest":
        return None
    people = np.array(design.shares) * rows * design.cases
    trials = np.maximum(np.round(people), 1).astype(np.int64)
    events: Counts = np.round(trials * design.base).astype(np.int64)
    critical = compare(Trials(events, trials, design.members), Question(seed=[0]))[0].critical
    own = design.members @ people
    base = design.base
    return max(half_width(base, base, n, people.sum() - n, critical) for n in own.tolist())


def contrast(design: Design, method: Method, rows: int, multiple: float, datasets: int) -> Check:
    """Simulate one way to intervals on the data sets of a design."""
    own, other = design.truth(multiple)
    covered = passed = failed = judged = 0
    draws = draw(design, rows, multiple, [rows, round(10 * multiple)])
    for seed, counts in zip(range(datasets), draws, strict=False):
        trials, rest = counts.of_groups()[1], counts.of_rest()[1]
        chosen = np.flatnonzero((trials >= MINIMUM) & (rest >= MINIMUM))
        if len(chosen) == 0:
            continue
        lower, upper = method(counts.pick(chosen), seed)
        gap = (own - other)[chosen]
        judged += 1
        covered += bool(((lower <= gap) & (gap <= upper)).all())
        failed += bool((np.maximum(lower, -upper) > design.limit).any())
        inside = bool((np.maximum(upper, -lower) <= design.limit).all())
        passed += inside and len(chosen) == len(trials)
    shares = covered / judged, passed / datasets, failed / datasets
    return Check(design.name, method.__name__, rows, multiple, judged, *shares)


def in_use(counts: Trials, seed: int) -> tuple[Floats, Floats]:
    """Return the intervals that the gates use."""
    found = compare(counts, Question(seed=[seed]))
    return np.array([g.signed_lower for g in found]), np.array([g.signed_upper for g in found])


def measure(datasets: int = DATASETS, some: int = SOME, few: int = FEW) -> Characteristics:
    """Simulate all cells."""
    required: list[Cell] = []
    others: list[Cell] = []
    for designs, many, cells in ((REQUIRED, datasets, required), (OTHERS, some, others)):
        for design in designs:
            for rows in SIZES:
                cells += [cell(design, rows, multiple, many) for multiple in MULTIPLES]
                print(*(line.told for line in cells[-len(MULTIPLES) :]), sep="\n", flush=True)
    checks = [
        contrast(design, method, rows, multiple, few)
        for design in CONTRASTED
        for rows in SIZES[1:]
        for multiple in (0.0, 1.0)
        for method in (in_use, sidak, bootstrap)
    ]
    return Characteristics(required, others, checks)


def gates() -> list[Result]:
    """Simulate all cells, keep them, and return the worst of each kind."""
    found = measure()
    save(found)
    return results(found)


def main() -> int:
    """Simulate fewer data sets, or all, and print them."""
    parser = argparse.ArgumentParser(prog="python -m bench.gates", description=__doc__)
    parser.add_argument("--datasets", type=int, default=DATASETS, help="in each cell")
    parser.add_argument("--page", action="store_true", help="only write the page again")
    options = parser.parse_args()
    kept = saved()
    if options.page and kept is not None:
        save(kept)
        return 0
    found = measure(options.datasets, options.datasets, options.datasets)
    for result in results(found):
        print(f"{result.name}: {result.value:g} ({result.note})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
