"""What a policy asks of alibi-detect, what a pod is told of that, and what it answers: chances and effects, no rows."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, model_validator

from mlhops.api.base import Resource, list_map, rules
from mlhops.api.columns import Name
from mlhops.api.interface import GroupName

AlibiType = Literal[
    "KSDrift",
    "CVMDrift",
    "ChiSquareDrift",
    "TabularDrift",
    "FETDrift",
    "ClassifierDrift",
    "MMDDrift",
]
AlibiTest = Literal["KS", "CVM", "ChiSquare", "FET", "Classifier", "MMD"]
AlibiKind = Literal["Feature", "Score", "Joint"]
MOST_RESULTS = 8192
"""Of all windows of one pod."""
JOINT_ROWS = 500
"""Rows on either side, at most, of a detector that compares whole rows: MMDDrift's permutations take the square."""
JOINT: tuple[AlibiType, ...] = ("ClassifierDrift", "MMDDrift")
"""Those that compare whole rows."""
ONLY_JOINT = (
    f"{' and '.join(JOINT)} compare with what a pod saw first, so that one that starts amid a drift sees none: "
    "name one more detector, such as TabularDrift, which compares with the profile"
)
ONLY_WITH_ENGINE = "alibi is for engine AlibiDetect: remove it, or set engine to that"
_ENOUGH = "alibi.rows (1000 where it is left out) must be at least minRows, or there would never be a verdict"
_JOINT = str(list(JOINT))
_TOO_MANY = (
    f"ClassifierDrift and MMDDrift compare {JOINT_ROWS} rows at most: set minRows to that or less"
)
ENGINE_RULES = (
    ("!has(self.alibi) || self.engine == 'AlibiDetect'", ONLY_WITH_ENGINE, ".alibi"),
    (
        (
            "self.engine != 'AlibiDetect' || "
            "(has(self.alibi) ? self.alibi.rows : 1000) >= self.minRows"
        ),
        _ENOUGH,
        ".minRows",
    ),
    (
        (
            f"!has(self.alibi) || self.minRows <= {JOINT_ROWS} || "
            f"!self.alibi.detectors.exists(d, d.type in {_JOINT})"
        ),
        _TOO_MANY,
        ".minRows",
    ),
)
"""What a policy's spec.drift must hold for its engine."""


class AlibiDetector(Resource):
    """One of alibi-detect's detectors."""

    type: AlibiType
    """Its class. KSDrift and CVMDrift take numbers, ChiSquareDrift what has categories, FETDrift
    what has two, TabularDrift all of it. ClassifierDrift and MMDDrift (which needs torch) compare
    whole rows with the first 500 that the pod saw, not with the reference."""


Detectors = Annotated[
    list[AlibiDetector],
    Field(min_length=1, max_length=7, json_schema_extra=list_map("type", "detectors")),
]


class AlibiSettings(Resource):
    """What the detector in a pod is told to ask alibi-detect."""

    detectors: Detectors
    rows: Annotated[int, Field(ge=100, le=10_000)] = 1000
    """Rows of each window that are held at most: a sample, where there are more."""
    min_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """With fewer values in a window nothing is told."""
    every: Annotated[float, Field(ge=1, le=1e9)] = 60.0
    """Seconds between two tests."""

    @model_validator(mode="after")
    def _unique(self) -> Self:
        unrepeated(self.detectors)
        return self


class AlibiEngine(
    Resource,
    json_schema_extra=rules(
        (f"self.detectors.exists(d, !(d.type in {_JOINT}))", ONLY_JOINT, ".detectors"),
    ),
):
    """What alibi-detect is asked in each pod. It is under the Business Source License 1.1, which
    forbids most use in production."""

    detectors: Detectors = [AlibiDetector(type="TabularDrift")]
    """Its detectors; those in replicas are judged together."""
    rows: Annotated[int, Field(ge=100, le=10_000)] = 1000
    """Rows of each window that a pod holds in memory at most; a sample, where there are more."""

    @model_validator(mode="after")
    def _unique(self) -> Self:
        unrepeated(self.detectors)
        if len(joint(self.detectors)) == len(self.detectors):
            raise ValueError(ONLY_JOINT)
        return self

    def refuse_unless_enough(self, min_rows: int) -> None:
        """Raise an error unless so many rows in a window can ever be compared.

        Raises:
            ValueError: fewer are held, or compared.
        """
        if self.rows < min_rows:
            raise ValueError(_ENOUGH)
        if joint(self.detectors) and min_rows > JOINT_ROWS:
            raise ValueError(_TOO_MANY)

    def told(self, min_rows: int, every: float) -> AlibiSettings:
        """Return what a pod is told."""
        return AlibiSettings(
            detectors=self.detectors, rows=self.rows, min_rows=min_rows, every=every
        )


class AlibiResult(Resource):
    """What one detector found of one feature in one window."""

    window: GroupName
    detector: AlibiType
    test: AlibiTest
    of: Name
    kind: AlibiKind = "Feature"
    rows: NonNegativeInt
    """Values of the window that were compared."""
    reference: NonNegativeInt
    """Reference values that they were compared with; of Joint the rows of the pod's own baseline."""
    statistic: float | None = None
    """None, as p and effect, where there were too few values; or, with enough, where no number
    came of it."""
    p: Annotated[float, Field(ge=0, le=1)] | None = None
    effect: NonNegativeFloat | None = None
    """On the scale of the native test of that name; of FET on that of ChiSquare. Of
    Classifier the distance of its chances of rows that it has not learnt from, from 0 to 1."""
    problem: Annotated[str, Field(max_length=256)] = ""
    """Why this detector cannot be asked."""


class AlibiReport(Resource):
    """What alibi-detect said when it was last asked."""

    problem: Annotated[str, Field(max_length=256)] = ""
    """Why there are no results, in the detector's own words."""
    age: NonNegativeFloat = 0.0
    """Seconds since it was asked, or since it should have been."""
    results: Annotated[list[AlibiResult], Field(max_length=MOST_RESULTS)] = []


def joint(detectors: Sequence[AlibiDetector]) -> list[AlibiType]:
    """Return those that compare whole rows."""
    return [each.type for each in detectors if each.type in JOINT]


def unrepeated(detectors: Sequence[AlibiDetector]) -> None:
    """Raise an error if a detector is there twice.

    Raises:
        ValueError: so it is.
    """
    if len({each.type for each in detectors}) < len(detectors):
        raise ValueError("detectors must each have a type of their own: remove the repeated one")
