"""Simulations of a few designs: the errors that the gates promise not to make."""

from dataclasses import dataclass

import numpy as np
import pytest

from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.verdict import of_gap, overall
from mlhops.statistics.inference.comparisons import compare
from mlhops.statistics.inference.question import Question
from mlhops.statistics.inference.rates import Trials

LIMIT = 0.1
RUNS = 500
# Five percent, and two standard errors of what this many runs can tell.
MOST_ERRORS = 0.05 + 2 * (0.05 * 0.95 / RUNS) ** 0.5


@dataclass(frozen=True)
class Rates:
    """How often each thing happened."""

    covered: float
    failed: float
    passed: float


def simulate(positives: int, shares: list[float], rates: list[float]) -> Rates:
    """Judge gaps of groups over many data sets that are drawn from known rates."""
    random = np.random.default_rng(positives)
    share, true = np.array(shares), np.array(rates)
    rest = (share @ true - share * true) / (1 - share)
    gap = np.abs(true - rest)
    outcomes = []
    for seed in range(RUNS):
        trials = random.multinomial(positives, share)
        events = random.binomial(trials, true)
        counts = Trials(events, trials, np.eye(len(shares), dtype=bool))
        found = compare(counts, Question([seed]))
        covered = all(g.lower <= t <= g.upper for g, t in zip(found, gap, strict=True))
        verdict = overall(of_gap(g.lower, g.upper, LIMIT, "Proven") for g in found)
        outcomes.append(
            (covered, verdict is EvaluationPhase.FAILED, verdict is EvaluationPhase.SUCCESSFUL)
        )
    return Rates(*np.mean(outcomes, axis=0).tolist())


FIVE = [0.5, 0.25, 0.15, 0.07, 0.03]
DESIGNS = [(1000, FIVE), (5000, FIVE), (200, [0.5, 0.5]), (5000, [0.97, 0.03])]


@pytest.mark.thorough
@pytest.mark.parametrize(("positives", "shares"), DESIGNS)
def test_equal_groups_hardly_ever_fail(positives: int, shares: list[float]) -> None:
    result = simulate(positives, shares, [0.2] * len(shares))
    assert result.failed <= MOST_ERRORS
    assert result.covered >= 0.93


@pytest.mark.thorough
@pytest.mark.parametrize(("positives", "shares"), DESIGNS)
def test_a_gap_at_the_limit_hardly_ever_fails_or_passes(
    positives: int, shares: list[float]
) -> None:
    result = simulate(positives, shares, [0.2] * (len(shares) - 1) + [0.2 + LIMIT])
    assert result.failed <= MOST_ERRORS
    assert result.passed <= MOST_ERRORS


def test_a_rate_near_zero_keeps_the_promise_too() -> None:
    result = simulate(400, [0.8, 0.2], [0.01, 0.01 + LIMIT])
    assert result.covered >= 0.93
    assert max(result.failed, result.passed) <= MOST_ERRORS


def test_with_enough_data_equal_groups_pass_and_unequal_ones_fail() -> None:
    assert simulate(5000, [0.5, 0.5], [0.2, 0.2]).passed >= 0.9
    assert simulate(5000, [0.5, 0.5], [0.2, 0.4]).failed >= 0.9
