"""Verdicts of fairness gates on people whose labels, calls and groups are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlhops.api.evaluation import EvaluationPhase, GateResult
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Levels
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks.predictions import Predictions
from mlhops.evaluator.verdict.judge import phase_of_run

from .made_up import (
    EQUAL,
    NARROW,
    UNEQUAL,
    Cells,
    fair,
    good,
    judged,
    people_of,
    spec_with,
    verdict,
)

FAILED = EvaluationPhase.FAILED
INCONCLUSIVE = EvaluationPhase.INCONCLUSIVE
SUCCESSFUL = EvaluationPhase.SUCCESSFUL


def test_equal_groups_pass_and_the_sentence_says_why() -> None:
    result = verdict(EQUAL)
    assert result.phase is SUCCESSFUL
    assert result.message == (
        "FalseNegativeRate is 0.20 for sex=F (positives: 2,000) and 0.20 for sex=M "
        f"(2,000): difference 0.00, 95 % interval 0.00 to {result.upper:.2f}, limit 0.10; "
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
    assert "the limit lies within the interval, so these data cannot tell" in (
        verdict(NARROW).message
    )
    assert verdict(NARROW, assurance="NotRefuted").phase is SUCCESSFUL


def test_a_group_too_small_to_judge_leaves_a_proven_gate_open_and_says_what_is_needed() -> None:
    result = verdict({**EQUAL, "X": (3, 12, 50, 50)})
    assert result.phase is INCONCLUSIVE
    assert (
        "sex=X is too small to judge: it has 15 positives and needs 20, 5 more to be judged"
        in result.message
    )
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


def test_what_would_decide_is_told_in_words_and_as_a_number() -> None:
    result = verdict({"F": (52, 148, 20, 80), "M": (400, 1600, 200, 800)})
    assert result.phase is INCONCLUSIVE
    assert result.needed is not None
    assert (result.needed.group, result.needed.cases) == ("sex=F", "positives")
    assert f"about {result.needed.more:,} more positives in sex=F" in result.message
    assert result.needed.more >= 10
    assert len(str(result.needed.more).rstrip("0")) <= 2


def test_with_so_many_more_the_verdict_is_there() -> None:
    few = verdict({"F": (14, 56, 20, 80), "M": (400, 1600, 200, 800)})
    assert few.needed is not None
    grown = (70 + few.needed.more) / 70
    more = verdict(
        {"F": (round(14 * grown), round(56 * grown), 20, 80), "M": (400, 1600, 200, 800)}
    )
    assert (few.phase, more.phase) == (INCONCLUSIVE, SUCCESSFUL)


def test_a_ratio_is_the_four_fifths_rule() -> None:
    cells: Cells = {"F": (0, 300, 0, 1700), "M": (0, 600, 0, 1400)}
    result = verdict(cells, metric="SelectionRate", comparison="Ratio", limit=0.8)
    assert result.phase is FAILED
    assert (result.estimate, result.worst_group) == (0.5, "sex=F")
    assert (
        "SelectionRate is 0.15 for sex=F (rows: 2,000) and 0.30 for sex=M (2,000): ratio 0.50"
        in (result.message)
    )
    assert result.message.endswith("lowest acceptable 0.80; the whole interval is below it")
    assert verdict(cells, metric="SelectionRate", comparison="Ratio", limit=0.4).phase is SUCCESSFUL


def test_a_ratio_of_nothing_and_nothing_is_undefined_not_perfect() -> None:
    cells: Cells = {"F": (0, 2000, 0, 2000), "M": (0, 2000, 0, 2000)}
    for assurance in ("Proven", "NotRefuted"):
        result = verdict(cells, comparison="Ratio", limit=0.8, assurance=assurance)
        assert result.phase is INCONCLUSIVE
        assert "there is no ratio" in result.message


THREE: Cells = {
    "A": (200, 1800, 200, 800),
    "B": (400, 1600, 200, 800),
    "C": (420, 1580, 200, 800),
}


def test_everybody_else_the_best_and_a_reference_are_different_questions() -> None:
    rest = verdict(THREE, limit=0.07)
    best = verdict(THREE, limit=0.07, against="Best")
    reference = verdict(
        THREE, limit=0.07, against="Reference", reference=[{"group": "sex", "value": "B"}]
    )
    assert (rest.worst_group, best.worst_group) == ("sex=A", "sex=C")
    assert "for everybody else (4,000)" in rest.message
    assert "0.10 for sex=A (2,000): difference 0.11" in best.message
    assert "0.20 for sex=B (2,000): difference 0.10" in reference.message
    assert best.phase is FAILED
    own = {group.group: group for group in reference.groups}["sex=B"]
    assert (own.gap, own.phase) == (0.0, SUCCESSFUL)


def test_the_best_is_one_of_the_same_division() -> None:
    people, predictions = people_of(THREE)
    wing = Levels((np.arange(people.rows) % 2).astype(np.intp), ["east", "west"])
    both = LabelledRows(people.label, people.classes, {**people.levels, "wing": wing})
    gate = fair(across={"groups": ["sex", "wing"]}, against="Best")
    (result,) = judged(spec_with(gate), both, Measured(predictions))
    gaps = {group.group: group for group in result.groups}
    assert gaps["sex=A"].gap == 0.0
    assert gaps["sex=B"].rest == 0.1
    assert gaps["wing=east"].rest is not None
    assert gaps["wing=east"].rest > 0.1


def test_a_reference_that_is_no_value_of_the_group_is_an_error_that_names_the_field() -> None:
    result = verdict(EQUAL, against="Reference", reference=[{"group": "sex", "value": "X"}])
    assert result.phase is EvaluationPhase.ERROR
    assert "set gates[].reference[].value to one of F, M" in result.message


def test_a_reference_that_is_too_small_leaves_the_others_open() -> None:
    cells: Cells = {**EQUAL, "X": (3, 12, 50, 50)}
    result = verdict(cells, against="Reference", reference=[{"group": "sex", "value": "X"}])
    assert result.phase is INCONCLUSIVE
    assert "sex=F cannot be compared: its reference sex=X is too small: it has 15" in result.message


def test_a_reference_to_whom_nobody_belongs_leaves_the_gate_open() -> None:
    result = verdict(
        EQUAL, ["F", "M", "X"], against="Reference", reference=[{"group": "sex", "value": "X"}]
    )
    assert result.phase is INCONCLUSIVE
    assert "sex=F cannot be compared: nobody in the data belongs to its reference" in result.message


def test_equalized_odds_names_the_rate_that_differs_more() -> None:
    cells: Cells = {"F": (400, 1600, 500, 500), "M": (400, 1600, 200, 800)}
    result = verdict(cells, metric="EqualizedOdds")
    assert result.phase is FAILED
    assert result.worst_group == "sex=F"
    assert result.message.startswith(
        "EqualizedOdds: FalsePositiveRate is 0.50 for sex=F (negatives: 1,000) and 0.20 for sex=M"
    )


@pytest.mark.parametrize(
    ("metric", "cells", "cases"),
    [
        ("TruePositiveRate", UNEQUAL, "positives: 2,000"),
        ("PositivePredictiveValue", {**EQUAL, "F": (400, 800, 800, 200)}, "called positive: 1,600"),
        ("NegativePredictiveValue", {**EQUAL, "F": (900, 1600, 200, 300)}, "called negative"),
    ],
)
def test_each_rate_counts_the_cases_that_it_is_about(metric: str, cells: Cells, cases: str) -> None:
    result = verdict(cells, metric=metric)
    assert result.phase is FAILED
    assert result.worst_group == "sex=F"
    assert f"for sex=F ({cases}" in result.message


@pytest.mark.parametrize("metric", ["AUROC", "CalibrationError"])
def test_scores_are_compared_between_groups(metric: str) -> None:
    random = np.random.default_rng(3)
    sex = np.repeat([0, 1], 4000).astype(np.intp)
    risk = random.random(8000)
    label = random.random(8000) < risk
    told = np.where(sex == 1, risk, 0.5 + (risk - 0.5) * 0.1 + random.normal(0, 0.15, 8000))
    score = np.clip(told, 0, 1)
    people = LabelledRows(label, frozenset({"0", "1"}), {"sex": Levels(sex, ["F", "M"])})
    gate = fair(metric=metric, limit=0.05)
    (result,) = judged(spec_with(gate), people, Measured(Predictions(score >= 0.5, score)))
    assert result.phase is FAILED
    assert result.worst_group == "sex=F"
    assert "for sex=F (rows: 4,000)" in result.message


def test_the_primary_gate_is_first_and_advisory_ones_are_last() -> None:
    people, predictions = people_of(EQUAL)
    gates = [
        fair(name="advice", required=False),
        good(limit=0.5),
        fair(name="second", metric="SelectionRate"),
        fair(name="first", primary=True),
    ]
    results = judged(spec_with(*gates), people, Measured(predictions))
    assert [r.name for r in results] == ["first", "good", "second", "advice"]
    assert [r.primary for r in results] == [True, False, False, False]


def test_the_only_required_fairness_gate_is_the_primary_one() -> None:
    people, predictions = people_of(EQUAL)
    gates = [good(limit=0.5), fair(), fair(name="advice", required=False)]
    results = judged(spec_with(*gates), people, Measured(predictions))
    assert [(r.name, r.primary) for r in results] == [
        ("missed", True),
        ("good", False),
        ("advice", False),
    ]


def test_what_one_gate_hides_no_other_gate_tells() -> None:
    people, predictions = people_of({**UNEQUAL, "X": (1, 3, 200, 300)})
    gates = [
        fair(name="missed"),
        fair(name="best", metric="TruePositiveRate", against="Best"),
        fair(name="odds", metric="EqualizedOdds"),
    ]
    results = judged(spec_with(*gates), people, Measured(predictions))
    told = {
        (group.group, group.positives)
        for result in results
        for group in result.groups
        if group.positives is not None
    }
    assert told == {("sex=F", 2000)}
    words = " ".join(result.message for result in results)
    assert "(positives: 2,000)" in words
    assert "2,004" in words
    assert "fewer than 10 positives" in words


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


def test_a_ratio_of_rates_that_are_both_whole_can_be_planned_for() -> None:
    perfect = {"F": (0, 30, 5, 25), "M": (0, 30, 5, 25)}
    result = verdict(perfect, metric="TruePositiveRate", comparison="Ratio", limit=0.99)
    assert result.phase is INCONCLUSIVE
    assert result.needed is None or result.needed.more > 0
