"""What looks at a model come to: the verdict in its status, its conditions, and what people are told.

The status is the only memory: it holds the latest looks that count, so that an operator that starts anew
knows what the one before it knew. A look is counted once. What changes with every look is not written with
every look.
"""

from dataclasses import dataclass
from datetime import timedelta

from mlhops.api.base import seconds
from mlhops.api.columns import told
from mlhops.api.conditions import ConditionType, Verdict
from mlhops.api.policy import DriftSettings, MonitoringPolicySpec
from mlhops.api.status import (
    Candidate,
    DriftVerdict,
    Finding,
    LookVerdicts,
    MonitoringStatus,
    Watched,
)
from mlhops.rollout.draft import Draft
from mlhops.rollout.monitoring.drift_snapshot import Found, Look, Side
from mlhops.rollout.reasons import Reason
from mlhops.small_cells import SmallCells
from mlhops.statistics.drift.budget import AlarmRule, persistent

Wanted = tuple[str, Verdict, str, str]
NO_LOOK = "it was not looked at yet"
REFRESH = timedelta(minutes=10)
"""How old the numbers in the status may become where nothing else changes."""
_ASKED = frozenset({"protocol", "encoding", "names", "order", "sentAs"})
"""Tests of quality that are about how callers ask."""
_STALE = 3
"""After so many times `every` without a look nobody knows any more."""
_MESSAGE = 512


def hear_looks(draft: Draft) -> None:
    """Take over what the newest look says, and tell what has changed."""
    monitored = draft.seen.monitored
    old = draft.monitoring
    if monitored is None:
        # What was done stays known, so that naming the policy again does not do it again.
        kept = old is not None and old.acted
        draft.monitoring = MonitoringStatus(acted=old.acted) if old is not None and kept else None
        return
    before = _of_present(draft, old or MonitoringStatus())
    if monitored.policy is None:
        # What a policy that is gone made of looks is not what another will make of them.
        draft.monitoring = MonitoringStatus(
            revision=before.revision,
            verdict="Error",
            message=monitored.problem[:_MESSAGE],
            acted=before.acted,
        )
        _tell_missing(draft)
        return
    new = _looked(draft, before, monitored.policy, monitored.look)
    if old is not None and not _is_news(old, new):
        new = old
    draft.monitoring = new
    _tell(draft, old or MonitoringStatus(), new)


def conditions(draft: Draft) -> list[Wanted]:
    """Return the conditions of a model that is watched; none of one that is not."""
    monitored, status = draft.seen.monitored, draft.monitoring
    if monitored is None or status is None:
        return []
    missing = monitored.policy is None
    found = (
        (ConditionType.DRIFT_DETECTED, status.verdict, status.worst, Reason.DRIFT_DETECTED),
        (
            ConditionType.DATA_QUALITY_DEGRADED,
            status.quality,
            status.quality_worst,
            Reason.DATA_QUALITY_DEGRADED,
        ),
    )
    return [
        _condition(type_, verdict, worst, reason, status.message, missing)
        for type_, verdict, worst, reason in found
    ]


def described(finding: Finding | None) -> str:
    """Say what was found, with its numbers as far as they may be told."""
    if finding is None:
        return "nothing by itself"
    numbers = [finding.test]
    if finding.p is not None:
        numbers.append(f"p={finding.p:g}")
    if finding.effect is not None:
        numbers.append(f"effect={finding.effect:g}")
    if finding.rows is not None:
        numbers.append(f"{finding.rows} rows")
    if finding.window:
        numbers.append(f"window {finding.window}")
    otherwise = " not as the evaluation asked" if finding.test in _ASKED else ""
    return f"{told(finding.of)}{otherwise} ({', '.join(numbers)})"


def _condition(
    type_: ConditionType,
    verdict: DriftVerdict | None,
    worst: Finding | None,
    reason: Reason,
    message: str,
    missing: bool,
) -> Wanted:
    if missing:
        return (type_, "Unknown", Reason.POLICY_MISSING.value, message)
    if verdict == "Drift":
        return (type_, "True", reason.value, f"most of all {described(worst)}")
    if verdict == "NoDrift":
        return (type_, "False", Reason.WITHIN_LIMITS.value, "")
    error = verdict == "Error"
    told = Reason.MONITORING_ERROR if error else Reason.INSUFFICIENT_DATA
    return (type_, "Unknown", told.value, message)


def _of_present(draft: Draft, old: MonitoringStatus) -> MonitoringStatus:
    """Return what is known of the revisions that are there now; of others nothing counts any more."""
    revision = draft.stable.revision if draft.stable is not None else ""
    if old.revision != revision:
        old = MonitoringStatus(revision=revision, acted=old.acted)
    watched, candidate = old.candidate, draft.candidate
    if watched is None or (candidate is not None and _same(watched, candidate)):
        return old
    looks = [each.model_copy(update={"candidate": None}) for each in old.looks]
    return old.model_copy(update={"candidate": None, "looks": looks})


def _same(watched: Watched, candidate: Candidate) -> bool:
    return (watched.revision, watched.attempt) == (candidate.revision, candidate.attempt)


@dataclass(frozen=True)
class _Sides:
    """What a look says about the revisions that are there now."""

    stable: Side | None
    candidate: Candidate | None
    """Set where the look compares the present candidate, in its present attempt."""


def _sides(draft: Draft, look: Look) -> _Sides:
    stable, candidate = draft.stable, draft.candidate
    told = look.stable
    if told is None or stable is None or told.revision != stable.revision:
        return _Sides(None, None)
    beside = look.candidate
    if candidate is None or beside is None or beside.revision != candidate.revision:
        return _Sides(told, None)
    present = candidate.failure is None and look.at >= candidate.started_at
    return _Sides(told, candidate if present else None)


def _looked(
    draft: Draft, before: MonitoringStatus, policy: MonitoringPolicySpec, look: Look | None
) -> MonitoringStatus:
    """Return the status after a look, or after there was none for too long."""
    settings, cells = policy.drift, policy.privacy.cells
    sides = _sides(draft, look) if look is not None else _Sides(None, None)
    status = before
    if look is not None and sides.stable is not None and _is_later(look, before):
        status = _counted(before, look, sides, settings, cells)
    message = _why_unknown(draft, status, settings, look if sides.stable is not None else None)
    if message:
        unknown = {"verdict": "Insufficient", "quality": "Insufficient", "message": message}
        candidate = status.candidate
        if candidate is not None:
            candidate = candidate.model_copy(update={"verdict": "Insufficient"})
        return status.model_copy(update={**unknown, "candidate": candidate})
    return status


def _is_later(look: Look, status: MonitoringStatus) -> bool:
    return status.looked_at is None or look.at > status.looked_at


def _counted(
    before: MonitoringStatus, look: Look, sides: _Sides, settings: DriftSettings, cells: SmallCells
) -> MonitoringStatus:
    """Return the status with one more look in it."""
    side = sides.stable
    if side is None:
        return before
    latest = LookVerdicts(
        drift=side.verdict,
        quality=side.quality,
        candidate=look.compared_verdict if sides.candidate is not None else None,
    )
    asked = settings.persistence
    rule = AlarmRule(asked.at_least, asked.of)
    looks = [*before.looks, latest][-asked.of :]
    compared = [each.candidate for each in looks if each.candidate is not None]
    watched = None
    if sides.candidate is not None:
        watched = Watched(
            revision=sides.candidate.revision,
            attempt=sides.candidate.attempt,
            verdict=persistent(compared, rule),
            worst=_finding(look.compared, cells),
        )
    return before.model_copy(
        update={
            "verdict": persistent([each.drift for each in looks], rule),
            "worst": _finding(side.worst, cells),
            "quality": persistent([each.quality for each in looks], rule),
            "quality_worst": _finding(side.quality_worst, cells),
            "message": side.message[:_MESSAGE],
            "candidate": watched,
            "looked_at": look.at,
            "looks": looks,
        }
    )


def _why_unknown(
    draft: Draft, status: MonitoringStatus, settings: DriftSettings, look: Look | None
) -> str:
    """Return why nothing can be said now, empty where something can; asks to be woken in time.

    An operator that has just started has not looked yet. What the status knows counts until then, and it
    may be as old as numbers in the status may be.
    """
    if draft.stable is None:
        return "nothing serves yet"
    last = status.looked_at if look is None else max(look.at, status.looked_at or look.at)
    if last is None:
        return NO_LOOK
    patience = timedelta(seconds=min(_STALE * seconds(settings.every), 1e9))
    end = last + (patience if look is not None else patience + REFRESH)
    if draft.now >= end:
        # Without the moment: it would be another text, and a write, with each look that is too late.
        return f"there was no look for {settings.every} three times over"
    draft.wake(end)
    return ""


def _finding(found: Found | None, cells: SmallCells) -> Finding | None:
    """Return what may be written of a test: numbers that change little, and none of too few rows."""
    if found is None:
        return None
    bare = Finding(of=found.of, kind=found.kind, window=found.window, test=found.test)
    if cells.hides(found.rows):
        return bare
    numbers = {"p": _rounded(found.p), "effect": _rounded(found.effect), "rows": found.rows}
    return bare.model_copy(update=numbers)


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.2g}")


def _is_news(old: MonitoringStatus, new: MonitoringStatus) -> bool:
    """Whether a change is worth a write: another verdict, what is worst or why nobody knows, or the time."""
    if _essence(old) != _essence(new):
        return True
    if new.looked_at is None or new.looked_at == old.looked_at:
        return False
    return old.looked_at is None or new.looked_at - old.looked_at >= REFRESH


def _essence(status: MonitoringStatus) -> tuple[object, ...]:
    watched = status.candidate
    return (
        status.revision,
        status.verdict,
        status.quality,
        status.message,
        status.looks,
        status.acted,
        _moved(status.verdict, status.worst),
        _moved(status.quality, status.quality_worst),
        watched and (watched.revision, watched.attempt, watched.verdict),
        watched and _moved(watched.verdict, watched.worst),
    )


def _moved(verdict: DriftVerdict | None, worst: Finding | None) -> tuple[str, ...]:
    """Return what has moved; what is foremost where nothing has is chance, and changes all the time."""
    if verdict != "Drift" or worst is None:
        return ()
    return (worst.of, worst.kind, worst.window, worst.test)


def _tell_missing(draft: Draft) -> None:
    told = (draft.old.monitoring or MonitoringStatus()).message
    message = draft.monitoring.message if draft.monitoring is not None else ""
    if message != told:
        draft.tell(Reason.POLICY_MISSING, message, warning=True)


def _tell(draft: Draft, old: MonitoringStatus, new: MonitoringStatus) -> None:
    """Tell people of what begins and what ends."""
    if new.verdict == "Drift" and old.verdict != "Drift":
        text = f"{_version(draft)}: most of all {described(new.worst)}"
        draft.tell(Reason.DRIFT_DETECTED, text, warning=True)
    elif old.verdict == "Drift" and new.verdict == "NoDrift":
        draft.tell(Reason.DRIFT_ENDED, f"{_version(draft)}: no drift any more")
    if new.quality == "Drift" and old.quality != "Drift":
        text = f"{_version(draft)}: most of all {described(new.quality_worst)}"
        draft.tell(Reason.DATA_QUALITY_DEGRADED, text, warning=True)
    elif old.quality == "Drift" and new.quality == "NoDrift":
        text = f"{_version(draft)}: what is sent is as it was again"
        draft.tell(Reason.DATA_QUALITY_RESTORED, text)
    _tell_of_candidate(draft, old.candidate, new.candidate)


def _tell_of_candidate(draft: Draft, old: Watched | None, new: Watched | None) -> None:
    candidate = draft.candidate
    if candidate is None or new is None or new.verdict != "Drift":
        return
    told = old is not None and old.verdict == "Drift" and _same(old, candidate)
    if not told:
        text = f"{candidate.version} answers otherwise than {_version(draft)}"
        message = f"{text}: most of all {described(new.worst)}"
        draft.tell(Reason.CANDIDATE_DIFFERS, message, warning=True)


def _version(draft: Draft) -> str:
    return draft.stable.version if draft.stable is not None else draft.seen.model.spec.version
