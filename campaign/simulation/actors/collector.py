"""The garbage collector: later than anybody expects, and one object at a time."""

from campaign.simulation.actors.stage import Stage, name_of
from campaign.simulation.server import KINDS
from mlhops.api.base import Manifest
from mlhops.controller.resources import Kind
from mlhops.json_access import at, items, text

COLLECTOR = "garbage-collector"
FOREGROUND = "foregroundDeletion"


class Collector:
    """Removes what has lost its owner, and ends foreground deletions."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def act(self) -> str:
        """Remove one of the objects that are due."""
        due = self._due()
        chosen = self._stage.choose(due)
        return self._collect(*chosen) if chosen is not None else ""

    def put_right(self) -> str:
        """Remove the first of the objects that are due."""
        due = self._due()
        return self._collect(*due[0]) if due else ""

    def _due(self) -> list[tuple[Kind, Manifest]]:
        every = [(kind, live) for kind in KINDS.values() for live in self._stage.objects(kind)]
        uids = {text(live, "metadata", "uid") for _, live in every}
        uids |= {f"rs-{uid}" for uid in uids}  # Deployments and ReplicaSets are not played
        return [
            (kind, live)
            for kind, live in every
            if _is_in_foreground(live) or (_is_orphan(live, uids) and not _leaves(live))
        ]

    def _collect(self, kind: Kind, live: Manifest) -> str:
        server, name = self._stage.server, name_of(live)
        if _is_in_foreground(live):
            finalizers = at(live, "metadata", "finalizers")
            assert isinstance(finalizers, list)
            left = [one for one in finalizers if one != FOREGROUND]
            server.patch(kind, name, {"metadata": {"finalizers": left}}, COLLECTOR)
        else:
            server.delete(kind, name, COLLECTOR, text(live, "metadata", "uid"))
        return f"collector removes {kind.plural}/{name}"


def _is_in_foreground(live: Manifest) -> bool:
    """None of the operator's objects blocks its owner's deletion, so that there is nothing to wait for."""
    finalizers = at(live, "metadata", "finalizers")
    return isinstance(finalizers, list) and FOREGROUND in finalizers and _leaves(live)


def _is_orphan(live: Manifest, uids: set[str]) -> bool:
    owners = items(live, "metadata", "ownerReferences")
    return bool(owners) and not any(text(owner, "uid") in uids for owner in owners)


def _leaves(live: Manifest) -> bool:
    return at(live, "metadata", "deletionTimestamp") is not None
