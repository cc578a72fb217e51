"""Verdicts from intervals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.evaluation import EvaluationPhase
from mlhops.statistics.verdict import Assurance, of_floor, of_gap, overall

FAILED = EvaluationPhase.FAILED
INCONCLUSIVE = EvaluationPhase.INCONCLUSIVE
SUCCESSFUL = EvaluationPhase.SUCCESSFUL
NAN = float("nan")
ASSURANCE = st.sampled_from(["Proven", "NotRefuted"])
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
    assert of_gap(lower, upper, NAN, assurance) is INCONCLUSIVE
    assert of_floor(lower, upper, NAN, assurance) is INCONCLUSIVE


@given(st.lists(st.sampled_from([FAILED, EvaluationPhase.ERROR, INCONCLUSIVE, SUCCESSFUL])))
def test_only_success_throughout_is_success(phases: list[EvaluationPhase]) -> None:
    passed = overall(phases) is SUCCESSFUL
    assert passed == (bool(phases) and set(phases) == {SUCCESSFUL})


def test_a_failure_outweighs_an_error_and_an_error_an_open_question() -> None:
    assert overall([INCONCLUSIVE, FAILED, EvaluationPhase.ERROR]) is FAILED
    assert overall([INCONCLUSIVE, EvaluationPhase.ERROR, SUCCESSFUL]) is EvaluationPhase.ERROR
