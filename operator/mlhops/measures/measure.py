"""What is known of a metric, and the registry of all metrics.

How it is measured is one of six ways: a share of cases, the larger of the gaps in several shares, a measure of
scores, of predicted numbers or of one of several classes to which each row has an influence, or a quantile of times.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from mlhops.tasks.binary import NEGATIVES, POSITIVES, Cells
from mlhops.tasks.task import ROWS, OutputType, TaskName

if TYPE_CHECKING:
    from mlhops.statistics.arrays import Floats, Indices
    from mlhops.statistics.inference.influence import Piece
    from mlhops.statistics.inference.multiclass import ClassAnswers
    from mlhops.statistics.inference.numeric import NumericAnswers
    from mlhops.statistics.inference.performance import Answered, LabelledAnswers

GateType = Literal["Fairness", "Performance", "Latency"]
GATE_TYPES: tuple[GateType, ...] = get_args(GateType)
Better = Literal["Lower", "Higher"]
Parameter = Literal["tolerance"]
"""A field of a gate without which some metrics say nothing."""
PieceOf: TypeAlias = "Callable[[LabelledAnswers, Indices, Floats | None], Piece]"
"""From a model's answers, some of the rows, and bins of risk where the measure has any."""
ClassPieceOf: TypeAlias = "Callable[[ClassAnswers, Indices], Piece]"
"""From the classes that a model says, and some of the rows."""
NumericPieceOf: TypeAlias = "Callable[[NumericAnswers, Indices, float], Piece]"
"""From a model's numbers, some of the rows, and the gate's parameter (NaN where the metric has none)."""


@dataclass(frozen=True)
class MeasureBounds:
    """Between which numbers a limit must lie."""

    low: float
    high: float
    remedy: str
    """What somebody is told who sets another limit."""
    open: bool = False
    """Whether the limit must be more than the lower bound."""
    margin: str = "write 0.02 for two percentage points"
    """What somebody is told whose margin of non-inferiority is no part of that span."""


SHARE = MeasureBounds(
    0.0, 1.0, "limit must be between 0 and 1: write 0.1 for ten percentage points"
)


@dataclass(frozen=True)
class Share:
    """The share of some cases that are events; the calls suffice for it."""

    cases: str
    events: str
    needs_answer: OutputType = "Class"
    ratio: bool = True

    @property
    def needs(self) -> tuple[str, ...]:
        """The kinds of cases of which a group must have enough."""
        return (self.cases,)

    def piece(self, answers: LabelledAnswers, rows: Indices, _: Floats | None) -> Piece:
        """Return the share on some of the rows."""
        from mlhops.statistics.inference.performance import mean

        cells = Cells(answers.label[rows], answers.called[rows])
        cases = cells.of(self.cases)
        return mean(cells.of(self.events)[cases].astype(float), rows[cases])


@dataclass(frozen=True)
class LargerGap:
    """The larger of a group's gaps in two shares."""

    parts: tuple[Measure, Measure]
    """Measures that are shares."""
    needs_answer: OutputType = "Class"
    ratio: bool = True
    needs: tuple[str, ...] = (POSITIVES, NEGATIVES)


@dataclass(frozen=True)
class OfScores:
    """A measure of scores, to which each row has an influence."""

    piece: PieceOf
    """The measure on some of the rows; undefined (NaN) where there is none."""
    needs_answer: OutputType = "Score"
    binned: bool = False
    """Whether it is measured in bins of risk, of which those that are compared must have the same."""
    planned: bool = True
    """Whether it can be told how many cases would decide a gate: near its end a measure may vary in no normal way."""
    ratio: bool = False
    needs: tuple[str, ...] = (POSITIVES, NEGATIVES)


@dataclass(frozen=True)
class OfNumbers:
    """A measure of predicted numbers, to which each row has an influence."""

    piece: NumericPieceOf
    """The measure on some of the rows; undefined (NaN) where there is none."""
    needs_answer: OutputType = "Value"
    planned: bool = True
    """Whether it can be told how many cases would decide a gate."""
    ratio: bool = False
    """Whether it is never negative, so that two of its values make a ratio."""
    parameter: float = math.nan
    """What the gate sets; NaN where it sets none."""
    needs: tuple[str, ...] = (ROWS,)


@dataclass(frozen=True)
class OfClasses:
    """A measure of which of several classes a model says, to which each row has an influence."""

    piece: ClassPieceOf
    """The measure on some of the rows; undefined (NaN) where there is none."""
    needs_answer: OutputType = "Class"
    planned: bool = True
    """Whether it can be told how many cases would decide a gate."""
    ratio: bool = False
    """Whether it is never negative, so that two of its values make a ratio."""
    needs: tuple[str, ...] = (ROWS,)


@dataclass(frozen=True)
class Quantile:
    """A quantile of the times that answers take."""

    share: float
    """Which part of the times it is not less than."""
    needs_answer: OutputType = "Class"
    ratio: bool = False
    needs: tuple[str, ...] = ()


How: TypeAlias = "Share | LargerGap | OfScores | OfNumbers | OfClasses | Quantile"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A metric of gates."""

    name: str
    """As `Gate.metric` has it."""
    gates: tuple[GateType, ...]
    """The types of gates that it is a metric of."""
    better: Better
    """Which way is better: where lower is, the limit of a Performance gate is the largest acceptable value."""
    how: How
    definition: str
    """What it is, in plain words, as reports and the docs say it."""
    undefined: str = ""
    """Why there may be none of it, for a Performance metric."""
    bounds: MeasureBounds = SHARE
    tasks: tuple[TaskName, ...] = ("Binary",)
    """The types of outcome that it is a metric of."""
    target: float | None = None
    """The value that is best, where more and less are both worse: limits bound how far it is missed."""
    largest: float = 1.0
    """The largest difference that there can be of two of its values."""
    in_units: bool = False
    """Whether its values are in the outcome's unit."""
    parameter: Parameter | None = None
    """The field of a gate without which it says nothing."""

    def __post_init__(self) -> None:
        """Refuse an entry that some reader would find half there.

        Raises:
            ValueError: it says too little.
        """
        measured = ("Performance" in self.gates) <= bool(self.undefined)
        if not (self.name and self.gates and self.tasks and self.definition and measured):
            raise ValueError(
                f"{self.name or 'a metric'}: name, gates, tasks, definition or undefined is missing"
            )

    def __str__(self) -> str:
        """Return its name."""
        return self.name

    @property
    def cases(self) -> str:
        """The kind of cases that it is about; rows where it is about all of them."""
        return self.how.cases if isinstance(self.how, Share) else ROWS

    @property
    def scored(self) -> bool:
        """Whether it needs a score; a model that answers with classes has none."""
        return self.how.needs_answer in ("Score", "Probability")

    @property
    def planned(self) -> bool:
        """Whether it can be told how many cases would decide a gate."""
        return not isinstance(self.how, OfScores | OfNumbers | OfClasses) or self.how.planned

    @property
    def binned(self) -> bool:
        """Whether it is measured in bins of risk."""
        return isinstance(self.how, OfScores) and self.how.binned

    def with_parameter(self, value: float | None) -> Measure:
        """Return the metric as a gate sets it."""
        if value is None or not isinstance(self.how, OfNumbers):
            return self
        return replace(self, how=replace(self.how, parameter=value))

    def piece(self, answers: Answered, rows: Indices, bins: Floats | None = None) -> Piece:
        """Return the measure on some of the rows, with the influence of each.

        Args:
            answers: of the model, with the true outcomes.
            rows: which rows.
            bins: of risk, upper edges of all but the last; by default those that fit the rows.

        Raises:
            ValueError: there is no score, or it is no risk, or the metric is not of single models.
        """
        from mlhops.statistics.inference.multiclass import ClassAnswers
        from mlhops.statistics.inference.numeric import NumericAnswers

        match self.how:
            case Share() | OfScores() if not isinstance(answers, NumericAnswers | ClassAnswers):
                return self.how.piece(answers, rows, bins)
            case OfNumbers() if isinstance(answers, NumericAnswers):
                return self.how.piece(answers, rows, self.how.parameter)
            case OfClasses() if isinstance(answers, ClassAnswers):
                return self.how.piece(answers, rows)
            case _:
                raise ValueError(f"{self.name} is no measure of one model's rows")


MEASURES: dict[str, Measure] = {}
"""All metrics by name, in the order in which they are listed."""


def register(measure: Measure) -> Measure:
    """Add a metric to those that gates may have, and return it.

    Raises:
        ValueError: there is one of that name.
    """
    if measure.name in MEASURES:
        raise ValueError(f"there is a metric {measure.name} already")
    MEASURES[measure.name] = measure
    return measure


def measures_of(gate: GateType, task: TaskName | None = None) -> list[Measure]:
    """Return the metrics of a type of gate, of all tasks or of one."""
    of = [each for each in MEASURES.values() if gate in each.gates]
    return of if task is None else [each for each in of if task in each.tasks]
