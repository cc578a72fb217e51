"""What alibi-detect found in the pods of a revision, judged together."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlhops.alibi.planned import (
    NEEDS_TORCH,
    NOT_INSTALLED,
    PERMUTATIONS,
    PlannedTest,
    planned,
)
from mlhops.api.alibi import AlibiReport, AlibiResult, AlibiTest
from mlhops.api.base import seconds
from mlhops.api.columns import told
from mlhops.api.policy import DriftSettings
from mlhops.api.profile import Profile
from mlhops.api.summary import DetectorReport
from mlhops.monitoring.engine import Heard
from mlhops.monitoring.findings import RankedFinding, finite, reach
from mlhops.monitoring.reports import DetectorTrouble, Told
from mlhops.rollout.monitoring.drift_snapshot import Found
from mlhops.statistics.drift.binned_tests import AnyTest, Shift
from mlhops.statistics.drift.budget import EffectLimit, judge
from mlhops.statistics.drift.combine_pvalues import ReplicaTest, combined
from mlhops.statistics.drift.look import Watch

_FRESH = 3
"""Results of more than so many looks ago are none."""
_STARTING = 300.0
"""Seconds that are granted on top: alibi-detect may have to be loaded anew."""
_SCALES: dict[AlibiTest, AnyTest] = {
    "KS": "KS",
    "CVM": "CVM",
    "ChiSquare": "ChiSquare",
    "FET": "ChiSquare",
    "Classifier": "Classifier",
    "MMD": "MMD",
}
"""The native test whose effects those of a test are like, or itself."""
_WITHOUT = (
    f"{NOT_INSTALLED}: the next version comes with it, or set drift.engine to Native until then"
)
_TOO_COARSE = (
    f"MMDDrift finds no chance below 1 in {PERMUTATIONS + 1}, and drift needs a smaller one: look less often (every), "
    "allow more falseAlarms, or leave it out"
)
_SILENT = (
    "a pod's detector does not tell of alibi-detect: it has not read its policy yet, or comes from before there was "
    "this engine, and then the next version has another"
)


class AlibiDetect:
    """The engine: alibi-detect was asked in each pod."""

    def judge(self, watch: Watch, told: Told, settings: DriftSettings, alpha: float) -> Heard:
        """Return what is found."""
        return over_pods(watch.profile, watch.digest, told.reports, settings, alpha)


def over_pods(
    profile: Profile,
    digest: str,
    reports: Sequence[DetectorReport],
    settings: DriftSettings,
    alpha: float,
) -> Heard:
    """Return what each detector comes to in each window, over all pods.

    Args:
        profile: the reference.
        digest: the profile's; what is of another does not count.
        reports: of all pods that told something.
        settings: of the policy.
        alpha: the corrected chance at which there is drift.
    """
    asked = settings.asked_of_engine
    told = [_Pod(report.engine, settings) for report in reports if report.profile_digest == digest]
    if asked is None or not told:
        return Heard()
    tests = list(planned(asked.detectors, profile))
    troubles = {trouble for pod in told for trouble in pod.troubles()}
    findings: list[RankedFinding] = []
    for window in (each.name for each in settings.windows):
        found = [_together(test, [pod.of(window, test) for pod in told]) for test in tests]
        troubles.update(_lacking(tests, found, window, settings.min_rows))
        troubles.update(_coarse(tests, found, alpha))
        findings += _judged(tests, [each.shift for each in found], window, settings, alpha)
    return Heard(findings, sorted(troubles, key=lambda each: each.message))


class _Pod:
    """What one pod told."""

    def __init__(self, told: AlibiReport | None, settings: DriftSettings) -> None:
        self._told = told
        self._oldest = _FRESH * seconds(settings.every) + _STARTING
        self._least = settings.min_rows
        usable = told is not None and not told.problem and told.age <= self._oldest
        results = told.results if told is not None and usable else []
        self._results = {(each.window, each.detector, each.kind, each.of): each for each in results}

    def troubles(self) -> Iterator[DetectorTrouble]:
        """Return why nothing of it can be used."""
        told = self._told
        if told is None:
            yield DetectorTrouble("Insufficient", _SILENT)
        elif told.problem == NOT_INSTALLED:
            yield DetectorTrouble("Error", _WITHOUT)
        elif told.problem:
            yield DetectorTrouble("Error", "a pod cannot ask alibi-detect: GET /report says why")
        elif told.age > self._oldest:
            yield DetectorTrouble("Insufficient", "a pod has not asked alibi-detect for too long")
        problems = {each.problem for each in self._results.values() if each.problem}
        if NEEDS_TORCH in problems:
            yield DetectorTrouble("Error", NEEDS_TORCH)
        if problems - {NEEDS_TORCH}:
            yield DetectorTrouble(
                "Error", "a detector of alibi-detect cannot be asked: GET /report says why"
            )

    def of(self, window: str, test: PlannedTest) -> AlibiResult | None:
        """Return what it told of one test, None where it did not."""
        found = self._results.get((window, test.detector, test.kind, test.of))
        if found is None or (found.rows < self._least and not found.problem):
            return None
        return found


@dataclass(frozen=True)
class _Together:
    """A test over all pods."""

    shift: Shift
    short: bool
    """Whether some pod told nothing of it."""
    pods: int
    """That told something."""


def _together(test: PlannedTest, told: Sequence[AlibiResult | None]) -> _Together:
    answered = [each for each in told if each is not None]
    known = [each for each in answered if each.reference > 0 and not each.problem]
    rows = sum(each.rows for each in known)
    # What cannot be asked at all is told by itself.
    short = len(known) + sum(1 for each in answered if each.problem) < len(told)
    if not known:
        return _Together(Shift(_SCALES[test.test], 0), short, 0)
    # With enough values a chance that is missing was no number: it must not pass for no drift.
    parts = [
        ReplicaTest(
            math.nan if each.p is None else each.p,
            each.rows,
            # Each pod has a baseline of its own: they share nothing.
            math.inf if test.kind == "Joint" else each.reference,
        )
        for each in known
    ]
    sizes = [math.nan if each.effect is None else each.effect * each.rows for each in known]
    shift = Shift(_SCALES[test.test], rows, None, combined(parts), sum(sizes) / rows)
    return _Together(shift, short, len(known))


def _lacking(
    tests: Sequence[PlannedTest], found: Sequence[_Together], window: str, least: int
) -> Iterator[DetectorTrouble]:
    short = [test for test, each in zip(tests, found, strict=True) if each.short]
    if any(test.kind == "Joint" for test in short):
        message = (
            f"alibi-detect has not been asked in every pod of {least} rows of window {window} with "
            "a value of each feature, after a baseline of such rows"
        )
        yield DetectorTrouble("Insufficient", message)
    names = [test.of for test in short if test.kind != "Joint"]
    missing = sorted(set(names))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        message = (
            f"alibi-detect has not been asked in every pod of {least} rows of window {window} with "
            f"a value of {told(missing[0])}{more}"
        )
        yield DetectorTrouble("Insufficient", message)


def _coarse(
    tests: Sequence[PlannedTest], found: Sequence[_Together], alpha: float
) -> Iterator[DetectorTrouble]:
    """Permutations that could never come to so small a chance must not pass for no drift."""
    least = 1 / (PERMUTATIONS + 1)
    for test, each in zip(tests, found, strict=True):
        known = each.pods
        if test.test == "MMD" and known:
            smallest = combined([ReplicaTest(least, 1, math.inf)] * known)
            if smallest * len(tests) > alpha:
                yield DetectorTrouble("Insufficient", _TOO_COARSE)


def _judged(
    tests: Sequence[PlannedTest],
    shifts: Sequence[Shift],
    window: str,
    settings: DriftSettings,
    alpha: float,
) -> Iterator[RankedFinding]:
    effects = settings.effects.by_test()
    limits = [EffectLimit(effects[_SCALES[test.test]], settings.min_rows) for test in tests]
    for test, limit, judged in zip(
        tests, limits, judge(shifts, limits, alpha, settings.correction), strict=True
    ):
        found = Found(
            of=test.of,
            kind=test.kind,
            window=window,
            test=test.detector,
            verdict=judged.verdict,
            p=finite(judged.adjusted),
            effect=finite(judged.shift.effect),
            rows=judged.shift.rows,
        )
        yield RankedFinding(found, reach(judged, limit))
