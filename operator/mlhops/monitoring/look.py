"""One look at a model: what its pods told, judged by its policy."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mlhops.api.base import seconds
from mlhops.api.policy import DriftSettings, MonitoringPolicySpec
from mlhops.api.summary import AnswerSummary
from mlhops.monitoring.compare import Scores, compared
from mlhops.monitoring.engine import Heard
from mlhops.monitoring.engines import ENGINES
from mlhops.monitoring.findings import RankedFinding, verdicts, worst
from mlhops.monitoring.quality import quality
from mlhops.monitoring.reports import AskedDetector, DetectorTrouble, collect, explain
from mlhops.rollout.monitoring.drift_snapshot import Found, Look, Side, Verdict
from mlhops.statistics.drift.budget import AlarmRule, Budget, alpha, overall
from mlhops.statistics.drift.look import Watch

_FAMILIES = 2
"""Of tests in each window that share the budget of false alarms: of drift, and of data quality."""


def look(
    policy: MonitoringPolicySpec,
    stable: AskedDetector | None,
    candidate: AskedDetector | None,
    now: datetime,
) -> Look:
    """Return what is seen of a model.

    It is NoDrift only if every ready pod answered and every test of every window had enough rows.

    Args:
        policy: how the model is watched.
        stable: what the pods of the revision that serves answered; None where none serves.
        candidate: the same of the candidate.
        now: the moment of the look.
    """
    sides = [each for each in (stable, candidate) if each is not None]
    at = threshold(policy.drift, len(sides))
    first = _Side(stable, policy, at) if stable else None
    second = _Side(candidate, policy, at) if candidate else None
    found, verdict = _compare(first, second, policy)
    return Look(
        at=now,
        stable=first.side if first else None,
        candidate=second.side if second else None,
        compared=found,
        compared_verdict=verdict,
    )


def threshold(settings: DriftSettings, sides: int) -> float:
    """Return the corrected p-value at which there is drift, so that false alarms stay in budget.

    Every window is looked at each time, for drift and for data quality, on every side.
    """
    looks = [seconds(settings.every)] * (len(settings.windows) * _FAMILIES * max(sides, 1))
    budget = Budget(settings.false_alarms.at_most, seconds(settings.false_alarms.per))
    rule = AlarmRule(settings.persistence.at_least, settings.persistence.of)
    return alpha(budget, looks, rule)


@dataclass(frozen=True)
class _Judged:
    """One family of tests of a revision."""

    verdict: Verdict
    worst: Found | None


class _Side:
    """One revision: what its pods told, and what that comes to."""

    def __init__(self, asked: AskedDetector, policy: MonitoringPolicySpec, at: float) -> None:
        self._asked = asked
        self._policy = policy
        self._at = at
        watch = Watch(asked.profile) if asked.profile else None
        windows = [window.name for window in policy.drift.windows]
        self.told = collect(asked, watch.digest if watch else "", windows)
        self.side = self._judge(watch)

    def _judge(self, watch: Watch | None) -> Side:
        troubles = list(self.told.troubles)
        heard = Heard()
        worse: list[RankedFinding] = []
        settings, profile = self._policy.drift, self._asked.profile
        if watch is not None and profile is not None:
            try:
                heard = ENGINES[settings.engine].judge(watch, self.told, settings, self._at)
                worse = quality(
                    profile,
                    self.told.counted,
                    self._policy.data_quality,
                    settings,
                    alpha=self._at,
                    cells=self._policy.privacy.cells,
                    by_names=self._asked.by_names,
                )
            except (ValueError, ArithmeticError):
                troubles.append(
                    DetectorTrouble("Error", "the tests cannot be made of what the pods tell")
                )
        about_drift = self._family(heard.findings, heard.troubles)
        about_quality = self._family(worse)
        return Side(
            revision=self._asked.revision,
            verdict=about_drift.verdict,
            worst=about_drift.worst,
            quality=about_quality.verdict,
            quality_worst=about_quality.worst,
            message=explain([*troubles, *heard.shortages, *heard.troubles]),
        )

    def _family(
        self, findings: list[RankedFinding], silent: Iterable[DetectorTrouble] = ()
    ) -> _Judged:
        troubles = [*self.told.verdicts, *(each.verdict for each in silent)]
        found = overall([*verdicts(findings), *troubles])
        return _Judged(found, worst(findings))

    def scores(self, window: str) -> Scores | None:
        """Return the revision's scores in a window, if all pods told them."""
        profile, counted = self._asked.profile, self.told.counted.get(window)
        if profile is None or profile.score is None or counted is None or counted.score is None:
            return None
        return Scores(profile.score, counted.score)

    def answers(self, window: str) -> AnswerSummary | None:
        """Return what became of the revision's requests in a window, if all pods told it."""
        return self.told.answers.get(window)


def _compare(
    stable: _Side | None, candidate: _Side | None, policy: MonitoringPolicySpec
) -> tuple[Found | None, Verdict]:
    """Compare the candidate with stable in the shortest window, in which both served longest."""
    if stable is None or candidate is None:
        return None, "Insufficient"
    shortest = min(policy.drift.windows, key=lambda window: seconds(window.length)).name
    try:
        findings = compared(
            (stable.scores(shortest), candidate.scores(shortest)),
            (stable.answers(shortest), candidate.answers(shortest)),
            policy.candidate,
            shortest,
        )
    except (ValueError, ArithmeticError):
        return None, "Error"
    # What a pod did not tell may be what is bad.
    silent = [*stable.told.verdicts, *candidate.told.verdicts]
    return worst(findings), overall([*verdicts(findings), *silent])
