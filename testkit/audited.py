"""A control plane whose API server writes down every request of two operators, in the order in which it came."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from lab.binaries import Programs
from lab.control import ControlPlane
from mlhops.api.base import Manifest
from mlhops.json_access import number, text

FIRST, SECOND = "first-operator", "second-operator"
_READS = frozenset({"get", "list", "watch"})
_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": [FIRST, SECOND]}, {"level": "None"}],
}


@dataclass(frozen=True)
class Write:
    """A write that the API server took."""

    user: str
    at: datetime
    verb: str
    kind: str
    name: str
    created: bool
    identity: str
    """What the API server calls the request: an Audit-ID."""


class AuditedPlane(ControlPlane):
    """Knows who wrote what."""

    def __init__(self, root: Path, found: Programs) -> None:
        policy, self._log = root / "audit-policy.json", root / "audit.log"
        audit = (f"--audit-policy-file={policy}", f"--audit-log-path={self._log}")
        super().__init__(root, replace(found, apiserver=(*found.apiserver, *audit)))
        policy.write_text(json.dumps(_POLICY))

    def writes(self, namespace: str) -> list[Write]:
        """Writes of the two in a namespace, Events and Leases apart, in the order in which they were answered."""
        if not self._log.exists():
            return []
        whole, _, _ = self._log.read_bytes().rpartition(b"\n")
        events: list[Manifest] = [json.loads(line) for line in whole.splitlines()]
        mine = [e for e in events if text(e, "objectRef", "namespace") == namespace]
        writes = [w for event in mine if (w := _write(event)) is not None]
        return sorted(writes, key=lambda write: write.at)


def _write(event: Manifest) -> Write | None:
    verb, kind = text(event, "verb"), text(event, "objectRef", "resource")
    code = number(event, "responseStatus", "code") or 0
    if verb in _READS or kind in ("events", "leases") or not 200 <= code < 300:
        return None
    part = text(event, "objectRef", "subresource")
    return Write(
        user=text(event, "user", "username"),
        at=datetime.fromisoformat(text(event, "stageTimestamp")),
        verb=verb,
        kind=f"{kind}/{part}" if part else kind,
        name=text(event, "objectRef", "name"),
        created=code == 201,
        identity=text(event, "auditID"),
    )
