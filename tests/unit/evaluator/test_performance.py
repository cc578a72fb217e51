"""Verdicts on the whole model, against a limit and against what serves now."""

import numpy as np
import pytest

from mlhops.api.evaluation import EvaluationPhase, GateResult
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Levels
from mlhops.evaluator.scoring.measured import Measured, Missing
from mlhops.evaluator.tasks.predictions import Predictions

from .made_up import EQUAL, fair, good, judged, people_of, spec_with

FAILED = EvaluationPhase.FAILED
ERROR = EvaluationPhase.ERROR
INCONCLUSIVE = EvaluationPhase.INCONCLUSIVE
SUCCESSFUL = EvaluationPhase.SUCCESSFUL

SERVES = {"revision": "bcdfg", "version": "1.0.0", "endpoint": "http://stable"}
PAIRED = {"nonInferiority": {"margin": 0.05}, "across": {"groups": ["sex"]}}


def ward(rows: int = 8000, women: float = 0.25) -> tuple[LabelledRows, np.ndarray]:
    """Return people, a quarter of them women, and their risks."""
    random = np.random.default_rng(7)
    sex = (random.random(rows) >= women).astype(np.intp)
    risk = random.random(rows)
    label = random.random(rows) < risk
    return LabelledRows(label, frozenset({"0", "1"}), {"sex": Levels(sex, ["F", "M"])}), risk


def noisy(risk: np.ndarray, spread: np.ndarray | float, seed: int) -> Predictions:
    """Return the answers of a model that sees the risk through noise."""
    noise = np.random.default_rng(seed).normal(0, 1, len(risk)) * spread
    score = np.clip(risk + noise, 0, 1)
    return Predictions(score >= 0.5, score)


def against(
    candidate: Predictions, stable: Predictions | Missing | None, people: LabelledRows, metric: str
) -> GateResult:
    spec = spec_with(good(metric=metric, **PAIRED), stable=SERVES)
    (result,) = judged(spec, people, Measured(candidate, stable))
    return result


@pytest.mark.parametrize("metric", ["AUROC", "AUPRC", "Sensitivity", "Brier"])
def test_a_candidate_that_is_better_overall_and_worse_for_one_group_fails(metric: str) -> None:
    people, risk = ward()
    women = people.levels["sex"].codes == 0
    stable = noisy(risk, 0.3, seed=1)
    candidate = noisy(risk, np.where(women, 1.2, 0.02), seed=2)

    def hits(model: Predictions) -> float:
        return float((model.called == people.label).mean())

    assert hits(candidate) > hits(stable)
    result = against(candidate, stable, people, metric)
    assert result.phase is FAILED
    assert result.worst_group == "sex=F"
    verdicts = {group.group: group.phase for group in result.groups}
    assert verdicts == {"sex=F": FAILED, "sex=M": SUCCESSFUL}
    assert "with 1.0.0: " in result.message
    assert result.message.endswith("the whole interval is beyond the margin")


def test_the_sentence_names_both_the_margin_and_how_many() -> None:
    people, risk = ward()
    women = people.levels["sex"].codes == 0
    candidate = noisy(risk, np.where(women, 1.2, 0.02), seed=2)
    result = against(candidate, noisy(risk, 0.3, seed=1), people, "Sensitivity")
    positives = int(people.label[women].sum())
    assert f"for sex=F (positives: {positives:,}) and was" in result.message
    assert " worse, 95 % interval " in result.message
    assert "margin 0.05" in result.message
    assert result.limit == 0.05
    assert result.estimate is not None
    assert result.estimate > 0.05


@pytest.mark.parametrize("metric", ["AUROC", "Sensitivity", "Specificity", "PPV", "NPV", "Brier"])
def test_a_candidate_that_is_no_worse_for_anybody_passes(metric: str) -> None:
    people, risk = ward()
    stable, candidate = noisy(risk, 0.3, seed=1), noisy(risk, 0.1, seed=1)
    result = against(candidate, stable, people, metric)
    assert result.phase is SUCCESSFUL, result.message
    assert result.message.endswith("the whole interval is within the margin")


def test_a_candidate_that_is_not_proven_to_be_no_worse_waits_even_if_it_need_not_be_proven() -> (
    None
):
    people, risk = ward(rows=400)
    stable, candidate = noisy(risk, 0.3, seed=1), noisy(risk, 0.3, seed=2)
    spec = spec_with(good(assurance="NotRefuted", **PAIRED), stable=SERVES)
    (result,) = judged(spec, people, Measured(candidate, stable))
    assert result.phase is INCONCLUSIVE
    assert "the margin lies within the interval" in result.message
    assert "more positives" in result.message


def test_a_group_that_is_too_small_to_compare_is_not_proven() -> None:
    people, risk = ward(women=0.002)
    stable, candidate = noisy(risk, 0.3, seed=1), noisy(risk, 0.02, seed=1)
    result = against(candidate, stable, people, "Sensitivity")
    assert result.phase is INCONCLUSIVE
    assert "sex=F is too small to judge" in result.message


def test_a_group_in_which_stable_called_nobody_is_named() -> None:
    people, risk = ward()
    women = people.levels["sex"].codes == 0
    candidate = noisy(risk, 0.1, seed=1)
    stable = Predictions(candidate.called & ~women, candidate.score)
    result = against(candidate, stable, people, "PPV")
    assert result.phase is INCONCLUSIVE
    assert "with 1.0.0 there are too few cases to compare in sex=F" in result.message


def test_stable_that_cannot_be_asked_leaves_only_the_gates_that_need_it_in_error() -> None:
    people, predictions = people_of(EQUAL)
    gates = [fair(), good(limit=0.5), good(name="no-worse", **PAIRED)]
    missing = Missing("1.0.0, which serves, cannot be compared with: 503")
    results = judged(spec_with(*gates, stable=SERVES), people, Measured(predictions, missing))
    assert [result.phase for result in results] == [SUCCESSFUL, SUCCESSFUL, ERROR]
    assert results[2].message == missing.why


def test_stable_that_was_not_asked_although_it_serves_is_an_error() -> None:
    people, predictions = people_of(EQUAL)
    assert against(predictions, None, people, "Sensitivity").phase is ERROR


def test_on_a_first_deployment_there_is_nothing_to_be_inferior_to() -> None:
    people, predictions = people_of(EQUAL)
    (result,) = judged(spec_with(good(**PAIRED)), people, Measured(predictions))
    assert result.phase is SUCCESSFUL
    assert result.message == (
        "no other revision serves, so that there is nothing to be inferior to"
    )


def test_on_a_first_deployment_a_limit_holds_all_the_same() -> None:
    people, predictions = people_of(EQUAL)
    (result,) = judged(spec_with(good(limit=0.9, **PAIRED)), people, Measured(predictions))
    assert result.phase is FAILED
    assert result.message.startswith("Sensitivity is 0.80 (positives: 4,000, negatives: 2,000)")
    assert "nothing to be inferior to" in result.message


def test_the_graver_of_limit_and_margin_gives_the_numbers() -> None:
    people, risk = ward()
    women = people.levels["sex"].codes == 0
    candidate = noisy(risk, np.where(women, 1.2, 0.02), seed=2)
    spec = spec_with(good(limit=0.5, **PAIRED), stable=SERVES)
    (result,) = judged(spec, people, Measured(candidate, noisy(risk, 0.3, seed=1)))
    assert (result.phase, result.limit, result.worst_group) == (FAILED, 0.05, "sex=F")
    assert "lowest acceptable 0.50" in result.message


@pytest.mark.parametrize(
    ("metric", "limit", "phase", "words"),
    [
        ("AUROC", 0.7, SUCCESSFUL, "lowest acceptable 0.700; the whole interval is above it"),
        ("AUPRC", 0.95, FAILED, "lowest acceptable 0.95; the whole interval is below it"),
        ("Brier", 0.1, FAILED, "highest acceptable 0.100; the whole interval is above it"),
        ("Brier", 0.3, SUCCESSFUL, "highest acceptable 0.300; the whole interval is below it"),
        ("CalibrationError", 0.3, SUCCESSFUL, "highest acceptable 0.30"),
        ("PPV", 0.5, SUCCESSFUL, "lowest acceptable 0.50"),
        ("Specificity", 0.99, FAILED, "below it"),
    ],
)
def test_a_limit_is_a_floor_or_a_ceiling(
    metric: str, limit: float, phase: EvaluationPhase, words: str
) -> None:
    people, risk = ward()
    spec = spec_with(good(metric=metric, limit=limit))
    (result,) = judged(spec, people, Measured(noisy(risk, 0.1, seed=1)))
    assert result.phase is phase, result.message
    assert words in result.message


def test_what_would_decide_a_limit_is_told() -> None:
    people, risk = ward(rows=1000)
    model = noisy(risk, 0.1, seed=1)
    found = float(model.called[people.label].mean())
    (result,) = judged(spec_with(good(limit=round(found - 0.02, 2))), people, Measured(model))
    assert result.phase is INCONCLUSIVE
    assert result.needed is not None
    assert (result.needed.cases, result.needed.group) == ("positives", None)
    assert f"about {result.needed.more:,} more positives would decide it" in result.message


def test_too_few_of_either_class_say_what_is_needed_and_no_small_number() -> None:
    people, predictions = people_of({"F": (2, 3, 200, 800)})
    (result,) = judged(spec_with(good(limit=0.5)), people, Measured(predictions))
    assert result.phase is INCONCLUSIVE
    assert result.message == (
        "Sensitivity needs at least 20 positives; the data have fewer than 10: add held-out rows"
    )


def test_the_median_and_the_slowest_answers_are_held_against_a_limit_in_seconds() -> None:
    people, predictions = people_of(EQUAL)
    gates = [
        {"name": "usual", "type": "Latency", "metric": "P50", "limit": 0.1},
        {"name": "slow", "type": "Latency", "metric": "P99", "limit": 0.1},
    ]
    seconds = np.where(np.arange(1000) % 20 == 0, 0.5, 0.02)
    usual, slow = judged(spec_with(*gates), people, Measured(predictions, None, seconds))
    assert (usual.phase, slow.phase) == (SUCCESSFUL, FAILED)
    assert slow.message == (
        "P99 of the time for one patient's answer is 0.500 s (1,000 requests, one after the "
        "other): 95 % interval 0.500 s to 0.500 s, limit 0.100 s; the whole interval is beyond "
        "the limit"
    )


def test_too_few_requests_cannot_tell_of_the_slowest() -> None:
    people, predictions = people_of(EQUAL)
    gate = {"name": "slow", "type": "Latency", "metric": "P99", "limit": 0.1}
    measured = Measured(predictions, None, np.full(100, 0.02))
    (result,) = judged(spec_with(gate), people, measured)
    assert (result.phase, result.upper) == (INCONCLUSIVE, None)
    assert "0.020 s to unknown" in result.message
    assert "more rows" in result.message


def test_times_that_were_not_taken_are_an_error() -> None:
    people, predictions = people_of(EQUAL)
    gate = {"name": "slow", "type": "Latency", "metric": "P99", "limit": 0.1}
    measured = Measured(predictions, None, Missing("503"))
    (result,) = judged(spec_with(gate), people, measured)
    assert (result.phase, result.message) == (ERROR, "503")
