"""Exact limits of a share of failures, and what counts of requests come to."""

import math
import time

import pytest

from mlhops.api.summary import TIMES
from mlhops.statistics.inference.answering import (
    at_least,
    at_most,
    is_failing,
    is_within,
    quantile,
    quantile_interval,
    verdict,
)


@pytest.mark.parametrize(
    ("failed", "requests", "lower", "upper"),
    [
        # SciPy 1.17: beta.ppf(0.05, k, n - k + 1) and beta.ppf(0.95, k + 1, n - k).
        (0, 59, 0.0, 0.049508),
        (1, 100, 0.000513, 0.046560),
        (10, 50, 0.112722, 0.315596),
        (200, 1000, 0.179368, 0.221951),
    ],
)
def test_limits_are_those_of_clopper_and_pearson(
    failed: int, requests: int, lower: float, upper: float
) -> None:
    assert at_least(failed, requests, 0.95) == pytest.approx(lower, abs=1e-6)
    assert at_most(failed, requests, 0.95) == pytest.approx(upper, abs=1e-6)


def test_limits_have_a_closed_form_where_all_or_none_fail() -> None:
    assert at_most(0, 30, 0.95) == pytest.approx(1 - 0.05 ** (1 / 30))
    assert at_least(30, 30, 0.95) == pytest.approx(0.05 ** (1 / 30))


def test_nothing_known_proves_nothing() -> None:
    assert at_least(0, 0, 0.95) == 0.0
    assert at_most(0, 0, 0.95) == 1.0
    assert not is_failing(0, 0, 0.05)


def test_a_million_requests_are_counted_as_well() -> None:
    assert at_most(10_000, 1_000_000, 0.95) == pytest.approx(0.0101652, abs=1e-6)


def test_two_failures_are_no_failing_model_and_three_of_three_are() -> None:
    assert not is_failing(2, 2, 0.05)
    assert is_failing(3, 3, 0.05)


def test_one_in_five_of_a_minute_at_five_a_second_fails() -> None:
    assert is_failing(10, 50, 0.05)


def test_a_model_that_fails_as_often_as_it_may_is_seldom_said_to_fail() -> None:
    from random import Random

    random = Random(5)
    said = sum(
        is_failing(sum(random.random() < 0.05 for _ in range(300)), 300, 0.05) for _ in range(2000)
    )
    assert said <= 10


@pytest.mark.parametrize(
    ("spans", "quiet", "probed", "wanted"),
    [
        ([(0, 0), (0, 0)], True, True, "Silent"),
        ([(0, 0), (0, 0)], True, False, "Failing"),
        ([(5, 5), (5, 1000)], False, True, "Failing"),
        ([(0, 60), (300, 1000)], False, True, "Serving"),
        ([(0, 10), (300, 1000)], False, True, "Failing"),
        ([(0, 0), (3, 3)], False, None, "Failing"),
        ([(0, 5), (0, 5)], False, True, "Insufficient"),
        ([(0, 5), (0, 50)], False, None, "Serving"),
    ],
)
def test_a_verdict_is_the_worst_of_its_spans(
    spans: list[tuple[int, int]], quiet: bool, probed: bool | None, wanted: str
) -> None:
    assert verdict(spans, 0.05, quiet=quiet, probed=probed) == wanted


def test_a_quantile_is_the_bound_of_its_bin() -> None:
    times = [0] * (len(TIMES) + 1)
    times[3], times[10] = 90, 10
    assert quantile(times, TIMES, 0.5) == TIMES[3]
    assert quantile(times, TIMES, 0.99) == TIMES[10]
    assert quantile([], TIMES, 0.5) is None


def test_a_quantile_that_took_longer_than_all_bounds_is_not_known() -> None:
    times = [0] * len(TIMES) + [5]
    assert quantile(times, TIMES, 0.5) is None


def test_a_quantile_of_few_answers_has_a_wide_interval() -> None:
    times = [0] * (len(TIMES) + 1)
    times[3], times[10] = 3, 2
    low, high = quantile_interval(times, TIMES, 0.5, 3.0)
    assert low <= TIMES[2]
    assert high == math.inf
    assert quantile_interval([], TIMES, 0.5, 3.0) == (0.0, math.inf)


@pytest.mark.parametrize(("failed", "requests"), [(0, 58), (0, 59), (1, 100), (2, 100), (9, 9)])
def test_one_look_tells_the_same_as_the_limit(failed: int, requests: int) -> None:
    within = at_most(failed, requests, 0.95) <= 0.05
    assert is_within(failed, requests, 0.05, 0.95) == within
    assert is_within(failed, requests, 1.0, 0.95)


def test_as_many_requests_as_are_believed_are_judged_at_once() -> None:
    began = time.perf_counter()
    most = 200 * 10**10
    assert verdict([(most // 25, most)], 0.05, quiet=False, probed=None) == "Serving"
    assert time.perf_counter() - began < 0.2
