"""The tests that alibi-detect makes in each window: they follow from what is asked and the profile alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlhops.api.alibi import AlibiDetector, AlibiKind, AlibiResult, AlibiTest, AlibiType
from mlhops.api.profile import Profile

NOT_INSTALLED = "engine AlibiDetect needs image mlhops/detector-alibi"
"""What a detector without alibi-detect says."""
NEEDS_TORCH = (
    "MMDDrift needs torch, which the image mlhops/detector-alibi does not have: "
    "add it to an image of your own"
)
"""What MMDDrift says without torch."""
MOST_REFERENCE = 10_000
"""Reference values of a feature that a window is compared with, at most."""
PERMUTATIONS = 999
"""By which MMDDrift's p is found, so that none is less than a thousandth."""
_TESTS: Mapping[AlibiType, Mapping[str, AlibiTest]] = {
    "KSDrift": {"Numeric": "KS"},
    "CVMDrift": {"Numeric": "CVM"},
    "ChiSquareDrift": {"Categorical": "ChiSquare", "Binary": "ChiSquare"},
    "TabularDrift": {"Numeric": "KS", "Categorical": "ChiSquare", "Binary": "ChiSquare"},
    "FETDrift": {"Binary": "FET"},
}
"""What each detector does with a feature of a type; it leaves others alone."""
_JOINT_TESTS: Mapping[AlibiType, AlibiTest] = {"ClassifierDrift": "Classifier", "MMDDrift": "MMD"}
"""What those do that compare whole rows, with the first that the pod saw."""


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
