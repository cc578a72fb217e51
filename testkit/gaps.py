"""Gaps between groups as the evaluator finds them, for tests and bench."""

from mlhops.evaluator.verdict.fairness_measures import gaps
from mlhops.measures.measure import Measure
from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.statistics.inference.contrasts import Comparison
from mlhops.statistics.inference.gap import Gap
from mlhops.statistics.inference.performance import LabelledAnswers
from mlhops.statistics.inference.question import Against, Question


def gaps_of(
    metric: Measure,
    label: Bools,
    answer: Bools | Floats,
    atom: Indices,
    members: Bools,
    *,
    seed: list[int],
    comparison: Comparison = "Difference",
    against: Against = "Rest",
    reference: Indices | None = None,
) -> list[Gap]:
    """Return the gap of each group; an answer is a call, or a score that calls from 0.5."""
    calls = answer.dtype == bool
    answers = LabelledAnswers(label, None if calls else answer.astype(float), answer >= 0.5)
    question = Question(seed, comparison, against, reference, better=metric.better)
    return gaps(metric, answers, atom, members, question)
