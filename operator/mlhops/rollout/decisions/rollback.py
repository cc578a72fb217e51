"""Rollback: a person decides it, or what serves has failed its gates and the spec asks for that.

The spec still asks for what was rolled back from. That waits, until the spec asks for another revision or
somebody decides Retry.
"""

from mlhops.api.decision import Decision
from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import Decider, Outcome, RolledBack, Serving
from mlhops.rollout.decisions.binding import RESTORED
from mlhops.rollout.decisions.way_back import go_back, why_not_back
from mlhops.rollout.draft import MESSAGE_LIMIT, Draft
from mlhops.rollout.reasons import Reason


def roll_back(draft: Draft, decision: Decision, decider: Decider) -> str:
    """Go back to the revision that a person names; return why not, empty where that is done."""
    previous, stable, said = draft.previous, draft.stable, decision.spec
    if RESTORED in decision.metadata.labels:
        return "it came back from a backup, and was made on what was there before: decide anew"
    if stable is not None and stable.revision == said.revision:
        return f"{stable.version} serves already"
    if stable is None or previous is None or previous.revision != said.revision:
        there = previous.revision if previous is not None else "none is"
        return (
            f"revision {said.revision} is not kept for a way back ({there}): set spec to its version, "
            "which goes through its gates again"
        )
    if said.digest not in (None, previous.digest):
        return "digest is not that of status.previous: look again, and decide anew"
    why = why_not_back(draft, previous)
    if why:
        return f"{previous.version} cannot serve at once: {why}; set spec to it, and it goes through its gates again"
    message = f"{stable.version} rolled back by {said.decided_by}: {said.reason}"
    if draft.candidate is not None and draft.candidate.digest != previous.digest:
        draft.fail(Reason.ABORTED, message, Outcome.ABORTED)
    _hold(draft, stable, Reason.ROLLED_BACK, message, decision.metadata.resource_version or None)
    go_back(draft, f"decided by {said.decided_by}: {said.reason}", decider, rejected=True)
    return ""


def restore(draft: Draft) -> None:
    """Go back from what has failed its gates, only to what is proven by them and well."""
    stable = draft.stable
    asked = draft.seen.model.spec.evaluation.on_stable_failure == "Restore"
    if stable is None or not asked or why_not_restored(draft):
        return
    message = f"{stable.version} no longer passes its gates (evaluation.onStableFailure: Restore)"
    _hold(draft, stable, Reason.RESTORED, message, draft.seen_at)
    go_back(draft, message, rejected=True)


def why_not_restored(draft: Draft) -> str:
    """Return what forbids to restore the previous revision, empty where nothing does."""
    previous, candidate, stable = draft.previous, draft.candidate, draft.stable
    if stable is None or previous is None or previous.proof is None:
        return "no previous revision is kept"
    if previous.rejected:
        return f"{previous.version} was rolled back from"
    if candidate is not None and candidate.failure is None:
        return f"the rollout of {candidate.version} is under way"
    why = why_not_back(draft, previous)
    if why:
        return f"{previous.version}: {why}"
    again, proof = previous.remeasured, previous.proof
    if (again or proof).gates_hash != stable.gates_hash:
        return f"{previous.version} was not measured by the gates of now"
    if again is not None:
        passed = again.phase is EvaluationPhase.SUCCESSFUL
        return "" if passed else f"{previous.version} did not pass when it was measured again"
    if proof.expires is not None and proof.expires <= draft.now:
        return f"{previous.version} rests on an override that has expired"
    return ""


def _hold(draft: Draft, stable: Serving, reason: Reason, message: str, seen: str | None) -> None:
    draft.rolled_back = RolledBack(
        revision=stable.revision,
        digest=stable.digest,
        version=stable.version,
        reason=reason,
        message=message[:MESSAGE_LIMIT],
        at=draft.now,
        seen=seen,
    )
