"""The evidence for a candidate: the Evaluation of its attempt, and those that its steps ran."""

from mlhops.api.evaluation import FINISHED, Evaluation, EvaluationPhase
from mlhops.api.status import Candidate, Proof
from mlhops.rollout.candidate.candidate import begin_attempt
from mlhops.rollout.candidate.servers import ServerChange, change_of, doubt_about, measured_by
from mlhops.rollout.decisions.decisions import note
from mlhops.rollout.draft import Draft
from mlhops.rollout.evaluation.gates import EvidenceVerdict, is_about, judge, spec_of
from mlhops.rollout.intents import EnsureEvaluation, Event
from mlhops.rollout.reasons import Reason
from mlhops.rollout.revisions.revision import evaluation_name
from mlhops.rollout.traffic import taken


def gather_evidence(draft: Draft) -> None:
    """Set `candidate.proof` or say why there is none. A proof that no longer holds starts over."""
    candidate = draft.candidate
    if candidate is None:
        return
    name = evaluation_name(draft.name, candidate.revision, candidate.attempt)
    evaluation = draft.seen.evaluations.get(name)
    changed = evaluation is not None and not is_about(draft, candidate, evaluation)
    server = _another_server(draft, candidate, evaluation)
    if server is not None:
        begin_attempt(draft, server.reason, f"{candidate.version} starts over: {server.message}")
    elif changed or (candidate.proof and candidate.proof.gates_hash != draft.gates_hash):
        message = f"{candidate.version} starts over: the gates or their data have changed"
        begin_attempt(draft, Reason.GATES_CHANGED, message)
    elif evaluation is not None:
        draft.change(evaluation=name)
        _accept(draft, candidate, _verdict(draft, candidate, evaluation))
    elif candidate.proof is not None:
        message = f"{candidate.version} starts over: Evaluation {name} is gone"
        begin_attempt(draft, Reason.GATES_CHANGED, message)
    elif wanted := asked_for(draft, name, profile=draft.seen.model.spec.policy is not None):
        draft.after.append(wanted)
        if candidate.evaluation != name:
            draft.announce(begins(candidate, name))
        draft.change(evaluation=name)


def asked_for(draft: Draft, name: str, *, profile: bool = False) -> EnsureEvaluation | None:
    """Return the Evaluation of the candidate to create, None where there is nothing to evaluate."""
    candidate = draft.candidate
    service = draft.service(candidate)
    if candidate is None or candidate.renew or service is None:
        return None
    if service.ready is not True or service.endpoint is None:
        return None
    if not service.current or service.foreign_field or doubt_about(service):
        return (
            None  # what is not as it should be, or nobody knows what it is, is not worth a verdict
        )
    return EnsureEvaluation(name, spec_of(draft, candidate, service.endpoint, profile=profile))


def _another_server(
    draft: Draft, candidate: Candidate, evaluation: Evaluation | None
) -> ServerChange | None:
    """Return how what answers differs from what the evidence is about."""
    service = draft.service(candidate)
    proven = candidate.proof.server if candidate.proof is not None else []
    measured = measured_by(candidate, evaluation) if evaluation is not None else []
    return change_of(proven, service) or change_of(measured, service)


def begins(candidate: Candidate, name: str) -> Event:
    """Return what tells people that an Evaluation begins."""
    return Event(Reason.EVALUATION_STARTED, f"{candidate.version}: Evaluation {name} begins")


def _verdict(draft: Draft, candidate: Candidate, evaluation: Evaluation) -> EvidenceVerdict:
    """Return what the attempt's Evaluation and those of the steps behind it come to together."""
    whole = _judged(draft, candidate, evaluation)
    for step in taken.of(candidate).passed:
        name = evaluation_name(draft.name, candidate.revision, candidate.attempt, step.id)
        live = draft.seen.evaluations.get(name) if step.step == taken.EVALUATE else None
        if whole.proof is not None and live is not None and live.status.phase in FINISHED:
            whole = _both(whole, whole.proof, _judged(draft, candidate, live))
    return whole


def _judged(draft: Draft, candidate: Candidate, evaluation: Evaluation) -> EvidenceVerdict:
    """Return what an Evaluation comes to, and look again when that ends."""
    verdict = judge(draft, candidate, evaluation)
    if verdict.proof is not None and verdict.proof.expires is not None:
        draft.wake(verdict.proof.expires)
    return verdict


def _both(first: EvidenceVerdict, proof: Proof, second: EvidenceVerdict) -> EvidenceVerdict:
    if second.proof is None:
        return second
    ends = [p.expires for p in (proof, second.proof) if p.expires is not None]
    both = proof.model_copy(
        update={
            "overridden": sorted({*proof.overridden, *second.proof.overridden}),
            "expires": min(ends, default=None),
        }
    )
    overrides = first.overrides + second.overrides
    return EvidenceVerdict(first.phase, first.message, both, overrides=overrides)


def _accept(draft: Draft, candidate: Candidate, verdict: EvidenceVerdict) -> None:
    """Take over what the evidence comes to."""
    held = candidate.proof
    if verdict.proof is not None:
        if held is None:
            _tell_passed(draft, candidate, verdict, verdict.proof)
        for decision in verdict.overrides:
            note(draft, decision)
        draft.change(proof=verdict.proof)
    elif verdict.phase is EvaluationPhase.FAILED:
        draft.fail(Reason.GATES_FAILED, verdict.message + _lapsed(held))
    elif held is not None and held.overridden:
        message = f"{candidate.version} starts over{_lapsed(held)}"
        begin_attempt(draft, Reason.OVERRIDE_EXPIRED, message)
    elif held is not None:
        message = f"{candidate.version} starts over: Evaluation {held.evaluation} no longer passes"
        begin_attempt(draft, Reason.GATES_CHANGED, message)
    elif verdict.phase is EvaluationPhase.INCONCLUSIVE:
        draft.wait(Reason.GATES_INCONCLUSIVE, verdict.message)
    elif verdict.phase is EvaluationPhase.ERROR:
        draft.wait(Reason.EVALUATION_ERROR, verdict.message, final=verdict.final)


def _lapsed(held: Proof | None) -> str:
    gates = ", ".join(held.overridden) if held is not None else ""
    return f": the override of {gates} no longer holds" if gates else ""


def _tell_passed(
    draft: Draft, candidate: Candidate, verdict: EvidenceVerdict, proof: Proof
) -> None:
    if proof.overridden:
        text = f"{candidate.version}: gates overridden: {', '.join(proof.overridden)}"
        draft.tell(Reason.GATES_OVERRIDDEN, text, warning=True)
    else:
        draft.tell(Reason.GATES_PASSED, f"{candidate.version}: {verdict.message}")
