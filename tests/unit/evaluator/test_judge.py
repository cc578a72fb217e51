"""Verdicts of gates on people whose labels, calls and groups are known."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.evaluation import EvaluationPhase, EvaluationSpec, GateResult
from mlhops.evaluator.groups import Levels
from mlhops.evaluator.judge import judge, phase_of_run
from mlhops.evaluator.people import People
from mlhops.evaluator.predict import Predictions

from .conftest import changed

FAILED = EvaluationPhase.FAILED
INCONCLUSIVE = EvaluationPhase.INCONCLUSIVE
SUCCESSFUL = EvaluationPhase.SUCCESSFUL

# For each group: missed cases, found cases, false alarms, true negatives.
Cells = dict[str, tuple[int, int, int, int]]


def people_of(cells: Cells, declared: list[str] | None = None) -> tuple[People, Predictions]:
    """Return people in the groups of `sex`, and what the model says of them."""
    values = declared or list(cells)
    codes, label, called = [], [], []
    for name, counts in cells.items():
        kinds = zip(counts, [(1, 0), (1, 1), (0, 1), (0, 0)], strict=True)
        for number, (truth, call) in kinds:
            codes += [values.index(name)] * number
            label += [truth] * number
            called += [call] * number
    levels = {"sex": Levels(np.array(codes, dtype=np.intp), values)}
    people = People(np.array(label, dtype=bool), frozenset({"0", "1"}), levels)
    return people, Predictions(np.array(called, dtype=bool), np.array(called, dtype=np.float64))


def verdict(cells: Cells, declared: list[str] | None = None, **gate: Any) -> GateResult:  # noqa: ANN401
    """Return the verdict of one fairness gate over `sex`."""
    base = changed("gates", [{**changed("seed", 1)["gates"][0], "limit": 0.1, **gate}])
    base["data"]["uri"] = "file:///data.parquet"
    spec = EvaluationSpec.model_validate(base)
    (result,) = judge(spec, *people_of(cells, declared))
    return result


EQUAL: Cells = {"F": (400, 1600, 200, 800), "M": (400, 1600, 200, 800)}
UNEQUAL: Cells = {"F": (800, 1200, 200, 800), "M": (400, 1600, 200, 800)}
NARROW: Cells = {"F": (40, 100, 20, 80), "M": (40, 100, 20, 80)}


def test_equal_groups_pass_and_the_sentence_says_why() -> None:
    result = verdict(EQUAL)
    assert result.phase is SUCCESSFUL
    assert result.message == (
        "FalseNegativeRate is 0.20 for sex=F (positives: 2,000) and 0.20 for everybody else "
        f"(2,000): gap 0.00, 95 % interval 0.00 to {result.upper:.2f}, limit 0.10; "
        "the whole interval is within the limit"
    )


def test_unequal_groups_fail_and_the_group_at_a_disadvantage_is_named() -> None:
    result = verdict(UNEQUAL)
    assert result.phase is FAILED
    assert result.worst_group == "sex=F"
    assert result.estimate == 0.2
    assert "FalseNegativeRate is 0.40 for sex=F" in result.message


def test_fewer_calls_are_the_disadvantage_where_calls_are_measured() -> None:
    result = verdict({"F": (0, 300, 0, 700), "M": (0, 300, 300, 400)}, metric="SelectionRate")
    assert result.phase is FAILED
    assert result.worst_group == "sex=F"
    assert "SelectionRate is 0.30 for sex=F (rows: 1,000)" in result.message


def test_too_few_data_cannot_tell_unless_the_gate_only_asks_for_no_refutation() -> None:
    assert verdict(NARROW).phase is INCONCLUSIVE
    assert "these data cannot tell" in verdict(NARROW).message
    assert verdict(NARROW, assurance="NotRefuted").phase is SUCCESSFUL


def test_a_group_too_small_to_judge_leaves_a_proven_gate_open_and_says_what_is_needed() -> None:
    result = verdict({**EQUAL, "X": (3, 12, 50, 50)})
    assert result.phase is INCONCLUSIVE
    assert "sex=X is too small to judge: it has 15 positives and needs 20, 5 more" in result.message
    assert verdict({**EQUAL, "X": (3, 12, 50, 50)}, assurance="NotRefuted").phase is SUCCESSFUL


def test_a_group_too_small_to_judge_does_not_hide_another_that_fails() -> None:
    assert verdict({**UNEQUAL, "X": (3, 12, 50, 50)}).phase is FAILED


@pytest.mark.parametrize("assurance", ["Proven", "NotRefuted"])
def test_a_declared_group_without_anybody_is_named(assurance: str) -> None:
    result = verdict(EQUAL, ["F", "M", "X"], assurance=assurance)
    assert result.phase is INCONCLUSIVE
    assert "nobody in the data belongs to sex=X" in result.message


@pytest.mark.parametrize("assurance", ["Proven", "NotRefuted"])
def test_a_single_group_has_nobody_to_be_compared_with(assurance: str) -> None:
    result = verdict({"F": (400, 1600, 200, 800)}, assurance=assurance)
    assert result.phase is INCONCLUSIVE
    assert "sex=F cannot be compared" in result.message


def test_counts_below_the_minimum_cell_size_are_nowhere() -> None:
    result = verdict({**EQUAL, "X": (1, 3, 500, 7)})
    (small,) = (group for group in result.groups if group.group == "sex=X")
    assert (small.rows, small.positives, small.rate, small.gap) == (None, None, None, None)
    assert small.negatives == 507
    assert "it has fewer than 10 positives and needs 20" in result.message
    assert "16 more" not in result.message


def test_a_small_class_takes_the_rows_with_it_lest_it_be_told_by_subtraction() -> None:
    (first, _) = verdict({"F": (400, 1600, 1, 2), "M": (400, 1600, 200, 800)}).groups
    assert (first.rows, first.positives, first.negatives) == (None, 2000, None)


def test_only_required_gates_decide_the_run() -> None:
    passed = GateResult(name="a", phase=SUCCESSFUL)
    advisory = GateResult(name="b", phase=FAILED, required=False)
    assert phase_of_run([passed, advisory]) is SUCCESSFUL
    assert phase_of_run([advisory]) is SUCCESSFUL
    assert phase_of_run([passed, GateResult(name="c", phase=INCONCLUSIVE)]) is INCONCLUSIVE
    assert phase_of_run([]) is INCONCLUSIVE


CELL = st.integers(min_value=0, max_value=300)


@given(st.dictionaries(st.sampled_from("ABCDE"), st.tuples(CELL, CELL, CELL, CELL), min_size=1))
def test_a_gate_passes_only_if_every_group_was_judged_and_is_within_the_limit(cells: Cells) -> None:
    people, _ = people_of(cells)
    if people.rows == 0 or people.label.all() or not people.label.any():
        return
    result = verdict({name: counts for name, counts in cells.items() if any(counts)})
    assert (result.phase is SUCCESSFUL) == all(g.phase is SUCCESSFUL for g in result.groups)
    if result.phase is SUCCESSFUL:
        assert result.upper is not None
        assert result.upper <= 0.1 + 1e-4
