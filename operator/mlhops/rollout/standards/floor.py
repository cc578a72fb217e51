"""What standards mean for a rollout: below them no revision gets more requests, and what serves goes on serving."""

from collections.abc import Sequence

from mlhops.api.conditions import Condition, ConditionType, Verdict, find
from mlhops.api.standard import named
from mlhops.api.status import Candidate, Stop
from mlhops.rollout.draft import MESSAGE_LIMIT, Draft
from mlhops.rollout.reasons import Reason
from mlhops.rollout.standards.overrides import overridden_below
from mlhops.rollout.standards.shortfall import StandardShortfall
from mlhops.rollout.standards.shortfalls import shortfalls

_WAITS = (Reason.BELOW_STANDARD, Reason.STANDARD_UNKNOWN)
_TOLD = 3
"""So many shortfalls are told at a time, so that each is told whole."""


def check_standards(draft: Draft) -> None:
    """Note in what the spec falls short of the standards that apply to the model."""
    standards = draft.seen.standards
    if standards.unknown:
        draft.below = Stop(
            reason=Reason.STANDARD_UNKNOWN, message=standards.unknown[:MESSAGE_LIMIT], at=draft.now
        )
        return
    found = shortfalls(standards.applying, draft.seen.model.spec)
    draft.below = _stop(draft, found) if found else None


def below_standard(draft: Draft, candidate: Candidate) -> Stop | None:
    """Return in what a candidate is below the standards, by its spec or what was overridden; None where it is not."""
    if draft.below is not None:
        return draft.below
    found = list(overridden_below(draft, candidate))
    return _stop(draft, found) if found else None


def was_below(draft: Draft) -> bool:
    """Whether the candidate waited for a standard until this pass."""
    old = draft.old.candidate
    waited = old is not None and old.pause is not None and old.pause.reason in _WAITS
    return waited and draft.below is None


def tell_standards(draft: Draft) -> None:
    """Send an Event when the standards are no longer met; of a candidate, its wait tells."""
    before = find(draft.old.conditions, ConditionType.MEETS_STANDARD)
    was = before.reason if before is not None else ""
    stop = draft.below
    if stop is not None and draft.candidate is None and was != stop.reason:
        draft.tell(Reason(stop.reason), stop.message, warning=True)


def standard_conditions(draft: Draft) -> list[tuple[str, Verdict, str, str]]:
    """Say whether the spec meets the standards, where any applies or nobody knows which do."""
    type_, applying = ConditionType.MEETS_STANDARD, draft.seen.standards.applying
    if draft.below is not None:
        unknown = draft.below.reason == Reason.STANDARD_UNKNOWN
        verdict: Verdict = "Unknown" if unknown else "False"
        return [(type_, verdict, draft.below.reason, draft.below.message)]
    if not applying:
        return []
    message = f"ClinicalStandard {named(applying)}"
    return [(type_, "True", Reason.MEETS_STANDARD.value, message)]


def without_standards(draft: Draft, conditions: Sequence[Condition]) -> list[Condition]:
    """Return conditions without what was said of standards, where none applies any more."""
    if standard_conditions(draft):
        return list(conditions)
    return [one for one in conditions if one.type != ConditionType.MEETS_STANDARD]


def _stop(draft: Draft, found: Sequence[StandardShortfall]) -> Stop:
    told = "; ".join(str(one) for one in found[:_TOLD])
    more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    message = told[: MESSAGE_LIMIT - len(more)] + more
    return Stop(reason=Reason.BELOW_STANDARD, message=message, at=draft.now)
