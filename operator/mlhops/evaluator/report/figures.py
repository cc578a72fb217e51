"""What a report shows: numbers that may be told, and nothing about how they look."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from mlhops.api.evaluation import EvaluationPhase, GateResult
from mlhops.api.gate import Gate
from mlhops.statistics.inference.curves import Bar, ReliabilityPoint, RocPoint

Side: TypeAlias = Literal["between", "above", "below"]


@dataclass(frozen=True)
class Counts:
    """How many cases a group has; None where that may not be told."""

    rows: int | None
    positives: int | None
    negatives: int | None

    @property
    def prevalence(self) -> float | None:
        """The share of positives where all that it is made of may be told."""
        if self.rows is None or self.positives is None or self.negatives is None:
            return None
        return self.positives / self.rows


@dataclass(frozen=True)
class PlotSpan:
    """An estimate and its interval, as they are drawn; a bound may be infinite."""

    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Row:
    """What a gate found for one group, or for everybody."""

    name: str
    phase: EvaluationPhase
    counts: Counts | None
    """None where counts are no part of the figure."""
    own: float | None = None
    """The group's, or the candidate's, own value."""
    other: float | None = None
    """Of those that it is compared with."""
    versus: str = ""
    """Who those are, where it differs from row to row."""
    span: PlotSpan | None = None
    """None where there is nothing that may be drawn."""
    why: str = ""
    """Why there is nothing to draw."""


@dataclass(frozen=True)
class Forest:
    """One gate's estimates below each other, on one axis."""

    title: str
    quantity: str
    """What the axis shows, in words."""
    own: str
    """The heading of the groups' own values; empty where the span says it all."""
    other: str
    """The heading of the values that they are compared with; empty where there are none."""
    limits: Sequence[float]
    good: Side
    """Where, seen from the limits, values are acceptable."""
    rows: Sequence[Row]
    left_out: int = 0
    """How many groups are not listed, for there are too many."""
    neutral: float | None = None
    """Where there is no difference."""
    ratio: bool = False
    """Whether the axis is logarithmic."""
    unit: str = ""
    signed: bool = False
    """Whether numbers carry their sign."""
    counted: bool = True
    """Whether the rows have counts."""
    classes: bool = True
    """Whether these are of positives and negatives as well."""
    ends: tuple[str, str] = ("", "")
    """What it means to lie to the left and to the right."""


@dataclass(frozen=True)
class GateStory:
    """All about one gate."""

    gate: Gate
    result: GateResult
    forests: Sequence[Forest]


@dataclass(frozen=True)
class Area:
    """AUROC with an interval of its own."""

    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Curves:
    """How well scores tell and fit, for one group or everybody."""

    name: str
    area: Area | None
    roc: Sequence[RocPoint]
    reliability: Sequence[ReliabilityPoint]
    why: str = ""
    """Why there are no curves."""


@dataclass(frozen=True)
class ScoreFigures:
    """How the scores are spread."""

    positives: Sequence[Bar]
    negatives: Sequence[Bar]
    threshold: float | None
    low: float
    high: float


@dataclass(frozen=True)
class NumericCalibration:
    """How predicted and true numbers agree, for one group or everybody."""

    name: str
    points: Sequence[ReliabilityPoint]
    why: str = ""
    """Why there are none."""


@dataclass(frozen=True)
class NumericFigures:
    """How predicted numbers agree with true ones."""

    errors: Sequence[Bar]
    """How predicted minus true numbers are spread; none where there are too few."""
    low: float
    high: float
    calibration: Sequence[NumericCalibration]
    """Everybody first."""
    ends: tuple[float, float]
    """Of both axes of all calibration diagrams."""
    unit: str = ""


@dataclass(frozen=True)
class ConfusionMatrix:
    """Of the people of each class, which share the model says to be of which."""

    classes: Sequence[str]
    rows: Sequence[Sequence[float | None]]
    """One for each true class, float[said class]; None where few people are meant, or where that would tell of few."""


@dataclass(frozen=True)
class Cohort:
    """The people in the data."""

    everybody: Counts
    groups: Sequence[tuple[str, Counts]]
    left_out: int
    absent: Sequence[str]
    """Declared groups to which nobody belongs."""
    classes: bool = True
    """Whether people are positive or negative."""


@dataclass(frozen=True)
class Fact:
    """A line of what was run on what."""

    name: str
    value: str


@dataclass(frozen=True)
class Report:
    """All of a report."""

    model: str
    version: str
    phase: EvaluationPhase
    message: str
    smallest: int
    """Counts below it are suppressed."""
    facts: Sequence[Fact]
    gates: Sequence[GateStory]
    cohort: Cohort | None
    scores: ScoreFigures | None
    curves: Sequence[Curves]
    """Everybody first; empty where the model has no scores."""
    curves_left_out: int
    risks: bool
    """Whether scores are probabilities, so that calibration has a meaning."""
    numbers: NumericFigures | None = None
    """Where the outcome is a number."""
    confusion: ConfusionMatrix | None = None
    """Where it is one of several classes."""
