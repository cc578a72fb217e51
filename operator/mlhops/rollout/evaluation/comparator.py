"""The revision that a candidate must not be inferior to: what serves now, and how it must be asked."""

from mlhops.api.evaluation import StableRevision
from mlhops.rollout.draft import Draft
from mlhops.rollout.revisions.identity import is_about
from mlhops.rollout.revisions.revision import asked_of


def comparator(draft: Draft) -> StableRevision | None:
    """Return what serves, where a gate compares with it; None on a first deployment.

    Its inputs and its threshold may be others than the candidate's. The Evaluation on which it was
    promoted has them, and is kept for as long as it serves. Without that, or without an address, it
    is named without an endpoint: the gates that need it end in Error, and not as if nothing served.
    """
    model, serving = draft.seen.model, draft.stable
    needed = any(gate.non_inferiority is not None for gate in model.spec.evaluation.gates)
    if serving is None or not needed:
        return None
    unknown = StableRevision(
        revision=serving.revision, digest=serving.digest, version=serving.version
    )
    record = draft.seen.evaluations.get(serving.proof.evaluation) if serving.proof else None
    service = draft.service(serving)
    if record is None or record.spec.revision != serving.revision:
        return unknown
    if not is_about(serving.revision, serving.digest, record.spec.digest):
        return unknown
    if service is None or service.endpoint is None:
        return unknown
    interface = record.spec.interface
    same = asked_of(interface) == asked_of(model.spec.interface)
    return unknown.model_copy(
        update={
            "endpoint": service.endpoint,
            "protocol_version": record.spec.protocol_version,
            "interface": None if same else interface,
        }
    )


def settled(wanted: StableRevision | None, told: StableRevision | None) -> StableRevision | None:
    """Return what an Evaluation was told, where it is the same revision as far as anybody can say.

    That stable has an address again, or has none for a moment, makes no verdict worthless.
    """
    if wanted is None or told is None or wanted.revision != told.revision:
        return wanted
    if not is_about(wanted.revision, wanted.digest, told.digest):
        return wanted
    wanted = wanted.model_copy(update={"digest": told.digest})
    return told if wanted.endpoint is None or told.endpoint is None else wanted
