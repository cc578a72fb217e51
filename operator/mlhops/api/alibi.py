"""What alibi-detect is asked in a pod, and what it answers: chances and effects, and no rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, model_validator

from mlhops.api.base import Resource, list_map
from mlhops.api.columns import Name
from mlhops.api.interface import GroupName
from mlhops.api.profile import Profile

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
NOT_INSTALLED = "engine AlibiDetect needs image mlhops/detector-alibi"
"""What a detector without alibi-detect says."""
NEEDS_TORCH = (
    "MMDDrift needs torch, which the image mlhops/detector-alibi does not have: "
    "add it to an image of your own"
)
"""What MMDDrift says without torch."""
MOST_RESULTS = 8192
"""Of all windows of one pod."""
MOST_REFERENCE = 10_000
"""Reference values of a feature that a window is compared with, at most."""
JOINT_ROWS = 500
"""Rows on either side, at most, of a detector that compares whole rows: MMDDrift's permutations take the square."""
PERMUTATIONS = 999
"""By which MMDDrift's p is found, so that none is less than a thousandth."""

_TESTS: dict[AlibiType, dict[str, AlibiTest]] = {
    "KSDrift": {"Numeric": "KS"},
    "CVMDrift": {"Numeric": "CVM"},
    "ChiSquareDrift": {"Categorical": "ChiSquare", "Binary": "ChiSquare"},
    "TabularDrift": {"Numeric": "KS", "Categorical": "ChiSquare", "Binary": "ChiSquare"},
    "FETDrift": {"Binary": "FET"},
}
"""What each detector does with a feature of a type; it leaves others alone."""
_JOINT_TESTS: dict[AlibiType, AlibiTest] = {"ClassifierDrift": "Classifier", "MMDDrift": "MMD"}
"""What those do that compare whole rows, with the first that the pod saw."""
ONLY_JOINT = (
    f"{' and '.join(_JOINT_TESTS)} compare with what a pod saw first, so that one that starts amid a drift sees none: "
    "name one more detector, such as TabularDrift, which compares with the profile"
)


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
    def _unique(self) -> "AlibiSettings":
        unrepeated(self.detectors)
        return self


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


@dataclass(frozen=True)
class PlannedTest:
    """A test that is made in every window."""

    detector: AlibiType
    test: AlibiTest
    kind: AlibiKind
    of: str
    """The feature's name, the output's, or `joint`."""
    column: int = 0
    """Of the feature among the profile's."""

    def counted(self, window: str, rows: int, reference: int) -> AlibiResult:
        """Return its result in a window before anything is found: of how many values it is."""
        return AlibiResult(
            window=window,
            detector=self.detector,
            test=self.test,
            of=self.of,
            kind=self.kind,
            rows=rows,
            reference=reference,
        )


def joint(detectors: Sequence[AlibiDetector]) -> list[AlibiType]:
    """Return those that compare whole rows."""
    return [each.type for each in detectors if each.type in _JOINT_TESTS]


def unrepeated(detectors: Sequence[AlibiDetector]) -> None:
    """Raise an error if a detector is there twice.

    Raises:
        ValueError: so it is.
    """
    if len({each.type for each in detectors}) < len(detectors):
        raise ValueError("detectors must each have a type of their own: remove the repeated one")


def planned(detectors: Sequence[AlibiDetector], profile: Profile) -> Iterator[PlannedTest]:
    """Return the tests of each window: they follow from what is asked and the profile alone."""
    for detector in detectors:
        if whole := _JOINT_TESTS.get(detector.type):
            yield PlannedTest(detector.type, whole, "Joint", "joint")
            continue
        tests = _TESTS[detector.type]
        for column, feature in enumerate(profile.features):
            if test := tests.get(feature.type):
                yield PlannedTest(detector.type, test, "Feature", feature.name, column)
        if profile.score is not None and (test := tests.get(profile.score.type)):
            yield PlannedTest(detector.type, test, "Score", profile.score.name)
