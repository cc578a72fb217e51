"""One look at a window: every test at everything that it suits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlhops.api.profile import Profile
from mlhops.api.summary import FeatureSummary, Summary
from mlhops.statistics.drift.binned_tests import FeatureTest, Reference, Shift, compare, proportion
from mlhops.statistics.drift.mmd import mmd

EFFECTS: dict[str, float] = {
    "KS": 0.1,
    "CVM": 0.05,
    "ChiSquare": 0.1,
    "PSI": 0.2,
    "JensenShannon": 0.1,
    "Wasserstein": 0.2,
    "MMD": 0.05,
}
"""The smallest effects that matter, where nobody has said otherwise."""


@dataclass(frozen=True)
class Suite:
    """Which tests are made of what."""

    numeric: Sequence[FeatureTest] = ("KS",)
    """Of each numeric feature, and of a score."""
    categorical: Sequence[FeatureTest] = ("ChiSquare",)
    """Of each feature with categories, and of calls."""
    joint: bool = True
    """MMD of all numeric features together."""


@dataclass(frozen=True)
class WindowSeen:
    """What a test has found, and of what."""

    of: str
    """A feature's name, the output's, or `joint`."""
    kind: Literal["Feature", "Score", "Joint"]
    shift: Shift


class Watch:
    """A profile, ready to be compared with window after window."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.digest = profile.digest()
        """The profile's."""
        self._features = [Reference(feature) for feature in profile.features]
        self._score = Reference(profile.score) if profile.score else None

    def look(self, window: Summary, suite: Suite) -> list[WindowSeen]:
        """Return what the tests find.

        Which they are depends on profile and tests alone, so that p-values can be corrected for
        their number whatever the window lacks.

        Raises:
            ValueError: the window is of another profile, or damaged, or a test needs numbers and
                is asked of categories.
        """
        window.refuse_unless_of(self.profile, self.digest)
        found = [
            WindowSeen(reference.profile.name, "Feature", shift)
            for reference, counted in zip(self._features, window.features, strict=True)
            for shift in _shifts(reference, counted, suite)
        ]
        if self._score is not None and window.score is not None:
            name = self._score.profile.name
            found += [
                WindowSeen(name, "Score", s) for s in _shifts(self._score, window.score, suite)
            ]
        if suite.joint and self.profile.joint is not None and window.joint is not None:
            found.append(WindowSeen("joint", "Joint", mmd(self.profile.joint, window.joint)))
        return found

    def missing(self, window: Summary) -> list[WindowSeen]:
        """Return how the share of missing values has shifted, by feature.

        Raises:
            ValueError: the window is of another profile, or damaged.
        """
        window.refuse_unless_of(self.profile, self.digest)
        return [
            WindowSeen(
                feature.name,
                "Feature",
                proportion(feature.missing, self.profile.rows, counted.missing, counted.seen),
            )
            for feature, counted in zip(self.profile.features, window.features, strict=True)
        ]


def _shifts(reference: Reference, counted: FeatureSummary, suite: Suite) -> list[Shift]:
    numeric = reference.profile.type == "Numeric"
    return compare(suite.numeric if numeric else suite.categorical, reference, counted)
