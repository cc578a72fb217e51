"""On what that rests which serves: the evidence that let it in or the newest since, and what a person overrode."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mlhops.api.conditions import Verdict
from mlhops.api.decision import Decision
from mlhops.api.evaluation import Evaluation, EvaluationPhase
from mlhops.api.status import Candidate, Measurement, Proof, Serving, StandingOverride
from mlhops.rollout.decisions.binding import override_ends
from mlhops.rollout.decisions.decisions import decider_of
from mlhops.rollout.draft import Draft
from mlhops.rollout.evaluation.gates import (
    failed_gates,
    overrides_by_gate,
    passed_gates,
    serving_subject,
)
from mlhops.rollout.evaluation.measuring import is_under_way
from mlhops.rollout.reasons import Reason

_WARN_BEFORE = timedelta(days=3)
_SHARE = 10
_SUCCESSFUL, _FAILED = EvaluationPhase.SUCCESSFUL, EvaluationPhase.FAILED


@dataclass(frozen=True)
class GateStanding:
    """What the gates say of what serves."""

    verdict: Verdict
    reason: str
    message: str
    told: str = ""
    """What people must know of it wherever it is said that it serves; empty where all is well."""


def standing(draft: Draft) -> GateStanding | None:
    """Return what the gates that the spec asks for now say of what serves."""
    stable = draft.stable
    if stable is None or stable.proof is None:
        return None
    basis = _basis(stable, stable.proof)
    found = _changed(stable) if basis is None else _judged(draft, stable, basis)
    beside = _measuring(stable)
    return GateStanding(
        found.verdict, found.reason, "; ".join(filter(None, (found.message, beside))), found.told
    )


def basis_failed(stable: Serving) -> bool:
    """Whether what serves was measured by the gates of now and failed, and nobody overrode that."""
    again = stable.remeasured
    return (
        again is not None
        and again.phase is _FAILED
        and _counts(stable, again)
        and not again.overridden
    )


def _basis(stable: Serving, proof: Proof) -> Proof | Measurement | None:
    """Return the newest complete evidence if it is by the gates of now; what it replaced may have Failed by them."""
    again = stable.remeasured
    if again is not None:
        return again if _counts(stable, again) else None
    # Until the gates of now are noted, by the first pass of an operator that does, nobody knows that they differ.
    return proof if stable.gates_hash in (None, proof.gates_hash) else None


def _counts(stable: Serving, again: Measurement) -> bool:
    return stable.gates_hash in (None, again.gates_hash)


def _changed(stable: Serving) -> GateStanding:
    said = "the gates, their data or groups are not those that were measured"
    if not is_under_way(stable.measuring):
        said += f": decide Evaluate on revision {stable.revision}"
    return GateStanding("Unknown", Reason.GATES_CHANGED.value, said, said)


def _judged(draft: Draft, stable: Serving, basis: Proof | Measurement) -> GateStanding:
    again = isinstance(basis, Measurement)
    message = f"Evaluation {basis.evaluation}" + (
        ", of what serves, on held-out data" if again else ""
    )
    if basis.overridden:
        told = overridden(draft, basis.overridden, basis.expires, stable.revision)
        over = basis.expires is not None and basis.expires <= draft.now
        reason = Reason.OVERRIDE_EXPIRED.value if over else "Overridden"
        return GateStanding("Unknown" if over else "True", reason, f"{message}; {told}", told)
    if not isinstance(basis, Measurement) or basis.phase is _SUCCESSFUL:
        return GateStanding("True", basis.phase.value, message)
    failed = basis.phase is _FAILED
    told = (
        "no longer passes its gates" if failed else "measured again without a verdict"
    ) + f": {basis.message}"
    message = f"{message}: {basis.message}; decide Override of the gates by name, or apply another version"
    return GateStanding("False" if failed else "Unknown", basis.phase.value, message, told)


def _measuring(stable: Serving) -> str:
    measuring = stable.measuring
    if measuring is None:
        return ""
    if is_under_way(measuring):
        return f"Evaluation {measuring.evaluation} measures it again on held-out data"
    return (
        f"Evaluation {measuring.evaluation} could not measure it again: {measuring.message}: correct that, and "
        f"decide Evaluate on revision {stable.revision}"
    )


def overridden(draft: Draft, gates: list[str], expires: datetime | None, serving: str = "") -> str:
    """Say which gates a person overrode and until when; asks to be woken at the end.

    What serves goes on serving when the time is over, since nothing better is there; but people see
    that nobody stands for it any more, and what they can do.
    """
    said = f"gates overridden: {', '.join(gates)}"
    if expires is None:
        return said
    draft.wake(expires)
    moment = expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    if expires > draft.now:
        return f"{said}, until {moment}"
    ways = f": decide Override or Evaluate on revision {serving}, or replace it" if serving else ""
    return f"{said}, which expired {moment}{ways}"


def renew_overrides(draft: Draft) -> None:
    """Let Overrides of what serves count, and those from when it was the candidate: no time gets shorter by them."""
    stable = draft.stable
    if stable is None or stable.proof is None:
        return
    _renew_proof(draft, stable, stable.proof)
    if draft.stable is not None and draft.stable.remeasured is not None:
        _renew_measurement(draft, draft.stable, draft.stable.remeasured)


def _renew_proof(draft: Draft, stable: Serving, proof: Proof) -> None:
    if not proof.overridden or proof.expires is None or proof.gates_hash != stable.gates_hash:
        return
    found = _overrides(draft, stable, proof.evaluation, set(proof.overridden))
    ends = [max(_end(found.get(gate)) or proof.expires, proof.expires) for gate in proof.overridden]
    if min(ends) > proof.expires:
        renewed = proof.model_copy(update={"expires": min(ends)})
        draft.stable = stable.model_copy(update={"proof": renewed})
        _tell_renewed(draft, found, min(ends))


def _renew_measurement(draft: Draft, stable: Serving, again: Measurement) -> None:
    evaluation = draft.seen.evaluations.get(again.evaluation)
    if again.phase is _SUCCESSFUL or again.gates_hash != stable.gates_hash or evaluation is None:
        return
    required = {gate.name for gate in draft.seen.model.spec.evaluation.gates if gate.required}
    missing = required - passed_gates(evaluation) or required
    found = _overrides(draft, stable, again.evaluation, missing)
    ends = [end for gate in missing if (end := _end(found.get(gate))) is not None]
    if not missing or len(ends) < len(missing):
        return
    if again.expires is None or min(ends) > again.expires:
        update: dict[str, object] = {"overridden": sorted(missing), "expires": min(ends)}
        draft.stable = stable.model_copy(update={"remeasured": again.model_copy(update=update)})
        _tell_renewed(draft, found, min(ends))


def _overrides(draft: Draft, stable: Serving, cited: str, missing: set[str]) -> dict[str, Decision]:
    """Return the Overrides that hold now, by gate: of an Evaluation that is gone all may have Failed."""
    evaluation = draft.seen.evaluations.get(cited)
    failed = _failures(evaluation, missing) if evaluation is not None else missing
    found: dict[str, Decision] = {}
    for subject in _subjects(stable):
        for gate, decision in overrides_by_gate(draft, subject, failed).items():
            if (_end(found.get(gate)) or draft.now) < (_end(decision) or draft.now):
                found[gate] = decision
    return found


def _failures(evaluation: Evaluation, missing: set[str]) -> set[str]:
    failed = failed_gates(evaluation) & missing
    return missing if evaluation.status.phase is _FAILED and not failed else failed


def _subjects(stable: Serving) -> Iterator[Candidate]:
    subject = serving_subject(stable)
    yield subject
    if stable.candidate_since is not None:
        yield subject.model_copy(update={"created_at": stable.candidate_since})


def _end(decision: Decision | None) -> datetime | None:
    return override_ends(decision) if decision is not None else None


def _tell_renewed(draft: Draft, found: dict[str, Decision], end: datetime) -> None:
    """Note whose decisions what serves rests on now, and tell of it."""
    stable = draft.stable
    if stable is None:
        return
    unique = {decision.metadata.uid: decision for decision in found.values()}
    known = {decider.uid for decider in stable.deciders}
    new = [
        decider_of(each, stable.digest, stable.gates_hash)
        for uid, each in unique.items()
        if uid not in known
    ]
    draft.stable = stable.model_copy(update={"deciders": [*stable.deciders, *new][-32:]})
    text = f"{stable.version}: gates overridden: {', '.join(sorted(found))}, until {end:%Y-%m-%dT%H:%M:%SZ}"
    draft.tell(Reason.GATES_OVERRIDDEN, text, warning=True)


def tell_override(draft: Draft) -> None:
    """Warn before the end of what serving rests on, and tell of the end; each once."""
    stable, old = draft.stable, draft.override
    basis = (
        _basis(stable, stable.proof) if stable is not None and stable.proof is not None else None
    )
    if stable is None or basis is None or not basis.overridden:
        draft.override = None
        return
    now = _override(draft, basis, old)
    draft.override = now
    if old is not None and old.phase == now.phase:
        return
    text = overridden(draft, basis.overridden, basis.expires, stable.revision)
    if now.phase == "Ending":
        text += f": decide Override or Evaluate on revision {stable.revision} before that"
        draft.tell(Reason.OVERRIDE_ENDS, f"{stable.version} serves, {text}", warning=True)
    elif now.phase == "Ended":
        draft.tell(Reason.OVERRIDE_EXPIRED, f"{stable.version} serves, {text}", warning=True)


def _override(
    draft: Draft, basis: Proof | Measurement, old: StandingOverride | None
) -> StandingOverride:
    expires = basis.expires
    if expires is None:
        return StandingOverride(gates=basis.overridden)
    warn_at = old.warn_at if old is not None and old.expires == expires else None
    if warn_at is None:
        warn_at = expires - min(_WARN_BEFORE, max(expires - draft.now, timedelta(0)) / _SHARE)
    draft.wake(warn_at)
    draft.wake(expires)
    found = StandingOverride(gates=basis.overridden, expires=expires, warn_at=warn_at)
    if draft.now >= expires:
        return found.model_copy(update={"phase": "Ended"})
    return found.model_copy(update={"phase": "Ending"}) if draft.now >= warn_at else found
