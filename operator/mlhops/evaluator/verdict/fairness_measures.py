"""From a Fairness gate to the statistics that answer it."""

from collections.abc import Collection
from dataclasses import replace
from typing import TypedDict

import numpy as np

from mlhops.api.evaluation import EvaluationSpec
from mlhops.api.gate import FairnessMetric, Gate
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Cohorts
from mlhops.evaluator.scoring.measured import Predictions
from mlhops.evaluator.verdict.gate_result import seed_of
from mlhops.statistics.arrays import Bools, Indices
from mlhops.statistics.inference.auroc import auroc_gaps
from mlhops.statistics.inference.calibration import error_gaps
from mlhops.statistics.inference.comparisons import compare
from mlhops.statistics.inference.equalized_odds import equalized_odds
from mlhops.statistics.inference.gap import Gap
from mlhops.statistics.inference.question import Against
from mlhops.statistics.inference.rates import count

LESS_IS_WORSE = frozenset(
    {
        FairnessMetric.TRUE_POSITIVE_RATE,
        FairnessMetric.SELECTION_RATE,
        FairnessMetric.POSITIVE_PREDICTIVE_VALUE,
        FairnessMetric.NEGATIVE_PREDICTIVE_VALUE,
        FairnessMetric.AUROC,
    }
)

Found = dict[int, Gap]
"""What was measured, by the group's number; `versus` of each is a group's number, too."""


class _Asked(TypedDict):
    against: Against
    reference: Indices | None
    family: Indices
    confidence: float
    seed: list[int]


def measure(
    gate: Gate,
    spec: EvaluationSpec,
    people: LabelledRows,
    predictions: Predictions,
    who: Cohorts,
    left_out: Collection[int],
) -> Found:
    """Return the gap of each group but those that are left out.

    The group that another one is compared with must not be left out where that one is not.
    """
    judged = np.array([i for i in range(len(who.names)) if i not in left_out], dtype=np.intp)
    if len(judged) == 0:
        return {}
    asked: _Asked = {
        "against": gate.against or "Rest",
        "reference": _places(who.reference[judged], judged) if gate.reference else None,
        "family": who.division[judged],
        "confidence": gate.confidence,
        "seed": seed_of(gate, spec),
    }
    gaps = _gaps(gate, people, predictions, who, who.members[judged], asked)
    return {
        group: gap if gap.versus is None else replace(gap, versus=int(judged[gap.versus]))
        for group, gap in zip(judged.tolist(), gaps, strict=True)
    }


def _places(groups: Indices, judged: Indices) -> Indices:
    return np.searchsorted(judged, groups).astype(np.intp)


def _gaps(
    gate: Gate,
    people: LabelledRows,
    predictions: Predictions,
    who: Cohorts,
    members: Bools,
    asked: _Asked,
) -> list[Gap]:
    metric, comparison = FairnessMetric(gate.metric), gate.comparison or "Difference"
    label, called, score = people.label, predictions.called, predictions.score
    if metric is FairnessMetric.EQUALIZED_ODDS:
        return equalized_odds(label, called, who.atom, members, comparison=comparison, **asked)
    if metric in (FairnessMetric.AUROC, FairnessMetric.CALIBRATION_ERROR):
        if score is None:
            raise AssertionError("the judge asks for no scores of a model that has none")
        gaps = auroc_gaps if metric is FairnessMetric.AUROC else error_gaps
        return gaps(label, score, who.atom, members, **asked)
    return compare(
        count(metric, label, called, who.atom, members),
        comparison=comparison,
        better="Higher" if metric in LESS_IS_WORSE else "Lower",
        **asked,
    )
