"""What a person saw when they decided: a Decision counts for that, and for nothing that came later.

Which of two things came first is told by the API server's resourceVersions, which grow with every write. A
clock that is off, the operator's or another, changes nothing in that.
"""

from datetime import datetime, timedelta

from mlhops.api.decision import STOPPING, Action, Decision, Noted
from mlhops.api.status import Candidate
from mlhops.rollout.draft import Draft

LONGEST_OVERRIDE = timedelta(days=30)
RESTORED = "velero.io/restore-name"
"""The label by which Velero tells what it has brought back."""
_BOUND = (Action.APPROVE, Action.PROMOTE, Action.RESUME, Action.OVERRIDE)


def addressed(decision: Decision, candidate: Candidate) -> bool:
    """Whether a decision was made on this candidate, not on an earlier life of its revision.

    What stops a rollout is heard whenever it was made.
    """
    if decision.spec.revision != candidate.revision:
        return False
    noted = decision.status.noted
    if noted is not None:
        return noted.candidate_since == candidate.created_at
    return decision.spec.action in STOPPING or made_since(
        decision, candidate.seen, candidate.created_at
    )


def made_since(decision: Decision, seen: str | None, moment: datetime) -> bool:
    """Whether a decision was made after something; of a record without a version, times have to tell."""
    created = decision.metadata.creation_timestamp
    later = created is not None and created >= moment.replace(microsecond=0)
    return _tells(decision, seen, later=later)


def made_after(decision: Decision, at: datetime | None, seen: str | None) -> bool:
    """Whether a decision was made after another one; of two in one second neither was."""
    created = decision.metadata.creation_timestamp
    if created is None or at is None or created == at:
        return False
    return _tells(decision, seen, later=created > at)


def _tells(decision: Decision, seen: str | None, *, later: bool) -> bool:
    """Return which came first by version; one that was written since it was made has a later one, so both tell."""
    made = decision.metadata.resource_version
    if not made.isdecimal() or seen is None or not seen.isdecimal():
        return later
    return int(made) > int(seen) and (later or decision.status.noted is None)


def noted_now(draft: Draft, candidate: Candidate, decision: Decision) -> Noted:
    """Return what stands at the moment, for a decision that is heard for the first time."""
    override = decision.spec.action is Action.OVERRIDE
    return Noted(
        digest=candidate.digest,
        gates_hash=_gates_of(draft, candidate) or "",
        steps_hash=draft.steps_hash,
        candidate_since=candidate.created_at,
        attempt=candidate.attempt,
        expires=override_ends(decision) if override else None,
        failed=decision.spec.failed is True,
    )


def override_ends(decision: Decision) -> datetime | None:
    """Return when an Override ends: as it says, 30 days after it was made at the latest."""
    noted = decision.status.noted
    if noted is not None and noted.expires is not None:
        return noted.expires
    created = decision.metadata.creation_timestamp
    if created is None:
        return None
    latest = created + LONGEST_OVERRIDE
    return min(decision.spec.expires or latest, latest)


def what_changed(draft: Draft, candidate: Candidate, decision: Decision) -> str:
    """Return how what stands differs from what a decision was made on, empty where it does not."""
    if decision.spec.action not in _BOUND:
        return ""
    if RESTORED in decision.metadata.labels:
        return "it came back from a backup, and was made on what was there before: decide anew"
    said, noted = decision.spec, decision.status.noted or Noted()
    if candidate.digest is None and said.digest is not None:
        return "the operator does not know yet what the revision serves: leave digest out"
    changed = [
        f"{name} ({was[:8]}, now {(now or 'unknown')[:8]})"
        for name, was, now in (
            ("digest", said.digest or noted.digest, candidate.digest),
            ("gatesHash", said.gates_hash or noted.gates_hash, _gates_of(draft, candidate)),
            ("stepsHash", said.steps_hash or _noted_steps(decision), draft.steps_hash),
        )
        if was and was != now
    ]
    if not changed:
        return ""
    return (
        f"what it was made on has changed: {', '.join(changed)}: look at the model again, and decide "
        f"with what status.{'candidate' if _is_candidate(draft, candidate) else 'stable'} shows now"
    )


def problem_with(draft: Draft, candidate: Candidate | None, decision: Decision) -> str:
    """Return why an Override has no effect on this candidate, empty where it has."""
    revision = decision.spec.revision
    if candidate is None or revision != candidate.revision:
        return f"revision {revision} is not the candidate of {draft.name}, nor does it serve"
    if not addressed(decision, candidate):
        is_candidate = draft.candidate is not None and draft.candidate.revision == revision
        began = "became the candidate" if is_candidate else "took over"
        return f"it was made before {revision} {began}: decide again"
    end = override_ends(decision)
    if end is None or end <= draft.now:
        return "it has expired" + (
            f" ({end:%Y-%m-%dT%H:%M:%SZ}): decide again, with a later expires" if end else ""
        )
    changed = what_changed(draft, candidate, decision)
    if changed:
        return changed
    gates = {gate.name for gate in draft.seen.model.spec.evaluation.gates}
    unknown = sorted(set(decision.spec.gates or []) - gates)
    if unknown:
        return f"there is no gate {', '.join(unknown)}: name one of {', '.join(sorted(gates))}"
    return "" if decision.spec.gates else "it names no gate"


def _is_candidate(draft: Draft, subject: Candidate) -> bool:
    return draft.candidate is not None and draft.candidate.revision == subject.revision


def _gates_of(draft: Draft, subject: Candidate) -> str | None:
    """Return the gates that the spec asks of a candidate, or of what serves in the guise of one."""
    return draft.gates_hash if _is_candidate(draft, subject) else subject.gates_hash


def _noted_steps(decision: Decision) -> str:
    """Return the steps that a decision was noted with; an Override is about gates whatever the steps."""
    noted = decision.status.noted
    return "" if noted is None or decision.spec.action is Action.OVERRIDE else noted.steps_hash
