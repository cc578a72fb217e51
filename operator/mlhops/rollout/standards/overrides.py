"""Overrides and standards: what an Override may do where a standard applies."""

from collections.abc import Collection, Iterator, Sequence

from mlhops.api.base import later, seconds
from mlhops.api.decision import Action, Decision, Noted
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.standard import ClinicalStandard, OverrideFloor
from mlhops.api.status import Candidate, Serving
from mlhops.rollout.decisions.binding import override_ends, problem_with
from mlhops.rollout.draft import Draft
from mlhops.rollout.revisions.revision import evaluation_name
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
    failed = _failed(draft, candidate, overridden)
    for gate in overridden:
        given = [one for one in draft.decisions if _holds(draft, one, candidate, gate, failed)]
        for standard in draft.seen.standards.applying:
            _wake_at_ends(draft, given)
            found = _worst(standard, gate, given)
            if found is not None:
                yield found


def _wake_at_ends(draft: Draft, given: Sequence[Decision]) -> None:
    """Look again when an Override ends: the one that is left may be beyond a standard."""
    for end in filter(None, map(override_ends, given)):
        draft.wake(end)


def rests_on_limited_overrides(draft: Draft, serving: Serving) -> bool:
    """Whether a revision served on Overrides, and a standard limits what these may do.

    They may be gone by now, so that nobody can say whether they were as it asks.
    """
    evidence = [each for each in (serving.proof, serving.remeasured) if each is not None]
    limits = [standard.spec.overrides for standard in draft.seen.standards.applying]
    return any(each.overridden for each in evidence) and any(
        floor.longest is not None or floor.failed == "Refused" for floor in limits
    )


def _holds(
    draft: Draft, decision: Decision, candidate: Candidate, gate: str, failed: Collection[str]
) -> bool:
    """Whether a decision is an Override that was honoured, and by itself lets a candidate's gate pass now."""
    noted = decision.status.noted
    # What an earlier operator honoured, and noted nothing of, covers what Failed.
    covers = noted is None or noted.failed or gate not in failed
    return (
        decision.spec.action is Action.OVERRIDE
        and decision.status.phase == "Honoured"
        and gate in (decision.spec.gates or [])
        and covers
        and not problem_with(draft, candidate, decision)
    )


def _failed(draft: Draft, candidate: Candidate, overridden: Collection[str]) -> set[str]:
    """Return the overridden gates that Failed in an Evaluation of this attempt; where no gate explains it, all."""
    found = set[str]()
    base = evaluation_name(draft.name, candidate.revision, candidate.attempt)
    for name, evaluation in draft.seen.evaluations.items():
        if name != base and not name.startswith(f"{base}-s"):
            continue
        status = evaluation.status
        failed = {one.name for one in status.gates if one.phase is EvaluationPhase.FAILED}
        unexplained = status.phase is EvaluationPhase.FAILED and not failed & set(overridden)
        found |= set(overridden) if unexplained else failed
    return found


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
    legacy = decision.status.phase == "Honoured" and decision.status.noted is None
    noted = decision.status.noted or Noted(failed=legacy)
    if floor.failed == "Refused" and (decision.spec.failed is True or noted.failed):
        remedy = "decide without failed: true, or correct the model"
        return StandardShortfall(
            "failed", "for what Failed", "Overrides of what has not Failed", remedy
        )
    if floor.longest is None:
        return None
    end, created = override_ends(decision), decision.metadata.creation_timestamp
    if end is not None and created is not None and end <= later(created, floor.longest):
        return None
    if not seconds(floor.longest):
        return StandardShortfall("expires", "one", "no Override at all", "correct the model")
    remedy = f"decide again, with expires {floor.longest} from then at the latest"
    return StandardShortfall("expires", "longer", f"Overrides of {floor.longest} or less", remedy)
