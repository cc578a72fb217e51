"""One entry makes a metric: it appears everywhere, and none can be half there."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlhops.api.gate import Gate
from mlhops.evaluator.report import words
from mlhops.measures.binary import CALIBRATION_ERROR
from mlhops.measures.measure import (
    MEASURES,
    Measure,
    OfClasses,
    OfNumbers,
    OfScores,
    Quantile,
    Share,
    register,
)
from mlhops.statistics.inference.calibration import SMALLEST_BIN
from mlhops.statistics.inference.performance import LabelledAnswers
from mlhops.tasks.binary import CALLED, NEGATIVES, POSITIVES
from tools import measures_docs

REPOSITORY = Path(__file__).parents[2]
ENTRIES = """

def _absolute_error(answers: LabelledAnswers, rows: Indices, _: Floats | None) -> Piece:
    from mlhops.statistics.inference import performance

    return performance.mean(abs(answers.score[rows] - answers.label[rows]), rows)


register(
    Measure(
        name="FalseDiscoveryRate",
        gates=("Fairness", "Performance"),
        better="Lower",
        how=Share(CALLED, events=NEGATIVES),
        definition="of the people called positive, the share who are well",
        undefined="the model calls nobody positive",
    )
)
register(
    Measure(
        name="AbsoluteError",
        gates=("Performance",),
        better="Lower",
        how=OfScores(_absolute_error, needs_answer="Probability", planned=False),
        definition="how far risk and outcome are apart",
        undefined="nobody is there",
        bounds=MeasureBounds(0.0, 2.0, "limit of AbsoluteError must be between 0 and 2"),
    )
)
"""
SCRIPT = """
import json
from mlhops.measures import binary
from mlhops.rollout.evaluation.last_words import problem
from tests.unit.evaluator.made_up import fair, good
from tests.unit.evaluator.report.reading import evaluated, rendered, spec_of
from tools import crd, measures_docs

margin = {"nonInferiority": {"margin": 0.3}, "across": {"groups": ["sex"]}}
spec = spec_of(
    fair(name="fair", metric="FalseDiscoveryRate", limit=0.3),
    fair(name="like", metric="FalseDiscoveryRate", limit=0.9, comparison="Ratio", primary=True),
    good(name="good", metric="FalseDiscoveryRate", limit=0.9, **margin),
    good(name="near", metric="AbsoluteError", limit=0.9, **margin),
)
run = evaluated(spec)
print(json.dumps({
    "from": binary.__file__,
    "crd": crd.files()["mlhops.io_clinicalmodels.yaml"],
    "results": {gate.name: gate.to_json() for gate in run.gates},
    "page": rendered(run),
    "docs": measures_docs.section(),
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what an operator says of two metrics that stand in one file of it and nowhere else."""
    folder = tmp_path_factory.mktemp("operator")
    package, original = folder / "mlhops", REPOSITORY / "operator" / "mlhops"
    package.mkdir()
    for each in original.iterdir():
        if each.name != "measures":
            (package / each.name).symlink_to(each)
    shutil.copytree(original / "measures", package / "measures")
    entry = package / "measures" / "binary.py"
    imports = "import LargerGap, Measure,", "import LargerGap, Measure, MeasureBounds,"
    entry.write_text(entry.read_text().replace(*imports) + ENTRIES)
    path = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(REPOSITORY)!r}]"
    done = subprocess.run(
        [sys.executable, "-c", path + SCRIPT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["from"] == str(entry)
    return found


@pytest.mark.thorough
def test_a_metric_that_is_added_in_one_file_is_in_the_schema_and_its_rules(
    told: dict[str, Any],
) -> None:
    schema = " ".join(told["crd"].split())
    assert (
        "Brier, CalibrationError, FalseDiscoveryRate, AbsoluteError, P50, P99, Accuracy" in schema
    )
    assert "metric of a Fairness gate must be one of FalseNegativeRate" in schema
    assert "AUROC, CalibrationError, FalseDiscoveryRate, Accuracy" in schema
    assert "(PositivePredictiveValue, PPV, FalseDiscoveryRate: cases that the model" in schema
    assert (
        "AUROC, AUPRC, Brier, CalibrationError, AbsoluteError, MacroAUROC and LogLoss need a score"
        in schema
    )
    assert (
        "Brier, CalibrationError, AbsoluteError, MacroAUROC and LogLoss need a probability"
        in schema
    )
    assert "limit of AbsoluteError must be between 0 and 2" in schema
    assert "self.limit >= 0.0 && self.limit <= 2.0" in schema


def test_a_metric_that_is_added_in_one_file_gets_verdicts_and_sentences(
    told: dict[str, Any],
) -> None:
    results = told["results"]
    assert results["fair"]["phase"] == results["good"]["phase"] == "Successful"
    assert results["near"]["phase"] == "Successful"
    assert results["fair"]["message"].startswith("FalseDiscoveryRate is 0.")
    assert "(called positive: " in results["fair"]["message"]
    assert results["like"]["phase"] == "Inconclusive"
    assert "more called positive" in results["like"]["message"]
    assert "highest acceptable 0.90" in results["near"]["message"]
    assert "AbsoluteError is 0." in results["near"]["message"]
    assert "was 0." in results["near"]["message"]


def test_a_metric_that_is_added_in_one_file_is_in_the_report_and_in_the_docs(
    told: dict[str, Any],
) -> None:
    page, docs = told["page"], told["docs"]
    assert (
        "<b>FalseDiscoveryRate</b> (of the people called positive, the share who are well)" in page
    )
    assert "<b>AbsoluteError</b> (how far risk and outcome are apart) must be at most 0.9" in page
    assert docs.count("| FalseDiscoveryRate | of the people called positive") == 2
    assert "| AbsoluteError | how far risk and outcome are apart | the largest acceptable |" in docs
    assert "CalibrationError and AbsoluteError a Probability" in docs


def test_the_schema_and_the_pages_have_the_metrics_that_are_registered() -> None:
    schema = Gate.model_json_schema()
    assert schema["properties"]["metric"]["enum"] == list(MEASURES)
    assert measures_docs.main([str(REPOSITORY / "docs" / "gates.md"), "--check"]) == 0


@pytest.mark.parametrize("metric", MEASURES.values(), ids=str)
def test_a_report_says_what_each_metric_is(metric: Measure) -> None:
    gate = Gate(name="gate", type=metric.gates[0], metric=metric.name, limit=metric.bounds.high)
    assert metric.definition in words.asked(gate)


@pytest.mark.parametrize("missing", ["name", "gates", "tasks", "definition", "undefined"])
def test_an_entry_that_says_too_little_is_refused(missing: str) -> None:
    whole: dict[str, Any] = {
        "name": "New",
        "gates": ("Performance",),
        "better": "Lower",
        "how": Share(POSITIVES, events=CALLED),
        "definition": "what it is",
        "undefined": "why there is none",
    }
    Measure(**whole)
    with pytest.raises(ValueError, match="is missing"):
        Measure(**{**whole, missing: ""})


def test_a_name_stands_for_one_metric() -> None:
    with pytest.raises(ValueError, match="already"):
        register(CALIBRATION_ERROR)


def test_an_entry_is_measured_in_a_way_that_its_gates_can_judge() -> None:
    for metric in MEASURES.values():
        latency = isinstance(metric.how, Quantile)
        assert (metric.gates == ("Latency",)) == latency
        if "Performance" in metric.gates:
            assert isinstance(metric.how, Share | OfScores | OfNumbers | OfClasses)


def test_a_measure_of_no_single_model_is_refused() -> None:
    label = np.array([True, False])
    answers = LabelledAnswers(label, None, label)
    for name in ("EqualizedOdds", "P99"):
        with pytest.raises(ValueError, match=f"{name} is no measure"):
            MEASURES[name].piece(answers, np.arange(2))


def test_calibration_says_how_many_rows_it_needs() -> None:
    assert str(SMALLEST_BIN) in CALIBRATION_ERROR.undefined


def test_a_share_counts_events_among_its_cases_alone() -> None:
    label = np.array([True, True, False, False, False])
    called = np.array([True, False, True, True, False])
    how = Share(CALLED, events=NEGATIVES)
    found = how.piece(LabelledAnswers(label, None, called), np.array([0, 1, 2, 4]), None)
    assert (found.estimate, found.cases) == (0.5, 2)
    assert found.rows.tolist() == [0, 2]
