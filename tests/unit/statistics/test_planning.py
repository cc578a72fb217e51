"""How much more data decide: sizes of whole gates, and of single measures against simulation."""

import math
import time

import numpy as np
import pytest

from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.verdict import of_floor
from mlhops.small_cells import SmallCells
from mlhops.statistics.inference.comparisons import compare
from mlhops.statistics.inference.contrasts import Comparison
from mlhops.statistics.inference.planning import (
    People,
    Rates,
    SampleSizePlan,
    bounds,
    half_width,
    needed_cases,
    plan,
)
from mlhops.statistics.inference.proportions import wilson
from mlhops.statistics.inference.question import Against, Question
from mlhops.statistics.inference.rates import Trials

RUNS = 600


def planned(
    trials: list[int],
    rates: list[float],
    limit: float,
    comparison: Comparison = "Difference",
    against: Against = "Rest",
    minimum: int = 20,
) -> SampleSizePlan | None:
    """Return the plan for groups that do not overlap."""
    size, members = np.array(trials), np.eye(len(trials), dtype=bool)
    events = np.round(size * rates).astype(np.int64)
    question = Question([1], comparison, against, family=np.zeros(len(trials), dtype=np.intp))
    part = Rates(Trials(events, size, members), question, bounds(comparison, limit), SmallCells())
    return plan([part], People(size.astype(float), members, minimum / size))


def more(found: SampleSizePlan | None, trials: list[int]) -> list[int]:
    assert found is not None
    return [round(n) for n in np.array(trials) * (found.growth - 1)]


def test_a_small_group_grows_alone_where_that_is_enough() -> None:
    trials = [3000, 2000, 120]
    *others, last = more(planned(trials, [0.2, 0.2, 0.22], 0.1), trials)
    assert others == [0, 0]
    assert 100 < last < 1000


def test_no_group_grows_much_more_than_all_the_others() -> None:
    found = planned([169, 25], [0.272, 0.16], 0.15)
    assert found is not None
    assert found.growth.max() <= 10 * found.growth.min() + 1e-9
    assert found.each > 1000


def test_groups_that_are_too_small_now_are_planned_to_be_judged() -> None:
    found = planned([400, 400, 6], [0.2, 0.2, 0.2], 0.6)
    assert found is not None
    assert found.each >= 20


def test_a_gate_that_surely_fails_is_planned_to_be_decided_too() -> None:
    found = planned([120, 60], [0.10, 0.35], 0.15)
    assert found is not None
    assert found.hardest == -1


def test_no_number_of_cases_decides_a_gap_that_equals_the_limit() -> None:
    assert planned([1000, 1000], [0.2, 0.3], 0.1) is None


def test_more_comparisons_need_more_cases_of_each() -> None:
    few, many = (planned([60] * n, [0.2] * n, 0.15) for n in (2, 8))
    assert few is not None
    assert many is not None
    assert many.each > few.each


def test_a_decided_gate_needs_no_more() -> None:
    assert more(planned([100_000, 100_000], [0.2, 0.2], 0.1), [100_000] * 2) == [0, 0]


def test_a_group_that_nobody_can_be_compared_with_has_no_plan() -> None:
    assert planned([1000], [0.2], 0.1, against="Best") is None


@pytest.mark.parametrize("against", ["Rest", "Best"])
def test_a_plan_for_many_groups_takes_bounded_time(against: Against) -> None:
    trials = [300 + 10 * i for i in range(16)]
    began = time.process_time()
    assert planned(trials, [0.2] * 16, 0.2, against=against) is not None
    assert time.process_time() - began < 8  # a second on an idle machine


def drawn(random: np.random.Generator, trials: list[int], rates: list[float]) -> Trials:
    size = np.array(trials)
    return Trials(random.binomial(size, rates), size, np.eye(len(size), dtype=bool))


@pytest.mark.parametrize(("rate", "limit"), [(0.84, 0.8), (0.97, 0.93), (0.5, 0.56)])
def test_so_many_more_cases_decide_a_share_about_as_often_as_planned(
    rate: float, limit: float
) -> None:
    random, cases = np.random.default_rng(2), 100

    def limits(critical: float) -> tuple[float, float]:
        low, high = wilson(np.array([rate * cases]), np.array([cases]), critical)
        return float(low[0]), float(high[0])

    extra = needed_cases(rate, limits, limit, cases, 1.959964, share=True)
    assert extra is not None
    after = 0
    for _ in range(RUNS):
        counts = drawn(random, [cases + extra, 1], [rate, 0.0])
        low, high = wilson(counts.events, counts.trials, 1.959964)
        after += of_floor(low[0], high[0], limit, "Proven") is not EvaluationPhase.INCONCLUSIVE
    assert 0.75 <= after / RUNS <= 0.9


def test_a_measure_without_an_interval_has_no_plan() -> None:
    def nothing(_: float) -> tuple[float, float]:
        return math.nan, math.nan

    assert needed_cases(math.nan, nothing, 0.7, 100, 1.96) is None
    assert needed_cases(0.8, nothing, 0.7, 100, 1.96) is None
    assert needed_cases(0.8, lambda _: (0.7, 0.9), 0.8, 100, 1.96) is None


def test_the_planned_width_is_the_one_that_comes_out() -> None:
    size = np.array([3000, 2000, 1000])
    counts = Trials(size // 5, size, np.eye(3, dtype=bool))
    gap = compare(counts, Question(seed=[1]))[-1]
    assert gap.upper == pytest.approx(half_width(0.2, 0.2, 1000, 5000, gap.critical), rel=0.05)
