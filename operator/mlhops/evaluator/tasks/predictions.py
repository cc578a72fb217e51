"""What a model says of each person, by the type of the outcome."""

from dataclasses import dataclass
from typing import TypeAlias

from mlhops.statistics.arrays import Bools, Floats, Indices


@dataclass(frozen=True)
class Predictions:
    """What a model of a yes/no outcome says."""

    called: Bools
    """Whether the model calls the person positive, at the declared operating point."""
    score: Floats | None
    """The score; none where the model answers with classes."""

    @property
    def rows(self) -> int:
        """Of how many people."""
        return len(self.called)

    @property
    def scored(self) -> bool:
        """Whether there is a score to measure."""
        return self.score is not None

    @property
    def counted(self) -> Bools | Floats:
        """What drift is looked for in."""
        return self.called if self.score is None else self.score


@dataclass(frozen=True)
class NumericPredictions:
    """What a model of a number says."""

    value: Floats
    """The number, in the outcome's unit."""

    @property
    def rows(self) -> int:
        """Of how many people."""
        return len(self.value)

    @property
    def scored(self) -> bool:
        """Whether there is a score to measure: a number is no class."""
        return True

    @property
    def counted(self) -> Floats:
        """What drift is looked for in."""
        return self.value


@dataclass(frozen=True)
class ClassPredictions:
    """What a model of several classes says."""

    chosen: Indices
    """The number of the class, int[n]."""
    probability: Floats | None
    """Of each class, float[n, classes]; none where the model answers with classes."""
    classes: tuple[str, ...]
    """The names of the classes, in order."""

    @property
    def rows(self) -> int:
        """Of how many people."""
        return len(self.chosen)

    @property
    def scored(self) -> bool:
        """Whether there are probabilities to measure."""
        return self.probability is not None

    @property
    def counted(self) -> Indices:
        """What drift is looked for in: the numbers of classes."""
        return self.chosen


AnyPredictions: TypeAlias = Predictions | NumericPredictions | ClassPredictions
