"""Has what a revision is sent, or what it answers, moved away from its reference?"""

from collections.abc import Iterable, Mapping, Sequence

from mlhops.api.columns import told
from mlhops.api.policy import DriftSettings
from mlhops.api.profile import Profile
from mlhops.api.summary import Summary
from mlhops.monitoring.engine import Heard
from mlhops.monitoring.findings import RankedFinding, finite, reach
from mlhops.monitoring.reports import DetectorTrouble, Told
from mlhops.rollout.monitoring.drift_snapshot import Found
from mlhops.statistics.drift.budget import EffectLimit, Judged, judge
from mlhops.statistics.drift.look import Suite, Watch, WindowSeen


class Native:
    """The engine that goes by counts: the operator computes all tests itself."""

    def judge(self, watch: Watch, told: Told, settings: DriftSettings, alpha: float) -> Heard:
        """Return what is found."""
        findings = drift(watch, told.counted, settings, alpha)
        windows = [window.name for window in settings.windows]
        return Heard(
            findings, shortages=lacking(findings, watch.profile, windows, settings.min_rows)
        )


def drift(
    watch: Watch, windows: Mapping[str, Summary], settings: DriftSettings, alpha: float
) -> list[RankedFinding]:
    """Return what each test in each window comes to.

    Args:
        watch: the profile.
        windows: what was counted, by window.
        settings: of the policy.
        alpha: the corrected p-value at which there is drift.

    Raises:
        ValueError: a window is of another profile, or damaged.
    """
    suite = Suite(settings.numeric, settings.categorical, settings.joint)
    effects = settings.effects.by_test()
    findings = []
    for name, counted in windows.items():
        seen = watch.look(counted, suite)
        limits = [EffectLimit(effects[each.shift.test], settings.min_rows) for each in seen]
        judged = judge([each.shift for each in seen], limits, alpha, settings.correction)
        findings += [
            RankedFinding(_found(each, of, name), reach(of, limit))
            for each, of, limit in zip(seen, judged, limits, strict=True)
        ]
    return findings


def lacking(
    findings: Iterable[RankedFinding], profile: Profile, windows: Sequence[str], least: int
) -> list[DetectorTrouble]:
    """Return why tests had too little to go by, in words that stay the same while that is so."""
    empty = {each.name for each in profile.features if each.rows == 0}
    short: dict[str, list[str]] = {}
    troubles = []
    for each in findings:
        if each.found.verdict != "Insufficient":
            continue
        if each.found.of in empty:
            message = f"the reference data have no value of {told(each.found.of)}"
            troubles.append(DetectorTrouble("Insufficient", message))
        else:
            short.setdefault(each.found.window, []).append(each.found.of)
    for window in windows:
        names = sorted(set(short.get(window, [])))
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            message = f"window {window} has fewer than {least} rows with a value of {told(names[0])}{more}"
            troubles.append(DetectorTrouble("Insufficient", message))
    return troubles


def _found(seen: WindowSeen, judged: Judged, window: str) -> Found:
    return Found(
        of=seen.of,
        kind=seen.kind,
        window=window,
        test=seen.shift.test,
        verdict=judged.verdict,
        p=finite(judged.adjusted),
        effect=finite(seen.shift.effect),
        rows=seen.shift.rows,
    )
