"""Asking for a measurement of what serves; what becomes of it is `remeasure`'s."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from mlhops.api.decision import Decision
from mlhops.api.evaluation import FINISHED
from mlhops.api.interface import Interface
from mlhops.api.status import Measurement, Serving
from mlhops.rollout.draft import Draft
from mlhops.rollout.revisions.identity import is_about, renewed
from mlhops.rollout.revisions.revision import Asked, service_name

Why = Literal["Decision", "Schedule", "GatesChanged"]


def is_under_way(measurement: Measurement | None) -> bool:
    """Whether a verdict is still to come."""
    return measurement is not None and measurement.phase not in FINISHED


def begin(draft: Draft, why: Why) -> Measurement | None:
    """Note that what serves is to be measured by the gates of now, under a name that no Evaluation has had."""
    stable = draft.stable
    if stable is None or stable.gates_hash is None or interface_of(draft, stable) is None:
        return None
    known = [one.number for one in (stable.remeasured, stable.measuring) if one is not None]
    known += numbers_of(draft.name, stable.revision, draft.seen.records)
    number = max(known, default=0) + 1
    begun = Measurement(
        number=number,
        evaluation=measurement_name(draft.name, stable.revision, number),
        why=why,
        gates_hash=stable.gates_hash,
        since=draft.now,
    )
    draft.stable = stable.model_copy(update={"measuring": begun})
    return begun


def measurement_name(model: str, revision: str, number: int) -> str:
    """Return the name of an Evaluation that measures what serves."""
    return f"{service_name(model, revision)}-r{number}"


def numbers_of(model: str, revision: str, evaluations: Iterable[str]) -> list[int]:
    """Return the numbers of the measurements of a revision of which names of Evaluations tell."""
    pattern = re.compile(re.escape(service_name(model, revision)) + r"-r([0-9]{1,9})")
    return [int(match[1]) for name in evaluations if (match := pattern.fullmatch(name))]


def interface_of(draft: Draft, stable: Serving) -> Interface | None:
    """Return the inputs and groups of what serves, None where nobody knows them.

    While the spec asks for another version they are those of the Evaluation that let this one in.
    """
    if stable.digest == draft.digest:
        return draft.seen.model.spec.interface
    record = draft.seen.evaluations.get(stable.proof.evaluation) if stable.proof else None
    if record is None or record.spec.revision != stable.revision:
        return None
    if not is_about(stable.revision, stable.digest, record.spec.digest):
        return None
    return record.spec.interface


def note_gates(draft: Draft) -> str | None:
    """Note which gates the spec asks of what serves; return those of before, None where none were noted.

    Where nobody knows its groups and output any more, they are taken for those of the spec: if they are not, what
    proved it is not by these gates.
    """
    stable = draft.stable
    if stable is None:
        return None
    interface = interface_of(draft, stable) or draft.seen.model.spec.interface
    before, proof = stable.gates_hash, stable.proof
    if stable.digest == draft.digest:
        now = draft.gates_hash
    else:
        asked = replace(Asked.of(draft.seen.model.spec), interface=interface)
        now, proof = asked.digest, renewed(proof, asked)
    if (before, stable.proof) != (now, proof):
        draft.stable = stable.model_copy(update={"gates_hash": now, "proof": proof})
    return before


def evaluate(draft: Draft, decision: Decision) -> str:
    """Let a person have what serves measured again; return why not, empty where it is."""
    stable = draft.stable
    if stable is None or stable.revision != decision.spec.revision:
        serves = stable.revision if stable is not None else "nothing"
        return f"Evaluate measures what serves ({serves}); of a candidate decide Retry"
    note_gates(draft)
    asked = decision.spec.gates_hash
    if draft.stable is None or interface_of(draft, draft.stable) is None:
        return "nobody knows any more how it must be asked: its Evaluation is gone"
    if decision.spec.digest not in (None, stable.digest):
        return (
            "digest is not that of what serves (status.stable.digest): look again, and decide anew"
        )
    if asked not in (None, draft.stable.gates_hash):
        return "gatesHash is not that of now (status.stable.gatesHash): look again, and decide anew"
    under_way = draft.stable.measuring
    same = under_way is not None and under_way.gates_hash == draft.stable.gates_hash
    if not (same and is_under_way(under_way)):
        begin(draft, "Decision")
    return ""
