"""Does a candidate answer otherwise than what serves beside it, in the same time?

Its scores, the share of requests without an answer, and how long answers take. Each check needs a
p-value of 0.01 at most, corrected for the three, and an effect beyond the policy's
limit. Only a candidate that is worse is slow or fails: one that is better is no news.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlhops.api.policy import CandidateChecks
from mlhops.api.profile import FeatureProfile
from mlhops.api.summary import TIMES, AnswerSummary, FeatureSummary
from mlhops.monitoring.findings import RankedFinding, finite, reach
from mlhops.rollout.monitoring.drift_snapshot import Found
from mlhops.statistics.drift.binned_tests import Reference, Shift, compare, proportion
from mlhops.statistics.drift.budget import EffectLimit, judge
from mlhops.statistics.drift.two_window_ks import kolmogorov

ALPHA = 0.01
_NOTHING = Shift("KS", 0)


class Scores:
    """A revision's scores in a window, and the bins that they are in."""

    def __init__(self, profile: FeatureProfile, counted: FeatureSummary) -> None:
        self.profile = profile
        self.counted = counted


def compared(
    scores: tuple[Scores | None, Scores | None],
    answers: tuple[AnswerSummary | None, AnswerSummary | None],
    checks: CandidateChecks,
    window: str,
) -> list[RankedFinding]:
    """Return what each check comes to.

    Args:
        scores: of stable and of the candidate; None where they are not known.
        answers: of stable and of the candidate; None where they are not known.
        checks: the policy's limits.
        window: the window's name.

    Raises:
        ValueError: counts do not fit their bins.
    """
    asked = [
        ("score", _score(*scores), checks.score_shift),
        ("errors", _errors(*answers), checks.error_rate),
        ("latency", _latency(*answers), checks.latency_ratio),
    ]
    limits = [EffectLimit(limit, checks.min_rows) for _, _, limit in asked]
    judged = judge([shift for _, shift, _ in asked], limits, ALPHA, "Bonferroni")
    return [
        RankedFinding(
            Found(
                of=of,
                kind="Candidate",
                window=window,
                test=_TESTS.get(of, shift.test),
                verdict=each.verdict,
                p=finite(each.adjusted),
                effect=finite(shift.effect),
                rows=shift.rows,
            ),
            reach(each, limit),
        )
        for (of, shift, _), each, limit in zip(asked, judged, limits, strict=True)
    ]


_TESTS = {"errors": "Proportion", "latency": "MeanRatio"}


def _score(stable: Scores | None, candidate: Scores | None) -> Shift:
    if stable is None or candidate is None:
        return _NOTHING
    rows = min(stable.counted.rows, candidate.counted.rows)
    kinds = {stable.profile.type, candidate.profile.type}
    if kinds == {"Numeric"}:
        edges = np.array(stable.profile.edges), np.array(candidate.profile.edges)
        return kolmogorov(edges, (_array(stable.counted.counts), _array(candidate.counted.counts)))
    if "Numeric" in kinds or stable.profile.categories != candidate.profile.categories:
        return _NOTHING  # a score and a class have nothing in common
    # What stable answers is the reference for once.
    reference = stable.profile.model_copy(update={"counts": stable.counted.counts})
    return replace(compare(["ChiSquare"], Reference(reference), candidate.counted)[0], rows=rows)


def _errors(stable: AnswerSummary | None, candidate: AnswerSummary | None) -> Shift:
    if stable is None or candidate is None:
        return _NOTHING
    found = proportion(stable.unanswered, stable.requests, candidate.unanswered, candidate.requests)
    found = replace(found, rows=min(stable.requests, candidate.requests))
    if found.statistic is None:
        return found
    rise = max(0.0, found.statistic)
    return replace(found, effect=rise, p=found.p if rise > 0 else 1.0)


def _latency(stable: AnswerSummary | None, candidate: AnswerSummary | None) -> Shift:
    """Compare how times are distributed for the p-value, and their means for the effect.

    A mean alone would be moved by one slow answer, a distribution alone by what matters to nobody.
    """
    if stable is None or candidate is None:
        return _NOTHING
    edges = np.array(TIMES)
    times = _array(stable.times), _array(candidate.times)
    found = kolmogorov((edges, edges), times)
    before, after = _mean(stable), _mean(candidate)
    if before is None or after is None:
        return replace(found, statistic=None, p=None, effect=None)
    # What took no time at all is taken for a microsecond.
    return replace(found, effect=after / max(before, 1.0))


def _mean(answers: AnswerSummary) -> float | None:
    return answers.microseconds / answers.timed if answers.timed else None


def _array(counts: Sequence[int]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array(counts, dtype=np.int64)
