"""The report on a model of a number: errors, calibration, units, and nothing about classes or single people."""

from datetime import UTC, datetime

import numpy as np
import pytest

from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Levels
from mlhops.evaluator.report.collect import Evaluated, collect
from mlhops.evaluator.report.figures import Report
from mlhops.evaluator.report.page import page
from mlhops.evaluator.scoring.measured import Measured
from mlhops.evaluator.tasks.predictions import NumericPredictions
from mlhops.evaluator.verdict.judge import judgement, phase_of_run
from mlhops.statistics.arrays import Floats

from ..made_up import fair, good
from ..test_regression import STABLE, people, predicted, spec_of

GATES = (
    fair(metric="MAE", limit=1),
    fair(name="alike", metric="RMSE", limit=0.8, comparison="Ratio", required=False),
    good(name="right", metric="Bias", limit=0.2),
    good(name="near", metric="WithinTolerance", tolerance=2, limit=0.9),
    good(
        name="no-worse",
        metric="MAE",
        nonInferiority={"margin": 0.12},
        across={"groups": ["sex"]},
    ),
)


def reported(who: LabelledRows | None = None, value: Floats | None = None) -> Report:
    """Return what a report on a model of a number shows."""
    who = who or people()
    answers = predicted(who) if value is None else NumericPredictions(value)
    spec, measured = spec_of(*GATES, stable=STABLE), Measured(answers, answers)
    judged = judgement(spec, who, measured)
    phase, now = phase_of_run(judged.gates), datetime(2026, 1, 1, tzinfo=UTC)
    run = Evaluated(spec, phase, "done", "sha256:0", now, "0", judged.gates, judged, who, measured)
    return collect(run)


def test_errors_and_calibration_are_drawn_and_nothing_of_classes() -> None:
    report = reported()
    assert report.numbers is not None
    assert (report.scores, report.curves) == (None, [])
    text = page(report).decode()
    assert "Errors of predicted values" in text
    assert "Predicted less true value, in d" in text
    assert text.count("Calibration, ") == 3
    assert ">Positives<" not in text
    assert ">Prevalence<" not in text
    assert "must be at most 0.2 off 0" in text
    assert "with a tolerance of 2" in text


def test_points_of_calibration_are_the_means_of_bins() -> None:
    who = people()
    report = reported(who)
    assert report.numbers is not None
    everybody = report.numbers.calibration[0]
    assert len(everybody.points) == 10
    value = predicted(who).value
    lowest = np.argsort(value, kind="stable")[:120]
    assert everybody.points[0].predicted == pytest.approx(value[lowest].mean())
    assert everybody.points[0].observed == pytest.approx(np.asarray(who.label)[lowest].mean())
    assert sum(bar.share for bar in report.numbers.errors) == pytest.approx(1)


def test_a_group_that_is_too_small_has_no_points_and_no_bar_is_of_few_people() -> None:
    codes = np.where(np.arange(300) < 294, 0, 1).astype(np.intp)
    who = LabelledRows(people(300).label, frozenset(), {"sex": Levels(codes, ["F", "M"])})
    value = np.asarray(who.label, dtype=np.float64) + np.random.default_rng(3).normal(0, 1, 300)
    found = reported(who, value).numbers
    assert found is not None
    # The number of the others would tell that of the few.
    assert [bool(each.points) for each in found.calibration] == [True, False, False]
    assert all(bar.share * 300 >= 9.99 for bar in found.errors)
    ordered = np.sort(value - np.asarray(who.label))
    assert found.low > ordered[0]
    assert found.high < ordered[-1]


def test_answers_that_are_no_numbers_have_no_figures() -> None:
    who = people()
    assert reported(who, np.full(who.rows, np.nan)).numbers is None
