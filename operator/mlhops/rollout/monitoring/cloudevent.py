"""The CloudEvent that tells a sink what was found; it has what the status has, and no more."""

from mlhops.api import API_VERSION
from mlhops.api.action import PolicyAction, Trigger
from mlhops.api.base import Manifest
from mlhops.api.status import Finding
from mlhops.rollout.draft import Draft
from mlhops.rollout.revisions.revision import short_hash

_TYPES: dict[Trigger, str] = {
    "Drift": "io.mlhops.clinicalmodel.drift",
    "DataQuality": "io.mlhops.clinicalmodel.dataquality",
    "Candidate": "io.mlhops.clinicalmodel.candidate",
}


def render(
    draft: Draft, action: PolicyAction, trigger: Trigger, finding: Finding | None
) -> Manifest:
    """Return a CloudEvent (specversion 1.0) in its JSON format."""
    model = draft.seen.model
    meta = model.metadata
    stable, candidate = draft.stable, draft.candidate
    data: Manifest = {
        "namespace": meta.namespace,
        "model": meta.name,
        "policy": model.spec.policy or "",
        "action": action.name,
        "trigger": trigger,
        "finding": finding.to_json() if finding is not None else None,
        "stable": {"version": stable.version, "revision": stable.revision} if stable else None,
        "candidate": (
            {"version": candidate.version, "revision": candidate.revision} if candidate else None
        ),
    }
    moment = draft.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "specversion": "1.0",
        "id": short_hash([meta.uid, action.name, trigger, moment], 32),
        "type": _TYPES[trigger],
        "source": f"/apis/{API_VERSION}/namespaces/{meta.namespace}/clinicalmodels/{meta.name}",
        "subject": meta.name,
        "time": moment,
        "datacontenttype": "application/json",
        "data": data,
    }
