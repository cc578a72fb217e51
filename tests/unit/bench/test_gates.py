"""The simulation of the gates decides as it says, and shows its worst."""

from dataclasses import replace

import numpy as np
import pytest

from bench.characteristics import Cell, Characteristics, Check, page, results, table
from bench.gates import OTHERS, REQUIRED, Design, cell, decide, draw
from mlhops.api.evaluation import EvaluationPhase
from mlhops.statistics.arrays import Counts
from mlhops.statistics.inference.rates import Trials
from tests.unit.evaluator.made_up import Cells, verdict

TWO, FIVE = REQUIRED[0], REQUIRED[1]
CELL = Cell("two", 500, 1.0, 4000, 0.02, 0.01, 4000, 0.95, 0.96, 150.0, 0.04)


def decided(design: Design, events: list[int], trials: list[int]) -> EvaluationPhase:
    counts = Trials(_counts(events), _counts(trials), design.members)
    return decide(design, counts, design.truth(0.0), 1).phase


def _counts(numbers: list[int]) -> Counts:
    return np.array(numbers, dtype=np.int64)


def test_large_equal_groups_pass_and_unequal_ones_fail() -> None:
    assert decided(TWO, [400, 400], [2000, 2000]) is EvaluationPhase.SUCCESSFUL
    assert decided(TWO, [400, 800], [2000, 2000]) is EvaluationPhase.FAILED


def test_a_group_that_is_too_small_leaves_a_gate_inconclusive() -> None:
    few = [2000, 2000, 2000, 2000, 19]
    assert decided(FIVE, [400, 400, 400, 400, 4], few) is EvaluationPhase.INCONCLUSIVE


def test_intervals_that_miss_the_truth_are_seen() -> None:
    counts = Trials(_counts([400, 400]), _counts([2000, 2000]), TWO.members)
    assert decide(TWO, counts, TWO.truth(0.0), 1).covered
    assert not decide(TWO, counts, TWO.truth(2.0), 1).covered


@pytest.mark.parametrize("design", [*REQUIRED, *OTHERS], ids=lambda design: design.name)
def test_the_last_group_has_the_gap_and_none_has_a_larger(design: Design) -> None:
    own, other = design.truth(1.5)
    if design.comparison == "Ratio":
        gaps = 1 - np.minimum(own / other, other / own)
        assert gaps[-1] == pytest.approx(1.5 * (1 - design.limit))
    else:
        gaps = np.abs(own - other)
        assert gaps[-1] == pytest.approx(1.5 * design.limit)
    assert gaps.argmax() in (len(gaps) - 1, 0 if len(gaps) == 2 else len(gaps) - 1)


def test_drawn_counts_have_the_rates_of_the_design() -> None:
    counts = next(draw(FIVE, 50_000_000, 1.0, [1]))
    assert counts.events / counts.trials == pytest.approx(FIVE.rates(1.0), abs=0.005)
    assert counts.trials.sum() == pytest.approx(5_000_000, rel=0.01)


def test_the_same_cell_comes_to_the_same_again() -> None:
    assert cell(TWO, 2000, 1.0, 20) == cell(TWO, 2000, 1.0, 20)


def test_the_worst_cell_of_each_kind_is_told_with_its_place() -> None:
    bad = replace(CELL, rows=2000, passed=0.07, coverage=0.91)
    unjudged = replace(CELL, coverage=None, coverage_absolute=None, judged=0)
    found = {r.name: r for r in results(Characteristics([CELL, bad, unjudged], [], []))}
    passed = found["highest P(Pass) with a gap at or over the limit"]
    assert (passed.value, passed.met) == (7.0, False)
    assert "2,000 rows" in passed.note
    assert found["lowest simultaneous coverage"].value == 91.0
    assert found["highest P(Fail) with a gap up to the limit"].met


def test_what_was_never_judged_meets_nothing() -> None:
    unjudged = replace(CELL, coverage=None, coverage_absolute=None, judged=0)
    found = {r.name: r for r in results(Characteristics([unjudged], [], []))}
    assert found["lowest simultaneous coverage"].met is False


def test_the_page_shows_every_cell_and_the_other_ways() -> None:
    cells = [
        replace(CELL, rows=rows, multiple=multiple)
        for rows in (500, 2_000, 10_000, 50_000)
        for multiple in (0.0, 0.5, 1.0, 1.5, 2.0)
    ]
    checks = [
        Check("two", method, 500, 0.0, 900, 0.88, 0.0, 0.1)
        for method in ("in_use", "sidak", "bootstrap")
    ]
    told = page(Characteristics(cells, cells, checks))
    assert "| two | 10,000 | 150 |" + " 2.0 / 1.0 / 97.0 |" * 5 + " 95.0 to 95.0 |" in told
    assert "| two | 500 | no gap |" + " 88.0 / 0.0 / 10.0 |" * 3 in told
    assert len(table(cells)) == 2 + 4


@pytest.mark.parametrize(
    ("design", "rows", "multiple"), [(TWO, 8_000, 0.0), (TWO, 8_000, 2.0), (FIVE, 50_000, 2.0)]
)
def test_the_simulation_decides_as_the_evaluator_does(
    design: Design, rows: int, multiple: float
) -> None:
    phases = set()
    for seed, counts in zip(range(40), draw(design, rows, multiple, [5]), strict=False):
        cells: Cells = {
            f"g{i}": (events, trials - events, 50, 50)
            for i, (events, trials) in enumerate(
                zip(counts.events.tolist(), counts.trials.tolist(), strict=True)
            )
        }
        phase = decide(design, counts, design.truth(multiple), seed).phase
        assert verdict(cells).phase is phase
        phases.add(phase)
    assert len(phases) == 2
