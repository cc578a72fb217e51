"""How often a gate on numbers or on several classes is right: simulated data sets with a known truth.

Rows are drawn: outcomes that are skewed, as stays in hospital and laboratory values are, and errors that are normal
in all groups but wider, or shifted, in the last and smallest by so much that the true gap is so many times the limit.
Of three classes the model finds the same share in all groups but the last. They are decided by the functions that the
evaluator decides by.
"""

import argparse
import math
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.characteristics import MULTIPLES, Cell, worst_of
from bench.results import Result
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.verdict import of_gap, of_ratio, overall
from mlhops.measures import multiclass, regression
from mlhops.measures.measure import Measure
from mlhops.statistics.arrays import Floats, Indices
from mlhops.statistics.inference import performance
from mlhops.statistics.inference.contrasts import Comparison
from mlhops.statistics.inference.multiclass import ClassAnswers
from mlhops.statistics.inference.numeric import NumericAnswers
from mlhops.statistics.inference.question import Question

DATASETS = 1000
SIZES = (500, 2_000, 10_000)
MINIMUM = 40
"""The default of minRows."""
SHARES = (0.5, 0.25, 0.15, 0.07, 0.03)
_SPREAD = 4.0
"""Standard deviation of errors in all groups but the last."""
_ROUNDING = 1e-12
_PREVALENCE = (0.2, 0.3, 0.5)
"""Of three classes."""
_FOUND = 0.8
"""Which share of each class the model finds in all groups but the last."""


def _dice(name: str, rows: int, multiple: float, seed: int) -> np.random.Generator:
    """Return what draws a data set of a design: the same for the same cell and seed."""
    return np.random.default_rng([zlib.crc32(name.encode()), rows, round(10 * multiple), seed])


@dataclass(frozen=True)
class NumericDesign:
    """A gate on predicted numbers of five groups; the last is the one that may differ."""

    name: str
    metric: Measure
    limit: float
    comparison: Comparison = "Difference"

    def draw(self, rows: int, multiple: float, seed: int) -> tuple[NumericAnswers, Indices]:
        """Return answers with outcomes, and the group of each row."""
        random = _dice(self.name, rows, multiple, seed)
        group = random.choice(len(SHARES), rows, p=SHARES)
        label = random.gamma(2.0, 5.0, rows)
        scale, shift = self._last(multiple)
        last = group == len(SHARES) - 1
        error = random.normal(0, _SPREAD, rows) * np.where(last, scale, 1.0) + shift * last
        return NumericAnswers(label, label + error), group

    def _last(self, multiple: float) -> tuple[float, float]:
        """Return by how much errors in the last group are wider, and by how much they are shifted."""
        away = multiple * self.limit
        if self.metric is regression.BIAS:
            # Everybody else has none.
            return 1.0, away
        if self.comparison == "Ratio":
            return 1 / (1 - multiple * (1 - self.limit)), 0.0
        mean = _SPREAD * math.sqrt(2 / math.pi)
        return 1 + away / mean, 0.0

    def truth(self, multiple: float) -> tuple[Floats, Floats]:
        """Return the measure of each group, and of everybody outside it."""
        scale, shift = self._last(multiple)
        last = len(SHARES) - 1
        shares = np.array(SHARES)
        if self.metric is regression.BIAS:
            power, own = 1.0, np.where(np.arange(len(SHARES)) == last, shift, 0.0)
        elif self.metric is regression.MAE:
            sizes = np.where(np.arange(len(SHARES)) == last, scale, 1.0)
            power, own = 1.0, _SPREAD * math.sqrt(2 / math.pi) * sizes
        else:
            power, own = 2.0, _SPREAD * np.where(np.arange(len(SHARES)) == last, scale, 1.0)
        rest = ((shares @ own**power - shares * own**power) / (1 - shares)) ** (1 / power)
        return own, rest


@dataclass(frozen=True)
class ClassDesign:
    """A gate on three classes in five groups; the last is the one that may differ."""

    name: str
    metric: Measure
    limit: float
    comparison: Comparison = "Difference"

    def draw(self, rows: int, multiple: float, seed: int) -> tuple[ClassAnswers, Indices]:
        """Return answers with outcomes, and the group of each row."""
        random = _dice(self.name, rows, multiple, seed)
        group = random.choice(len(SHARES), rows, p=SHARES)
        label = random.choice(len(_PREVALENCE), rows, p=_PREVALENCE).astype(np.intp)
        found = random.random(rows) < self._own(multiple)[group]
        other = (label + random.integers(1, len(_PREVALENCE), rows)) % len(_PREVALENCE)
        chosen = np.where(found, label, other).astype(np.intp)
        return ClassAnswers(label, chosen, None, len(_PREVALENCE)), group

    def _own(self, multiple: float) -> Floats:
        """Return the share that the model finds of each class in each group."""
        last = np.arange(len(SHARES)) == len(SHARES) - 1
        return np.where(last, _FOUND - multiple * self.limit, _FOUND)

    def truth(self, multiple: float) -> tuple[Floats, Floats]:
        """Return the measure of each group, and of everybody outside it."""
        own, shares = self._own(multiple), np.array(SHARES)
        return own, (shares @ own - shares * own) / (1 - shares)


DESIGNS: list[NumericDesign | ClassDesign] = [
    NumericDesign("MAE, 5 groups", regression.MAE, 1.0),
    NumericDesign("RMSE, ratio, 5 groups", regression.RMSE, 0.8, "Ratio"),
    NumericDesign("bias, 5 groups", regression.BIAS, 1.0),
    ClassDesign("balanced accuracy, 5 groups", multiclass.BALANCED_ACCURACY, 0.1),
]


@dataclass(frozen=True)
class _Decided:
    phase: EvaluationPhase
    judged: bool
    covered: bool
    covered_absolute: bool


def _decide(design: NumericDesign | ClassDesign, rows: int, multiple: float, seed: int) -> _Decided:
    """Decide a gate as the evaluator does, and say whether the intervals held the truth."""
    answers, group = design.draw(rows, multiple, seed)
    sizes = np.bincount(group, minlength=len(SHARES))
    judged = np.flatnonzero((sizes >= MINIMUM) & (rows - sizes >= MINIMUM))
    if len(judged) == 0:
        return _Decided(EvaluationPhase.INCONCLUSIVE, False, True, True)
    members = np.eye(len(SHARES), dtype=bool)[judged]
    question = Question([seed], design.comparison, largest=design.metric.largest)
    found = performance.gaps(design.metric, answers, group, members, question)
    verdict = of_gap if design.comparison == "Difference" else of_ratio
    phase = overall(verdict(gap.lower, gap.upper, design.limit, "Proven") for gap in found)
    if phase is EvaluationPhase.SUCCESSFUL and len(judged) < len(SHARES):
        phase = EvaluationPhase.INCONCLUSIVE
    defined = [i for i, gap in enumerate(found) if gap.defined]
    if not defined:
        return _Decided(phase, False, True, True)
    found = [found[i] for i in defined]
    own, rest = (each[judged[defined]] for each in design.truth(multiple))
    signed = own - rest if design.comparison == "Difference" else own / rest
    size = np.abs(signed) if design.comparison == "Difference" else np.minimum(signed, 1 / signed)
    held = [
        gap.signed_lower - _ROUNDING <= true <= gap.signed_upper + _ROUNDING
        for gap, true in zip(found, signed.tolist(), strict=True)
    ]
    absolute = [
        gap.lower - _ROUNDING <= true <= gap.upper + _ROUNDING
        for gap, true in zip(found, size.tolist(), strict=True)
    ]
    return _Decided(phase, True, all(held), all(absolute))


def cells(datasets: int = DATASETS) -> Iterator[Cell]:
    """Yield what the gates come to in each design, at each size and true gap."""
    for design in DESIGNS:
        for rows in SIZES:
            for multiple in MULTIPLES:
                found = [_decide(design, rows, multiple, seed) for seed in range(datasets)]
                said = [each.phase for each in found]
                seen = [each for each in found if each.judged]
                yield Cell(
                    design.name,
                    rows,
                    multiple,
                    datasets,
                    said.count(EvaluationPhase.SUCCESSFUL) / datasets,
                    said.count(EvaluationPhase.FAILED) / datasets,
                    len(seen),
                    _share([each.covered for each in seen]),
                    _share([each.covered_absolute for each in seen]),
                    rows * min(SHARES),
                    None,
                )


def _share(held: list[bool]) -> float | None:
    return sum(held) / len(held) if held else None


def task_gates() -> list[Result]:
    """Simulate all cells, and return the worst of each kind."""
    found = []
    for cell in cells():
        print(cell.told, flush=True)
        found.append(cell)
    return worst_of(", numbers and classes", found)


def main() -> int:
    """Simulate fewer data sets, or all, and print them."""
    parser = argparse.ArgumentParser(prog="python -m bench.task_gates", description=__doc__)
    parser.add_argument("--datasets", type=int, default=DATASETS, help="in each cell")
    options = parser.parse_args()
    found = []
    for cell in cells(options.datasets):
        print(cell.told, flush=True)
        found.append(cell)
    for result in worst_of(", numbers and classes", found):
        print(f"{result.name}: {result.value:g} ({result.note})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
