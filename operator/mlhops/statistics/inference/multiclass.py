"""Measures of a model that says which of several classes a row is of.

Means over the classes weigh each class alike, however few rows it has. The influence of a row on kappa is that of
J. L. Fleiss, J. Cohen and B. S. Everitt (Psychological Bulletin 1969;72:323-327).
"""

from functools import cached_property
from typing import Self

import numpy as np

from mlhops.statistics.arrays import Bools, Floats, Indices
from mlhops.statistics.inference import auroc, influence, numeric
from mlhops.statistics.inference.auroc import Ranked
from mlhops.statistics.inference.influence import Piece
from mlhops.statistics.inference.proportions import effective_limits, wilson

FEWEST = 20
"""Rows of each class that a measure needs which weighs all classes alike."""
LEAST_RISK = 1e-15
"""A smaller risk of what came true counts as this one: the logarithm of none is infinite."""


class ClassAnswers:
    """A model's classes on labelled rows, of which any part can be measured."""

    def __init__(
        self, label: Indices, chosen: Indices, probability: Floats | None, classes: int
    ) -> None:
        """Take the answers.

        Args:
            label: the number of each row's true class, int[n].
            chosen: the number of the class that the model says, int[n].
            probability: of each class, float[n, classes]; None where the model answers with classes.
            classes: how many classes there are.

        Raises:
            ValueError: a probability is not between 0 and 1.
        """
        if probability is not None and not ((probability >= 0) & (probability <= 1)).all():
            raise ValueError("a probability is not between 0 and 1")
        self.label, self.chosen, self.classes = label, chosen, classes
        self._probability = probability

    def of(self, rows: Indices) -> Self:
        """Return the answers on some rows, maybe several times."""
        some = None if self._probability is None else self._probability[rows]
        return type(self)(self.label[rows], self.chosen[rows], some, self.classes)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.label)

    @property
    def order(self) -> Indices:
        """The rows, so sorted that neighbours are alike."""
        return np.lexsort((self.chosen, self.label))

    @property
    def probability(self) -> Floats:
        """The probabilities, float[n, classes].

        Raises:
            ValueError: there are none.
        """
        if self._probability is None:
            raise ValueError(
                "the model answers with classes, so there is no probability to measure"
            )
        return self._probability

    @cached_property
    def ranked(self) -> list[Ranked]:
        """For each class the ranks of its probabilities."""
        return [
            auroc.rank(self.label == each, self.probability[:, each])
            for each in range(self.classes)
        ]

    @cached_property
    def hits(self) -> Bools:
        """Whether the model says the true class, bool[n]."""
        return np.asarray(self.label == self.chosen)

    def has_enough(self, rows: Indices) -> bool:
        """Whether there are enough of some rows in each class."""
        return int(np.bincount(self.label[rows], minlength=self.classes).min()) >= FEWEST


def accuracy(answers: ClassAnswers, rows: Indices) -> Piece:
    """Return the share of some rows of which the model says the true class."""
    return _share(answers.hits[rows], rows)


def balanced_accuracy(answers: ClassAnswers, rows: Indices) -> Piece:
    """Return the mean over the classes of the share of their rows that the model finds (macro sensitivity).

    Its limits join Wilson's of each class (the method of variance estimates recovery, see `contrasts`).
    """
    if not answers.has_enough(rows):
        return influence.undefined(len(rows))
    label, hits = answers.label[rows], answers.hits[rows].astype(np.float64)
    sizes = np.bincount(label, minlength=answers.classes)
    found = np.bincount(label, hits, answers.classes) / sizes
    effect = (hits - found[label]) / (sizes[label] * answers.classes)
    most = 1 / (int(sizes.min()) * answers.classes)
    mean, events = float(found.mean()), found * sizes

    def limits(critical: float) -> tuple[float, float]:
        low, high = wilson(events, sizes, critical)
        below, above = (float(np.sqrt(((each - found) ** 2).sum())) for each in (low, high))
        return mean - below / answers.classes, mean + above / answers.classes

    smoothed = (events + 0.5) / (sizes + 1)
    variance = float((smoothed * (1 - smoothed) / sizes).sum()) / answers.classes**2
    return Piece(mean, variance, limits, rows, effect, len(rows), most)


def kappa(answers: ClassAnswers, rows: Indices) -> Piece:
    """Return Cohen's kappa of some rows, -1 to 1: agreement beyond that by chance."""
    n = len(rows)
    if n == 0:
        return influence.undefined()
    label, chosen = answers.label[rows], answers.chosen[rows]
    hits = answers.hits[rows].astype(np.float64)
    true, said = (np.bincount(each, minlength=answers.classes) / n for each in (label, chosen))
    agreed, chance = float(hits.mean()), float(true @ said)
    if chance >= 1:
        return influence.undefined(n)
    by_chance = said[label] + true[chosen] - 2 * chance
    left = 1 - chance
    effect = ((hits - agreed) * left - by_chance * (1 - agreed)) / (left**2 * n)
    # Where hardly anybody is of another class, one row changes all of it.
    return numeric.symmetric((agreed - chance) / left, effect, rows, 1 / (left * n))


def log_loss(answers: ClassAnswers, rows: Indices) -> Piece:
    """Return the mean of minus the logarithm of the risk of what came true, in nats."""
    n = len(rows)
    if n == 0:
        return influence.undefined()
    own = answers.probability[rows, answers.label[rows]]
    loss = -np.log(np.clip(own, LEAST_RISK, 1.0))
    mean = float(loss.mean())
    most = -float(np.log(LEAST_RISK)) / n
    return numeric.positive(numeric.symmetric(mean, (loss - mean) / n, rows, most))


def macro_auroc(answers: ClassAnswers, rows: Indices) -> Piece:
    """Return the mean over the classes of how often a row of it is ranked above one of no such class."""
    if not answers.has_enough(rows):
        return influence.undefined(len(rows))
    pieces = [auroc.piece(ranked, rows) for ranked in answers.ranked]
    mean = float(np.mean([each.estimate for each in pieces]))
    effect = np.mean([each.influence for each in pieces], axis=0)
    return _bounded(mean, effect, rows, max(each.unit for each in pieces) / len(pieces))


def _share(hits: Bools, rows: Indices) -> Piece:
    n = len(rows)
    if n == 0:
        return influence.undefined()
    share = float(hits.mean())
    return _bounded(share, (hits - share) / n, rows, 1 / n)


def _bounded(estimate: float, effect: Floats, rows: Indices, most: float) -> Piece:
    """Return a measure between 0 and 1."""
    limits, variance = effective_limits(estimate, float(effect @ effect), len(rows))
    return Piece(estimate, variance, limits, rows, effect, len(rows), most)
