"""Evidence: what an Evaluation proves about a candidate, and what a person overrode."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from mlhops.api.base import Manifest
from mlhops.api.decision import Action, Decision
from mlhops.api.evaluation import FINISHED, Evaluation, EvaluationPhase, EvaluationSpec
from mlhops.api.status import Candidate, Proof
from mlhops.rollout.comparator import comparator, settled
from mlhops.rollout.decisions import addressed, answer
from mlhops.rollout.draft import Draft
from mlhops.rollout.identity import is_about as is_about_revision
from mlhops.rollout.revision import asked_of
from mlhops.rollout.servers import change_of, doubt_about, measured_by


@dataclass(frozen=True)
class Verdict:
    """What an Evaluation comes to, overrides included."""

    phase: EvaluationPhase
    message: str
    proof: Proof | None = None
    """Set only where every required gate is Successful or overridden by name."""
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


def judge(draft: Draft, candidate: Candidate, evaluation: Evaluation) -> Verdict:
    """Return what an Evaluation of this candidate comes to."""
    phase, message = evaluation.status.phase, evaluation.status.message
    name = evaluation.metadata.name
    if not is_about(draft, candidate, evaluation):
        text = f"Evaluation {name} judges another revision or other gates"
        return Verdict(EvaluationPhase.ERROR, text)
    if change_of(measured_by(candidate, evaluation), draft.service(candidate)) is not None:
        text = f"Evaluation {name} measured another server"
        return Verdict(EvaluationPhase.ERROR, text)
    if phase not in FINISHED:
        return Verdict(phase, message or f"Evaluation {name} is under way")
    required = {gate.name for gate in draft.seen.model.spec.evaluation.gates if gate.required}
    if not required:
        return Verdict(EvaluationPhase.INCONCLUSIVE, "no gate is required: require one")
    unmet = required - passed_gates(evaluation)
    if not unmet and phase is EvaluationPhase.SUCCESSFUL:
        return Verdict(phase, message, _proof(draft, candidate, evaluation))
    # A verdict that no gate explains is overridden as a whole or not at all.
    missing = unmet or required
    found = overrides_by_gate(draft, candidate)
    if missing <= found.keys():
        return _overridden(
            draft, candidate, evaluation, {gate: found[gate] for gate in sorted(missing)}
        )
    if phase is EvaluationPhase.SUCCESSFUL:
        text = f"{message} (no verdict on {', '.join(sorted(unmet))})".strip()
        return Verdict(EvaluationPhase.INCONCLUSIVE, text)
    return Verdict(phase, message)


def passed_gates(evaluation: Evaluation) -> set[str]:
    """Return the gates that are Successful and nothing else; silence is no success."""
    said: dict[str, set[EvaluationPhase]] = {}
    for result in evaluation.status.gates:
        said.setdefault(result.name, set()).add(result.phase)
    return {name for name, phases in said.items() if phases == {EvaluationPhase.SUCCESSFUL}}


def overrides_by_gate(draft: Draft, candidate: Candidate) -> dict[str, Decision]:
    """Return the gates that are overridden now, each with the override that lasts longest."""
    found: dict[str, Decision] = {}
    for decision in _overrides(draft):
        if decision.status.phase == "Ignored" or problem_with(draft, candidate, decision):
            continue
        for gate in decision.spec.gates or []:
            if gate not in found or _end(decision) > _end(found[gate]):
                found[gate] = decision
    return found


def problem_with(draft: Draft, candidate: Candidate | None, decision: Decision) -> str:
    """Return why an Override has no effect on this candidate, empty where it has."""
    if candidate is None or not addressed(decision, candidate):
        return f"revision {decision.spec.revision} is not the candidate of {draft.name}"
    if _end(decision) <= draft.now:
        return "it has expired"
    gates = {gate.name for gate in draft.seen.model.spec.evaluation.gates}
    unknown = sorted(set(decision.spec.gates or []) - gates)
    if unknown:
        return f"there is no gate {', '.join(unknown)}: it must name {', '.join(sorted(gates))}"
    return "" if decision.spec.gates else "it names no gate"


def answer_overrides(draft: Draft) -> None:
    """Say of each new override whether it can have an effect."""
    heard = {d.uid for entry in draft.history for d in entry.deciders}
    for decision in _overrides(draft):
        if decision.status.phase != "Pending":
            continue
        used = decision.metadata.uid in heard
        answer(draft, decision, "" if used else problem_with(draft, draft.candidate, decision))


def _overrides(draft: Draft) -> list[Decision]:
    return [d for d in draft.decisions if d.spec.action is Action.OVERRIDE]


def _end(decision: Decision) -> datetime:
    """Return when an Override ends; one that does not say so has never begun."""
    return decision.spec.expires or datetime.min.replace(tzinfo=UTC)


def _overridden(
    draft: Draft, candidate: Candidate, evaluation: Evaluation, used: dict[str, Decision]
) -> Verdict:
    expires = min(_end(decision) for decision in used.values())
    draft.wake(expires)
    unique = {decision.metadata.uid: decision for decision in used.values()}
    return Verdict(
        evaluation.status.phase,
        evaluation.status.message,
        _proof(draft, candidate, evaluation, sorted(used), expires),
        tuple(unique.values()),
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
    )


def _server_now(draft: Draft, candidate: Candidate) -> list[str]:
    """Return what answers, for an Evaluation that an earlier operator has asked for."""
    service = draft.service(candidate)
    return [] if service is None or doubt_about(service) else list(service.server.parts)
