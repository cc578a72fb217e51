"""Evidence: what an Evaluation proves about a candidate, and what a person overrode."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mlhops.api.base import Manifest
from mlhops.api.decision import Action, Decision
from mlhops.api.evaluation import FINISHED, Evaluation, EvaluationPhase, EvaluationSpec
from mlhops.api.status import Candidate, Proof, Serving
from mlhops.rollout.candidate.servers import change_of, doubt_about, measured_by
from mlhops.rollout.decisions.binding import noted_now, override_ends, problem_with
from mlhops.rollout.decisions.decisions import answer
from mlhops.rollout.draft import Draft
from mlhops.rollout.evaluation.comparator import comparator, settled
from mlhops.rollout.revisions.identity import is_about as is_about_revision
from mlhops.rollout.revisions.revision import asked_of
from mlhops.rollout.standards.overrides import problem_by_standards


@dataclass(frozen=True)
class EvidenceVerdict:
    """What an Evaluation comes to, overrides included."""

    phase: EvaluationPhase
    message: str
    proof: Proof | None = None
    """Set only where every required gate is Successful or overridden by name."""
    final: bool = False
    """Of an Error: it does not pass by itself."""
    overrides: tuple[Decision, ...] = ()
    """The Decisions on which the proof rests."""


def spec_of(
    draft: Draft, candidate: Candidate, endpoint: str, *, profile: bool = False
) -> EvaluationSpec:
    """Return the Evaluation that a candidate needs; `profile` says whether it makes one as well."""
    model = draft.seen.model
    settings = model.spec.evaluation
    service = draft.service(candidate)
    return EvaluationSpec(
        model=model.metadata.name,
        revision=candidate.revision,
        digest=candidate.digest,
        version=candidate.version,
        candidate_since=candidate.created_at,
        endpoint=endpoint,
        protocol_version=model.spec.predictor.protocol_version,
        interface=model.spec.interface,
        data=settings.data,
        gates=settings.gates,
        stable=comparator(draft),
        server=list(service.server.parts) if service is not None else [],
        seed=settings.seed,
        min_cell_size=settings.min_cell_size,
        report=settings.report,
        profile=profile,
    )


def is_about(draft: Draft, candidate: Candidate, evaluation: Evaluation) -> bool:
    """Whether an Evaluation is the very one that the operator would ask for now.

    The endpoint counts as well: a verdict on another server is none on this candidate, and one
    against another stable revision proves nothing against this one. Where the report goes does not,
    nor whether a profile is made: a policy that is named meanwhile makes no verdict worthless.
    """
    told = evaluation.spec
    service = draft.service(candidate)
    endpoint = service.endpoint if service is not None else None
    wanted = spec_of(draft, candidate, endpoint or told.endpoint)
    if not is_about_revision(candidate.revision, candidate.digest, told.digest):
        return False
    stable = settled(wanted.stable, told.stable)
    return _evidence(told) == _evidence(wanted.model_copy(update={"stable": stable}))


def _evidence(spec: EvaluationSpec) -> Manifest:
    """Return all of a spec that a verdict depends on, but for digest, server and descriptions."""
    stable = spec.stable and spec.stable.model_copy(update={"interface": None})
    beside = spec.stable.interface if spec.stable is not None else None
    rest: dict[str, object] = {"report": None, "profile": False, "server": []}
    rest |= {"digest": None, "stable": stable}
    return {
        **spec.model_copy(update=rest).to_json(),
        "interface": asked_of(spec.interface),
        "beside": asked_of(beside) if beside is not None else None,
    }


def judge(draft: Draft, candidate: Candidate, evaluation: Evaluation) -> EvidenceVerdict:
    """Return what an Evaluation of this candidate comes to."""
    phase, message = evaluation.status.phase, evaluation.status.message
    name = evaluation.metadata.name
    if not is_about(draft, candidate, evaluation):
        text = f"Evaluation {name} judges another revision or other gates"
        return EvidenceVerdict(EvaluationPhase.ERROR, text)
    if change_of(measured_by(candidate, evaluation), draft.service(candidate)) is not None:
        text = f"Evaluation {name} measured another server"
        return EvidenceVerdict(EvaluationPhase.ERROR, text)
    if phase not in FINISHED:
        return EvidenceVerdict(phase, message or f"Evaluation {name} is under way")
    required = {gate.name for gate in draft.seen.model.spec.evaluation.gates if gate.required}
    if not required:
        return EvidenceVerdict(EvaluationPhase.INCONCLUSIVE, "no gate is required: require one")
    unmet = required - passed_gates(evaluation)
    if not unmet and phase is EvaluationPhase.SUCCESSFUL:
        return EvidenceVerdict(phase, message, _proof(draft, candidate, evaluation))
    # A verdict that no gate explains is overridden as a whole or not at all.
    missing = unmet or required
    found = overrides_by_gate(draft, candidate, _failed(evaluation, missing, explained=bool(unmet)))
    if missing <= found.keys():
        return _overridden(
            draft, candidate, evaluation, {gate: found[gate] for gate in sorted(missing)}
        )
    if phase is EvaluationPhase.SUCCESSFUL:
        text = f"{message} (no verdict on {', '.join(sorted(unmet))})".strip()
        return EvidenceVerdict(EvaluationPhase.INCONCLUSIVE, text)
    return EvidenceVerdict(phase, message, final=evaluation.status.final is True)


def serving_subject(stable: Serving) -> Candidate:
    """Return what serves in the guise of a candidate, for Overrides of it."""
    cited = stable.remeasured or stable.proof
    return Candidate(
        revision=stable.revision,
        digest=stable.digest,
        gates_hash=stable.gates_hash,
        version=stable.version,
        inference_service=stable.inference_service,
        created_at=stable.since,
        seen=stable.seen,
        started_at=stable.since,
        evaluation=cited.evaluation if cited is not None else None,
    )


def _subject(draft: Draft, decision: Decision) -> Candidate | None:
    """Return what an Override is about: the candidate, or what serves."""
    stable, candidate = draft.stable, draft.candidate
    serves = stable is not None and stable.revision == decision.spec.revision
    return serving_subject(stable) if stable is not None and serves else candidate


def passed_gates(evaluation: Evaluation) -> set[str]:
    """Return the gates that are Successful and nothing else; silence is no success."""
    said: dict[str, set[EvaluationPhase]] = {}
    for result in evaluation.status.gates:
        said.setdefault(result.name, set()).add(result.phase)
    return {name for name, phases in said.items() if phases == {EvaluationPhase.SUCCESSFUL}}


def failed_gates(evaluation: Evaluation) -> set[str]:
    """Return the gates of which anything says that they Failed."""
    return {
        result.name for result in evaluation.status.gates if result.phase is EvaluationPhase.FAILED
    }


def _failed(evaluation: Evaluation, missing: set[str], *, explained: bool) -> set[str]:
    """Return what of the missing gates Failed; where no gate explains a failure, all of them."""
    failed = failed_gates(evaluation) & missing
    if evaluation.status.phase is EvaluationPhase.FAILED and not (explained and failed):
        return missing
    return failed


def overrides_by_gate(draft: Draft, candidate: Candidate, failed: set[str]) -> dict[str, Decision]:
    """Return the gates that are overridden now, each with the override that lasts longest.

    An Override counts once it was noted what it is about; and for what Failed only if it says so.
    """
    found: dict[str, Decision] = {}
    for given in _overrides(draft):
        decision = _adopted(draft, candidate, given)
        noted, end = decision.status.noted, override_ends(decision)
        if decision.status.phase != "Honoured" or noted is None or end is None:
            continue
        if problem_with(draft, candidate, decision):
            continue
        for gate in decision.spec.gates or []:
            if gate in failed and not noted.failed:
                continue
            before = override_ends(found[gate]) if gate in found else None
            if before is None or end > before:
                found[gate] = decision
    return found


def answer_overrides(draft: Draft) -> None:
    """Say of each new override whether it can have an effect, and note what it is about."""
    heard = {d.uid for entry in draft.history for d in entry.deciders}
    for decision in _overrides(draft):
        pending = decision.status.phase == "Pending"
        legacy = draft.candidate is not None and _is_legacy(draft, draft.candidate, decision)
        if draft.stopping or not (pending or legacy):
            continue
        if not draft.may_answer():
            return
        if legacy and draft.candidate is not None:
            answer(draft, _adopted(draft, draft.candidate, decision), "")
            continue
        used = decision.metadata.uid in heard
        subject = _subject(draft, decision)
        problem = "" if used else problem_with(draft, subject, decision)
        problem = problem or _covers_too_little(draft, subject, decision)
        problem = problem or ("" if used else problem_by_standards(draft, decision))
        answer(draft, decision, problem, subject=subject)


def _covers_too_little(draft: Draft, candidate: Candidate | None, decision: Decision) -> str:
    """Return that a gate Failed, which an Override has to say that it lets pass."""
    evaluation = draft.seen.evaluations.get((candidate and candidate.evaluation) or "")
    if evaluation is None or decision.spec.failed or candidate is None:
        return ""
    if decision.spec.revision != candidate.revision:
        return ""
    failed = sorted(failed_gates(evaluation) & set(decision.spec.gates or []))
    if not failed:
        return ""
    return f"{', '.join(failed)} Failed, which an Override lets pass only with failed: true"


def _is_legacy(draft: Draft, candidate: Candidate, decision: Decision) -> bool:
    """Whether an earlier operator honoured an Override, and noted nothing of what it was about."""
    return (
        decision.status.phase == "Honoured"
        and decision.status.noted is None
        and not problem_with(draft, candidate, decision)
    )


def _adopted(draft: Draft, candidate: Candidate, decision: Decision) -> Decision:
    """Return an Override that an earlier operator honoured as one that is about what stands now.

    Such operators let it cover what Failed, and have said so; for its 30 days it goes on to.
    """
    if not _is_legacy(draft, candidate, decision):
        return decision
    noted = noted_now(draft, candidate, decision).model_copy(update={"failed": True})
    status = decision.status.model_copy(update={"noted": noted})
    return decision.model_copy(update={"status": status})


def _overrides(draft: Draft) -> list[Decision]:
    return [d for d in draft.decisions if d.spec.action is Action.OVERRIDE]


def _overridden(
    draft: Draft, candidate: Candidate, evaluation: Evaluation, used: dict[str, Decision]
) -> EvidenceVerdict:
    expires = min(end for d in used.values() if (end := override_ends(d)) is not None)
    unique = {decision.metadata.uid: decision for decision in used.values()}
    return EvidenceVerdict(
        evaluation.status.phase,
        evaluation.status.message,
        _proof(draft, candidate, evaluation, sorted(used), expires),
        overrides=tuple(unique.values()),
    )


def _proof(
    draft: Draft,
    candidate: Candidate,
    evaluation: Evaluation,
    overridden: Iterable[str] = (),
    expires: datetime | None = None,
) -> Proof:
    return Proof(
        evaluation=evaluation.metadata.name,
        phase=evaluation.status.phase,
        gates_hash=draft.gates_hash,
        digest=candidate.digest,
        overridden=list(overridden),
        expires=expires,
        server=measured_by(candidate, evaluation) or _server_now(draft, candidate),
        honours_names=evaluation.status.honours_names,
    )


def _server_now(draft: Draft, candidate: Candidate) -> list[str]:
    """Return what answers, for an Evaluation that an earlier operator has asked for."""
    service = draft.service(candidate)
    return [] if service is None or doubt_about(service) else list(service.server.parts)
