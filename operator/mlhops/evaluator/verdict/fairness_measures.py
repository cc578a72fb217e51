"""From a Fairness gate to the statistics that answer it."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from mlhops.api.evaluation import EvaluationSpec
from mlhops.api.gate import Gate, measure_of
from mlhops.evaluator.data.labelled_rows import LabelledRows
from mlhops.evaluator.data.subgroups import Cohorts
from mlhops.evaluator.tasks.predictions import AnyPredictions
from mlhops.evaluator.tasks.registry import handler_of
from mlhops.evaluator.verdict.gate_result import seed_of
from mlhops.measures.measure import LargerGap, Measure, OfClasses, OfNumbers, OfScores, Share
from mlhops.statistics.arrays import Bools, Indices
from mlhops.statistics.inference import performance
from mlhops.statistics.inference.comparisons import compare
from mlhops.statistics.inference.equalized_odds import RateGaps, larger_gaps
from mlhops.statistics.inference.gap import Gap
from mlhops.statistics.inference.performance import Answered, LabelledAnswers
from mlhops.statistics.inference.question import Question
from mlhops.statistics.inference.rates import Trials, count
from mlhops.tasks.binary import Cells

Found = dict[int, Gap]
"""What was measured, by the group's number; `versus` of each is a group's number, too."""


def measure(
    gate: Gate,
    spec: EvaluationSpec,
    people: LabelledRows,
    predictions: AnyPredictions,
    who: Cohorts,
    left_out: Collection[int],
) -> Found:
    """Return the gap of each group but those that are left out.

    The group that another one is compared with must not be left out where that one is not.
    """
    judged = np.array([i for i in range(len(who.names)) if i not in left_out], dtype=np.intp)
    if len(judged) == 0:
        return {}
    metric = measure_of(gate)
    question = Question(
        seed_of(gate, spec),
        gate.comparison or "Difference",
        gate.against or "Rest",
        np.searchsorted(judged, who.reference[judged]) if gate.reference else None,
        who.division[judged],
        metric.better,
        gate.confidence,
        metric.largest,
    )
    answers = handler_of(spec.interface).answers(people.label, predictions)
    found = gaps(metric, answers, who.atom, who.members[judged], question)
    return {
        group: gap if gap.versus is None else replace(gap, versus=int(judged[gap.versus]))
        for group, gap in zip(judged.tolist(), found, strict=True)
    }


def gaps(
    metric: Measure, answers: Answered, atom: Indices, members: Bools, question: Question
) -> list[Gap]:
    """Return the gap of every group.

    Args:
        metric: what is measured.
        answers: the model's, of everybody.
        atom: the atom of each row.
        members: one row per group, one column per atom.
        question: what is asked.

    Raises:
        ValueError: a score is needed and there is none, or it is not finite, or no risk.
    """
    match metric.how:
        case Share():
            return compare(trials(metric, answers, atom, members), question)
        case LargerGap(parts):
            first, second = (
                RateGaps(each.name, trials(each, answers, atom, members), each.better)
                for each in parts
            )
            return larger_gaps((first, second), question)
        case OfScores() | OfNumbers() | OfClasses():
            return performance.gaps(metric, answers, atom, members, question)
        case _:
            raise AssertionError(f"{metric.name} is no metric of a Fairness gate")


def trials(metric: Measure, answers: Answered, atom: Indices, members: Bools) -> Trials:
    """Return the cases and events of a share in each atom."""
    if not (isinstance(metric.how, Share) and isinstance(answers, LabelledAnswers)):
        raise AssertionError(f"{metric.name} is no share")
    cells = Cells(answers.label, answers.called)
    return count(cells.of(metric.how.cases), cells.of(metric.how.events), atom, members)
