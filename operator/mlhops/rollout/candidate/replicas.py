"""Whether a candidate has the pods that it needs before it gets all requests.

One pod that answers is enough to be measured and to get a share. All requests are what the pods of what serves
answer together, so they come only to as many ready pods as the spec asks for at least. A way back asks for none of
this: it must be open at once.
"""

from mlhops.api.base import later
from mlhops.api.status import Candidate
from mlhops.rollout.draft import Draft
from mlhops.rollout.reasons import Reason


def is_short(draft: Draft, candidate: Candidate) -> bool:
    """Whether a candidate is yet to get all requests and has fewer ready pods than `minReplicas`."""
    if draft.stable is not None and draft.has_had(candidate) >= 100:
        return False
    return _ready(draft, candidate) < _asked(draft)


def wait_for_replicas(draft: Draft, candidate: Candidate) -> None:
    """Say how many pods are ready, and give the candidate up where they do not come."""
    counted = f"{_ready(draft, candidate)} of {_asked(draft)} replicas (spec.predictor.minReplicas)"
    service = draft.service(candidate)
    lagging = f": {service.lagging}" if service is not None and service.lagging else ""
    patience = draft.seen.model.spec.rollout.progress_deadline
    since = draft.waits_since(Reason.NOT_ENOUGH_REPLICAS)
    deadline = later(since, patience)
    if draft.now >= deadline:
        message = f"{counted} were ready after {patience}, too few for all requests{lagging}"
        draft.fail(Reason.PROGRESS_DEADLINE_EXCEEDED, message)
        return
    draft.wake(deadline)
    message = f"gets all requests when its replicas are ready: {counted} are{lagging}"
    draft.wait(Reason.NOT_ENOUGH_REPLICAS, message, since=since)


def _ready(draft: Draft, candidate: Candidate) -> int:
    service = draft.service(candidate)
    return len(service.pods) if service is not None else 0


def _asked(draft: Draft) -> int:
    return draft.seen.model.spec.predictor.min_replicas
