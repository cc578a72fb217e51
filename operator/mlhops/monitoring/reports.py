"""What the pods of one revision told, as far as it can be believed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from mlhops.api.profile import KINDS, UNIT, Profile
from mlhops.api.summary import (
    TIMES,
    AnswerSummary,
    DetectorReport,
    FeatureSummary,
    RequestSummary,
    Summary,
    merge_all,
    merge_answers,
)
from mlhops.rollout.monitoring.drift_snapshot import Verdict
from mlhops.statistics.numerals import as_number

_MOST = 10**12
"""More of anything in one window nobody can have counted; sums of this many stay exact."""
_LONGEST_MESSAGE = 400
_EXACT, _TINY = 2**53, 1e-4
"""Whole numbers from the one on, and what is smaller than the other, an older detector rounds or writes otherwise."""
_EARLIER = (
    "a pod's detector is of an earlier version, which does not compare text as it stands: the next "
    "revision gets one that does"
)


@dataclass(frozen=True)
class DetectorAnswer:
    """What one ready pod answered when it was asked for its report."""

    body: bytes | None
    """As it came; None where nothing usable did."""
    problem: str = ""
    """Why nothing did, in the operator's own words; what follows on "a pod's detector"."""
    verdict: Verdict = "Error"
    """What that comes to."""


@dataclass(frozen=True)
class AskedDetector:
    """All that was learnt of one revision."""

    revision: str
    answers: Sequence[DetectorAnswer]
    """Of each of its pods that is ready."""
    profile: Profile | None
    problem: str = ""
    """Why there is no profile."""
    damaged: bool = False
    """Whether there is one and it cannot be used."""
    by_names: bool = False
    """Whether its evaluation has found that the model goes by the names of its inputs."""


@dataclass(frozen=True)
class DetectorTrouble:
    """Why what was told is not all: no verdict can be NoDrift then."""

    verdict: Verdict
    message: str
    """Without a word of what was told: that may be anything."""


@dataclass(frozen=True)
class Told:
    """What the pods told together, by window."""

    counted: Mapping[str, Summary] = field(default_factory=dict)
    """Rows against the profile."""
    answers: Mapping[str, AnswerSummary] = field(default_factory=dict)
    """What became of requests, with a profile or without."""
    troubles: tuple[DetectorTrouble, ...] = ()
    reports: tuple[DetectorReport, ...] = ()
    """Of the pods whose report is one of this revision."""

    @property
    def verdicts(self) -> list[Verdict]:
        """What the troubles alone would come to."""
        return [trouble.verdict for trouble in self.troubles]


def collect(asked: AskedDetector, digest: str, windows: Iterable[str]) -> Told:
    """Return what all ready pods of a revision told together.

    Args:
        asked: the pods' answers.
        digest: the profile's, empty where there is none.
        windows: the names of the windows that are wanted.
    """
    if not asked.answers:
        return Told(troubles=(DetectorTrouble("Insufficient", "no pod of it is ready"),))
    reports: list[DetectorReport] = []
    # Many pods with the same trouble are one: a status must not change with their names.
    troubles: set[DetectorTrouble] = set()
    for answer in asked.answers:
        report = _read(answer, asked.revision)
        if isinstance(report, DetectorTrouble):
            troubles.add(report)
        else:
            reports.append(_as_known(report, asked.profile, digest))
    counted: dict[str, Summary] = {}
    answers: dict[str, AnswerSummary] = {}
    for name in windows:
        found = [_window(report, name, asked.profile, digest) for report in reports]
        troubles.update(each for each in found if isinstance(each, DetectorTrouble))
        whole = merge_all(each for each in found if isinstance(each, Summary))
        if whole is not None:
            counted[name] = whole
        told = [report.windows[name].answers for report in reports if name in report.windows]
        known = [each for each in told if each is not None and _is_sound_answer(each)]
        together = merge_answers(known)
        if together is not None and len(known) == len(asked.answers):
            answers[name] = together
    if asked.profile is None:
        troubles.add(DetectorTrouble("Error" if asked.damaged else "Insufficient", asked.problem))
    return Told(counted, answers, tuple(troubles), tuple(reports))


def explain(troubles: Iterable[DetectorTrouble]) -> str:
    """Return in one sentence why there is no verdict, the worst first."""
    ordered = sorted(troubles, key=lambda each: (each.verdict != "Error", each.message))
    return "; ".join(each.message for each in ordered if each.message)[:_LONGEST_MESSAGE]


def _as_read_before(profile: Profile) -> str:
    """Return the digest by a detector of a version that does not know which categories are text.

    What it counts is no drift and no lack of it: it takes `1` for `01`.
    """
    bare = [feature.model_copy(update={"text": None}) for feature in profile.features]
    return profile.model_copy(update={"features": bare}).counted_digest()


def _read(answer: DetectorAnswer, revision: str) -> DetectorReport | DetectorTrouble:
    if answer.body is None:
        return DetectorTrouble(answer.verdict, f"a pod's detector {answer.problem}")
    try:
        report = DetectorReport.model_validate_json(answer.body)
    except (ValidationError, ValueError, RecursionError):
        return DetectorTrouble("Error", "a pod's report is damaged, or not a detector's")
    if not report.revision:
        return DetectorTrouble("Insufficient", "a pod's detector has no configuration yet")
    if report.revision != revision:
        return DetectorTrouble("Error", "a pod's report is of another revision")
    return report


def _as_known(report: DetectorReport, profile: Profile | None, digest: str) -> DetectorReport:
    """Return a report with the profile's own digest, where an older detector has told another."""
    older = profile.counted_digest() if profile is not None else digest
    if profile is None or older == digest or _has_numbers_written_otherwise(profile):
        return report
    windows = {
        name: window.model_copy(update={"profile_digest": digest})
        if window.profile_digest == older
        else window
        for name, window in report.windows.items()
    }
    own = digest if report.profile_digest == older else report.profile_digest
    return report.model_copy(update={"profile_digest": own, "windows": windows})


def _has_numbers_written_otherwise(profile: Profile) -> bool:
    """Return whether a category is a number that an older detector takes for another one."""
    found = [
        each for feature in profile.features if not feature.text for each in feature.categories
    ]
    sizes = [abs(float(each)) for each in map(as_number, found) if each is not None]
    return any(size >= _EXACT or 0 < size < _TINY for size in sizes)


def _window(
    report: DetectorReport, name: str, profile: Profile | None, digest: str
) -> Summary | DetectorTrouble | None:
    """Return what a report says of a window, None where there is no profile to count against."""
    if profile is None:
        return None
    found = report.windows.get(name)
    if found is None:
        return DetectorTrouble("Insufficient", f"a pod does not count window {name} yet")
    if not found.profile_digest:
        return DetectorTrouble("Insufficient", "a pod's detector has not read its profile yet")
    if found.profile_digest != digest:
        if found.profile_digest == _as_read_before(profile):
            return DetectorTrouble("Insufficient", _EARLIER)
        return DetectorTrouble("Error", "a pod's report is of another profile")
    try:
        found.refuse_unless_of(profile, digest)
    except ValueError:
        return DetectorTrouble("Error", "a pod's report does not have the shape of its profile")
    if not _is_sound(found):
        return DetectorTrouble("Error", "a pod's report has counts that cannot be")
    return found


def _is_sound(summary: Summary) -> bool:
    """Whether counts can be true, and adding up those of many pods stays exact."""
    parts = [*summary.features, *([summary.score] if summary.score else [])]
    joint = summary.joint
    asked = summary.requests
    return (
        summary.rows <= _MOST
        and (asked is None or _is_sound_request(asked))
        and all(_is_sound_part(part) for part in parts)
        and (
            joint is None
            or (joint.n <= summary.rows and all(abs(s) <= joint.n * UNIT for s in joint.sum))
        )
    )


def _is_sound_part(part: FeatureSummary) -> bool:
    return part.seen <= _MOST and max(part.out_of_range, part.unseen) <= part.rows


def _is_sound_request(asked: RequestSummary) -> bool:
    rows = asked.rows
    return (
        rows <= _MOST
        and sum(asked.encodings.values()) == rows
        and max(asked.reordered, asked.misnamed) <= rows
        and all(len(kinds) == len(KINDS) and sum(kinds) <= rows for kinds in asked.kinds)
    )


def _is_sound_answer(answers: AnswerSummary) -> bool:
    return (
        len(answers.times) == len(TIMES) + 1
        and answers.requests <= _MOST
        and answers.timed <= answers.answered
        and answers.microseconds <= _MOST * 10**6
    )
