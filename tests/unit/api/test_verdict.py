"""Verdicts from intervals."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.verdict import (
    Assurance,
    of_ceiling,
    of_floor,
    of_gap,
    of_noninferiority,
    of_ratio,
    overall,
)

FAILED = EvaluationPhase.FAILED
INCONCLUSIVE = EvaluationPhase.INCONCLUSIVE
SUCCESSFUL = EvaluationPhase.SUCCESSFUL
NAN = float("nan")
ASSURANCE = st.sampled_from(["Proven", "NotRefuted"])
JUDGES = [of_gap, of_floor, of_ceiling, of_ratio, of_noninferiority]
BOUND = st.floats(min_value=0, max_value=1) | st.just(NAN)


@pytest.mark.parametrize(
    ("lower", "upper", "proven", "not_refuted"),
    [
        (0.00, 0.10, SUCCESSFUL, SUCCESSFUL),
        (0.05, 0.15, INCONCLUSIVE, SUCCESSFUL),
        (0.10, 0.15, INCONCLUSIVE, SUCCESSFUL),
        (0.11, 0.15, FAILED, FAILED),
        (NAN, 0.15, INCONCLUSIVE, INCONCLUSIVE),
        (NAN, NAN, INCONCLUSIVE, INCONCLUSIVE),
    ],
)
def test_a_gap_is_judged_by_its_whole_interval(
    lower: float, upper: float, proven: EvaluationPhase, not_refuted: EvaluationPhase
) -> None:
    assert of_gap(lower, upper, 0.1, "Proven") is proven
    assert of_gap(lower, upper, 0.1, "NotRefuted") is not_refuted


@pytest.mark.parametrize(
    ("lower", "upper", "proven", "not_refuted"),
    [
        (0.80, 0.90, SUCCESSFUL, SUCCESSFUL),
        (0.70, 0.90, INCONCLUSIVE, SUCCESSFUL),
        (0.70, 0.79, FAILED, FAILED),
        (NAN, NAN, INCONCLUSIVE, INCONCLUSIVE),
    ],
)
def test_a_floor_is_judged_by_its_whole_interval(
    lower: float, upper: float, proven: EvaluationPhase, not_refuted: EvaluationPhase
) -> None:
    assert of_floor(lower, upper, 0.8, "Proven") is proven
    assert of_floor(lower, upper, 0.8, "NotRefuted") is not_refuted


@given(BOUND, BOUND, ASSURANCE)
def test_a_limit_that_is_not_a_number_never_passes(
    lower: float, upper: float, assurance: Assurance
) -> None:
    for judge in JUDGES:
        assert judge(lower, upper, NAN, assurance) is INCONCLUSIVE


@given(st.sampled_from(JUDGES), st.floats(min_value=0, max_value=1), ASSURANCE)
def test_an_interval_that_is_not_there_is_never_a_verdict(
    judge: Callable[..., EvaluationPhase], limit: float, assurance: Assurance
) -> None:
    assert judge(NAN, NAN, limit, assurance) is INCONCLUSIVE


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        (-0.01, 0.05, SUCCESSFUL),
        (-0.03, 0.05, INCONCLUSIVE),
        (-0.09, -0.03, FAILED),
        (0.01, 0.05, SUCCESSFUL),
        (-0.02, -0.01, SUCCESSFUL),
    ],
)
def test_a_candidate_may_be_worse_by_no_more_than_the_margin(
    lower: float, upper: float, expected: EvaluationPhase
) -> None:
    assert of_noninferiority(lower, upper, 0.02, "Proven") is expected


def test_a_time_without_an_upper_bound_passes_no_ceiling_but_can_fail_it() -> None:
    assert of_ceiling(0.05, float("inf"), 0.2, "Proven") is INCONCLUSIVE
    assert of_ceiling(0.25, float("inf"), 0.2, "Proven") is FAILED


@given(st.lists(st.sampled_from([FAILED, EvaluationPhase.ERROR, INCONCLUSIVE, SUCCESSFUL])))
def test_only_success_throughout_is_success(phases: list[EvaluationPhase]) -> None:
    passed = overall(phases) is SUCCESSFUL
    assert passed == (bool(phases) and set(phases) == {SUCCESSFUL})


def test_a_failure_outweighs_an_error_and_an_error_an_open_question() -> None:
    assert overall([INCONCLUSIVE, FAILED, EvaluationPhase.ERROR]) is FAILED
    assert overall([INCONCLUSIVE, EvaluationPhase.ERROR, SUCCESSFUL]) is EvaluationPhase.ERROR
