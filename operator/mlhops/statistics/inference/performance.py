"""Measures of a model on some of the rows, on all of them with an interval, and compared between groups."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, TypeAlias

import numpy as np

from mlhops.statistics.arrays import Bools, Counts, Floats, Indices
from mlhops.statistics.inference import auroc, calibration, influence
from mlhops.statistics.inference.auroc import Ranked
from mlhops.statistics.inference.comparisons import answer
from mlhops.statistics.inference.contrasts import Arms
from mlhops.statistics.inference.estimate import Estimate, critical_of, undefined
from mlhops.statistics.inference.gap import Gap, own_reference
from mlhops.statistics.inference.influence import Piece
from mlhops.statistics.inference.multiclass import ClassAnswers
from mlhops.statistics.inference.numeric import NumericAnswers
from mlhops.statistics.inference.proportions import effective_limits
from mlhops.statistics.inference.question import Better, Question


class LabelledAnswers:
    """A model's answers on labelled rows, of which any part can be measured."""

    def __init__(self, label: Bools, score: Floats | None, called: Bools) -> None:
        """Take the answers.

        Args:
            label: the true outcome of each row.
            score: the score of each row; None where the model answers with classes.
            called: whether the model calls the row positive.

        Raises:
            ValueError: a score is not finite.
        """
        if score is not None and not np.isfinite(score).all():
            raise ValueError("a score is not a finite number")
        self.label, self.called = label, called
        self._score = score
        self._ranked: Ranked | None = None

    def of(self, rows: Indices) -> "LabelledAnswers":
        """Return the answers on some rows, maybe several times."""
        score = None if self._score is None else self._score[rows]
        return LabelledAnswers(self.label[rows], score, self.called[rows])

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.label)

    @property
    def order(self) -> Indices:
        """The rows, so sorted that neighbours are alike."""
        return np.lexsort((self.score, self.label))

    @property
    def score(self) -> Floats:
        """The scores.

        Raises:
            ValueError: there are none.
        """
        if self._score is None:
            raise ValueError("the model answers with classes, so there is no score to measure")
        return self._score

    @property
    def ranked(self) -> Ranked:
        """The ranks of the scores, which are found only once."""
        if self._ranked is None:
            self._ranked = auroc.rank(self.label, self.score)
        return self._ranked


Answered: TypeAlias = LabelledAnswers | NumericAnswers | ClassAnswers
"""A model's answers on labelled rows, whatever the type of the outcome."""


class Statistic(Protocol):
    """A measure of a model's answers on some of the rows."""

    @property
    def better(self) -> Better:
        """Which way is better."""

    @property
    def binned(self) -> bool:
        """Whether it is measured in bins of risk."""

    @property
    def target(self) -> float | None:
        """The value that is best, where more and less are both worse."""

    @property
    def largest(self) -> float:
        """The largest difference that there can be of two of its values."""

    @property
    def undefined(self) -> str:
        """Why there may be none."""

    def piece(self, answers: Answered, rows: Indices, bins: Floats | None = None) -> Piece:
        """Return the measure of some of the rows; NaN where it is undefined.

        Raises:
            ValueError: there is no score, or it is no risk.
        """


def estimate(measure: Statistic, answers: Answered, confidence: float) -> Estimate:
    """Return a measure of the whole model with its interval; no chance is involved.

    Of a measure with a target it is how far the measure lies from that.

    Args:
        measure: what is measured.
        answers: the model's, of everybody.
        confidence: of the interval.

    Raises:
        ValueError: a score is needed and there is none, or it is no risk.
    """
    found = measured(measure, answers, np.arange(answers.rows))
    if np.isnan(found.estimate):
        return undefined(measure.undefined, found.cases)
    lower, upper = found.limits(critical_of(confidence))
    return Estimate(found.estimate, lower, upper, found.cases, limits=found.limits)


def measured(
    measure: Statistic, answers: Answered, rows: Indices, bins: Floats | None = None
) -> Piece:
    """Return a measure of some rows; of one with a target how far it lies from that.

    Raises:
        ValueError: there is no score, or it is no risk.
    """
    found = measure.piece(answers, rows, bins)
    return found if measure.target is None else influence.folded(found, measure.target)


def gaps(
    measure: Statistic, answers: Answered, atom: Indices, members: Bools, question: Question
) -> list[Gap]:
    """Return the gap of every group's measure; undefined where a side has none.

    Args:
        measure: what is measured.
        answers: the model's, of everybody.
        atom: the atom of each row.
        members: one row per group, one column per atom.
        question: what is asked.

    Raises:
        ValueError: a score is needed and there is none, or it is no risk, or `Reference` comes without references.
    """
    if measure.binned and isinstance(answers, LabelledAnswers):
        return _binned_gaps(measure, answers, atom, members, question)
    return answer(question, *arms(measure, answers, atom, question, question.arms(members)))


def arms(
    measure: Statistic, answers: Answered, atom: Indices, question: Question, parts: Bools
) -> tuple[Arms, Counts]:
    """Return the measure of each part (parts by atoms), and how many cases it rests on.

    Of a measure with a target the best group is the one that is nearest to it.
    """
    of = measured if question.against == "Best" else _as_it_is
    pieces = (of(measure, answers, np.flatnonzero(part[atom])) for part in parts)
    found, light = influence.arms(pieces, len(parts), answers.rows)
    ratio = question.comparison == "Ratio"
    return (influence.logarithmic(found) if ratio else found), influence.cases(light)


def _as_it_is(measure: Statistic, answers: Answered, rows: Indices) -> Piece:
    return measure.piece(answers, rows)


def _binned_gaps(
    measure: Statistic,
    answers: LabelledAnswers,
    atom: Indices,
    members: Bools,
    question: Question,
) -> list[Gap]:
    """Return the gap of every group where those that are compared have the same bins of risk.

    The bins are merged until each side has enough rows in every bin; for the best of several groups all have
    the same. The measures are taken to vary independently, which is right for groups that do not overlap.
    """
    parts = question.arms(members)

    def rows(part: int) -> Indices:
        return np.flatnonzero(parts[part][atom])

    def answered(asked: Question, sides: Sequence[int], cuts: Sequence[Floats]) -> list[Gap]:
        pieces = (
            measure.piece(answers, rows(side), cut) for side, cut in zip(sides, cuts, strict=True)
        )
        found, light = influence.arms(pieces, len(sides), len(answers.label))
        return answer(asked, found, influence.cases(light))

    groups = range(len(members))
    if question.against == "Best":
        common = calibration.bins(answers.score, [rows(group) for group in groups])
        return answered(question, groups, [common] * len(members))
    # Each group and its other side, in bins of their own.
    other = question.others(len(members)).tolist()
    cuts = [calibration.bins(answers.score, [rows(i), rows(j)]) for i, j in enumerate(other)]
    found = answered(replace(question, against="Rest"), [*groups, *other], [*cuts, *cuts])
    if question.against == "Reference":
        for i, j in enumerate(other):
            named = replace(found[i], versus=j)
            found[i] = own_reference(named, "Difference") if i == j and named.defined else named
    return found


def mean(values: Floats, rows: Indices) -> Piece:
    """Return the mean of a value of each of some rows, float[rows], with the influence of each."""
    n = len(rows)
    if n == 0:
        return influence.undefined()
    mean = float(values.mean())
    effect = (values - mean) / n
    # Of a proportion the variance is binomial, as Wilson has it; of other values nearly the sample's.
    limits, variance = effective_limits(mean, float(effect @ effect), n)
    return Piece(mean, variance, limits, rows, effect, n, 1 / n)
