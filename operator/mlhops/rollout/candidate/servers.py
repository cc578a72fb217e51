"""Whether what answers is what was measured: the same images, and the same runtime.

An Evaluation names what answered when it was asked for. If that is not what answers when its verdict is taken
over, or later, nothing was proven of what would get requests.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from mlhops.api.conditions import ConditionType, find
from mlhops.api.evaluation import Evaluation
from mlhops.api.status import Candidate, Proof, Serving
from mlhops.kserve.servers import GONE, several
from mlhops.rollout.draft import Draft
from mlhops.rollout.observed import Service
from mlhops.rollout.reasons import Reason


@dataclass(frozen=True)
class ServerChange:
    """How what answers differs from what was measured."""

    reason: Reason
    message: str


def doubt_about(service: Service) -> str:
    """Say why nobody can tell what answers, or that not all of it is the same; empty where all is well."""
    if service.server.doubt:
        return service.server.doubt
    lost = next((part for part in service.server.parts if part.endswith(f"={GONE}")), "")
    if lost:
        return f"there is no {lost.removesuffix(f'={GONE}')}"
    mixed = several(service.server.parts)
    return f"its pods differ in {mixed}" if mixed else ""


def change_of(measured: Collection[str], service: Service | None) -> ServerChange | None:
    """Return how what answers differs from what was measured, None where it does not or nobody can tell.

    In doubt, what is known and was not measured counts; that something is not there does not.
    """
    if service is None or not measured:
        return None
    now = service.server.parts
    new, gone = sorted(set(now) - set(measured)), sorted(set(measured) - set(now))
    gone = [] if service.server.doubt else gone
    if not any(map(_is_runtime, now)):
        # KServe has not said yet which runtime it takes: of an InferenceService that was made again, say.
        gone = [part for part in gone if not _is_runtime(part)]
    if not new and not gone:
        return None
    runtime = all(map(_is_runtime, (*new, *gone)))
    reason = Reason.RUNTIME_CHANGED if runtime else Reason.SERVER_CHANGED
    told = [f"{_short(new)} was not measured"] if new else []
    told += [f"{_short(gone)} was"] if gone else []
    return ServerChange(reason, " and ".join(told))


def _is_runtime(part: str) -> bool:
    return "/" in part.partition("=")[0]


def _short(parts: Collection[str]) -> str:
    """Name parts for people: of a hash its beginning."""
    return ", ".join(re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]+", r"\1", part) for part in parts)


def measured_by(candidate: Candidate, evaluation: Evaluation) -> list[str]:
    """Return what an Evaluation has measured.

    One that an earlier operator has asked for does not say so: what was there when the candidate's proof was
    first seen counts in its place.
    """
    if evaluation.spec.server or candidate.proof is None:
        return evaluation.spec.server
    return candidate.proof.server


def is_proven(service: Service | None, proof: Proof | None) -> bool:
    """Whether what answers is surely what the proof is about."""
    return not why_unproven(service, proof)


def why_unproven(service: Service | None, proof: Proof | None) -> str:
    """Say why what answers is not surely what the proof is about, empty where it is."""
    if service is None:
        return "its InferenceService is gone"
    doubt = doubt_about(service)
    if doubt:
        return doubt
    if proof is None or not proof.server:
        return "its evaluation did not record what answered"
    if set(proof.server) == set(service.server.parts):
        return ""
    change = change_of(proof.server, service)
    return change.message if change is not None else "KServe does not say which runtime it has"


def record_servers(draft: Draft) -> None:
    """Take note of what answers where the proof is from an operator that did not ask."""
    draft.stable = _recorded(draft, draft.stable)
    draft.previous = _recorded(draft, draft.previous)


def another_server(draft: Draft) -> ServerChange | None:
    """Return how what serves differs from what was measured; it serves on, since nothing better is there."""
    stable = draft.stable
    if stable is None or stable.proof is None:
        return None
    return change_of(stable.proof.server, draft.service(stable))


def tell_servers(draft: Draft) -> None:
    """Tell people once of what serves without having been measured."""
    change, stable = another_server(draft), draft.stable
    told = find(draft.old.conditions, ConditionType.SERVER_MEASURED)
    if change is not None and stable is not None and (told is None or told.status != "False"):
        draft.tell(change.reason, f"{stable.version}: {change.message}", warning=True)


def _recorded(draft: Draft, serving: Serving | None) -> Serving | None:
    """Return a revision with what answers for it, where its proof is from an operator that did not ask."""
    service = draft.service(serving)
    if serving is None or serving.proof is None or serving.proof.server or service is None:
        return serving
    if doubt_about(service):
        return serving
    proof = serving.proof.model_copy(update={"server": list(service.server.parts)})
    message = (
        f"{serving.version}: its evaluation did not record what answered: what does now counts"
    )
    draft.tell(Reason.SERVER_RECORDED, message)
    return serving.model_copy(update={"proof": proof})
