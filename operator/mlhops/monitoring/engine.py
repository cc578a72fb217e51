"""The half of the seam DriftEngine that is in the operator, between a look and whoever finds drift in it.

The other half is in the pods (`detector/engine.py`): what one engine tells there it judges here.
"""

from dataclasses import dataclass, field
from typing import Protocol

from mlhops.api.policy import DriftSettings
from mlhops.monitoring.findings import RankedFinding
from mlhops.monitoring.reports import DetectorTrouble, Told
from mlhops.statistics.drift.look import Watch


@dataclass(frozen=True)
class Heard:
    """What an engine found in all pods of a revision."""

    findings: list[RankedFinding] = field(default_factory=list)
    troubles: list[DetectorTrouble] = field(default_factory=list)
    """Why that is not all: there is no verdict then."""
    shortages: list[DetectorTrouble] = field(default_factory=list)
    """Why findings had too little to go by, which they say themselves."""


class DriftEngine(Protocol):
    """Engine of drift tests in the operator: finds drift in what the pods of a revision told."""

    def judge(self, watch: Watch, told: Told, settings: DriftSettings, alpha: float) -> Heard:
        """Return what is found.

        Args:
            watch: the profile.
            told: by the pods.
            settings: of the policy.
            alpha: the corrected chance at which there is drift.

        Raises:
            ValueError: what was told is of another profile, or damaged.
            ArithmeticError: no number comes of it.
        """
