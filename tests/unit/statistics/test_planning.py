"""How much more data decide, against simulation."""

import math

import numpy as np
import pytest

from mlhops.api.evaluation import EvaluationPhase
from mlhops.statistics.areas import auroc_gaps
from mlhops.statistics.comparisons import compare
from mlhops.statistics.contrasts import Comparison
from mlhops.statistics.gap import Gap
from mlhops.statistics.planning import half_width, needed, needed_cases
from mlhops.statistics.proportions import wilson
from mlhops.statistics.rates import Trials
from mlhops.statistics.verdict import of_floor, of_gap, of_ratio

RUNS = 600


def drawn(random: np.random.Generator, trials: list[int], rates: list[float]) -> Trials:
    size = np.array(trials)
    return Trials(random.binomial(size, rates), size, np.eye(len(size), dtype=bool))


def seen(trials: list[int], rates: list[float], comparison: Comparison = "Difference") -> Gap:
    """Return the last group's gap when all rates are as expected."""
    size = np.array(trials)
    events = np.round(size * rates).astype(np.int64)
    counts = Trials(events, size, np.eye(len(size), dtype=bool))
    return compare(counts, comparison=comparison, seed=[1])[-1]


def decided(trials: list[int], rates: list[float], limit: float, comparison: Comparison) -> float:
    """Return how often the last group's gap is decided."""
    random, count = np.random.default_rng(1), 0
    judge = of_gap if comparison == "Difference" else of_ratio
    for seed in range(RUNS):
        gap = compare(drawn(random, trials, rates), comparison=comparison, seed=[seed])[-1]
        verdict = judge(gap.lower, gap.upper, limit, "Proven")
        count += verdict is not EvaluationPhase.INCONCLUSIVE
    return count / RUNS


@pytest.mark.parametrize(
    ("trials", "rates", "limit", "comparison"),
    [
        ([3000, 2000, 120], [0.2, 0.2, 0.22], 0.1, "Difference"),
        ([3000, 2000, 120], [0.2, 0.2, 0.35], 0.1, "Difference"),
        ([3000, 2000, 60], [0.5, 0.5, 0.5], 0.15, "Difference"),
        ([200, 120], [0.2, 0.24], 0.1, "Difference"),
        ([3000, 2000, 200], [0.4, 0.4, 0.38], 0.8, "Ratio"),
        ([3000, 2000, 100], [0.4, 0.4, 0.28], 0.8, "Ratio"),
    ],
)
def test_so_many_more_cases_decide_about_as_often_as_planned(
    trials: list[int], rates: list[float], limit: float, comparison: Comparison
) -> None:
    before = decided(trials, rates, limit, comparison)
    plan = needed(seen(trials, rates, comparison), limit, comparison)
    assert plan is not None
    rest = [round(n * (1 + plan.rest / sum(trials[:-1]))) for n in trials[:-1]]
    after = decided([*rest, trials[-1] + plan.group], rates, limit, comparison)
    assert before < 0.6
    assert 0.7 <= after <= 0.92


def test_a_group_alone_is_asked_for_more_where_that_is_enough() -> None:
    plan = needed(seen([3000, 2000, 120], [0.2, 0.2, 0.22]), 0.1)
    assert plan is not None
    assert plan.rest == 0
    assert 100 < plan.group < 1000


def test_two_small_groups_are_asked_for_more_together() -> None:
    plan = needed(seen([100, 100], [0.2, 0.25]), 0.08)
    assert plan is not None
    assert plan.group == plan.rest > 1000


def test_no_number_of_cases_decides_a_gap_that_equals_the_limit() -> None:
    assert needed(seen([1000, 1000], [0.2, 0.3]), 0.1) is None


def test_an_undefined_gap_has_no_plan() -> None:
    assert needed(seen([1000, 0], [0.2, 0.3]), 0.1) is None


def test_a_decided_gap_needs_no_more() -> None:
    plan = needed(seen([100_000, 100_000], [0.2, 0.2]), 0.1)
    assert plan is not None
    assert (plan.group, plan.rest) == (0, 0)


def test_the_plan_for_an_area_follows_from_its_interval() -> None:
    random = np.random.default_rng(1)
    group, label = np.arange(900) % 3, random.random(900) < 0.4
    score = random.normal(label * 1.0, 1)
    gap = auroc_gaps(label, score, group, np.eye(3, dtype=bool), seed=[1])[0]
    plan = needed(gap, 0.1)
    assert plan is not None
    assert plan.group > 0


def test_so_many_more_cases_decide_a_measure_about_as_often_as_planned() -> None:
    random, rate, limit, cases = np.random.default_rng(2), 0.84, 0.8, 200
    counts = Trials(np.array([168, 0]), np.array([200, 1]), np.eye(2, dtype=bool))
    low, high = _interval(counts)
    more = needed_cases(rate, low, high, limit, cases, 0.95)
    assert more is not None
    after = 0
    for _ in range(RUNS):
        low, high = _interval(drawn(random, [cases + more, 1], [rate, 0.0]))
        after += of_floor(low, high, limit, "Proven") is not EvaluationPhase.INCONCLUSIVE
    assert 0.7 <= after / RUNS <= 0.92


def _interval(counts: Trials) -> tuple[float, float]:
    low, high = wilson(counts.events, counts.trials, 1.959964)
    return float(low[0]), float(high[0])


def test_a_measure_without_an_interval_has_no_plan() -> None:
    assert needed_cases(0.8, math.nan, math.nan, 0.7, 100, 0.95) is None
    assert needed_cases(0.8, 0.7, 0.9, 0.8, 100, 0.95) is None


def test_the_planned_width_is_the_one_that_comes_out() -> None:
    gap = seen([3000, 2000, 1000], [0.2, 0.2, 0.2])
    planned = half_width(0.2, 0.2, 1000, 5000, gap.critical)
    assert gap.upper == pytest.approx(planned, rel=0.05)
