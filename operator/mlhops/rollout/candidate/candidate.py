"""Which revision is the candidate: a new one, none, or the previous one at once."""

from mlhops.api.status import Candidate, Outcome, Taken
from mlhops.rollout.candidate.blockers import hopeless
from mlhops.rollout.decisions.way_back import go_back, why_not_back
from mlhops.rollout.draft import Draft
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions.revision import attempts_of, service_name
from mlhops.rollout.standards.overrides import rests_on_limited_overrides


def choose_candidate(draft: Draft) -> None:
    """Bring the candidate in line with the revision that the spec asks for."""
    if draft.candidate is not None and draft.candidate.digest != draft.digest:
        _supersede(draft)
    if not is_rolled_back(draft):
        draft.rolled_back = None
    if draft.stable is not None and draft.stable.digest == draft.digest:
        return
    if draft.candidate is not None or hopeless(draft) or is_rolled_back(draft):
        return
    if _can_return(draft):
        go_back(draft, rejected=False)
        return
    begin(draft)


def is_rolled_back(draft: Draft) -> bool:
    """Whether the spec asks for what was rolled back from."""
    back = draft.rolled_back
    return back is not None and back.digest == draft.digest


def begin_attempt(draft: Draft, why: Reason, message: str, *, renew: bool = False) -> None:
    """Start over with the same candidate: weight 0, first step, new evidence.

    An attempt that was allowed traffic until now goes into the history, with the evidence it had.
    """
    candidate = draft.candidate
    if candidate is None:
        return
    if candidate.failure is None and candidate.proof is not None:
        draft.record(Outcome.SUPERSEDED, message)
    draft.change(
        renew=renew,
        attempt=candidate.attempt + 1,
        seen=draft.seen_at,
        started_at=draft.now,
        ready_at=None,
        step_index=0,
        step_started_at=None,
        taken=Taken(),
        desired_weight=0,
        evaluation=None,
        proof=None,
        pause=None,
        hold=None,
        failure=None,
        promoting=False,
    )
    draft.tell(why, message, warning=why is Reason.OVERRIDE_EXPIRED)
    if candidate.desired_weight > 0:
        draft.tell(Reason.WEIGHT_SET, f"{candidate.version} gets 0 % of requests")


def _supersede(draft: Draft) -> None:
    candidate = draft.candidate
    if candidate is None:
        return
    if candidate.failure is None:
        version = draft.seen.model.spec.version
        draft.record(Outcome.SUPERSEDED, f"replaced by {version} before it was promoted")
        draft.tell(Reason.SUPERSEDED, f"{candidate.version} is superseded by {version}")
    draft.candidate = None


def begin(draft: Draft) -> None:
    """Make what the spec asks for the candidate.

    It begins past every attempt that left an Evaluation: old evidence is not taken for new.
    """
    version = draft.seen.model.spec.version
    attempts = attempts_of(draft.name, draft.target, draft.seen.records)
    draft.candidate = Candidate(
        revision=draft.target,
        digest=draft.digest,
        version=version,
        inference_service=service_name(draft.name, draft.target),
        created_at=draft.now,
        seen=draft.seen_at,
        taken=Taken(),
        attempt=max(attempts, default=0) + 1,
        started_at=draft.now,
    )
    draft.tell(Reason.CANDIDATE_CREATED, f"{version} is the candidate, as revision {draft.target}")


def _can_return(draft: Draft) -> bool:
    """Whether the spec names the previous revision, and it is still there with its evidence by the gates of now.

    Below a standard it is a candidate like any other: going back at once is for people to decide.
    """
    previous = draft.previous
    if draft.below is not None:
        return False
    if previous is None or previous.proof is None or draft.stable is None or previous.rejected:
        return False
    if rests_on_limited_overrides(draft, previous):
        return False
    known = [each.gates_hash for each in (previous.proof, previous.remeasured) if each is not None]
    same = previous.digest == draft.digest and set(known) == {draft.gates_hash}
    return same and not why_not_back(draft, previous)
