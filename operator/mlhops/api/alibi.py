"""What alibi-detect is asked in a pod, and what it answers: chances and effects, and no rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeFloat, NonNegativeInt, model_validator

from mlhops.api.base import Resource, list_map, rules
from mlhops.api.interface import GroupName, Name
from mlhops.api.profile import FeatureProfile, Profile

AlibiType = Literal[
    "KSDrift",
    "CVMDrift",
    "ChiSquareDrift",
    "TabularDrift",
    "FETDrift",
    "ClassifierDrift",
    "MMDDrift",
]
AlibiTest = Literal["KS", "CVM", "ChiSquare", "FET"]
NOT_INSTALLED = "engine AlibiDetect needs image mlhops/detector-alibi"
"""What a detector without alibi-detect says."""
MOST_RESULTS = 8192
"""Of all windows of one pod."""
MOST_REFERENCE = 10_000
"""Reference values of a feature that a window is compared with, at most."""

_TESTS: dict[AlibiType, dict[str, AlibiTest]] = {
    "KSDrift": {"Numeric": "KS"},
    "CVMDrift": {"Numeric": "CVM"},
    "ChiSquareDrift": {"Categorical": "ChiSquare", "Binary": "ChiSquare"},
    "TabularDrift": {"Numeric": "KS", "Categorical": "ChiSquare", "Binary": "ChiSquare"},
    "FETDrift": {"Binary": "FET"},
}
"""What each detector does with a feature of a type; it leaves others alone."""


_WHOLE_ROWS = (
    "ClassifierDrift and MMDDrift compare whole rows, and no reference row gets into a pod: use "
    "TabularDrift, or engine Native with joint: true, whose MMD needs none"
)


def _feature_by_feature(kind: AlibiType) -> AlibiType:
    if kind not in _TESTS:
        raise ValueError(_WHOLE_ROWS)
    return kind


class AlibiDetector(Resource):
    """One of alibi-detect's detectors."""

    type: Annotated[
        AlibiType,
        AfterValidator(_feature_by_feature),
        Field(json_schema_extra=rules(("!(self in ['ClassifierDrift', 'MMDDrift'])", _WHOLE_ROWS))),
    ]
    """Its class. KSDrift and CVMDrift take numbers, ChiSquareDrift what has categories, FETDrift
    what has two, TabularDrift all of it."""


Detectors = Annotated[
    list[AlibiDetector],
    Field(min_length=1, max_length=5, json_schema_extra=list_map("type", "detectors")),
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
    kind: Literal["Feature", "Score"] = "Feature"
    rows: NonNegativeInt
    """Values of the window that were compared."""
    reference: NonNegativeInt
    """Reference values that they were compared with."""
    statistic: float | None = None
    """None, as p and effect, where there were too few values; or, with enough, where no number
    came of it."""
    p: Annotated[float, Field(ge=0, le=1)] | None = None
    effect: NonNegativeFloat | None = None
    """On the scale of the native test of that name; of FET on that of ChiSquare."""


class AlibiReport(Resource):
    """What alibi-detect said when it was last asked."""

    problem: Annotated[str, Field(max_length=256)] = ""
    """Why there are no results, in the detector's own words."""
    age: NonNegativeFloat = 0.0
    """Seconds since it was asked, or since it should have been."""
    results: Annotated[list[AlibiResult], Field(max_length=MOST_RESULTS)] = []


@dataclass(frozen=True)
class Planned:
    """A test that is made in every window."""

    detector: AlibiType
    test: AlibiTest
    kind: Literal["Feature", "Score"]
    column: int
    """Of the feature among the profile's."""
    profile: FeatureProfile


def unrepeated(detectors: Sequence[AlibiDetector]) -> None:
    """Raise an error if a detector is there twice.

    Raises:
        ValueError: so it is.
    """
    if len({each.type for each in detectors}) < len(detectors):
        raise ValueError("detectors must each have a type of their own: remove the repeated one")


def planned(detectors: Sequence[AlibiDetector], profile: Profile) -> Iterator[Planned]:
    """Return the tests of each window: they follow from what is asked and the profile alone."""
    for detector in detectors:
        tests = _TESTS[detector.type]
        for column, feature in enumerate(profile.features):
            if test := tests.get(feature.type):
                yield Planned(detector.type, test, "Feature", column, feature)
        if profile.score is not None and (test := tests.get(profile.score.type)):
            yield Planned(detector.type, test, "Score", 0, profile.score)
