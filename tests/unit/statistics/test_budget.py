"""False alarms over features and over time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.statistics.drift.binned_tests import Shift
from mlhops.statistics.drift.budget import (
    AlarmRule,
    Budget,
    Correction,
    EffectLimit,
    Verdict,
    adjust,
    alpha,
    judge,
    overall,
    persistent,
)

HOUR, DAY = 3600.0, 86400.0
BOTH: tuple[Correction, ...] = ("Bonferroni", "BenjaminiHochberg")
CHANCES = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=30)


def shift(p: float | None, effect: float | None = 1.0, rows: int = 1000) -> Shift:
    return Shift("KS", rows, effect, p, effect)


def verdicts(shifts: list[Shift], at: float = 0.01, limit: float = 0.1) -> list[Verdict]:
    limits = [EffectLimit(limit, rows=100)] * len(shifts)
    return [judged.verdict for judged in judge(shifts, limits, at, "Bonferroni")]


def test_the_budget_is_shared_by_all_looks_at_all_windows() -> None:
    month = Budget(1, 30 * DAY)
    assert alpha(month, [HOUR], AlarmRule()) == pytest.approx(1 / 720)
    assert alpha(month, [HOUR, DAY], AlarmRule()) == pytest.approx(1 / 750)
    assert alpha(Budget(2, 30 * DAY), [HOUR], AlarmRule()) == pytest.approx(2 / 720)


def test_k_of_n_looks_are_granted_no_more_than_what_holds_if_they_overlap() -> None:
    month = Budget(1, 30 * DAY)
    assert alpha(month, [HOUR], AlarmRule(3, 3)) == pytest.approx(1 / 720)
    assert alpha(month, [HOUR], AlarmRule(2, 4)) == pytest.approx(1 / 1440)


def test_looks_rarer_than_the_budgets_time_are_not_granted_more_than_the_ceiling() -> None:
    assert alpha(Budget(1, HOUR), [DAY], AlarmRule()) == 0.05


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_a_budget_that_is_no_positive_number_is_refused(wrong: float) -> None:
    for budget, every in (
        (Budget(wrong, DAY), HOUR),
        (Budget(1, wrong), HOUR),
        (Budget(1, DAY), wrong),
    ):
        with pytest.raises(ValueError, match="more than nothing"):
            alpha(budget, [every], AlarmRule())


@pytest.mark.parametrize(("k", "n"), [(0, 1), (2, 1), (0, 0)])
def test_k_of_n_must_be_possible(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="1 <= k <= n"):
        AlarmRule(k, n)


def test_a_window_that_overlaps_keeps_to_the_budget_for_any_k_of_n() -> None:
    """Means of the last 60 of a row of normal numbers, looked at after each: 12,000 looks."""
    random = np.random.default_rng(0)
    for persistence in (AlarmRule(1, 1), AlarmRule(3, 5), AlarmRule(5, 5)):
        alarms = []
        at = alpha(Budget(20, 12_000), [1.0], persistence)
        for _ in range(40):
            sums = np.concatenate([[0.0], np.cumsum(random.normal(size=12_059))])
            z = np.abs(sums[60:] - sums[:-60]) / math.sqrt(60)
            drifted = np.array([math.erfc(x / math.sqrt(2)) <= at for x in z.tolist()])
            last = np.convolve(drifted, np.ones(persistence.n))[: len(drifted)]
            alarms.append(int((last >= persistence.k).sum()))
        # The mean of looks with an alarm is at most 20; it varies by some 4.
        assert np.mean(alarms) <= 20 + 8
        assert np.mean(alarms) >= 2


@given(CHANCES)
def test_bonferroni_multiplies_by_all_tests_also_those_that_could_not_be_made(
    chances: list[float | None],
) -> None:
    for p, corrected in zip(chances, adjust(chances, "Bonferroni"), strict=True):
        assert corrected == (None if p is None else min(1.0, p * len(chances)))


@given(CHANCES)
def test_benjamini_hochberg_lies_between_the_chance_and_bonferronis(
    chances: list[float | None],
) -> None:
    bounds = zip(
        chances, adjust(chances, "BenjaminiHochberg"), adjust(chances, "Bonferroni"), strict=True
    )
    for p, corrected, bound in bounds:
        if p is None or corrected is None or bound is None:
            assert p is corrected is bound
        else:
            assert p <= corrected <= bound


def test_benjamini_hochberg_is_the_step_up_procedure() -> None:
    chances = [0.01, 0.04, 0.03, 0.005, 0.8]
    assert adjust(chances, "BenjaminiHochberg") == pytest.approx([0.025, 0.05, 0.05, 0.025, 0.8])


def test_benjamini_hochberg_keeps_the_chance_of_any_false_drift_where_nothing_has_shifted() -> None:
    random = np.random.default_rng(1)
    false = sum(
        min(p for p in adjust(row, "BenjaminiHochberg") if p is not None) <= 0.05
        for row in random.random((4000, 20)).tolist()
    )
    assert 140 <= false <= 260  # 200, with a standard deviation of 14


def test_drift_needs_both_the_chance_and_the_effect() -> None:
    assert verdicts([shift(1e-9, 0.1), shift(1e-9, 0.09), shift(0.2, 0.5)]) == [
        "Drift",
        "NoDrift",
        "NoDrift",
    ]


def test_what_has_no_number_or_too_few_rows_is_insufficient() -> None:
    assert verdicts([shift(None), shift(1e-9, rows=99), shift(0.5, None)]) == ["Insufficient"] * 3


@pytest.mark.parametrize("correction", BOTH)
@pytest.mark.parametrize(("p", "effect"), [(math.nan, 0.0), (0.5, math.nan), (1e-9, math.nan)])
def test_what_is_not_a_number_is_an_error_and_never_no_drift(
    p: float, effect: float, correction: Correction
) -> None:
    limits = [EffectLimit(0.1)] * 3
    judged = judge([shift(0.5), shift(p, effect), shift(1e-9)], limits, 0.01, correction)
    assert judged[1].verdict == "Error"
    assert judged[0].verdict != "Drift"


def test_drift_outweighs_everything_and_no_drift_needs_all() -> None:
    assert overall(["NoDrift", "Error", "Drift", "Insufficient"]) == "Drift"
    assert overall(["NoDrift", "Error", "Insufficient"]) == "Error"
    assert overall(["NoDrift", "Insufficient"]) == "Insufficient"
    assert overall(["NoDrift", "NoDrift"]) == "NoDrift"
    assert overall([]) == "Insufficient"


def test_drift_must_last_for_an_alarm() -> None:
    three_of_four = AlarmRule(3, 4)
    looks: list[Verdict] = ["Drift", "Drift", "NoDrift"]
    assert persistent(looks, three_of_four) == "NoDrift"
    assert persistent([*looks, "Drift"], three_of_four) == "Drift"
    assert persistent([*looks, "NoDrift", "Drift"], three_of_four) == "NoDrift"
    assert persistent([*looks, "Error"], three_of_four) == "Error"
    assert persistent([], three_of_four) == "Insufficient"
