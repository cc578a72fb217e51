"""Is what is sent to a model worse than its reference data: missing, no number, out of range, unknown?
And is it sent as the evaluation sent it?

Two things make it so, as for drift: the share is beyond the policy's limit, and chance does not
explain that it is higher than in the reference data. Reference data have no type errors. How many
of them were out of range is not known exactly: all in bins that reach beyond the range count.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mlhops.api.interface import Encoding
from mlhops.api.policy import DataQuality, DriftSettings
from mlhops.api.profile import KINDS, AskedProfile, FeatureProfile, Profile
from mlhops.api.summary import FeatureSummary, Summary
from mlhops.monitoring.findings import RankedFinding, finite, reach
from mlhops.rollout.monitoring.drift_snapshot import Found
from mlhops.small_cells import SmallCells
from mlhops.statistics.drift.binned_tests import Shift, proportion
from mlhops.statistics.drift.budget import EffectLimit, Judged, judge

ORDER = ("request", "order")
"""What is found where callers name features in another order than the interface's."""
_ALIKE: frozenset[Encoding] = frozenset({"Matrix", "Tensors"})


@dataclass(frozen=True)
class _Asked:
    """One kind of bad value of one feature."""

    of: str
    test: str
    events: int
    """Rows of the window where it was so."""
    shift: Shift
    limit: float


def quality(
    profile: Profile,
    windows: Mapping[str, Summary],
    limits: DataQuality,
    settings: DriftSettings,
    *,
    alpha: float,
    cells: SmallCells,
    by_names: bool = False,
) -> list[RankedFinding]:
    """Return what each kind of bad value of each feature comes to, in each window.

    Args:
        profile: the reference.
        windows: what was counted against it, by window.
        limits: of the policy.
        settings: of the policy, for how many rows are needed and how p-values are corrected.
        alpha: the corrected p-value at which there is a rise.
        cells: a number that rests on few bad values is not told.
        by_names: whether the model is known to go by the names of its inputs; then their order is counted
            only.
    """
    findings = []
    for name, counted in windows.items():
        asked = [
            each
            for each in _asked(profile, counted, limits)
            if not (by_names and (each.of, each.test) == ORDER)
        ]
        bounds = [EffectLimit(each.limit, settings.min_rows) for each in asked]
        judged = judge([each.shift for each in asked], bounds, alpha, settings.correction)
        findings += [
            RankedFinding(_found(each, of, name, cells), reach(of, bound))
            for each, of, bound in zip(asked, judged, bounds, strict=True)
        ]
    return findings


def _asked(profile: Profile, counted: Summary, limits: DataQuality) -> Iterator[_Asked]:
    for feature, seen in zip(profile.features, counted.features, strict=True):
        rows = profile.rows
        missing = _rise(feature.missing, rows, seen.missing, seen)
        yield _ask(feature, "missing", seen.missing, _more(missing), limits.missing)
        yield _ask(
            feature,
            "typeErrors",
            seen.type_errors,
            _share(_rise(0, rows, seen.type_errors, seen), seen.type_errors, seen),
            limits.type_errors,
        )
        if feature.range is not None:
            odd = seen.out_of_range
            rise = _rise(_beyond(feature), rows, odd, seen)
            yield _ask(feature, "outOfRange", odd, _share(rise, odd, seen), limits.out_of_range)
        if feature.type != "Numeric":
            odd = seen.unseen
            rise = _rise(feature.counts[-1], rows, odd, seen)
            limit = limits.unseen_categories
            yield _ask(feature, "unseenCategories", odd, _share(rise, odd, seen), limit)
    yield from _requests(profile, counted, limits.requests)


def _requests(profile: Profile, counted: Summary, limit: float) -> Iterator[_Asked]:
    """Ask whether rows are asked about as in the evaluation, whose every row was asked in one way."""
    asked, seen = profile.asked, counted.requests
    if asked is None or seen is None:
        return
    alike = _ALIKE if _cannot_be_told_apart(asked) else {asked.encoding}
    differ = {
        "protocol": seen.rows - seen.protocols.get(asked.protocol, 0),
        "encoding": seen.rows - sum(seen.encodings.get(each, 0) for each in alike),
        "names": seen.misnamed,
        "order": seen.reordered,
    }
    for test, events in differ.items():
        yield _otherwise("request", test, events, profile.rows, seen.rows, limit)
    for feature, kind, kinds in zip(profile.features, asked.kinds, seen.kinds, strict=True):
        # A number that is sent as text is a type error of a Numeric feature already.
        if feature.type != "Numeric":
            events = sum(kinds) - kinds[KINDS.index(kind)]
            yield _otherwise(feature.name, "sentAs", events, profile.rows, seen.rows, limit)


def _cannot_be_told_apart(asked: AskedProfile) -> bool:
    """Return whether one tensor of [n, 1] is a matrix as well as all tensors of a model with one input."""
    return len(asked.kinds) == 1 and asked.protocol == "v2" and asked.encoding in _ALIKE


def _otherwise(of: str, test: str, events: int, rows: int, seen: int, limit: float) -> _Asked:
    found = proportion(0, rows, events, seen)
    share = None if found.effect is None else events / max(seen, 1)
    p = 1.0 if events == 0 else found.p
    bound = limit if limit < 1 else math.inf
    return _Asked(of, test, events, replace(found, effect=share, p=p), bound)


def _ask(feature: FeatureProfile, test: str, events: int, shift: Shift, limit: float) -> _Asked:
    # A limit of 1 lets everything pass, also what is bad in every row.
    return _Asked(feature.name, test, events, shift, limit if limit < 1 else math.inf)


def _rise(events: int, rows: int, window_events: int, seen: FeatureSummary) -> Shift:
    """Compare shares of all rows; that there is less of what is bad is no news."""
    found = proportion(events, rows, window_events, seen.seen)
    if found.statistic is not None and found.statistic <= 0:
        return replace(found, p=1.0)
    return found


def _more(rise: Shift) -> Shift:
    """Take as effect how much higher the share is than in the reference."""
    return replace(rise, effect=None if rise.statistic is None else max(0.0, rise.statistic))


def _share(rise: Shift, events: int, seen: FeatureSummary) -> Shift:
    """Take as effect the share itself."""
    return replace(rise, effect=None if rise.effect is None else events / max(seen.seen, 1))


def _beyond(feature: FeatureProfile) -> int:
    """Return how many reference rows may at most be out of the feature's range."""
    plausible = feature.range
    if plausible is None:
        return 0
    least = -math.inf if plausible.min is None else plausible.min
    most = math.inf if plausible.max is None else plausible.max
    lows = [-math.inf, *feature.edges]
    highs = [*feature.edges, math.inf]
    bins = zip(lows, highs, feature.counts, strict=True)
    return sum(count for low, high, count in bins if low < least or high > most)


def _found(asked: _Asked, judged: Judged, window: str, cells: SmallCells) -> Found:
    # A share and the rows together would tell of a few; none at all tells of nobody.
    few = cells.exposes(asked.events)
    return Found(
        of=asked.of,
        kind="Quality",
        window=window,
        test=asked.test,
        verdict=judged.verdict,
        p=None if few else finite(judged.adjusted),
        effect=None if few else finite(asked.shift.effect),
        rows=asked.shift.rows,
    )
