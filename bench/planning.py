"""How often a gate is decided with as many more cases as the evaluator said would decide it.

Each design is a data set that leaves a gate open. The evaluator judges it and says what it lacks; people
are then drawn, with replacement, from those who were seen, group by group, as many as it asked for, and
judged anew. So the truth is what was seen, and nothing of the planner's own arithmetic checks it.
"""

import argparse
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from bench.results import Result
from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec
from mlhops.api.gate import Gate
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Cohorts, Levels, cohorts
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.evaluator.verdict import fairness, noninferiority
from mlhops.evaluator.verdict.fairness import Fairness
from mlhops.evaluator.verdict.judge import judge, judgement
from mlhops.evaluator.verdict.noninferiority import Inferiority
from mlhops.evaluator.verdict.performance import Performance
from mlhops.evaluator.verdict.sentences import round_up
from mlhops.measures.measure import MEASURES
from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.tasks import binary

RUNS = 300
LEAST, MOST = 75.0, 90.0
"""Percent of the planned data sets that must decide; 80 is what is promised."""

Cells = Mapping[str, tuple[int, int, int, int]]
"""By the values of all attributes: missed, found, false alarms, rightly left alone."""


@dataclass(frozen=True)
class Data:
    """People and what one or two models say of them."""

    levels: dict[str, Levels]
    label: Bools
    score: Floats
    stable: Floats | None = None
    threshold: float = 0.5
    scored: bool = False
    """Whether the scores are more than classes."""

    @property
    def called(self) -> Bools:
        """Whom the candidate calls positive."""
        return self.score >= self.threshold

    def pick(self, rows: Indices) -> "Data":
        """Return some of the people, some of them several times."""
        levels = {n: Levels(each.codes[rows], each.values) for n, each in self.levels.items()}
        stable = None if self.stable is None else self.stable[rows]
        return Data(levels, self.label[rows], self.score[rows], stable, self.threshold, self.scored)

    def told(self) -> tuple[LabelledRows, Measured]:
        """Return what the judge takes."""
        people = LabelledRows(self.label, frozenset({"0", "1"}), self.levels)
        stable = None if self.stable is None else self._answers(self.stable)
        return people, Measured(self._answers(self.score), stable)

    def _answers(self, score: Floats) -> Predictions:
        return Predictions(score >= self.threshold, score if self.scored else None)


@dataclass(frozen=True)
class Design:
    """A gate and the data that leave it open."""

    name: str
    gate: Manifest
    data: Data
    source: Callable[[int, Mapping[str, int]], Data] | None = None
    """Where more people come from, by a seed and how many of each group; else from those who were seen.

    Measures that see noise among the few who were seen as truth among many of them need it."""


@dataclass(frozen=True)
class Outcome:
    """What a plan came to."""

    name: str
    told: str
    decided: float
    """Percent of data sets of the planned size; NaN where there is no plan."""
    before: float
    """Percent of data sets of the size that there was."""


def cells(counts: Cells, names: tuple[str, ...] = ("group",)) -> Data:
    """Return people with so many cases of each kind."""
    values = [sorted({key.split(",")[i] for key in counts}) for i in range(len(names))]
    kinds = np.array([(1, 0), (1, 1), (0, 1), (0, 0)])
    rows = [
        (*[values[i].index(part) for i, part in enumerate(key.split(","))], *kinds[kind])
        for key, numbers in counts.items()
        for kind, number in enumerate(numbers)
        for _ in range(number)
    ]
    table = np.array(rows, dtype=np.intp)
    levels = {name: Levels(table[:, i], values[i]) for i, name in enumerate(names)}
    return Data(levels, table[:, -2].astype(bool), table[:, -1].astype(np.float64))


def missed(**rates: tuple[int, float]) -> Data:
    """Return groups with so many positives, of which so large a share is missed."""
    found = {}
    for name, (number, rate) in rates.items():
        miss = round(number * rate)
        found[name] = (miss, number - miss, number // 5, 3 * number)
    return cells(found)


def ward(
    sizes: Mapping[str, int],
    apart: Mapping[str, float],
    seed: int,
    candidate: float = 1.2,
    stable: float | None = None,
    shift: Mapping[str, float] | None = None,
) -> Data:
    """Return people of whom the models know their risk through noise.

    Args:
        sizes: rows of each group.
        apart: how far the classes lie apart in each group, for both models.
        seed: of the draws.
        candidate: how much of that the candidate sees.
        stable: how much of it stable sees, None for no stable.
        shift: by how much the candidate's log odds are off.
    """
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    label = random.random(len(codes)) < 0.3
    signal = np.array([apart[name] for name in sizes])[codes] * (label - 0.5)
    common = random.normal(size=len(codes))

    def answers(sees: float) -> Floats:
        noise = 0.9 * common + np.sqrt(1 - 0.81) * random.normal(size=len(codes))
        odds = np.log(0.3 / 0.7) + sees * (signal + noise) * np.mean(list(apart.values()))
        off = np.array([(shift or {}).get(name, 0.0) for name in sizes])[codes]
        return np.asarray(1 / (1 + np.exp(-(odds + off))))

    levels = {"group": Levels(codes.astype(np.intp), list(sizes))}
    other = None if stable is None else answers(stable)
    return Data(levels, label, answers(candidate), other, 0.3, scored=True)


def risks(seed: int, sizes: Mapping[str, int], off: Mapping[str, float]) -> Data:
    """Return people with risks of their own, and a model that tells those of some groups wrong."""
    random = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(sizes)), list(sizes.values()))
    odds = random.normal(-0.8, 1.3, len(codes))
    label = random.random(len(codes)) < 1 / (1 + np.exp(-odds))
    wrong = np.array([off.get(name, 0.0) for name in sizes])[codes]
    levels = {"group": Levels(codes.astype(np.intp), list(sizes))}
    return Data(levels, label, 1 / (1 + np.exp(-odds - wrong)), None, 0.3, scored=True)


def off_by(shift: float) -> Callable[[int, Mapping[str, int]], Data]:
    """Return where people come from of whom the model tells those of B wrong."""
    return lambda seed, sizes: risks(seed, sizes, {"B": shift})


def fair(limit: float, metric: str = "FalseNegativeRate", **more: Json) -> Manifest:
    """Return a fairness gate."""
    across: Manifest = {"groups": ["group"]}
    gate: Manifest = {"name": "planned", "type": "Fairness", "metric": metric, "across": across}
    return {**gate, "limit": limit, **more}


def good(metric: str, **more: Json) -> Manifest:
    """Return a performance gate."""
    return {"name": "planned", "type": "Performance", "metric": metric, **more}


CROSSED: Manifest = {"groups": ["sex", "race"], "intersections": [["sex", "race"]]}
PAIRED: Manifest = {"nonInferiority": {"margin": 0.05}, "across": {"groups": ["group"]}}
TWO = {"A": 900, "B": 300}


def designs() -> list[Design]:
    """Return all designs."""
    pairs = {
        "2 groups, 25 and 169 positives": (0.15, missed(a=(25, 0.16), b=(169, 0.272))),
        "2 groups, rare misses": (0.15, missed(a=(25, 0.04), b=(120, 0.12))),
        "2 groups, 24 and 200": (0.15, missed(a=(24, 0.08), b=(200, 0.20))),
        "2 groups, half missed": (0.15, missed(a=(30, 0.5), b=(200, 0.58))),
        "2 groups, nearly all missed": (0.15, missed(a=(25, 0.96), b=(90, 0.88))),
        "2 groups, none missed in one": (0.15, missed(a=(22, 0.0), b=(80, 0.10))),
        "2 groups, 35 % and 10 %: surely beyond": (0.15, missed(a=(60, 0.35), b=(120, 0.10))),
        "2 groups, small limit": (0.05, missed(a=(150, 0.12), b=(600, 0.10))),
        "5 groups": (
            0.15,
            missed(a=(250, 0.2), b=(125, 0.22), c=(75, 0.2), d=(35, 0.23), e=(25, 0.2)),
        ),
        "5 groups, two too small to be judged": (
            0.15,
            missed(a=(250, 0.2), b=(125, 0.22), c=(75, 0.2), d=(14, 0.21), e=(11, 0.18)),
        ),
        "10 groups": (
            0.2,
            missed(**{f"g{i}": (200 - 18 * i, 0.2 + 0.01 * (i % 3)) for i in range(10)}),
        ),
        "5 groups, one beyond": (
            0.1,
            missed(a=(250, 0.2), b=(125, 0.2), c=(75, 0.2), d=(60, 0.38), e=(45, 0.2)),
        ),
    }
    found = [Design(f"FNR, {name}", fair(limit), data) for name, (limit, data) in pairs.items()]
    crossed = cells(
        {
            "0,0": (26, 81, 30, 500),
            "0,1": (1, 13, 5, 60),
            "1,0": (20, 42, 25, 300),
            "1,1": (3, 8, 4, 50),
        },
        ("sex", "race"),
    )
    alone: Manifest = {"groups": ["sex", "race"]}
    found += [
        Design("FNR, sex, race and both, two too small", fair(0.15, across=CROSSED), crossed),
        Design("FNR, sex and race that overlap", fair(0.15, across=alone), crossed),
        Design(
            "FNR against a reference, 4 groups",
            fair(0.15, against="Reference", reference=[{"group": "group", "value": "a"}]),
            missed(a=(200, 0.2), b=(90, 0.22), c=(60, 0.2), d=(40, 0.18)),
        ),
        Design(
            "FNR against the best, 4 groups",
            fair(0.2, against="Best"),
            missed(a=(200, 0.2), b=(90, 0.22), c=(60, 0.2), d=(40, 0.18)),
        ),
        Design(
            "FPR, 3 groups",
            fair(0.05, "FalsePositiveRate"),
            cells({"a": (20, 80, 60, 540), "b": (20, 60, 22, 200), "c": (10, 40, 8, 90)}),
        ),
        Design(
            "TPR, ratio, 3 groups",
            fair(0.8, "TruePositiveRate", comparison="Ratio"),
            cells({"a": (60, 240, 50, 500), "b": (24, 86, 20, 200), "c": (13, 37, 10, 100)}),
        ),
        Design(
            "selection rate, ratio, 3 groups",
            fair(0.8, "SelectionRate", comparison="Ratio"),
            cells({"a": (30, 120, 180, 670), "b": (10, 50, 65, 225), "c": (6, 24, 22, 98)}),
        ),
        Design(
            "selection rate, ratio, beyond the four fifths",
            fair(0.8, "SelectionRate", comparison="Ratio"),
            cells({"a": (30, 120, 180, 670), "b": (15, 40, 25, 140)}),
        ),
        Design(
            "positive predictive value, 3 groups",
            fair(0.15, "PositivePredictiveValue"),
            cells({"a": (30, 150, 100, 700), "b": (20, 50, 30, 200), "c": (9, 25, 20, 120)}),
        ),
        Design(
            "equalized odds, 3 groups",
            fair(0.15, "EqualizedOdds"),
            cells({"a": (50, 200, 60, 700), "b": (22, 80, 30, 280), "c": (10, 40, 14, 120)}),
        ),
        Design(
            "AUROC, 2 groups",
            fair(0.08, "AUROC"),
            ward(TWO, {"A": 1.5, "B": 1.4}, 1),
        ),
        Design(
            "AUROC, 4 groups",
            fair(0.09, "AUROC"),
            ward({"A": 900, "B": 400, "C": 250, "D": 120}, dict.fromkeys("ABCD", 1.5), 3),
        ),
    ]
    one = {"a": (30, 150, 130, 690)}
    found += [
        Design("sensitivity", good("Sensitivity", limit=0.8), cells(one)),
        Design("sensitivity, below", good("Sensitivity", limit=0.87), cells(one)),
        Design("specificity", good("Specificity", limit=0.825), cells(one)),
        Design("PPV, few", good("PPV", limit=0.45), cells({"a": (4, 30, 24, 90)})),
        Design("AUROC", good("AUROC", limit=0.83), ward(TWO, {"A": 1.5, "B": 1.4}, 1)),
        Design("AUPRC", good("AUPRC", limit=0.64), off_by(0.0)(1, TWO), off_by(0.0)),
        Design("Brier", good("Brier", limit=0.15), ward(TWO, {"A": 1.5, "B": 1.4}, 1)),
        Design(
            "no worse by sensitivity, 3 groups",
            good("Sensitivity", **PAIRED),
            ward({"A": 900, "B": 400, "C": 150}, dict.fromkeys("ABC", 1.5), 5, stable=1.2),
        ),
        Design(
            "no worse by AUROC, 3 groups",
            good("AUROC", nonInferiority={"margin": 0.04}, across={"groups": ["group"]}),
            ward({"A": 900, "B": 400, "C": 150}, dict.fromkeys("ABC", 1.5), 5, stable=1.2),
        ),
        Design(
            "no worse by Brier score, 2 groups",
            good("Brier", nonInferiority={"margin": 0.02}, across={"groups": ["group"]}),
            ward({"A": 500, "B": 120}, dict.fromkeys("AB", 1.5), 7, stable=1.2),
        ),
        Design(
            "no worse by sensitivity, and at least 72 %",
            good(
                "Sensitivity",
                limit=0.72,
                nonInferiority={"margin": 0.08},
                across={"groups": ["group"]},
            ),
            ward({"A": 900, "B": 400}, dict.fromkeys("AB", 1.5), 6, stable=1.2),
        ),
    ]
    return found


def spec_of(design: Design) -> EvaluationSpec:
    """Return the spec of an Evaluation with the design's gate."""
    data = design.data
    groups = [{"name": name, "column": name} for name in data.levels]
    stable = {"revision": "bcdfg", "version": "1.0.0", "endpoint": "http://stable"}
    return EvaluationSpec.model_validate(
        {
            "model": "planned",
            "revision": "qpcpm",
            "version": "2.0.0",
            "gatesHash": "0" * 64,
            "endpoint": "http://candidate",
            "interface": {
                "features": [{"name": "x", "dtype": "float64"}],
                "output": {"type": "Probability", "threshold": data.threshold},
                "groups": groups,
            },
            "data": {"uri": "file:///data.parquet", "labelColumn": "y"},
            "gates": [design.gate],
            "seed": 1,
            **({"stable": stable} if data.stable is not None else {}),
        }
    )


def outcome(design: Design, runs: int = RUNS) -> Outcome:
    """Return how often the design's gate is decided, as it is and as planned."""
    spec = spec_of(design)
    found = judgement(spec, *design.data.told())
    (result,) = found.gates
    if result.phase is not EvaluationPhase.INCONCLUSIVE:
        raise ValueError(f"{design.name} is decided already: {result.message}")
    said = result.message.rpartition("cannot tell: ")[2]
    before = _decided(design, spec, None, runs)
    grown = _grown(design, found.findings[0])
    after = float("nan") if grown is None else _decided(design, spec, grown, runs)
    return Outcome(design.name, said, after, before)


def _decided(design: Design, spec: EvaluationSpec, grown: Floats | None, runs: int) -> float:
    """Return in how many percent of data sets a gate is decided that has so many times the cases."""
    who, cases = _who(design), _cases(design)
    random = np.random.default_rng(zlib.crc32(design.name.encode()))
    decided = 0
    with (
        patch.object(fairness, "fairness_plan", return_value=None),
        patch.object(noninferiority, "inferiority_plan", return_value=None),
    ):
        for seed in range(runs):
            people, measured = _people(design, who, cases, grown, random).told()
            seeded = spec.model_copy(update={"seed": seed})
            (result,) = judge(seeded, people, measured)
            decided += result.phase in (EvaluationPhase.SUCCESSFUL, EvaluationPhase.FAILED)
    return round(100 * decided / runs, 1)


def _people(
    design: Design, who: Cohorts, cases: Bools, grown: Floats | None, random: np.random.Generator
) -> Data:
    """Return other people, in each atom so many times as many."""
    times = np.ones(who.members.shape[1]) if grown is None else grown
    if design.source is not None:
        sizes = np.round(np.bincount(who.atom) * times).astype(int).tolist()
        (groups,) = design.data.levels.values()
        return design.source(
            int(random.integers(2**31)), dict(zip(groups.values, sizes, strict=True))
        )
    rows = []
    for atom, many in enumerate(times.tolist()):
        for kind in (cases, ~cases):
            of = np.flatnonzero((who.atom == atom) & kind)
            rows.append(random.choice(of, round(len(of) * many)) if len(of) else of)
    return design.data.pick(np.concatenate(rows))


def _gate(design: Design) -> Gate:
    return spec_of(design).gates[0]


def _who(design: Design) -> Cohorts:
    across = _gate(design).across
    named = [(name,) for name in design.data.levels]
    return cohorts(design.data.levels, named if across is None else across.divisions)


def _cases(design: Design) -> Bools:
    """Return who is a case that the plan is about, all of whom are drawn by themselves."""
    cells = binary.Cells(design.data.label, design.data.called)
    return cells.of(MEASURES[_gate(design).metric].cases)


def _grown(design: Design, finding: object) -> Floats | None:
    """Return how many times each atom grows where people do as they are told."""
    who, cases = _who(design), _cases(design)
    now = np.bincount(who.atom[cases], minlength=who.members.shape[1]).astype(np.float64)
    whole = None
    if isinstance(finding, Performance):
        paired = finding.inferiority
        if finding.bounded is not None and finding.bounded.needed is not None:
            whole = finding.bounded.needed.more
        finding = paired
    plan = finding.plan if isinstance(finding, Fairness | Inferiority) else None
    then = now.copy()
    if plan is not None:
        if len(plan.more) > 0:
            then = _fitted(now, who.members, [round_up(more) if more else 0 for more in plan.more])
        else:
            then = now * (1 + round_up(plan.total) / now.sum())
    elif whole is None:
        return None
    if whole is not None:
        then = then * max(1.0, (now.sum() + whole) / then.sum())
    return then / np.maximum(now, 1)


def _fitted(now: Floats, members: Bools, more: list[int]) -> Floats:
    """Return sizes of atoms so that every group has grown as asked, by proportional fitting."""
    then, wanted = now.copy(), members @ now + np.array(more)
    for _ in range(500):
        for group, size in zip(members, wanted, strict=True):
            then[group] *= size / max(then[group].sum(), 1e-9)
    return np.maximum(then, now)


def planning(runs: int = RUNS) -> list[Result]:
    """Return of every design how often the planned sizes decide, and the worst of them."""
    results = []
    for design in designs():
        found = outcome(design, runs)
        print(f"{found.decided:5.1f} % (before {found.before:.1f} %)  {design.name}: {found.told}")
        sys.stdout.flush()
        results.append(Result(f"Decided as planned: {found.name}", found.decided, "%"))
    shares = [each.value for each in results]
    return [
        *results,
        Result(
            "Decided as planned, of the design that is least often",
            min(shares),
            "%",
            LEAST,
            "higher",
        ),
        Result("Decided as planned, of the design that is most often", max(shares), "%", MOST),
    ]


def main() -> int:
    """Simulate some designs and print them."""
    parser = argparse.ArgumentParser(prog="python -m bench.planning", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--design", default="", help="part of the name")
    options = parser.parse_args()
    for design in designs():
        if options.design in design.name:
            found = outcome(design, options.runs)
            print(
                f"{found.decided:5.1f} % ({found.before:.1f} %) {design.name}: {found.told}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
