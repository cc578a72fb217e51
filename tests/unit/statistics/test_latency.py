"""Quantiles of times."""

import math

import numpy as np
import pytest

from mlhops.statistics.inference.latency import quantile


def test_a_quantile_is_a_time_that_was_seen() -> None:
    seconds = np.arange(1, 101) / 100
    assert quantile(seconds, 0.5, 0.95).estimate == 0.5
    assert quantile(seconds, 0.99, 0.95).estimate == 0.99


def test_the_interval_of_the_median_lies_between_the_binomials_quantiles() -> None:
    # Of 100 fair coins fewer than 40 fall heads in 1.76 % of all throws, fewer than 41 in 2.84 %.
    below = [sum(math.comb(100, k) for k in range(few)) / 2**100 for few in (40, 41)]
    assert below[0] <= 0.025 < below[1]
    found = quantile(np.arange(1, 101) / 1.0, 0.5, 0.95)
    assert (found.lower, found.upper) == (40.0, 61.0)


def test_too_few_times_give_no_upper_bound() -> None:
    assert math.isinf(quantile(np.ones(367), 0.99, 0.95).upper)
    assert quantile(np.ones(368), 0.99, 0.95).upper == 1.0


@pytest.mark.parametrize("q", [0.5, 0.99])
def test_the_interval_covers_the_true_quantile_whatever_the_distribution(q: float) -> None:
    random, runs = np.random.default_rng(1), 500
    truth = math.exp({0.5: 0.0, 0.99: 2.3263478740408408}[q])
    covered = 0
    for _ in range(runs):
        found = quantile(random.lognormal(0, 1, 1000), q, 0.95)
        covered += found.lower <= truth <= found.upper
    assert covered / runs >= 0.95 - 2 * (0.05 * 0.95 / runs) ** 0.5


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1])
def test_a_time_that_is_none_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        quantile(np.array([0.1, bad]), 0.5, 0.95)


def test_without_times_there_is_no_quantile() -> None:
    found = quantile(np.zeros(0), 0.5, 0.95)
    assert math.isnan(found.estimate)
    assert found.reason == "no answer was timed"
