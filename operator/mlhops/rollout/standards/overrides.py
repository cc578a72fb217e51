"""Overrides and standards: what an Override may do where a standard applies."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from mlhops.api.base import seconds
from mlhops.api.decision import Action, Decision, Noted
from mlhops.api.standard import ClinicalStandard, OverrideFloor
from mlhops.api.status import Candidate
from mlhops.rollout.decisions.binding import override_ends
from mlhops.rollout.draft import Draft
from mlhops.rollout.standards.shortfall import StandardShortfall


def problem_by_standards(draft: Draft, decision: Decision) -> str:
    """Return what an Override would do that a standard refuses, empty where it may."""
    for standard in draft.seen.standards.applying:
        found = _beyond(standard.spec.overrides, decision)
        if found is not None:
            name = standard.metadata.name
            return f"ClinicalStandard {name} asks for {found.floor}: {found.remedy}"
    return ""


def overridden_below(draft: Draft, candidate: Candidate) -> Iterator[StandardShortfall]:
    """Yield the gates that a candidate's proof has overridden as a standard, by now, does not let them be."""
    overridden = candidate.proof.overridden if candidate.proof is not None else []
    for gate in overridden:
        given = [one for one in draft.decisions if _is_of(one, candidate, gate)]
        for standard in draft.seen.standards.applying:
            found = _worst(standard, gate, given)
            if found is not None:
                yield found


def _is_of(decision: Decision, candidate: Candidate, gate: str) -> bool:
    """Whether a decision is an Override of a candidate's gate that was honoured."""
    return (
        decision.spec.action is Action.OVERRIDE
        and decision.status.phase == "Honoured"
        and decision.spec.revision == candidate.revision
        and gate in (decision.spec.gates or [])
    )


def _worst(
    standard: ClinicalStandard, gate: str, given: Sequence[Decision]
) -> StandardShortfall | None:
    """Return why no Override of a gate is as a standard asks; one that is suffices."""
    problems = [_beyond(standard.spec.overrides, one) for one in given]
    if None in problems or not problems:
        return None
    found = next(one for one in problems if one is not None)
    name = standard.metadata.name
    return StandardShortfall(
        f"the Override of {gate}", found.value, found.floor, found.remedy, name
    )


def _beyond(floor: OverrideFloor, decision: Decision) -> StandardShortfall | None:
    """Return how an Override goes beyond what a standard lets it do."""
    noted = decision.status.noted or Noted()
    if floor.failed == "Refused" and (decision.spec.failed is True or noted.failed):
        remedy = "decide without failed: true, or correct the model"
        return StandardShortfall(
            "failed", "for what Failed", "Overrides of what has not Failed", remedy
        )
    if floor.longest is None:
        return None
    end, created = override_ends(decision), decision.metadata.creation_timestamp
    longest = timedelta(seconds=seconds(floor.longest))
    if end is not None and created is not None and end - created <= longest:
        return None
    if not longest:
        return StandardShortfall("expires", "one", "no Override at all", "correct the model")
    remedy = f"decide again, with expires {floor.longest} from then at the latest"
    return StandardShortfall("expires", "longer", f"Overrides of {floor.longest} or less", remedy)
